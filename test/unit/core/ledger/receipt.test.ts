import { describe, expect, it } from "vitest";
import { TRANSACTIONS_PER_BLOCK_MAX } from "../../../../agent/core/ledger/block.ts";
import { UNPLACED_PER_VALIDATOR_MAX } from "../../../../agent/core/ledger/heard.ts";
import {
  communityId,
  PAPER_TIMELINE,
  TRANSACTION_BYTES_MAX,
} from "../../../../agent/core/ledger/rules.ts";
import { decodeState, encodeState } from "../../../../agent/core/ledger/state.ts";
import {
  encodeTransaction,
  type Payload,
  type PayloadOf,
  RECEIPT_ENTRIES_MAX,
  RECEIPT_SPAN_MAX,
  signTransaction,
  type Transaction,
} from "../../../../agent/core/ledger/transaction.ts";
import {
  memberId,
  OFFER_PREFIX_BYTES,
  type OfferPrefix,
  offerPrefix,
  pvId,
  type TransactionId,
} from "../../../../agent/core/units/ids.ts";
import { type DurationMs, HOUR_MS, MINUTE_MS } from "../../../../agent/core/units/time.ts";
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
} from "../../../support/ledger.ts";

const LISTING = "21Mar18-13:00";
const [SELLER, BUYER] = ["seller@vt.edu", "buyer@vt.edu"];
const T = (time: string) => `2018-03-21T${time}Z`;
const voters = (n: number) => Array.from({ length: n }, (_, i) => `v${i + 1}@vt.edu`);

/** Registered, and the listing open; `n` validators that are no members. */
function openChain(n = 4): TestChain {
  const chain = new TestChain(makeRules({ validators: voters(n) }));
  chain.add(T("16:10:00"), [SELLER, registration(SELLER)], [BUYER, registration(BUYER)]);
  chain.add(
    T("16:11:00"),
    [SELLER, say.registerPv(SELLER, "roof")],
    [SELLER, say.registerPv(SELLER, "barn")],
  );
  return chain;
}

const offer = (chain: TestChain, pv = "roof", sequence = 0) =>
  signed(chain.rules, SELLER, say.pvOffer(LISTING, pv, { energy: kwh(6), sequence }));
const bid = (chain: TestChain, sequence = 0) =>
  signed(chain.rules, BUYER, say.buyOffer(LISTING, { energy: kwh(4), price: perKwh(3), sequence }));
const stampOn = (chain: TestChain, pv = "roof") =>
  chain.listing(LISTING)?.pvOffers.get(pvId(pv))?.stamp;

/** Receipts of v1, v2, ... for one offer, at these seconds after 16:20, one block each. */
function hear(chain: TestChain, of: Transaction, seconds: Readonly<Record<string, number>>): void {
  for (const [name, second] of Object.entries(seconds)) {
    const time = at(T("16:20:00")) + second * 1000;
    const next = Math.max(chain.state.time, at(T("16:30:00"))) + 1000;
    const { dropped } = chain.add(next, chain.receipt(`${name}@vt.edu`, [[of, time]]));
    expect(dropped).toEqual([]);
  }
}

describe("receipts", () => {
  it("stamp an offer of 4 validators with the second of the first three", () => {
    const chain = openChain(4);
    const o = offer(chain);
    chain.addSigned(T("16:20:00"), [o]);
    hear(chain, o, { v1: 7, v2: 3 });
    expect(stampOn(chain)).toBeNull();
    hear(chain, o, { v3: 5 });
    // 3, 5, 7
    expect(stampOn(chain)).toBe(at(T("16:20:05")));
    // Frozen: with 1 the second of four would be 3.
    hear(chain, o, { v4: 1 });
    expect(stampOn(chain)).toBe(at(T("16:20:05")));
  });

  it("stamp an offer of 7 validators with the third of the first five, in block order", () => {
    const chain = openChain(7);
    const o = offer(chain);
    chain.addSigned(T("16:20:00"), [o]);
    hear(chain, o, { v7: 9, v6: 1, v5: 4, v1: 8 });
    expect(stampOn(chain)).toBeNull();
    hear(chain, o, { v2: 2 });
    // 1, 2, 4, 8, 9
    expect(stampOn(chain)).toBe(at(T("16:20:04")));
    hear(chain, o, { v3: 0, v4: 0 });
    expect(stampOn(chain)).toBe(at(T("16:20:04")));
  });

  it("tell which offer got its stamp, in the block of the last receipt needed", () => {
    const chain = openChain(4);
    const [o, b] = [offer(chain), bid(chain)];
    chain.addSigned(T("16:20:00"), [o, b]);
    const both = (second: number) =>
      [o, b].map((one) => [one, at(T("16:20:00")) + second * 1000] as const);
    const { events } = chain.add(
      T("16:21:00"),
      chain.receipt("v1@vt.edu", both(1)),
      chain.receipt("v2@vt.edu", both(2)),
      chain.receipt("v3@vt.edu", both(3)),
      chain.receipt("v4@vt.edu", both(4)),
    );
    const stamp = at(T("16:20:02"));
    expect(events).toEqual(
      [o, b].map(({ id: transactionId, author, payload }) => {
        const pv = payload.type === "pvOffer" ? payload.pvId : null;
        const place = { listingId: LISTING, transactionId, memberId: author, pvId: pv };
        return { type: "offerStamped", ...place, stamp };
      }),
    );
    expect(chain.listing(LISTING)?.buyOffers.get(memberId(BUYER))?.stamp).toBe(stamp);
  });

  it("count one validator once, its first entry", () => {
    const chain = openChain(4);
    const o = offer(chain);
    chain.addSigned(T("16:20:00"), [o]);
    hear(chain, o, { v1: 1 });
    hear(chain, o, { v1: 2 });
    hear(chain, o, { v1: 3 });
    expect(stampOn(chain)).toBeNull();
    hear(chain, o, { v2: 8, v3: 9 });
    // 1, 8, 9
    expect(stampOn(chain)).toBe(at(T("16:20:08")));
  });

  it("may come before the offer: all of them, or some", () => {
    const all = openChain(4);
    const o = offer(all);
    hear(all, o, { v1: 1, v2: 2, v3: 3 });
    const { events } = all.addSigned(T("16:31:00"), [o]);
    expect(stampOn(all)).toBe(at(T("16:20:02")));
    expect(events.map(({ type }) => type)).toEqual(["pvOfferPlaced"]);
    const some = openChain(4);
    hear(some, o, { v1: 1, v2: 2 });
    some.addSigned(T("16:31:00"), [o]);
    expect(stampOn(some)).toBeNull();
    hear(some, o, { v4: 4 });
    expect(stampOn(some)).toBe(at(T("16:20:02")));
  });

  it("in the same block: the offer before its receipts or behind them", () => {
    for (const isBefore of [true, false]) {
      const chain = openChain(4);
      const o = offer(chain);
      const receipts = ["v1", "v2", "v3"].map((name, i) => {
        const [author, payload] = chain.receipt(`${name}@vt.edu`, [[o, T(`16:20:0${i}`)]]);
        return signed(chain.rules, author, payload);
      });
      chain.addSigned(T("16:21:00"), isBefore ? [o, ...receipts] : [...receipts, o]);
      expect(stampOn(chain)).toBe(at(T("16:20:01")));
    }
  });

  it("an amendment waits for its own stamp; late receipts of what it replaced do not count for it", () => {
    const chain = openChain(4);
    const first = offer(chain);
    chain.addSigned(T("16:20:00"), [first]);
    hear(chain, first, { v1: 1, v2: 2 });
    const second = offer(chain, "roof", 1);
    chain.addSigned(T("16:31:00"), [second]);
    hear(chain, first, { v3: 3, v4: 4 });
    expect(stampOn(chain)).toBeNull();
    hear(chain, second, { v1: 61, v2: 62, v3: 63 });
    expect(stampOn(chain)).toBe(at(T("16:21:02")));
  });

  it("survive in the state's bytes, half told", () => {
    const chain = openChain(4);
    const [o, b] = [offer(chain), bid(chain)];
    chain.addSigned(T("16:20:00"), [o]);
    hear(chain, o, { v1: 1, v2: 2 });
    hear(chain, b, { v1: 3 });
    const { state } = chain;
    const again = decodeState(state.rules, encodeState(state), state.lastBlock);
    expect(again).toEqual({ ok: true, value: state });
    expect(state.heard.size).toBe(2);
    expect(state.receipts.get(memberId("v1@vt.edu"))).toMatchObject({ sequence: 2 });
  });
});

describe("a receipt is refused", () => {
  const refusal = (chain: TestChain, author: string, payload: Payload) =>
    chain.refusal(chain.state.time + 1000, author, payload);
  /** v1 has said one receipt, up to 16:20:05. */
  const started = () => {
    const chain = openChain(4);
    const o = offer(chain);
    chain.addSigned(T("16:20:00"), [o]);
    chain.add(T("16:21:00"), chain.receipt("v1@vt.edu", [[o, T("16:20:05")]]));
    return { chain, last: chain.state.receipts.get(memberId("v1@vt.edu"))! };
  };
  const next = (chain: TestChain, change: Partial<PayloadOf<"receipt">> = {}): Payload => {
    const [, payload] = chain.receipt("v1@vt.edu", [[bid(chain), T("16:20:06")]]);
    return { ...payload, ...change };
  };

  it("notAllowed: by who is no validator, a member or not, and by the CA", () => {
    const { chain } = started();
    for (const author of [SELLER, "stranger@vt.edu"]) {
      const [, payload] = chain.receipt(author, [[bid(chain), T("16:20:06")]]);
      expect(refusal(chain, author, payload)).toEqual({ code: "notAllowed", who: "validator" });
    }
    expect(refusal(chain, null as never, next(chain)).code).toBe("notAllowed");
  });

  it("badSignature: signed by another validator", () => {
    const { chain } = started();
    const unsigned = { author: memberId("v1@vt.edu"), payload: next(chain) };
    const forged = signTransaction(communityId(chain.rules), unsigned, testKey("v2@vt.edu").sign);
    const [dropped] = chain.addSigned(T("16:22:00"), [forged]).dropped;
    expect(dropped?.refusal).toEqual({ code: "badSignature" });
  });

  it("staleSequence: said already, or another for its number", () => {
    const { chain } = started();
    expect(refusal(chain, "v1@vt.edu", next(chain, { sequence: 1, previous: null }))).toEqual({
      code: "staleSequence",
      have: 1,
      got: 1,
    });
  });

  it("receiptAhead: the one before it is not here yet; it is not lost", () => {
    const { chain, last } = started();
    const second = signed(chain.rules, "v1@vt.edu", next(chain));
    const third = signed(
      chain.rules,
      "v1@vt.edu",
      next(chain, { sequence: 3, previous: second.id }),
    );
    const { dropped } = chain.addSigned(T("16:22:00"), [third]);
    expect(dropped).toEqual([
      { id: third.id, refusal: { code: "receiptAhead", needed: 2, got: 3 } },
    ]);
    expect(chain.addSigned(T("16:23:00"), [second, third]).dropped).toEqual([]);
    expect(last.sequence).toBe(1);
  });

  it("receiptForked: it goes on from another", () => {
    const { chain, last } = started();
    const other = "1".repeat(64) as TransactionId;
    expect(refusal(chain, "v1@vt.edu", next(chain, { previous: other }))).toEqual({
      code: "receiptForked",
      needed: last.id,
      got: other,
    });
    const first = openChain(4);
    expect(refusal(first, "v1@vt.edu", next(first, { previous: other })).code).toBe(
      "receiptForked",
    );
  });

  it("receiptEmpty", () => {
    const { chain } = started();
    expect(refusal(chain, "v1@vt.edu", next(chain, { entries: [] })).code).toBe("receiptEmpty");
  });

  it("receiptTimes: from before the last one's end, or backwards", () => {
    const { chain, last } = started();
    const refused = (change: Partial<PayloadOf<"receipt">>) =>
      refusal(chain, "v1@vt.edu", next(chain, change));
    expect(refused({ from: (last.to - 1) as never })).toEqual({ code: "receiptTimes", at: -1 });
    expect(refused({ from: (last.to + 9) as never, to: (last.to + 8) as never })).toEqual({
      code: "receiptTimes",
      at: -1,
    });
    const [a, b] = ["a", "b"].map((digit) => digit.repeat(32) as OfferPrefix);
    const entries = (...afters: number[]) => ({
      from: last.to,
      to: (last.to + 10) as never,
      entries: afters.map((after, i) => ({ offer: [a, b][i]!, after })),
    });
    expect(refused(entries(5, 4))).toEqual({ code: "receiptTimes", at: 1 });
    expect(refused(entries(5, 11))).toEqual({ code: "receiptTimes", at: 1 });
    expect(refused(entries(RECEIPT_SPAN_MAX))).toEqual({ code: "receiptTimes", at: 0 });
    // Just right: from the end of the last, two at one time, up to its own end.
    const { dropped } = chain.add(chain.state.time + 1000, [
      "v1@vt.edu",
      next(chain, entries(10, 10)),
    ]);
    expect(dropped).toEqual([]);
  });

  it("receiptRepeats: one offer twice", () => {
    const { chain } = started();
    const o = { offer: "a".repeat(32) as OfferPrefix, after: 0 };
    expect(refusal(chain, "v1@vt.edu", next(chain, { entries: [o, o] }))).toEqual({
      code: "receiptRepeats",
      at: 1,
    });
  });

  it("receiptsUnused: in a manual community", () => {
    const chain = new TestChain(makeRules({ schedule: "manual", validators: voters(4) }));
    chain.add(T("16:10:00"));
    expect(refusal(chain, "v1@vt.edu", next(chain))).toEqual({ code: "receiptsUnused" });
  });

  it("never because of its size: the largest fits a transaction", () => {
    const author = memberId(`${"v".repeat(64)}@${"t".repeat(63)}`);
    const entries = Array.from({ length: RECEIPT_ENTRIES_MAX }, (_, i) => {
      const offer = i.toString(16).padStart(2 * OFFER_PREFIX_BYTES, "f") as OfferPrefix;
      return { offer, after: RECEIPT_SPAN_MAX };
    });
    const [from, to] = [4e12 as never, 4.1e12 as never];
    const previous = "f".repeat(64) as TransactionId;
    const payload = {
      ...{ type: "receipt" as const, sequence: 0xffff_ffff, previous },
      ...{ from, to, entries },
    };
    const community = communityId(makeRules());
    const transaction = signTransaction(community, { author, payload }, testKey("v").sign);
    const { length } = encodeTransaction(community, transaction);
    expect(length).toBeGreaterThan(3900);
    expect(length).toBeLessThanOrEqual(TRANSACTION_BYTES_MAX);
  });
});

describe("entries for offers that never come", () => {
  const fill = (chain: TestChain, from: number, count: number, time: number) => {
    const ids = Array.from(
      { length: count },
      (_, i) => (from + i).toString(16).padStart(32, "0").padEnd(64, "0") as TransactionId,
    );
    for (let i = 0; i < ids.length; i += RECEIPT_ENTRIES_MAX) {
      const batch = ids.slice(i, i + RECEIPT_ENTRIES_MAX).map((id) => [id, time] as const);
      chain.add(chain.state.time + 1000, chain.receipt("v1@vt.edu", batch));
    }
    return ids;
  };

  it("take no more than a validator's share: its oldest go, nobody else's", () => {
    const chain = openChain(4);
    const b = bid(chain);
    hear(chain, b, { v2: 1 });
    const time = at(T("16:30:00"));
    const old = fill(chain, 0, 1, time - 1);
    const ids = fill(chain, 1, UNPLACED_PER_VALIDATOR_MAX, time);
    expect(chain.state.heard.has(offerPrefix(old[0]!))).toBe(false);
    expect(ids.every((id) => chain.state.heard.has(offerPrefix(id)))).toBe(true);
    expect(chain.state.heard.has(offerPrefix(b.id))).toBe(true);
    expect(chain.state.heard.size).toBe(UNPLACED_PER_VALIDATOR_MAX + 1);
    // A real offer of the same time is heard all the same.
    const o = offer(chain);
    chain.add(chain.state.time + 1000, chain.receipt("v1@vt.edu", [[o, time + 5]]));
    expect(chain.state.heard.get(offerPrefix(o.id))?.entries.length).toBe(1);
    expect(chain.state.heard.size).toBe(UNPLACED_PER_VALIDATOR_MAX + 1);
    expect(RECEIPT_ENTRIES_MAX * TRANSACTIONS_PER_BLOCK_MAX).toBeGreaterThan(
      chain.state.heard.size,
    );
  });

  it("are forgotten when the bidding is closed, with those that came", () => {
    const chain = openChain(1);
    const [o, b] = [offer(chain), bid(chain)];
    chain.addSigned(T("16:20:00"), [o]);
    hear(chain, o, { v1: 1 });
    hear(chain, b, { v1: 2 });
    expect(chain.state.heard.size).toBe(2);
    chain.add(T("16:59:15"));
    expect(chain.listing(LISTING)?.state).toBe("AUCTION_CLOSED");
    expect(chain.state.heard.size).toBe(0);
    // Nothing takes offers now: what comes late says nothing.
    const { dropped } = chain.add(T("16:59:30"), chain.receipt("v1@vt.edu", [[b, T("16:58:00")]]));
    expect(dropped).toEqual([]);
    expect(chain.state.heard.size).toBe(0);
  });

  it("stay while a listing of their time takes offers", () => {
    const timeline = { ...makeRules().timeline, openBefore: (2 * HOUR_MS - MINUTE_MS) as never };
    const chain = new TestChain(makeRules({ timeline, validators: voters(1) }));
    chain.add(T("15:10:00"));
    const never = (digit: string) => digit.repeat(64) as TransactionId;
    chain.add(T("15:11:00"), chain.receipt("v1@vt.edu", [[never("a"), T("15:10:30")]]));
    chain.add(T("16:30:00"), chain.receipt("v1@vt.edu", [[never("b"), T("16:29:00")]]));
    const held = () => [...chain.state.heard.keys()].map(([digit]) => digit);
    chain.add(T("16:59:15"));
    expect(held()).toEqual(["a", "b"]);
    // Heard at 15:10:30, it can only be for a listing that delivers before 17:09:30.
    chain.add(T("17:59:15"));
    expect(held()).toEqual(["b"]);
  });
});

describe("what is heard of an offer that is not on the ledger yet", () => {
  it("outlives the end of another listing, though a liar spoke first, and of a time long past", () => {
    const timeline = { ...PAPER_TIMELINE, openBefore: (2 * HOUR_MS) as DurationMs };
    const chain = new TestChain(makeRules({ validators: voters(4), timeline }));
    chain.add(T("16:10:00"), [SELLER, registration(SELLER)]);
    chain.add(T("16:11:00"), [SELLER, say.registerPv(SELLER, "roof")]);
    const later = signed(
      chain.rules,
      SELLER,
      say.pvOffer("21Mar18-14:00", "roof", { energy: kwh(6) }),
    );
    const hears = (who: string, time: string) => chain.receipt(who, [[later, at(T(time))]]);
    chain.add(T("16:58:00"), hears("v4@vt.edu", "10:00:00"));
    chain.add(T("16:58:10"), hears("v1@vt.edu", "16:57:50"), hears("v2@vt.edu", "16:57:51"));
    // 13:00 is not closed in time, and so void.
    chain.add(T("17:00:00"));
    expect(chain.listing(LISTING)?.state).toBe("VOID");
    chain.addSigned(T("17:00:01"), [later]);
    const placed = chain.listing("21Mar18-14:00")?.pvOffers.get(pvId("roof"));
    // 10:00, 16:57:50, 16:57:51
    expect(placed?.stamp).toBe(at(T("16:57:50")));
  });
});
