import { describe, expect, it } from "vitest";
import { communityId, TRANSACTION_BYTES_MAX } from "../../../agent/core/ledger/rules.ts";
import {
  encodeTransaction,
  type Payload,
  signTransaction,
  type Transaction,
} from "../../../agent/core/ledger/transaction.ts";
import { memberId } from "../../../agent/core/units/ids.ts";
import { createMempool, receptionOf } from "../../../agent/loops/mempool.ts";
import { createFakeClock } from "../../support/fakes.ts";
import {
  at,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
  testKey,
} from "../../support/ledger.ts";

const BUYER = "buyer1@vt.edu";
const SELLER = "seller1@vt.edu";
/** Delivers from 17:00 UTC; open from 16:01, cut off at 16:59. */
const LISTING = "21Mar18-13:00";
const T = (time: string) => `2018-03-21T${time}Z`;
const bid = (sequence: number, energy = 1): Payload =>
  say.buyOffer(LISTING, { energy: kwh(energy), price: perKwh(1), sequence });

/** A mempool at 16:20 on a ledger where buyer1 and seller1 are registered, seller1 with a 10 kW PV. */
function openMempool() {
  const chain = new TestChain();
  chain.add(
    T("16:10:00"),
    [BUYER, registration(BUYER)],
    [SELLER, registration(SELLER)],
    [SELLER, say.registerPv(SELLER, "seller1house")],
  );
  const { rules, verifier } = chain;
  const clock = createFakeClock(at(T("16:20:00")));
  const arrived: string[] = [];
  const mempool = createMempool({
    ...{ verifier, clock, ledger: () => chain.state },
    arrived: ({ id }) => arrived.push(id),
  });
  const bytes = (transaction: Transaction) => encodeTransaction(communityId(rules), transaction);
  const add = (author: string | null, payload: Payload) =>
    mempool.add(bytes(signed(rules, author, payload)));
  const commit = (time: string, ...transactions: Transaction[]) => {
    const built = chain.addSigned(T(time), transactions);
    expect(built.dropped).toEqual([]);
    mempool.committed(transactions);
  };
  return { chain, rules, clock, mempool, bytes, add, commit, arrived };
}
const codeOf = (added: ReturnType<ReturnType<typeof openMempool>["add"]>): string =>
  added.ok ? "ok" : added.refusal.code;

describe("the mempool", () => {
  it("keeps a transaction once, whatever its signature, in the order of arrival", () => {
    const { rules, mempool, bytes, arrived } = openMempool();
    const first = signed(rules, BUYER, bid(1));
    const second = signed(rules, SELLER, bid(1));
    expect(mempool.add(bytes(first))).toMatchObject({ ok: true, value: { isNew: true } });
    expect(mempool.add(bytes(second))).toMatchObject({ ok: true, value: { isNew: true } });
    // The id is that of what was signed: a damaged signature on what is known changes nothing.
    const damaged = { ...first, signature: new Uint8Array(64) };
    expect(mempool.add(bytes(damaged))).toMatchObject({ ok: true, value: { isNew: false } });
    expect(mempool.all().map(({ transaction }) => transaction.id)).toEqual([first.id, second.id]);
    expect(mempool.all()[0]?.encoded).toEqual(bytes(first));
    expect([mempool.size(), mempool.has(first.id)]).toEqual([2, true]);
    expect(mempool.prefixes()).toEqual([first.id.slice(0, 16), second.id.slice(0, 16)]);
    expect(arrived).toEqual([first.id, second.id]);
  });

  it("refuses with the facts, and keeps nothing of it", () => {
    const { mempool, add } = openMempool();
    const offer = (pv: string, energy: number) => say.pvOffer(LISTING, pv, { energy: kwh(energy) });
    expect(add(SELLER, offer("seller1house", 11))).toEqual({
      ok: false,
      refusal: { code: "beyondCapacity", offered: 11_000, capacity: 10_000 },
    });
    expect(add(BUYER, offer("seller1house", 1))).toEqual({
      ok: false,
      refusal: { code: "notOwner", pv: "seller1house", owner: SELLER },
    });
    const dear = say.buyOffer(LISTING, { energy: kwh(20), price: perKwh(11) });
    // 20 kWh x 11 = 220 tokens of 200.
    expect(add(BUYER, dear)).toEqual({
      ok: false,
      refusal: { code: "insufficientFunds", free: "200", need: "220" },
    });
    expect(mempool.size()).toBe(0);
  });

  it("tells what cannot be read, is too large, or is for another community", () => {
    const { rules, mempool, bytes } = openMempool();
    const whole = bytes(signed(rules, BUYER, bid(1)));
    const large = new Uint8Array(TRANSACTION_BYTES_MAX + 1);
    const other = makeRules({ name: "another street" });
    const elsewhere = encodeTransaction(communityId(other), signed(other, BUYER, bid(1)));
    expect(codeOf(mempool.add(new Uint8Array()))).toBe("malformed");
    expect(codeOf(mempool.add(whole.subarray(0, -1)))).toBe("malformed");
    expect(codeOf(mempool.add(Uint8Array.from([...whole, 0])))).toBe("malformed");
    expect(mempool.add(large)).toMatchObject({
      refusal: { code: "malformed", problem: "4097 bytes, at most 4096" },
    });
    expect(codeOf(mempool.add(elsewhere))).toBe("otherCommunity");
    expect(mempool.size()).toBe(0);
  });

  it("refuses the signature of anyone but the author", () => {
    const { rules, mempool, bytes, add } = openMempool();
    const unsigned = { author: memberId(BUYER), payload: bid(1) };
    const forged = signTransaction(communityId(rules), unsigned, testKey("mallory@vt.edu").sign);
    expect(codeOf(mempool.add(bytes(forged)))).toBe("badSignature");
    expect(codeOf(add("mallory@vt.edu", bid(1)))).toBe("unknownMember");
    // It was not remembered under its id: the author's own is still taken.
    expect(codeOf(add(BUYER, bid(1)))).toBe("ok");
  });

  it("holds 64 of one author, and takes the next when one has gone", () => {
    const { rules, mempool, add, commit } = openMempool();
    for (let n = 1; n <= 64; n += 1) expect(codeOf(add(BUYER, bid(n)))).toBe("ok");
    expect(add(BUYER, bid(65))).toEqual({
      ok: false,
      refusal: { code: "authorHasTooMany", max: 64 },
    });
    expect(codeOf(add(SELLER, bid(1)))).toBe("ok");
    // The 60th on the ledger ends the 59 before it as well: 5 are left.
    commit("16:21:00", signed(rules, BUYER, bid(60)));
    expect(mempool.size()).toBe(5);
    expect(codeOf(add(BUYER, bid(65)))).toBe("ok");
    mempool.drop([signed(rules, BUYER, bid(65)).id, signed(rules, BUYER, bid(3)).id]);
    expect(mempool.size()).toBe(5);
  });

  it("holds 5000 in all", { timeout: 60_000 }, () => {
    const names = Array.from({ length: 79 }, (_, i) => `home${i}@vt.edu`);
    const chain = new TestChain();
    chain.add(T("16:10:00"), ...names.map((name) => [name, registration(name)] as const));
    const { rules, verifier } = chain;
    const clock = createFakeClock(at(T("16:20:00")));
    const mempool = createMempool({
      verifier,
      clock,
      ledger: () => chain.state,
      arrived: () => {},
    });
    const add = (name: string, payload: Payload) =>
      mempool.add(encodeTransaction(communityId(rules), signed(rules, name, payload)));
    // 78 x 64 = 4992, and 8 of the last.
    for (const name of names) {
      const count = name === "home78@vt.edu" ? 8 : 64;
      for (let n = 1; n <= count; n += 1) expect(codeOf(add(name, bid(n)))).toBe("ok");
    }
    expect(mempool.size()).toBe(5000);
    expect(add("home78@vt.edu", bid(9))).toEqual({
      ok: false,
      refusal: { code: "mempoolFull", max: 5000 },
    });
    // What is pending already is known, not refused.
    expect(add("home78@vt.edu", bid(8))).toMatchObject({ ok: true, value: { isNew: false } });
  });

  it("forgets after a block what it held and what can no longer be in any", () => {
    const { rules, mempool, add, commit } = openMempool();
    // 150 of 200 tokens each: only one of the two fits.
    const [rich, richer] = [bid(2, 15), bid(3, 15)];
    add(BUYER, bid(1));
    add(BUYER, richer);
    add(SELLER, bid(1));
    commit("16:21:00", signed(rules, BUYER, rich));
    const left = mempool.all().map(({ transaction }) => transaction.id);
    expect(left).toEqual([signed(rules, BUYER, richer).id, signed(rules, SELLER, bid(1)).id]);
  });

  it("forgets an amendment once the clock has passed the cut-off", () => {
    const { rules, mempool, add, clock, commit } = openMempool();
    commit("16:21:00", signed(rules, BUYER, bid(1)));
    add(BUYER, bid(2));
    clock.advanceTo(at(T("16:58:59.999")));
    mempool.committed([]);
    expect(mempool.size()).toBe(1);
    clock.advanceTo(at(T("16:59:00")));
    mempool.committed([]);
    expect(mempool.size()).toBe(0);
    expect(codeOf(add(BUYER, bid(2)))).toBe("amendedTooLate");
  });

  it("keeps a first offer until the bidding is closed: its stamp decides, not its block", () => {
    const { mempool, add, clock, commit } = openMempool();
    add(BUYER, bid(1));
    clock.advanceTo(at(T("16:59:15")));
    commit("16:59:14.999");
    expect(mempool.size()).toBe(1);
    expect(codeOf(add(SELLER, bid(1)))).toBe("ok");
    commit("16:59:15");
    expect(mempool.size()).toBe(0);
    expect(codeOf(add(BUYER, bid(1)))).toBe("listingNotOpen");
  });

  it("forgets offers once the clock says that their hour is void", () => {
    const { mempool, add, clock } = openMempool();
    add(BUYER, bid(1));
    clock.advanceTo(at(T("16:59:59.999")));
    mempool.committed([]);
    expect(mempool.size()).toBe(1);
    clock.advanceTo(at(T("17:00:00")));
    mempool.committed([]);
    expect(mempool.size()).toBe(0);
    expect(codeOf(add(BUYER, bid(1)))).toBe("listingNotOpen");
  });

  it("takes a clock behind the last block as just after it", () => {
    const { add, clock, commit } = openMempool();
    commit("16:59:30");
    clock.step(-3_600_000);
    expect(codeOf(add(BUYER, bid(1)))).toBe("listingNotOpen");
  });
});

describe("a receipt", () => {
  /** The validator's first two, both of a bid that is on no ledger yet; and its first of another time. */
  function openWithReceipts() {
    const pool = openMempool();
    const { chain, rules } = pool;
    const heardAt = (time: string) =>
      chain.receipt(SELLER, [[signed(rules, BUYER, bid(1)), T(time)]])[1];
    const first = signed(rules, SELLER, heardAt("16:20:00"));
    const next = { ...heardAt("16:20:00"), sequence: 2, previous: first.id };
    const second = signed(rules, SELLER, next);
    return { ...pool, first, second, other: signed(rules, SELLER, heardAt("16:20:01")) };
  }

  it("that came before the one before it is kept, and makes nothing ready", () => {
    const { mempool, bytes, commit, first, second } = openWithReceipts();
    expect(mempool.add(bytes(second))).toMatchObject({ ok: true, value: { isNew: true } });
    expect([mempool.has(second.id), mempool.size(), mempool.all().length]).toEqual([true, 0, 1]);
    commit("16:21:00");
    expect([mempool.has(second.id), mempool.size()]).toEqual([true, 0]);
    commit("16:22:00", first);
    expect([mempool.has(second.id), mempool.size()]).toEqual([true, 1]);
    commit("16:23:00", second);
    expect([mempool.has(second.id), mempool.size()]).toEqual([false, 0]);
  });

  it("that can no longer apply is forgotten", () => {
    const { mempool, bytes, commit, second, other } = openWithReceipts();
    mempool.add(bytes(second));
    commit("16:21:00", other);
    expect(mempool.has(second.id)).toBe(false);
  });
});

describe("receptionOf", () => {
  it("punishes only what nobody honest can have passed on", () => {
    const codes = ["malformed", "badSignature"].map((code) => receptionOf({ code }));
    expect(codes).toEqual(["reject", "reject"]);
    const blameless = ["otherCommunity", "unknownMember", "staleSequence", "listingNotOpen"];
    const busy = ["mempoolFull", "authorHasTooMany", "revoked", "insufficientFunds"];
    for (const code of [...blameless, ...busy]) expect(receptionOf({ code })).toBe("ignore");
  });
});
