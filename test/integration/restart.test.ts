// A restart on real disks: the CA's file, the sign log of two chains, the audit and the proofs after it.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readRestartFile } from "../../agent/commands/restartFile.ts";
import { makeRestart } from "../../agent/commands/restartMake.ts";
import { checkInclusion, proveInclusion } from "../../agent/core/audit/inclusion.ts";
import { readProof, writeProof } from "../../agent/core/audit/proofFile.ts";
import { Verifier } from "../../agent/core/crypto.ts";
import { checkRestart } from "../../agent/core/ledger/restart.ts";
import { communityId, encodeRules, type Rules } from "../../agent/core/ledger/rules.ts";
import {
  decodeTransaction,
  encodeTransaction,
  type Payload,
} from "../../agent/core/ledger/transaction.ts";
import { mustBeAccepted } from "../../agent/core/result.ts";
import { type BlockId, memberId } from "../../agent/core/units/ids.ts";
import { unixMs } from "../../agent/core/units/time.ts";
import { createCa, writeCa } from "../../agent/io/ca.ts";
import { auditLedger } from "../../agent/io/store/audit/auditLedger.ts";
import { readProvable } from "../../agent/io/store/audit/provable.ts";
import { type OpenStore, openStore } from "../../agent/io/store/store.ts";
import { at, makeRules, say, signed, TestChain, testKey } from "../support/ledger.ts";
import { ledgerTransactions } from "../support/ledgerTransactions.ts";
import { Street } from "../support/street.ts";
import { storeChain } from "../support/voices.ts";
import { type Scratch, scratch, silent } from "./store/fixtures.ts";

const [A, B, C, D, E, F] = ["a", "b", "c", "d", "e", "f"].map((one) => `${one}@vt.edu`) as [
  string,
  string,
  string,
  string,
  string,
  string,
];
const NEW = [A, B, E, F];
const SECOND = 1000;
const verifier = new Verifier();

let place: Scratch;
beforeAll(() => {
  place = scratch();
});
afterAll(() => place.remove());

const seats = (names: readonly string[]) =>
  names.map((name) => {
    return { memberId: memberId(name), publicKey: testKey(name).publicKey };
  });

function opened(dir: string, rules: Rules, name: string): OpenStore {
  const owner = { communityId: communityId(rules), memberId: memberId(name) };
  return openStore(dir, { ...owner, rules: encodeRules(rules), log: silent });
}

describe("a home's disk over a restart", () => {
  let dir: string;
  let made: Street;
  let restarted: number;
  let store: OpenStore;

  /** a on a real disk: with c and d gone it signs for the old chain at a height that the new one decides. */
  beforeAll(() => {
    dir = join(place.fresh("home"), "data");
    made = new Street(makeRules({ validators: [A, B, C, D] }), at("2026-06-01T10:10:00Z"), [
      ...[A, B, C, D, E, F],
    ]);
    store = opened(dir, made.rules, A);
    made.home(A).disk = store;
    made.start(A, B, C, D, E, F);
    made.run(30 * SECOND);
    made.stop(C, D);
    made.byCa(say.grant(1, A, 1n as never), B);
    made.run(30 * SECOND);
    const { height, lastBlock } = made.agent(A).ledger();
    restarted = height + 1;
    expect(store.signed(restarted).length).toBeGreaterThan(0);
    const payload: Payload = {
      ...{ type: "restart", sequence: 10, height, blockId: lastBlock?.blockId as BlockId },
      validators: seats(NEW),
    };
    const transaction = signed(made.rules, null, payload);
    const bytes = encodeTransaction(communityId(made.rules), transaction);
    made.stop(...NEW);
    // First alone: it listens for a minute, votes on the new chain, and nothing is decided.
    made.startWith(bytes, A);
    made.run(90 * SECOND);
  });
  afterAll(() => store.close());

  it("forgets what it signed for the old chain at that height, with the restart, and is audited", () => {
    expect(store.restart()).not.toBe(null);
    expect(store.durable()?.height).toBe(restarted);
    const records = store.signed(restarted);
    expect(records.length).toBeGreaterThan(0);
    const { findings } = auditLedger(dir, { rules: made.rules, verifier });
    expect(findings).toEqual([]);
  });

  it("goes on from the disk after a power cut, with the same restart", () => {
    made.stop(A);
    store.close();
    store = opened(dir, made.rules, A);
    made.home(A).disk = store;
    const before = store.signed(restarted);
    made.start(A);
    const again = store.restart() as Uint8Array;
    made.startWith(again, B, E, F);
    made.run(60 * SECOND);
    expect(made.agent(A).head().height).toBeGreaterThanOrEqual(restarted);
    // Not one line was written over.
    expect(store.signed(restarted)).toEqual(expect.arrayContaining([...before]));
    made.byCa(say.grant(20, A, 1n as never), B);
    made.run(30 * SECOND);
    made.byCa({ ...CHANGE, add: seats([C]) } as Payload, B);
    made.run(30 * SECOND);
    for (const sequence of [22, 23]) {
      made.byCa(say.grant(sequence, A, 1n as never), B);
      made.run(30 * SECOND);
    }
    const { findings, facts } = auditLedger(dir, { rules: made.rules, verifier });
    expect(findings).toEqual([]);
    expect(facts?.height).toBe(made.agent(B).head().height);
    expect(facts?.stateRoot).toBe(made.agent(B).head().stateRoot);
  });

  it("proves what is in each block, before, in and after the restart", () => {
    const said = ledgerTransactions(dir);
    const heights = new Set<number>();
    for (const { transaction, height } of said) {
      const provable = readProvable(dir, transaction.id);
      if (!("block" in provable)) throw new Error("the transaction is there");
      heights.add(provable.trust?.length ?? 0);
      const context = { community: communityId(made.rules), verifier };
      const proof = proveInclusion(provable);
      const included = mustBeAccepted(checkInclusion(proof, context), `proof at ${height}`);
      expect(included.header.height).toBe(height);
      expect(readProof(writeProof(proof, included), context).ok).toBe(true);
      if (height < restarted) continue;
      expect(checkInclusion({ ...proof, trust: [] }, context).ok).toBe(false);
    }
    // The old set, the restart's, and with c again.
    expect([...heights].sort()).toEqual([0, 1, 2]);
    const isRestart = ({ transaction }: (typeof said)[number]) =>
      transaction.payload.type === "restart";
    expect(said.filter(isRestart).map(({ height }) => height)).toEqual([restarted]);
  });

  it("is told in a table of its own, which the audit holds against the blocks", () => {
    const copy = place.fresh("forgotten");
    const whole = new Database(join(dir, "ledger.db"), { readonly: true });
    whole.exec(`VACUUM INTO '${join(copy, "ledger.db")}'`);
    whole.close();
    const db = new Database(join(copy, "ledger.db"));
    expect(db.prepare("SELECT height FROM restart").pluck().all()).toEqual([restarted]);
    db.exec("DELETE FROM restart");
    db.close();
    expect(auditLedger(copy, { rules: made.rules, verifier }).findings).toMatchObject([
      { table: "restart", row: `height ${restarted}` },
    ]);
  });
});

const CHANGE = { type: "validatorChange", sequence: 21, remove: [] } as const;

describe("restart make", () => {
  let ca: string;
  let data: string;
  let rules: Rules;
  let chain: TestChain;

  beforeAll(async () => {
    const made = await createCa({ name: "CA", at: unixMs(Date.parse("2018-01-01T00:00:00Z")) });
    ca = join(place.fresh("ca"), "ca");
    writeCa(ca, made);
    rules = makeRules({ validators: [A, B, C, D], caPublicKey: made.publicKey });
    chain = new TestChain(rules);
    chain.add("2018-03-21T16:10:00Z");
    chain.add("2018-03-21T16:11:00Z");
    data = join(place.fresh("homeOfA"), "data");
    const store = opened(data, rules, A);
    storeChain(store, chain);
    store.close();
  });

  it("signs who votes after the ledger's last block", () => {
    const out = join(place.fresh("out"), "restart.json");
    const outcome = makeRestart({ ca, data, validator: [B, A], out });
    expect(outcome).toMatchObject({ code: 0, json: { height: 2, validators: [A, B] } });
    const text = readFileSync(out, "utf8");
    const community = communityId(rules);
    const bytes = mustBeAccepted(readRestartFile(text, community), "our own file");
    const transaction = mustBeAccepted(decodeTransaction(community, bytes), "a transaction");
    expect(checkRestart(chain.state, transaction, verifier)).toMatchObject({
      value: { sequence: 1, height: 2, validators: seats([A, B]) },
    });
    // What is read is what is agreed to.
    const altered = text.replace(`"memberId": "${B}"`, `"memberId": "${C}"`);
    expect(altered).not.toBe(text);
    expect(readRestartFile(altered, community).ok).toBe(false);
    expect(readRestartFile("{}", community).ok).toBe(false);
    expect(readRestartFile("null", community).ok).toBe(false);
    expect(readRestartFile(text, communityId(makeRules())).ok).toBe(false);
    // Never over another file.
    expect(makeRestart({ ca, data, validator: [A], out }).code).toBe(2);
  });

  it("says no for a stranger, another CA, and a ledger that is wrong", async () => {
    const out = join(place.fresh("none"), "restart.json");
    const order = { ca, data, validator: [A, B], out };
    expect(makeRestart({ ...order, validator: [A, "x@vt.edu"] })).toMatchObject({
      ...{ code: 1, lines: ["wrong: x@vt.edu is no member of this community."] },
    });
    const other = join(place.fresh("otherCa"), "ca");
    writeCa(other, await createCa({ name: "CA", at: unixMs(Date.parse("2018-01-01T00:00:00Z")) }));
    expect(makeRestart({ ...order, ca: other }).code).toBe(1);
    expect(makeRestart({ ...order, ca: join(other, "nowhere") }).code).toBe(2);
    const copy = place.fresh("damaged");
    writeFileSync(join(copy, "ledger.db"), readFileSync(join(data, "ledger.db")));
    const db = new Database(join(copy, "ledger.db"));
    db.exec("UPDATE block SET time_ms = time_ms + 1 WHERE height = 2");
    db.close();
    expect(makeRestart({ ...order, data: copy }).code).toBe(1);
  });
});
