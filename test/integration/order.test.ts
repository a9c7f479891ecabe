// Orders of the CA's from the folder in its drawer to the ledger: signed on a copy of a home's disk, carried by
// a real home, which is a process of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createCaFolder, createCardFolder } from "../../agent/commands/identity.ts";
import { readOrderFile } from "../../agent/commands/orderFile.ts";
import { makeOrder, type OrderWanted } from "../../agent/commands/orderMake.ts";
import { run } from "../../agent/commands/run.ts";
import { communityId, encodeRules, type Rules } from "../../agent/core/ledger/rules.ts";
import type { Payload, PayloadOf } from "../../agent/core/ledger/transaction.ts";
import { mustBeAccepted } from "../../agent/core/result.ts";
import { memberId } from "../../agent/core/units/ids.ts";
import { unixMs } from "../../agent/core/units/time.ts";
import { type Ca, createCa, issueCertificate, writeCa } from "../../agent/io/ca.ts";
import { toPem } from "../../agent/io/pem.ts";
import { openStore } from "../../agent/io/store/store.ts";
import { at, makeRules, registration, TestChain, testKey, tokens } from "../support/ledger.ts";
import { storeChain } from "../support/voices.ts";
import { type Scratch, scratch, silent } from "./store/fixtures.ts";

let place: Scratch;
beforeAll(() => {
  place = scratch();
});
afterAll(() => place.remove());

const A = "a@vt.edu";
const MADE = unixMs(Date.parse("2018-01-01T00:00:00Z"));
const grantTo = (member: string, amount = "5"): OrderWanted => {
  return { type: "grant", member, tokens: amount, reason: "welcome" };
};

describe("ca order", () => {
  const [B, C, D, E] = ["b@vt.edu", "c@vt.edu", "d@vt.edu", "e@vt.edu"] as const;
  let key: Ca;
  let ca: string;
  let data: string;
  let rules: Rules;
  let chain: TestChain;
  let files = 0;

  const memberSays = async (name: string): Promise<[string, Payload]> => {
    const certificate = await issueCertificate(key, {
      ...{ memberId: memberId(name), publicKey: testKey(name).publicKey },
      ...{ firstName: name, lastName: name, notBefore: MADE, notAfter: unixMs(MADE + 1e11) },
    });
    return [name, { ...registration(name), certificate } as Payload];
  };

  /** a to d vote; a and e are members; the CA's last number is 1. */
  beforeAll(async () => {
    key = await createCa({ name: "CA", at: MADE });
    ca = join(place.fresh("ca"), "ca");
    writeCa(ca, key);
    rules = makeRules({ validators: [A, B, C, D], caPublicKey: key.publicKey });
    chain = new TestChain(rules);
    chain.add("2018-03-21T16:10:00Z", await memberSays(A), await memberSays(E));
    const first = made(grantTo(A), { data: storedAt("before") });
    chain.addSigned("2018-03-21T16:11:00Z", [first]);
    data = storedAt("after");
  });

  function storedAt(name: string): string {
    const dir = join(place.fresh(name), "data");
    const owner = { communityId: communityId(rules), memberId: memberId(A) };
    const store = openStore(dir, { ...owner, rules: encodeRules(rules), log: silent });
    storeChain(store, chain);
    store.close();
    return dir;
  }

  type More = { ca?: string; data?: string; sequence?: string; out?: string };
  function make(wanted: OrderWanted, more: More = {}) {
    files += 1;
    const out = join(place.fresh(`order${files}`), "order.json");
    const now = at("2018-03-21T16:20:00Z");
    return makeOrder({ ca, data, now, out, ...more }, wanted);
  }
  function made(wanted: OrderWanted, more: More = {}) {
    const { lines, json } = make(wanted, more);
    const { out } = json;
    if (typeof out !== "string") throw new Error(lines.join("\n"));
    const text = readFileSync(out, "utf8");
    return mustBeAccepted(readOrderFile(text, communityId(rules)), "our own file").order;
  }
  const wrongs = (wanted: OrderWanted, more: More = {}) => {
    const { code, lines } = make(wanted, more);
    return [code, ...lines];
  };
  const change = (add: readonly string[], remove: readonly string[] = []): OrderWanted => {
    return { type: "validatorChange", add, remove };
  };

  it("signs what the ledger then takes", () => {
    expect(made(grantTo(E, "-0.5")).payload).toEqual({
      ...{ type: "grant", sequence: 2, memberId: E, amount: tokens(-0.5), reason: "welcome" },
    });
    const seat = { memberId: memberId(E), publicKey: testKey(E).publicKey };
    const orders = [
      made({ type: "revoke", member: A, reason: "" }),
      made(change([E]), { sequence: "3" }),
    ];
    expect(orders[1]?.payload).toEqual({
      ...{ type: "validatorChange", sequence: 3, add: [seat], remove: [] },
    });
    const fork = chain.fork();
    fork.addSigned("2018-03-21T16:21:00Z", [...orders, made(grantTo(E), { sequence: "4" })]);
    expect(fork.last.dropped).toEqual([]);
    expect(fork.balance(E)).toBe(205);
    expect(fork.member(A).revoked).toBe(true);
  });

  it("binds another card to a member whose card it ended", async () => {
    const [, { certificate }] = (await memberSays(E)) as [string, PayloadOf<"registerMember">];
    const path = join(place.fresh("second"), "certificate");
    writeFileSync(path, toPem("CERTIFICATE", certificate ?? new Uint8Array()));
    const bind: OrderWanted = { type: "bindIdentity", member: E, certificate: path };
    const refused = "wrong: It would be refused.";
    expect(wrongs(bind)).toEqual([1, `${refused} ${E} has a card, which must be revoked first.`]);
    expect(wrongs({ ...bind, certificate: place.fresh("none") })).toEqual([
      1,
      expect.stringMatching(/^wrong: .*none/),
    ]);
    const fork = chain.fork();
    fork.addSigned("2018-03-21T16:12:00Z", [made({ type: "revoke", member: E, reason: "" })]);
    const before = chain;
    chain = fork;
    fork.blocks.unshift(...before.blocks);
    const revoked = storedAt("revoked");
    chain = before;
    const order = made(bind, { data: revoked });
    expect(order.payload).toEqual({ type: "bindIdentity", sequence: 3, memberId: E, certificate });
    expect(fork.addSigned("2018-03-21T16:13:00Z", [order]).dropped).toEqual([]);
    expect(fork.member(E).revoked).toBe(false);
  });

  it("says in words what the ledger would refuse", () => {
    const refused = "wrong: It would be refused.";
    expect(wrongs(grantTo("x@vt.edu"))).toEqual([
      ...[1, `${refused} x@vt.edu is no member of this community.`],
    ]);
    expect(wrongs(grantTo(E, "-201"))).toEqual([
      ...[1, `${refused} It takes 201 tokens, and only 200 are free.`],
    ]);
    expect(wrongs(change(["x@vt.edu"]))).toEqual([
      ...[1, "wrong: x@vt.edu is no member of this community."],
    ]);
    expect(wrongs(change([], [E]))).toEqual([1, `${refused} ${E} does not vote.`]);
    expect(wrongs(change([A]))).toEqual([1, `${refused} ${A} votes already.`]);
    expect(wrongs(change([]))).toEqual([1, `${refused} It changes nobody.`]);
    // Of four, one may lie: one change in 100 blocks.
    expect(wrongs(change([E], [D]))).toEqual([
      1,
      `${refused} It changes 2, and in 100 blocks at most 1 may change, of which 0 did lately: change fewer, or wait.`,
    ]);
    expect(wrongs(grantTo(E), { sequence: "1" })).toEqual([
      1,
      `${refused} It is number 1 of the CA's, and number 1 is on the ledger already: the CA must sign it again.`,
    ]);
  });

  it("signs nothing with another CA, for no ledger, or over another file", async () => {
    const other = join(place.fresh("otherCa"), "ca");
    writeCa(other, await createCa({ name: "CA", at: MADE }));
    expect(wrongs(grantTo(A), { ca: other })).toEqual([
      ...[1, `wrong: ${other} is not the CA of the community in ${data}.`],
    ]);
    expect(make(grantTo(A), { data: place.fresh("empty") }).code).toBe(2);
    const out = join(place.fresh("taken"), "order.json");
    writeFileSync(out, "mine");
    expect(make(grantTo(A), { out }).code).toBe(2);
    expect(readFileSync(out, "utf8")).toBe("mine");
  });

  it("names every option that is wrong", () => {
    const reason = "ü".repeat(49);
    const wanted = { ...grantTo("Ann", "0.0000001"), reason };
    expect(wrongs(wanted, { sequence: "0" })).toEqual([
      2,
      "--sequence 0: a whole number from 1 to 4294967295",
      "Ann: a member is an e-mail address in lower case",
      "--reason: at most 96 bytes",
      "--tokens 0.0000001: a decimal with at most six places, and not 0",
    ]);
    expect(make(grantTo(A, "9223372036854.775808")).code).toBe(2);
    expect(make(grantTo(A, "0")).code).toBe(2);
    const many = Array.from({ length: 22 }, (_, i) => `m${i}@vt.edu`);
    expect(wrongs(change(many))).toEqual([2, "--add, --remove: at most 21 vote"]);
  });
});

describe("run --order", () => {
  const EXAMPLE = resolve(import.meta.dirname, "../../config/community.example.json");
  const MAIN = resolve(import.meta.dirname, "../../agent/main.ts");
  const ANN = "ann@vt.edu";
  let dir: string;
  let ca: string;
  let config: string;
  let data: string;
  const running = new Set<ChildProcess>();
  afterEach(() => {
    for (const child of running) child.kill("SIGKILL");
    running.clear();
  });

  const keyIn = (lines: readonly string[]) => /ey: ([0-9a-f]{64})$/m.exec(lines.join("\n"))?.[1];

  /** A community of one home, which votes alone. */
  beforeAll(async () => {
    dir = place.fresh("street");
    const now = unixMs(Date.now());
    ca = join(dir, "ca");
    data = join(dir, "data");
    const caPublicKey = keyIn((await createCaFolder(ca, "CA", now)).lines);
    const names = { firstName: "Ann", lastName: "Lee" };
    const card = { ...names, ca, out: join(dir, "card"), member: ANN, days: "9", now };
    const publicKey = keyIn((await createCardFolder(card)).lines);
    const example = JSON.parse(readFileSync(EXAMPLE, "utf8")) as object;
    const own = { caPublicKey, validators: [{ memberId: ANN, publicKey }], bootstrap: [] };
    writeFileSync(join(dir, "community.json"), JSON.stringify({ ...example, ...own }));
    config = join(dir, "agent.json");
    const network = { listen: ["/ip4/127.0.0.1/tcp/0"], mdns: false };
    const home = { card: "card", community: "community.json", data: "data", member: names };
    writeFileSync(config, JSON.stringify({ ...home, network, clock: { trust: "always" } }));
  });

  /** A home as a supervisor runs it. */
  function start(...orders: readonly string[]) {
    const given = orders.flatMap((file) => ["--order", file]);
    const child = spawn(process.execPath, [MAIN, "run", "--config", config, "--json", ...given]);
    running.add(child);
    const ended = once(child, "exit") as Promise<[number | null]>;
    const heard: string[] = [];
    let wake = () => {};
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on("line", (line) => {
        heard.push(line);
        wake();
      });
    }
    /** The first line with all of this in it. */
    const line = async (...parts: readonly string[]): Promise<string> => {
      for (;;) {
        const found = heard.find((one) => parts.every((part) => one.includes(part)));
        if (found !== undefined) return found;
        const woken = new Promise<void>((done) => {
          wake = done;
        });
        const isOver = await Promise.race([woken, ended]);
        if (isOver !== undefined) throw new Error(`it ended:\n${heard.join("\n")}`);
      }
    };
    let asked = 0;
    const ask = async (command: object) => {
      asked += 1;
      child.stdin.write(`${JSON.stringify({ id: asked, ...command })}\n`);
      return JSON.parse(await line(`"answer"`, `"id":${asked},`)) as { [fact: string]: unknown };
    };
    const balance = async () => {
      const { balances } = await ask({ status: true });
      return (balances as { readonly [name: string]: string })[ANN];
    };
    /** Its exit code. */
    const stop = async () => {
      child.stdin.end();
      const [code] = await ended;
      running.delete(child);
      return code;
    };
    return { line, ask, balance, stop };
  }

  function order(name: string, wanted: OrderWanted, sequence?: string): string {
    const out = join(dir, `${name}.json`);
    const made = makeOrder({ ca, data, out, sequence, now: unixMs(Date.now()) }, wanted);
    expect(made).toMatchObject({ code: 0 });
    return out;
  }
  const object = (file: string) => JSON.parse(readFileSync(file, "utf8")) as object;

  // Three starts of a process, on a machine that is busy.
  it("carries files in the CA's order, tells of what landed before, and answers programs", {
    timeout: 120_000,
  }, async () => {
    const first = start();
    await first.line(`"memberRegistered"`);
    expect(await first.balance()).toBe("200");
    expect(await first.stop()).toBe(0);

    const five = order("five", grantTo(ANN));
    const two = order("two", grantTo(ANN, "2"), "2");
    const late = order("late", grantTo(ANN, "1000"));
    // The second before the first: their numbers count.
    const second = start(two, five);
    await second.line("order is on the ledger", "two.json");
    expect(await second.balance()).toBe("207");
    const taken = order("taken", grantTo(ANN, "-0.5"));
    expect(await second.ask({ order: object(taken) })).toMatchObject({ ok: true, isOld: false });
    expect(await second.ask({ order: object(taken) })).toMatchObject({ ok: true, isOld: true });
    expect(await second.ask({ order: object(late) })).toMatchObject({
      ...{ ok: false, refusal: { code: "staleSequence", have: 3, got: 1 } },
      text: "It is number 1 of the CA's, and number 3 is on the ledger already: the CA must sign it again.",
    });
    expect(await second.ask({ order: { ...object(taken), sequence: 9 } })).toMatchObject({
      ...{ ok: false, refusal: { code: "noOrderFile" } },
    });
    expect(await second.balance()).toBe("206.5");
    expect(await second.stop()).toBe(0);

    // Given again, and with one that has been overtaken: the home goes on.
    const third = start(five, late);
    await third.line("order is on the ledger already", "five.json");
    expect(await third.line("order refused", "late.json")).toContain("must sign it again");
    expect(await third.balance()).toBe("206.5");
    expect(await third.stop()).toBe(0);
  });

  it("does not start with a file that is none, or of another community", async () => {
    const order = join(dir, "altered.json");
    writeFileSync(order, "{}");
    expect(await run({ config, json: true, order: [order] })).toBe(1);
    expect(await run({ config, json: true, order: [join(dir, "nowhere.json")] })).toBe(1);
  });
});
