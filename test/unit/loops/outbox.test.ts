// Own transactions on a real ledger and mempool, in the order in which they are written, sent and answered.

import { describe, expect, it } from "vitest";
import { communityId } from "../../../agent/core/ledger/rules.ts";
import type { LedgerState } from "../../../agent/core/ledger/state.ts";
import {
  decodeTransaction,
  encodeTransaction,
  type Payload,
  type Transaction,
} from "../../../agent/core/ledger/transaction.ts";
import { memberId } from "../../../agent/core/units/ids.ts";
import { microTokens } from "../../../agent/core/units/money.ts";
import { ALONE, numberFrom } from "../../../agent/loops/numbering.ts";
import { purposeOf } from "../../../agent/loops/outbox.ts";
import type { Intent, Signer, Store } from "../../../agent/ports.ts";
import { doubleVote, report } from "../../support/accusations.ts";
import { createMemoryStore } from "../../support/fakes.ts";
import {
  ADMINISTRATOR,
  at,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
  testCard,
  testKey,
  tokens,
} from "../../support/ledger.ts";
import { type SpeakingHomeOptions, speakingHome } from "../../support/speakingHome.ts";

const HOME = "buyer1@vt.edu";
const OTHER = "buyer2@vt.edu";
/** Builds the blocks where this home may not. */
const FIRST = "a@vt.edu";
/** Delivers from 17:00 UTC; open from 16:01, cut off at 16:59. */
const LISTING = "21Mar18-13:00";
const T = (time: string) => `2018-03-21T${time}Z`;
const bid = (sequence: number): Payload =>
  say.buyOffer(LISTING, { energy: kwh(1), price: perKwh(1), sequence });

function streetAt1610(): TestChain {
  const chain = new TestChain();
  chain.add(T("16:10:00"), [HOME, registration(HOME)], [OTHER, registration(OTHER)]);
  return chain;
}

/** The outbox of buyer1 at 16:20. */
function openHome(options: Partial<SpeakingHomeOptions> = {}) {
  const { chain = streetAt1610() } = options;
  const home = speakingHome({ ...options, chain });
  const { outbox, disk, answered } = home;
  const submit = (payload: Payload, signer: Signer = testCard(HOME)) =>
    outbox.submit(payload, signer, answered);
  const isPending = (payload: Payload, author = HOME) =>
    outbox.isPending(purposeOf(payload), memberId(author));
  const commit = (when: string, ...transactions: readonly Transaction[]) =>
    expect(home.commit(T(when), transactions)).toEqual([]);
  const ids = () => disk.ownTransactions().map(({ id }) => id);
  return { ...home, chain, rules: chain.rules, submit, isPending, commit, ids };
}

describe("what the home says", () => {
  it("is on the disk before it is published, and answered after the commit", () => {
    const { rules, journal, network, mempool, outbox, outcomes, ...home } = openHome();
    const { submit, commit, ids, isPending } = home;
    submit(bid(1));
    expect(journal).toEqual(["save", "publish transaction"]);
    const own = signed(rules, HOME, bid(1));
    expect(ids()).toEqual([own.id]);
    expect(network.said("transaction")).toEqual(outbox.pending());
    expect(mempool.has(own.id)).toBe(true);
    expect(isPending(bid(1))).toBe(true);
    expect(isPending(bid(2))).toBe(false);

    commit("16:20:30");
    expect(outcomes).toEqual([]);
    commit("16:21:00", own);
    expect(journal.slice(2)).toEqual(["drop 1", "done"]);
    expect(outcomes).toEqual([{ ok: true, value: own.id }]);
    expect([ids(), outbox.pending()]).toEqual([[], []]);
    expect(isPending(bid(1))).toBe(false);
  });

  it("is not published when it could not be written", () => {
    const disk = createMemoryStore();
    const full: Store = {
      ...disk,
      saveOwnTransaction: () => {
        throw new Error("disk full");
      },
    };
    const { submit, network, mempool, outbox } = openHome({ store: full });
    expect(() => submit(bid(1))).toThrow("disk full");
    expect([network.published.length, mempool.size(), outbox.pending().length]).toEqual([0, 0, 0]);
  });

  it("is signed by the home's card for this community", () => {
    const { rules, network, submit } = openHome();
    submit(bid(1));
    const [encoded] = network.said("transaction");
    const decoded = decodeTransaction(communityId(rules), encoded as Uint8Array);
    const { signature, ...own } = signed(rules, HOME, bid(1));
    expect(decoded).toEqual({ ok: true, value: { ...own, signature: Uint8Array.from(signature) } });
  });

  it("is refused at once, with nothing written or sent, where the ledger can never take it", () => {
    const { journal, outcomes, submit, network, ids } = openHome();
    submit(say.buyOffer(LISTING, { energy: kwh(20), price: perKwh(11) }));
    submit(registration(HOME));
    submit(say.buyOffer("21Mar18-09:00", { energy: kwh(1), price: perKwh(1) }));
    expect(journal).toEqual([
      "refused insufficientFunds",
      "refused memberExists",
      "refused listingUnknown",
    ]);
    // 20 kWh x 11 = 220 tokens of 200.
    expect(outcomes[0]).toMatchObject({ refusal: { free: "200", need: "220" } });
    expect([ids(), network.published.length]).toEqual([[], 0]);
  });

  it("is kept and sent where the next blocks may lift the refusal", () => {
    const chain = new TestChain();
    chain.add(T("16:10:00"));
    const home = openHome({ chain });
    home.submit(bid(1));
    expect(home.journal).toEqual(["save", "publish transaction"]);
    // Not for our own next block, as long as nobody knows us.
    expect(home.mempool.size()).toBe(0);
    home.commit("16:21:00", signed(home.rules, HOME, registration(HOME)));
    expect(home.mempool.size()).toBe(1);
    home.commit("16:22:00", signed(home.rules, HOME, bid(1)));
    expect(home.journal.slice(2)).toEqual(["drop 1", "done"]);
  });

  it("is said once at a time", () => {
    const { journal, submit, outcomes } = openHome();
    submit(bid(1));
    submit(bid(1));
    expect(journal).toEqual(["save", "publish transaction", "refused alreadyPending"]);
    expect(outcomes[0]).toMatchObject({ refusal: { id: expect.stringMatching(/^[0-9a-f]{64}$/) } });
  });

  it("waits in at most 64 places", () => {
    const { journal, submit, outcomes, ids } = openHome();
    for (let n = 1; n <= 65; n += 1) submit(bid(n));
    expect(journal.slice(-1)).toEqual(["refused outboxFull"]);
    expect(outcomes).toEqual([{ ok: false, refusal: { code: "outboxFull", max: 64 } }]);
    expect(ids()).toHaveLength(64);
  });
});

describe("what can no longer land", () => {
  it("is dropped after the block that ends it, and both the asker and the publisher are told", () => {
    const { rules, journal, publisher, submit, commit, clock, ids, outcomes } = openHome();
    submit(bid(1));
    clock.advanceTo(at(T("16:59:15")));
    commit("16:59:14.999");
    expect(outcomes).toEqual([]);
    commit("16:59:15");
    const { id } = signed(rules, HOME, bid(1));
    const refusal = { code: "listingNotOpen", listingId: LISTING, state: "AUCTION_CLOSED" };
    expect(journal.slice(2)).toEqual(["drop 1", "refused listingNotOpen"]);
    expect(outcomes).toEqual([{ ok: false, refusal }]);
    expect(publisher.of("refused")).toEqual([{ type: "refused", transactionId: id, refusal }]);
    expect(ids()).toEqual([]);
  });

  it("is an amendment once the cut-off has passed: what stands, stands", () => {
    const { rules, submit, commit, clock, ids, outcomes } = openHome();
    commit("16:21:00", signed(rules, HOME, bid(1)));
    submit(bid(2));
    commit("16:58:59");
    expect(outcomes).toEqual([]);
    clock.advanceTo(at(T("16:59:00")));
    commit("16:59:00");
    const refusal = { code: "amendedTooLate", cutoffAt: at(T("16:59:00")) };
    // Kept, for a clock may go back, and its number must not be signed for again.
    expect([outcomes, ids().length]).toEqual([[{ ok: false, refusal }], 1]);
  });

  it("and not signed for again when the clock goes back before the cut-off", () => {
    const { rules, submit, commit, clock, outcomes, network } = openHome();
    commit("16:21:00", signed(rules, HOME, bid(1)));
    submit(bid(2));
    // Far ahead for a moment: by this clock the amendment came too late, and its number is free.
    const ahead = at(T("16:59:05")) - clock.now();
    clock.step(ahead);
    commit("16:22:00");
    expect(outcomes).toMatchObject([{ ok: false, refusal: { code: "amendedTooLate" } }]);
    clock.step(-ahead);
    submit(say.buyOffer(LISTING, { energy: kwh(2), price: perKwh(3), sequence: 2 }));
    expect(outcomes[1]).toMatchObject({ ok: false, refusal: { code: "alreadySigned" } });
    expect(network.said("transaction")).toHaveLength(1);
  });

  it("is told apart from what landed in the same block", () => {
    const { rules, journal, submit, commit } = openHome();
    submit(bid(1));
    submit(bid(2));
    commit("16:21:00", signed(rules, HOME, bid(2)));
    // One write for both; what the amendment overtook is stale.
    expect(journal.slice(-3)).toEqual(["drop 2", "done", "refused staleSequence"]);
  });

  it("goes back to the mempool as long as it can still land", () => {
    const { rules, mempool, submit, commit } = openHome();
    submit(bid(1));
    const { id } = signed(rules, HOME, bid(1));
    // A proposer leaves out what did not apply in its order, and forgets it.
    mempool.drop([id]);
    commit("16:21:00", signed(rules, OTHER, bid(1)));
    expect(mempool.has(id)).toBe(true);
  });
});

describe("after a restart on the same disk", () => {
  it("what is pending is still said, and is neither signed nor written again", () => {
    const before = openHome();
    before.submit(bid(1));
    const { chain, disk } = before;
    const after = openHome({ chain, store: disk });
    expect(after.outbox.pending()).toEqual(before.network.said("transaction"));
    expect(after.isPending(bid(1))).toBe(true);
    after.submit(bid(1));
    expect(after.journal).toEqual(["refused alreadyPending"]);
    after.commit("16:21:00", signed(chain.rules, HOME, bid(1)));
    expect(after.journal.slice(1)).toEqual(["drop 1"]);
    expect(after.ids()).toEqual([]);
  });

  it("what landed or ended meanwhile is dropped; what may still be lifted stays", () => {
    const before = openHome();
    const { chain, disk, rules } = before;
    before.submit(bid(1));
    before.submit(bid(2));
    const unknown = say.pvOffer(LISTING, "buyer1house", { energy: kwh(1) });
    before.submit(unknown);
    chain.addSigned(T("16:21:00"), [signed(rules, HOME, bid(1))]);
    const after = openHome({ chain, store: disk });
    expect(after.journal).toEqual(["drop 1"]);
    expect(after.ids()).toEqual([signed(rules, HOME, bid(2)).id, signed(rules, HOME, unknown).id]);
  });
});

describe("one number", () => {
  const dear: Payload = say.buyOffer(LISTING, { energy: kwh(1), price: perKwh(90), sequence: 2 });
  const cheap: Payload = say.buyOffer(LISTING, { energy: kwh(1), price: perKwh(2), sequence: 2 });
  const alreadySigned = { code: "alreadySigned", purpose: `buyOffer:${LISTING}:2` };

  it("is not signed for a second thing while the first is under way", () => {
    const { submit, outcomes, network } = openHome();
    submit(dear);
    submit(cheap);
    expect(outcomes).toEqual([{ ok: false, refusal: alreadySigned }]);
    expect(network.said("transaction")).toHaveLength(1);
  });

  it("nor after it was refused, nor after a restart, until its listing takes no more", () => {
    const home = openHome();
    const { chain, disk, rules, submit, commit, outcomes } = home;
    submit(dear);
    // 90 tokens are free no more, and the others have heard of the bid.
    chain.state = broke(chain.state, 1);
    commit("16:22:00");
    expect(outcomes).toMatchObject([{ ok: false, refusal: { code: "insufficientFunds" } }]);
    expect([home.outbox.pending(), home.ids()]).toEqual([[], [signed(rules, HOME, dear).id]]);
    chain.state = broke(chain.state, 200);
    submit(cheap);
    expect(outcomes[1]).toEqual({ ok: false, refusal: alreadySigned });
    chain.state = broke(chain.state, 1);
    const after = openHome({ chain, store: disk });
    after.submit(cheap);
    expect(after.outcomes).toEqual([{ ok: false, refusal: alreadySigned }]);
    after.submit(bid(3));
    expect(after.outbox.pending()).toHaveLength(1);
    after.commit("17:00:30");
    expect(after.ids()).toEqual([]);
  });

  it("of a receipt waits for its validator to get its seat back", () => {
    const chain = new TestChain(makeRules({ validators: [FIRST, HOME] }));
    chain.add(T("16:10:00"), [HOME, registration(HOME)], [OTHER, registration(OTHER)]);
    const home = openHome({ chain });
    const [, receipt] = chain.receipt(HOME, [["ab".repeat(32) as never, T("16:10:30")]]);
    home.submit(receipt);
    const { validators } = chain.state;
    chain.state = {
      ...chain.state,
      validators: validators.slice(0, 1),
      nextValidators: validators,
    };
    home.commit("16:21:00");
    expect(home.outcomes).toEqual([]);
    expect(home.isPending(receipt)).toBe(true);
    const again = { ...receipt, to: (receipt.to + 1) as never };
    home.submit(again);
    expect(home.outcomes).toMatchObject([{ refusal: { code: "alreadySigned" } }]);
    home.commit("16:22:00");
    expect(home.mempool.all().map((one) => one.transaction.payload.type)).toEqual(["receipt"]);
  });
});

/** As if the CA had left buyer1 with so many tokens. */
function broke(state: LedgerState, left: number): LedgerState {
  const member = state.members.get(memberId(HOME));
  if (member === undefined) throw new Error("buyer1 is a member");
  const balance = tokens(left + Number(member.reserved) / 1_000_000);
  const issued = microTokens(state.issued + balance - member.balance);
  const members = new Map(state.members).set(member.memberId, { ...member, balance });
  return { ...state, members, issued };
}

describe("several cards on one home", () => {
  const step = (sequence: number): Payload => say.administrator("createListing", sequence, LISTING);

  it("sign in their own names, each with its own numbers", () => {
    const { rules, submit, isPending, commit, outcomes, outbox, chain } = openHome();
    submit(bid(1));
    submit(
      say.buyOffer(LISTING, { energy: kwh(2), price: perKwh(2), sequence: 1 }),
      testCard(OTHER),
    );
    expect([isPending(bid(1)), isPending(bid(1), OTHER), isPending(bid(1), FIRST)]).toEqual([
      ...[true, true, false],
    ]);
    expect(outbox.isOffering(LISTING as never, OTHER as never)).toBe(true);
    expect(outbox.isOffering(LISTING as never, FIRST as never)).toBe(false);
    const others = signed(
      rules,
      OTHER,
      say.buyOffer(LISTING, { energy: kwh(2), price: perKwh(2), sequence: 1 }),
    );
    commit("16:21:00", signed(rules, HOME, bid(1)), others);
    expect(outcomes.map(({ ok }) => ok)).toEqual([true, true]);
    expect(chain.listing(LISTING)?.buyOffers.size).toBe(2);
  });

  it("the administrator's among them", () => {
    const chain = new TestChain(makeRules({ schedule: "manual" }));
    chain.add(T("16:10:00"), [HOME, registration(HOME)]);
    const home = openHome({ chain });
    home.submit(step(1), testCard(ADMINISTRATOR));
    home.submit(step(2));
    expect(home.journal).toEqual(["save", "publish transaction", "refused notAllowed"]);
    expect(home.mempool.all()[0]?.transaction.author).toBe(memberId(ADMINISTRATOR));
  });

  it("wait each in its 64 places, in 512 in all", () => {
    const { submit, outcomes, outbox, ids } = openHome();
    const cards = Array.from({ length: 8 }, (_, i) => testCard(`many${i}@vt.edu`));
    // Not members yet: said again until they are.
    for (const card of cards) for (let n = 1; n <= 64; n += 1) submit(bid(n), card);
    expect([outcomes, ids().length]).toEqual([[], 512]);
    expect(outbox.hasRoom(memberId(HOME), 64)).toBe(false);
    submit(bid(1));
    expect(outcomes).toEqual([{ ok: false, refusal: { code: "outboxFull", max: 64 } }]);
  });
});

describe("the next number", () => {
  const wanted: Intent = {
    ...{ type: "buyOffer", listingId: LISTING as never },
    ...{ energy: kwh(1), bidPrice: perKwh(1) },
  };

  it("is above the ledger's, what is under way, what was refused, and what was heard", () => {
    const home = openHome();
    const { rules, outbox, chain } = home;
    const next = (author = HOME) => outbox.freeNumber(wanted, memberId(author));
    expect(next()).toBe(1);
    home.commit("16:21:00", signed(rules, HOME, bid(3)));
    expect([next(), next(OTHER)]).toEqual([4, 1]);
    home.submit(say.buyOffer(LISTING, { energy: kwh(1), price: perKwh(90), sequence: 4 }));
    expect(next()).toBe(5);
    // Of an earlier life, or signed in another home.
    home.mempool.add(encodeTransaction(communityId(rules), signed(rules, HOME, bid(7))));
    expect([next(), next(OTHER)]).toEqual([8, 1]);
    home.submit(say.buyOffer(LISTING, { energy: kwh(1), price: perKwh(2), sequence: 7 }));
    expect(home.outcomes).toMatchObject([{ refusal: { code: "alreadySigned" } }]);
    home.mempool.drop(home.mempool.all().map(({ transaction }) => transaction.id));
    chain.state = broke(chain.state, 0);
    home.commit("16:22:00");
    expect([home.outbox.pending(), next()]).toEqual([[], 5]);
  });

  it("of a card at several homes is never another home's", () => {
    const numbers = (place: number, firsts: readonly number[]) =>
      firsts.map((least) => numberFrom(least, { homes: 5, place }));
    expect(numbers(0, [1, 5, 6])).toEqual([5, 5, 10]);
    expect(numbers(1, [1, 2, 6])).toEqual([1, 6, 6]);
    expect(numbers(4, [1, 4, 5, 10])).toEqual([4, 4, 9, 14]);
    expect(numberFrom(7, ALONE)).toBe(7);
  });

  it("counts by listing and PV, and all steps of the administrator's together", () => {
    const chain = new TestChain(makeRules({ schedule: "manual" }));
    chain.add(T("16:10:00"), [ADMINISTRATOR, say.administrator("createListing", 5, LISTING)]);
    const { outbox, submit } = openHome({ chain });
    const close: Intent = { type: "closeBidding", listingId: LISTING as never };
    const next = () => outbox.freeNumber(close, memberId(ADMINISTRATOR));
    expect(next()).toBe(6);
    submit(say.administrator("createListing", 6, "21Mar18-14:00"), testCard(ADMINISTRATOR));
    expect(next()).toBe(7);
    const other = { ...wanted, listingId: "21Mar18-14:00" as never };
    submit(bid(9), testCard(OTHER));
    expect(outbox.freeNumber(other, memberId(OTHER))).toBe(1);
    const registerPv = (id: string): Intent => ({
      ...{ type: "registerPv", owner: memberId(HOME) },
      ...{ pvId: id as never, capacity: 1 as never },
    });
    submit(say.registerPv(HOME, "a", 10_000, 3));
    expect(outbox.freeNumber(registerPv("a"), memberId(HOME))).toBe(4);
    expect(outbox.freeNumber(registerPv("b"), memberId(HOME))).toBe(1);
    expect(outbox.freeNumber(registration(HOME) as Intent, memberId(HOME))).toBe(null);
    // Its names are a member's own to number; the administrator's changes are steps like others.
    const change: Intent = {
      ...{ type: "changeMember", memberId: memberId(HOME), firstName: "B", lastName: "B" },
      balance: null,
    };
    expect(outbox.freeNumber(change, memberId(HOME))).toBe(1);
    expect(outbox.freeNumber(change, memberId(ADMINISTRATOR))).toBe(7);
  });
});

describe("an order of the CA's", () => {
  const order = (sequence: number, payload: Payload = say.grant(sequence, HOME, tokens(5))) => {
    const transaction = signed(makeRules(), null, payload);
    return { transaction, encoded: encodeTransaction(communityId(makeRules()), transaction) };
  };
  const given = (home: ReturnType<typeof openHome>, encoded: Uint8Array) =>
    home.outbox.say(encoded, home.answered);

  it("is on the disk before it is published, as the CA signed it, and answered after the commit", () => {
    const home = openHome();
    const { transaction, encoded } = order(1);
    given(home, encoded);
    expect(home.journal).toEqual(["save", "publish transaction"]);
    expect(home.disk.ownTransactions()).toEqual([{ id: transaction.id, bytes: encoded }]);
    expect(home.network.said("transaction")).toEqual([encoded]);
    expect(home.mempool.has(transaction.id)).toBe(true);
    home.commit("16:21:00", transaction);
    expect(home.journal.slice(2)).toEqual(["drop 1", "done"]);
    expect(home.chain.balance(HOME)).toBe(205);
  });

  it("is not published when it could not be written", () => {
    const saveOwnTransaction = () => {
      throw new Error("disk full");
    };
    const home = openHome({ store: { ...createMemoryStore(), saveOwnTransaction } });
    expect(() => given(home, order(1).encoded)).toThrow("disk full");
    expect([home.network.published.length, home.mempool.size()]).toEqual([0, 0]);
    expect(home.outbox.pending()).toEqual([]);
  });

  it("is still carried after a restart; who gives it again is answered", () => {
    const before = openHome();
    const { transaction, encoded } = order(1);
    given(before, encoded);
    const after = openHome({ chain: before.chain, store: before.disk });
    expect(after.outbox.pending()).toEqual([encoded]);
    expect(after.mempool.has(transaction.id)).toBe(true);
    given(after, encoded);
    given(after, encoded);
    expect(after.journal).toEqual(["refused alreadyPending"]);
    after.commit("16:21:00", transaction);
    expect(after.journal.slice(1)).toEqual(["drop 1", "done"]);
  });

  it("is dropped by the next start if it landed, or was overtaken, meanwhile", () => {
    const before = openHome();
    given(before, order(1).encoded);
    before.chain.addSigned(T("16:21:00"), [order(2).transaction]);
    const after = openHome({ chain: before.chain, store: before.disk });
    expect([after.journal, after.ids()]).toEqual([["drop 1"], []]);
    given(after, order(1).encoded);
    expect(after.outcomes).toEqual([
      { ok: false, refusal: { code: "staleSequence", have: 2, got: 1 } },
    ]);
  });

  it("is told to be overtaken when a later one lands first", () => {
    const home = openHome();
    given(home, order(1).encoded);
    home.commit("16:21:00", order(2).transaction);
    expect(home.journal.slice(2)).toEqual(["drop 1", "refused staleSequence"]);
    expect(home.ids()).toEqual([]);
  });

  it("goes back to the mempool as long as it can still land", () => {
    const home = openHome();
    const { transaction, encoded } = order(1);
    given(home, encoded);
    home.mempool.drop([transaction.id]);
    home.commit("16:21:00");
    expect(home.mempool.has(transaction.id)).toBe(true);
  });

  it("is refused with nothing written or sent: a member's, a restart, a forgery, another community's", () => {
    const home = openHome();
    const { rules } = home;
    const encodedFor = (transaction: Transaction) =>
      encodeTransaction(communityId(rules), transaction);
    const { transaction } = order(1);
    const restart = {
      ...{ type: "restart", sequence: 1, height: 1, blockId: "ab".repeat(32) },
      validators: rules.validators,
    } as Payload;
    const elsewhere = makeRules({ name: "another" });
    const notOurs = signed(elsewhere, null, transaction.payload);
    given(home, encodedFor(signed(rules, HOME, bid(1))));
    given(home, encodedFor(signed(rules, HOME, transaction.payload)));
    given(home, encodedFor(signed(rules, null, restart)));
    given(home, encodedFor({ ...transaction, signature: signed(rules, HOME, bid(1)).signature }));
    given(home, encodeTransaction(communityId(elsewhere), notOurs));
    given(home, encodedFor(notOurs));
    given(home, Uint8Array.of(1, 2, 3));
    expect(home.journal).toEqual([
      ...["refused notAllowed", "refused notAllowed", "refused notAllowed"],
      ...["refused badSignature", "refused otherCommunity", "refused badSignature"],
      "refused malformed",
    ]);
    expect([home.ids(), home.network.published.length, home.mempool.size()]).toEqual([[], 0, 0]);
  });

  it("that does not fit is refused at once by a home that knows, whatever its card might wait for", () => {
    const home = openHome();
    given(home, order(1, say.revoke(1, "x@vt.edu")).encoded);
    expect(home.journal).toEqual(["refused unknownMember"]);
    expect(home.ids()).toEqual([]);
  });

  it("that does not fit yet waits in a home that has blocks to fetch", () => {
    const chain = new TestChain();
    chain.add(T("16:10:00"));
    const home = openHome({ chain, isCaughtUp: false });
    const { transaction, encoded } = order(1);
    given(home, encoded);
    home.commit("16:21:00");
    expect(home.journal).toEqual(["save", "publish transaction"]);
    home.commit("16:21:30", signed(home.rules, HOME, registration(HOME)));
    expect(home.mempool.has(transaction.id)).toBe(true);
    home.commit("16:22:00", transaction);
    expect(home.outcomes).toEqual([{ ok: true, value: transaction.id }]);
    // A number that is used stays used, whatever is fetched.
    given(home, order(1, say.revoke(1, HOME)).encoded);
    expect(home.outcomes[1]).toMatchObject({ refusal: { code: "staleSequence" } });
  });

  it("waits in at most 64 places", () => {
    const home = openHome();
    for (let n = 1; n <= 65; n += 1) given(home, order(n).encoded);
    expect(home.outcomes).toEqual([{ ok: false, refusal: { code: "outboxFull", max: 64 } }]);
    expect(home.ids()).toHaveLength(64);
  });
});

describe("purposeOf", () => {
  it("tells apart what may be under way at the same time", () => {
    const payloads: readonly Payload[] = [
      registration(HOME),
      say.registerPv(HOME, "a"),
      say.registerPv(HOME, "b"),
      say.pvOffer(LISTING, "a", { energy: kwh(1), sequence: 1 }),
      say.pvOffer(LISTING, "a", { energy: kwh(1), sequence: 2 }),
      bid(1),
      bid(2),
      say.meterReading(LISTING, { imported: [0, 1], exported: [0, 1] }),
      say.grant(1, HOME, 1n as never),
      say.revoke(1, HOME),
      say.bindIdentity(1, HOME),
      say.changeMember(1, HOME, {}),
      say.removePv("a", 1),
      say.removePv("b", 1),
      report(doubleVote(makeRules(), OTHER)),
      report(doubleVote(makeRules(), OTHER, { round: 1 })),
      say.administrator("createListing", 1, LISTING),
      say.administrator("acceptOfferBroadcast", 1, LISTING),
      say.administrator("closeBidding", 1, LISTING),
    ];
    expect(new Set(payloads.map(purposeOf)).size).toBe(payloads.length);
    expect(
      purposeOf(say.buyOffer(LISTING, { energy: kwh(9), price: perKwh(9), sequence: 1 })),
    ).toBe(purposeOf(bid(1)));
  });
});

describe("a validator that was given its card or another one again", () => {
  const NEW = "the second card";
  function voting() {
    const others = ["a@vt.edu", "b@vt.edu", "c@vt.edu"];
    const chain = new TestChain(makeRules({ validators: [...others, HOME] }));
    chain.add(T("16:10:00"), ...[...others, HOME].map((n) => [n, registration(n)] as const));
    const ca = (payload: Payload) => signed(chain.rules, null, payload);
    const home = openHome({ chain });
    const offer = signed(chain.rules, "b@vt.edu", bid(0));
    home.commit("16:20:30", offer);
    const [, receipt] = chain.receipt(HOME, [[offer, T("16:20:30")]]);
    return { home, chain, ca, receipt };
  }
  const seat = (publicKey: Uint8Array): Payload => ({
    ...{
      type: "validatorChange",
      sequence: 3,
      add: [{ memberId: memberId(HOME), publicKey }],
      remove: [],
    },
  });

  it("says the receipt that waited for its card", () => {
    const { home, chain, ca, receipt } = voting();
    home.submit(receipt);
    home.commit("16:21:00", ca(say.revoke(1, HOME)));
    home.commit("16:22:00", ca(say.bindIdentity(2, HOME)));
    home.commit("16:23:00", ca(seat(testCard(HOME).publicKey)));
    home.commit("16:24:00");
    home.commit("16:25:00");
    home.commit("16:26:00");
    expect(chain.state.validators.length).toBe(4);
    expect(home.outbox.pending().length).toBe(1);
  });

  it("says receipts with the other one, under the number that the old one had", () => {
    const { home, chain, ca, receipt } = voting();
    const key = testKey(NEW);
    home.submit(receipt);
    home.commit("16:21:00", ca(say.revoke(1, HOME)));
    home.commit("16:22:00", ca(say.bindIdentity(2, HOME, NEW)));
    home.commit("16:23:00", ca(seat(key.publicKey)));
    for (const t of ["16:24:00", "16:25:00", "16:26:00"]) home.commit(t);
    const again = openHome({ chain, store: home.disk, time: T("16:27:00") });
    const other = { ...receipt, to: (receipt.to + 1) as never };
    again.submit(other, { ...testCard(HOME), ...key });
    expect(again.outbox.pending().length).toBe(1);
  });
});
