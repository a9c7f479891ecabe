// Intents on a real ledger, mempool and outbox; blocks are made by hand, of what is under way.

import { describe, expect, it } from "vitest";
import { communityId } from "../../../agent/core/ledger/rules.ts";
import { encodeTransaction, type Transaction } from "../../../agent/core/ledger/transaction.ts";
import { listingId, memberId, pvId, type TransactionId } from "../../../agent/core/units/ids.ts";
import { INTENTS_WAITING_MAX } from "../../../agent/loops/intents.ts";
import type { Intent } from "../../../agent/ports.ts";
import {
  ADMINISTRATOR,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
  testCard,
} from "../../support/ledger.ts";
import { type SpeakingHomeOptions, speakingHome } from "../../support/speakingHome.ts";

const BUYER = "buyer1@vt.edu";
const OTHER = "buyer2@vt.edu";
const LISTING = listingId("21Mar18-13:00");
const T = (time: string) => `2018-03-21T${time}Z`;

const bid = (energy: number, listing = LISTING): Intent => ({
  ...{ type: "buyOffer", listingId: listing, energy: kwh(energy), bidPrice: perKwh(1) },
});
const create = (hour: number): Intent => ({
  type: "createListing",
  listingId: listingId(`21Mar18-${hour}:00`),
});

/** The home of buyer1 in a laboratory where buyer1 and buyer2 are members and a listing is open. */
function openHome(options: Pick<SpeakingHomeOptions, "isCaughtUp" | "sharing"> = {}) {
  const chain = new TestChain(makeRules({ schedule: "manual" }));
  chain.add(T("16:10:00"), [BUYER, registration(BUYER)], [OTHER, registration(OTHER)]);
  chain.add(
    T("16:11:00"),
    [ADMINISTRATOR, say.administrator("createListing", 1, LISTING)],
    [ADMINISTRATOR, say.administrator("acceptOfferBroadcast", 2, LISTING)],
  );
  const home = speakingHome({ ...options, chain });
  const { intents, mempool, answered, outcomes } = home;
  const ids: TransactionId[] = [];
  const submit = (intent: Intent, author = BUYER) =>
    intents.submit(intent, testCard(author), answered, (id) => ids.push(id));
  const commit = (when: string, others?: readonly Transaction[]) => home.commit(T(when), others);
  const numbers = () =>
    mempool
      .all()
      .flatMap(({ transaction: { payload } }) => ("sequence" in payload ? [payload.sequence] : []));
  const codes = () => outcomes.map((one) => (one.ok ? "done" : one.refusal.code));
  return { ...home, chain, rules: chain.rules, ids, submit, commit, numbers, codes };
}

describe("an intent", () => {
  it("gets its number when it is signed: two at once never share one", () => {
    const { submit, numbers, commit, outcomes, ids, chain } = openHome();
    submit(bid(1));
    submit(bid(2));
    submit(bid(3), OTHER);
    expect(numbers()).toEqual([1, 2, 1]);
    expect(outcomes).toEqual([]);
    commit("16:21:00");
    expect(outcomes).toEqual(ids.map((value) => ({ ok: true, value })));
    expect(chain.listing(LISTING)?.buyOffers.get(memberId(BUYER))).toMatchObject({
      ...{ sequence: 2, energy: 2000 },
    });
    submit(bid(4));
    expect(numbers()).toEqual([3]);
  });

  it("is said once while the same is under way: who asks again waits with the first", () => {
    const { submit, numbers, commit, codes, ids, network } = openHome();
    submit(bid(1));
    submit(bid(1));
    expect([numbers(), new Set(ids).size, ids.length]).toEqual([[1], 1, 2]);
    commit("16:21:00");
    expect(codes()).toEqual(["done", "done"]);
    // What was amended meanwhile is another: 1, then 2, then 1 again.
    submit(bid(2));
    submit(bid(1));
    submit(bid(2));
    expect(numbers()).toEqual([2, 3, 4]);
    expect(network.said("transaction")).toHaveLength(4);
  });

  it("is refused on a ledger that may be an old one", () => {
    const { submit, codes, disk } = openHome({ isCaughtUp: false });
    submit(bid(1));
    expect([codes(), disk.ownTransactions()]).toEqual([["notCaughtUp"], []]);
  });

  it("that cannot be is refused at once, and nothing is kept", () => {
    const { submit, codes, disk, network } = openHome();
    submit(bid(400));
    submit(create(13), ADMINISTRATOR);
    submit(create(14));
    expect(codes()).toEqual(["beyondBidMax", "listingExists", "notAllowed"]);
    expect([disk.ownTransactions().length, network.published.length]).toEqual([0, 0]);
  });
});

describe("several intents tried together", () => {
  it("are refused with the first that the ledger would not take after those before it; nothing is signed", () => {
    const { intents, disk, network } = openHome();
    const buyer = memberId(BUYER);
    expect(intents.firstRefused([bid(1), bid(2)], buyer)).toBe(null);
    const lost = bid(1, listingId("21Mar18-23:00"));
    expect(intents.firstRefused([bid(1), lost], buyer)).toMatchObject({
      ...{ at: 1, refusal: { code: "listingUnknown" } },
    });
    expect(intents.firstRefused([bid(201)], buyer)).toMatchObject({ at: 0 });
    const administrator = memberId(ADMINISTRATOR);
    expect(intents.firstRefused([create(14), create(15)], administrator)).toBe(null);
    expect(intents.firstRefused([create(14), create(14)], administrator)).toMatchObject({
      ...{ at: 1, refusal: { code: "listingExists" } },
    });
    expect(intents.firstRefused([create(14)], buyer)).toMatchObject({
      ...{ at: 0, refusal: { code: "notAllowed" } },
    });
    expect([disk.ownTransactions(), network.published]).toEqual([[], []]);
  });
});

describe("a card at two homes that have not heard of each other", () => {
  it("signs no number twice, and joins what is under way all the same", () => {
    const homes = [0, 1].map((place) => openHome({ sharing: { homes: 2, place } }));
    const numbersOf = homes.map(({ submit, numbers }) => {
      for (const energy of [1, 2, 3, 3]) submit(bid(energy));
      return numbers();
    });
    expect(numbersOf).toEqual([
      [2, 4, 6],
      [1, 3, 5],
    ]);
  });
});

describe("what the asker may have seen before us", () => {
  const later = listingId("21Mar18-14:00");

  it("is waited for, and said after the block that has it", () => {
    const { submit, commit, codes, rules, numbers } = openHome();
    submit(bid(1, later));
    expect(codes()).toEqual([]);
    const steps = [
      say.administrator("createListing", 3, later),
      say.administrator("acceptOfferBroadcast", 4, later),
    ].map((step) => signed(rules, ADMINISTRATOR, step));
    commit("16:20:01", steps);
    expect(numbers()).toEqual([1]);
    commit("16:20:02");
    expect(codes()).toEqual(["done"]);
  });

  it("a member's registration, too; nothing is on the disk before", () => {
    const { submit, commit, codes, rules, disk } = openHome();
    const newcomer = "buyer3@vt.edu";
    submit(bid(1), newcomer);
    expect([codes(), disk.ownTransactions()]).toEqual([[], []]);
    commit("16:20:01", [signed(rules, newcomer, registration(newcomer))]);
    commit("16:20:02");
    expect(codes()).toEqual(["done"]);
  });

  it("for a second, and refused then", () => {
    const { submit, clock, codes, disk } = openHome();
    submit(bid(1, later));
    clock.advance(999);
    expect(codes()).toEqual([]);
    clock.advance(1);
    expect([codes(), disk.ownTransactions()]).toEqual([["listingUnknown"], []]);
    expect(clock.waiting()).toBe(0);
  });

  it("in so many places", () => {
    const { submit, codes } = openHome();
    for (let n = 0; n < INTENTS_WAITING_MAX; n += 1) submit(bid(1, later));
    expect(codes()).toEqual([]);
    submit(bid(1, later));
    expect(codes()).toEqual(["listingUnknown"]);
  });

  it("and told that nothing comes of it when the agent stops", () => {
    const { submit, intents, codes } = openHome();
    submit(bid(1, later));
    intents.stop();
    expect(codes()).toEqual(["stopped"]);
  });
});

describe("the administrator's steps", () => {
  it("are numbered again when another home was quicker", () => {
    const { submit, commit, codes, rules, numbers, chain, ids } = openHome();
    submit(create(14), ADMINISTRATOR);
    expect(numbers()).toEqual([3]);
    // Another home's ledger had no more either.
    commit("16:21:00", [
      signed(rules, ADMINISTRATOR, say.administrator("createListing", 3, "21Mar18-15:00")),
    ]);
    expect([codes(), numbers()]).toEqual([[], [4]]);
    commit("16:22:00");
    expect(codes()).toEqual(["done"]);
    expect(chain.listing("21Mar18-14:00")?.listingId).toBe("21Mar18-14:00");
    expect(new Set(ids).size).toBe(2);
  });

  it("are above what another home has said and no block has yet", () => {
    const { submit, mempool, rules, numbers } = openHome();
    const step = signed(
      rules,
      ADMINISTRATOR,
      say.administrator("createListing", 7, "21Mar18-15:00"),
    );
    mempool.add(encodeTransaction(communityId(rules), step));
    submit(create(14), ADMINISTRATOR);
    expect(numbers()).toEqual([7, 8]);
  });

  it("a PV that was removed comes back under a higher number", () => {
    const { submit, commit, codes, chain } = openHome();
    const pv = { pvId: pvId("buyer1house"), owner: memberId(BUYER), capacity: 5000 as never };
    const register: Intent = { type: "registerPv", ...pv };
    submit(register);
    commit("16:21:00");
    submit({ type: "removePv", pvId: pv.pvId });
    commit("16:22:00");
    submit(register);
    commit("16:23:00");
    expect(codes()).toEqual(["done", "done", "done"]);
    expect(chain.state.pvs.get(pv.pvId)).toEqual({ ...pv, sequence: 3 });
  });

  it("are given up where the ledger has moved on, and after 16 numbers", () => {
    const home = openHome();
    const others = (sequence: number, hour: number) => [
      signed(
        home.rules,
        ADMINISTRATOR,
        say.administrator("createListing", sequence, `21Mar18-${hour}:00`),
      ),
    ];
    home.submit(create(14), ADMINISTRATOR);
    home.commit("16:21:00", others(4, 14));
    expect(home.codes()).toEqual(["listingExists"]);
    home.submit(create(23), ADMINISTRATOR);
    for (let n = 0; n < 16; n += 1) {
      expect(home.codes()).toHaveLength(1);
      const day = String(n + 1).padStart(2, "0");
      const step = say.administrator("createListing", 5 + n, `${day}Apr18-13:00`);
      home.commit(`16:${22 + n}:00`, [signed(home.rules, ADMINISTRATOR, step)]);
    }
    expect(home.codes()).toEqual(["listingExists", "staleSequence"]);
  });

  it("an offer is not numbered again: what was said under its number stands", () => {
    const { submit, commit, codes, rules, numbers } = openHome();
    submit(bid(1));
    const elsewhere = say.buyOffer(LISTING, { energy: kwh(9), price: perKwh(1), sequence: 1 });
    commit("16:21:00", [signed(rules, BUYER, elsewhere)]);
    expect([codes(), numbers()]).toEqual([["staleSequence"], []]);
  });
});

describe("more than a mempool takes of one card", () => {
  it("waits for a place, unsigned, and is said when there is one", () => {
    const { submit, numbers, commit, codes, disk, chain } = openHome();
    for (let n = 1; n <= 60; n += 1) submit(bid(n / 100));
    submit(bid(1), OTHER);
    // 48 of 64 places of buyer1, for its home has to speak, too; the others wait for nobody.
    expect(numbers()).toHaveLength(49);
    expect(disk.ownTransactions()).toHaveLength(49);
    commit("16:21:00");
    expect(codes()).toHaveLength(49);
    expect(numbers()).toEqual(Array.from({ length: 12 }, (_, n) => 49 + n));
    commit("16:22:00");
    expect(codes()).toEqual(Array(61).fill("done"));
    expect(chain.listing(LISTING)?.buyOffers.get(memberId(BUYER))?.energy).toBe(600);
  });

  it("in so many places, and is refused beyond", () => {
    const { submit, codes } = openHome();
    const all = 48 + INTENTS_WAITING_MAX;
    for (let n = 1; n <= all; n += 1) submit(bid(n / 1000));
    expect(codes()).toEqual([]);
    submit(bid(0.999));
    expect(codes()).toEqual(["outboxFull"]);
  });
});
