// What doors read of a home's past, on real files: after a replay, beside a writing agent, and in a ledger
// that begins with a snapshot.

import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Verifier } from "../../../agent/core/crypto.ts";
import { blockId, encodeBlock } from "../../../agent/core/ledger/block.ts";
import { communityId, encodeRules } from "../../../agent/core/ledger/rules.ts";
import type { Payload } from "../../../agent/core/ledger/transaction.ts";
import { mustBeAccepted } from "../../../agent/core/result.ts";
import { listingId, memberId } from "../../../agent/core/units/ids.ts";
import { openHistory } from "../../../agent/io/store/history.ts";
import { type OpenStore, openStore } from "../../../agent/io/store/store.ts";
import { openLedger } from "../../../agent/loops/ledger.ts";
import { certificateFor } from "../../support/certificate.ts";
import { at, kwh, makeRules, perKwh, registration, say, TestChain } from "../../support/ledger.ts";
import {
  BUYER,
  HOUR_12,
  HOUR_15,
  SELLER,
  SNAPSHOT_AT,
  snapshotChain,
  snapshotOf,
} from "../../support/snapshotChain.ts";
import { codeOf, type Scratch, scratch, silent } from "./fixtures.ts";

const T = (time: string) => `2018-03-21T${time}Z`;
const verifier = new Verifier();

let place: Scratch;
beforeEach(() => {
  place = scratch();
});
afterEach(() => place.remove());

function openHome(name: string, { rules }: TestChain) {
  const dir = place.fresh(name);
  const communityIdOf = communityId(rules);
  const store = openStore(dir, {
    ...{ communityId: communityIdOf, memberId: memberId(SELLER) },
    ...{ rules: encodeRules(rules), log: silent },
  });
  return { dir, store };
}

function follow(store: OpenStore, { rules }: TestChain, blocks: TestChain["blocks"]) {
  const ledger = openLedger({ rules, store, verifier });
  for (const block of blocks) {
    const executed = mustBeAccepted(ledger.execute(encodeBlock(block)), "the block follows");
    const id = blockId(block.header);
    ledger.commit(executed, certificateFor(rules, block.header.height, id));
  }
}

/** The home that replayed the whole chain. */
function replayed(chain: TestChain) {
  const { dir, store } = openHome("replayed", chain);
  follow(store, chain, chain.blocks);
  const history = openHistory(dir);
  const close = () => {
    history.close();
    store.close();
  };
  return { history, close, store };
}

const types = (entries: readonly { readonly payload: Payload }[]) =>
  entries.map(({ payload }) => payload.type);

describe("the history of a home", () => {
  const { chain, at10 } = snapshotChain();

  it("knows listings that have left the state, their offers and fills", () => {
    const { history, close } = replayed(chain);
    expect(chain.state.listings.has(listingId(HOUR_12))).toBe(false);
    expect(history.listing(listingId(HOUR_12))).toEqual({
      ...{ listingId: HOUR_12, deliveryStart: at(T("16:00:00")), state: "AUCTION_CLOSED" },
      ...{ mcp: 3000, resultHash: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    expect(history.listing(listingId("01Apr18-12:00"))).toBe(null);
    const newest = history.listings(2).map((one) => one.listingId);
    expect([newest, history.listings(100).map((one) => one.listingId)]).toEqual([
      [HOUR_15, "21Mar18-14:00"],
      expect.arrayContaining([HOUR_12, HOUR_15]),
    ]);
    // 6 kWh offered at 2, 4 kWh wanted at 3 tokens.
    expect(history.fills(listingId(HOUR_12))).toEqual([
      { seller: SELLER, pvId: "seller1house", buyer: BUYER, energy: 4000, price: 3000 },
    ]);
    const [offer] = history.pvOffers(listingId(HOUR_12));
    // In the block of 15:10:00, received at 15:11:00 as its validator says.
    expect(offer).toMatchObject({
      ...{ memberId: SELLER, pvId: "seller1house", sequence: 1, energy: 6000, reservePrice: 2000 },
      ...{ stamp: at(T("15:11:00")), time: at(T("15:10:00")) },
    });
    expect(history.transaction(offer?.transactionId as never)).toMatchObject({
      ...{ author: SELLER, height: 3, time: at(T("15:10:00")) },
      payload: { type: "pvOffer", listingId: HOUR_12 },
    });
    // The amendment stands, with its own block's time.
    expect(history.pvOffers(listingId(HOUR_15))).toMatchObject([
      { sequence: 2, time: at(T("18:16:00")) },
    ]);
    close();
  });

  it("walks the transactions from the newest down, no further than it may", () => {
    const { history, close } = replayed(chain);
    const all = history.transactions({ types: null, count: 1000, blocksMax: 1000 });
    const inChain = chain.blocks.reduce((sum, block) => sum + block.transactions.length, 0);
    expect([all.entries.length, all.isWhole]).toEqual([inChain, true]);
    expect(all.entries.map(({ height }) => height)).toEqual(
      all.entries.map(({ height }) => height).toSorted((a, b) => b - a),
    );
    // Block 1 has three registrations: seller1, buyer1, other; the last of them comes first.
    expect(all.entries.slice(-3).map(({ author }) => author)).toEqual([
      "other@vt.edu",
      BUYER,
      SELLER,
    ]);
    const asked = { types: new Set(["pvOffer"] as const), blocksMax: 1000 };
    const offers = history.transactions({ ...asked, count: 2 });
    expect(offers.entries.map(({ payload }) => payload)).toMatchObject([
      { type: "pvOffer", listingId: HOUR_15, sequence: 2 },
      { type: "pvOffer", listingId: HOUR_15, sequence: 1 },
    ]);
    // The newest three of 15 blocks: nothing in 15 and 14 but receipts, the amendment in 13.
    const near = history.transactions({ ...asked, count: 100, blocksMax: 3 });
    expect([types(near.entries), near.isWhole]).toEqual([["pvOffer"], false]);
    const nothing = history.transactions({ ...asked, count: 100, blocksMax: 0 });
    expect(nothing).toEqual({ entries: [], isWhole: false });
    close();
  });

  it("of a ledger that begins with a snapshot is what is there", () => {
    const { dir, store } = openHome("joined", chain);
    const { snapshot, state } = snapshotOf(at10);
    const ledger = openLedger({ rules: chain.rules, store, verifier });
    mustBeAccepted(ledger.install(snapshot, state), "the snapshot is right");
    follow(store, chain, chain.blocks.slice(SNAPSHOT_AT, SNAPSHOT_AT + 2));
    const history = openHistory(dir);
    const { entries, isWhole } = history.transactions({ types: null, count: 99, blocksMax: 99 });
    expect([types(entries), isWhole]).toEqual([["receipt", "meterReading", "buyOffer"], true]);
    const [offer] = history.pvOffers(listingId(HOUR_15));
    // Its block, the ninth, is not here: it was there when block 10 was made.
    expect(offer).toMatchObject({ sequence: 1, time: at(T("18:05:30")) });
    expect(offer?.transactionId).toBe(
      at10.listing(HOUR_15)?.pvOffers.values().next().value?.transactionId,
    );
    expect(history.transaction(offer?.transactionId as never)).toBe(null);
    history.close();
    store.close();
  });
});

describe("beside an agent that writes", () => {
  const rules = makeRules({ schedule: "manual", validators: [SELLER] });

  /** Blocks of three offers each, many more than are kept at hand. */
  function bigChain(blocks: number): TestChain {
    const chain = new TestChain(rules);
    chain.add(
      T("12:00:00"),
      ...[SELLER, BUYER].map((name) => [name, registration(name)] as const),
      [rules.administrator?.memberId ?? null, say.administrator("createListing", 1, HOUR_15)],
      [
        rules.administrator?.memberId ?? null,
        say.administrator("acceptOfferBroadcast", 2, HOUR_15),
      ],
    );
    for (let n = 1; n <= blocks; n += 1) {
      const sequence = (i: number) => 3 * (n - 1) + i;
      chain.add(
        at(T("12:00:00")) + 1000 * n,
        ...[1, 2, 3].map(
          (i) =>
            [
              BUYER,
              say.buyOffer(HOUR_15, { energy: kwh(1), price: perKwh(1), sequence: sequence(i) }),
            ] as const,
        ),
      );
    }
    return chain;
  }

  it("sees each block as soon as it is on the disk, in the order of the chain", () => {
    const chain = bigChain(80);
    const { dir, store } = openHome("writing", chain);
    follow(store, chain, chain.blocks.slice(0, 41));
    const history = openHistory(dir);
    const query = { types: new Set(["buyOffer"] as const), count: 5, blocksMax: 100 };
    const sequences = (count = 5) =>
      history
        .transactions({ ...query, count })
        .entries.map(({ payload }) => ("sequence" in payload ? payload.sequence : 0));
    expect(sequences()).toEqual([120, 119, 118, 117, 116]);
    follow(store, chain, chain.blocks.slice(41));
    expect(sequences()).toEqual([240, 239, 238, 237, 236]);
    expect(sequences(1000)).toEqual(Array.from({ length: 240 }, (_, i) => 240 - i));
    // Asked again, from what is at hand and what is not.
    expect(sequences(1000)).toHaveLength(240);
    const [live] = history.buyOffers(listingId(HOUR_15));
    const time = at(T("12:00:00")) + 80_000;
    expect(live).toMatchObject({ sequence: 240, stamp: time, time });
    history.close();
    store.close();
  });

  it("has nothing before the first block, and refuses a directory that is no home's", () => {
    const { dir, store } = openHome("empty", bigChain(0));
    const history = openHistory(dir);
    expect(history.listings(10)).toEqual([]);
    expect(history.transactions({ types: null, count: 10, blocksMax: 10 })).toEqual({
      ...{ entries: [], isWhole: true },
    });
    expect(history.transaction("ab".repeat(32) as never)).toBe(null);
    history.close();
    store.close();
    expect(codeOf(() => openHistory(place.fresh("nobody")))).toBe("io");
  });
});
