// One member floods the minute in which the auction closes: whatever it says is too late, and each word of
// it must cost us a signature, not a market clearing.

import { expect, it } from "vitest";
import { communityId } from "../../../agent/core/ledger/rules.ts";
import type { Listing } from "../../../agent/core/ledger/state.ts";
import { encodeTransaction } from "../../../agent/core/ledger/transaction.ts";
import { createMempool } from "../../../agent/loops/mempool.ts";
import { createFakeClock } from "../../support/fakes.ts";
import { at, kwh, perKwh, registration, say, signed, TestChain } from "../../support/ledger.ts";

const BUYER = "buyer1@vt.edu";
const T = (time: string) => `2018-03-21T${time}Z`;

/** Counts how often all of it is looked at: once or more for each clearing. */
class CountingMap<K, V> extends Map<K, V> {
  walks = 0;
  override keys(): MapIterator<K> {
    this.walks += 1;
    return super.keys();
  }
}

it("clears a market once for all that comes after the cut-off", () => {
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
  const clock = createFakeClock(at(T("16:59:05")));
  const mempool = createMempool({ verifier: chain.verifier, clock, ledger: () => state });
  const late = (sequence: number) =>
    mempool.add(
      encodeTransaction(communityId(chain.rules), signed(chain.rules, BUYER, bid(sequence))),
    );
  expect(late(2)).toMatchObject({ ok: false, refusal: { code: "listingNotOpen" } });
  const walks = bids.walks;
  expect(walks).toBeGreaterThan(0);
  for (let sequence = 3; sequence < 53; sequence += 1) late(sequence);
  expect(bids.walks).toBe(walks);
});
