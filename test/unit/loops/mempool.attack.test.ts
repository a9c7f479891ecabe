// One member floods the minute in which the auction closes, and the void hour after it: whatever it says is too
// late, and each word of it must cost us a signature, not a market clearing or the release of all reservations.

import { expect, it } from "vitest";
import { communityId } from "../../../agent/core/ledger/rules.ts";
import type { Listing } from "../../../agent/core/ledger/state.ts";
import { encodeTransaction, RECEIPT_ENTRIES_MAX } from "../../../agent/core/ledger/transaction.ts";
import {
  OFFER_PREFIX_BYTES,
  type OfferPrefix,
  type TransactionId,
} from "../../../agent/core/units/ids.ts";
import type { UnixMs } from "../../../agent/core/units/time.ts";
import { createMempool } from "../../../agent/loops/mempool.ts";
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
} from "../../support/ledger.ts";

const BUYER = "buyer1@vt.edu";
const T = (time: string) => `2018-03-21T${time}Z`;

/** Counts how often all of it is looked at: once or more for each clearing or release. */
class CountingMap<K, V> extends Map<K, V> {
  walks = 0;
  override keys(): MapIterator<K> {
    this.walks += 1;
    return super.keys();
  }
}

it("clears no market for what comes after the cut-off, and voids one once", () => {
  const chain = new TestChain();
  chain.add(T("16:10:00"), [BUYER, registration(BUYER)]);
  const bid = (sequence: number) =>
    say.buyOffer("21Mar18-13:00", { energy: kwh(1), price: perKwh(3), sequence });
  chain.add(T("16:20:00"), [BUYER, bid(1)]);
  const [open] = [...chain.state.listings.values()].filter(
    ({ state }) => state === "ACCEPT_OFFERS",
  ) as [Listing];
  const bids = new CountingMap(open.buyOffers);
  const listings = new Map([[open.listingId, { ...open, buyOffers: bids }]]);
  const state = { ...chain.state, listings };
  const clock = createFakeClock(at(T("16:59:15")));
  const mempool = createMempool({
    verifier: chain.verifier,
    clock,
    ledger: () => state,
    arrived: () => {},
  });
  const late = (sequence: number) =>
    mempool.add(
      encodeTransaction(communityId(chain.rules), signed(chain.rules, BUYER, bid(sequence))),
    );
  for (let sequence = 2; sequence < 52; sequence += 1) {
    expect(late(sequence)).toMatchObject({ ok: false, refusal: { code: "amendedTooLate" } });
  }
  expect(bids.walks).toBe(0);
  clock.advanceTo(at(T("17:00:00")));
  expect(late(52)).toMatchObject({ ok: false, refusal: { code: "listingNotOpen" } });
  const walks = bids.walks;
  expect(walks).toBeGreaterThan(0);
  for (let sequence = 53; sequence < 103; sequence += 1) late(sequence);
  expect(bids.walks).toBe(walks);
});

it("keeps four receipts of one validator: more would fill the blocks, and everybody's would come too late", () => {
  const [V1, V2] = ["v1@vt.edu", "v2@vt.edu"];
  const chain = new TestChain(makeRules({ validators: [V1, V2, "v3@vt.edu", "v4@vt.edu"] }));
  chain.add(T("16:10:00"), [BUYER, registration(BUYER)]);
  const mempool = createMempool({
    verifier: chain.verifier,
    clock: createFakeClock(at(T("16:20:00"))),
    ledger: () => chain.state,
    arrived: () => {},
  });
  const offers = Array.from({ length: RECEIPT_ENTRIES_MAX }, (_, i) => i.toString(16));
  const entries = offers.map((digits) => {
    return { offer: digits.padStart(2 * OFFER_PREFIX_BYTES, "0") as OfferPrefix, after: 0 };
  });
  const flood = (author: string): readonly Uint8Array[] => {
    const [from, all]: [UnixMs, Uint8Array[]] = [at(T("16:15:00")), []];
    let previous: TransactionId | null = null;
    for (let sequence = 1; sequence <= 64; sequence += 1) {
      const said = { type: "receipt", sequence, previous, from, to: from, entries } as const;
      const transaction = signed(chain.rules, author, said);
      previous = transaction.id;
      all.push(encodeTransaction(communityId(chain.rules), transaction));
    }
    return all;
  };
  const taken = (all: readonly Uint8Array[]) => all.filter((one) => mempool.add(one).ok).length;
  const liars = flood(V1);
  expect(taken(liars)).toBe(4);
  expect(taken(liars.slice(4))).toBe(0);
  // Nobody else is the worse for it, and what it said first is as good as any.
  expect(taken(flood(V2).slice(0, 1))).toBe(1);
  expect(mempool.size()).toBe(2);
});
