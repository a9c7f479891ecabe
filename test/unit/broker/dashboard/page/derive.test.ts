// Why a home sold nothing in an hour, by what the ledger has of it.

import { expect, test } from "vitest";
import { applyListings, applyPvs } from "../../../../../broker/dashboard/page/state/fromRest.ts";
import { emptyNeighbourhood, homeNamed } from "../../../../../broker/dashboard/page/state/model.ts";
import { unsoldOf } from "../../../../../broker/dashboard/page/views/derive.ts";

const ID = "21Mar18-13:00";
const NS = "resource:org.acme.pv.auction";

/** s@vt.edu offers 2 kWh at `reservePrice`; the bids' kWh are at 3 tokens/kWh, which is then the price. */
function unsold(reservePrice: number, bids: readonly number[], pv = "house") {
  const state = emptyNeighbourhood("America/New_York");
  const home = homeNamed(state, "s");
  home.memberId = "s@vt.edu";
  applyPvs(state, [{ PVid: "house", capacityKw: 5, owner: `${NS}.Member#s@vt.edu` }]);
  const at = "2018-03-21T16:10:00.000Z";
  const offer = { pv: `${NS}.PV#${pv}`, kWhavailable: 2, reservePrice, timestamp: at };
  applyListings(state, [
    {
      ...{ listingid: ID, state: "AUCTION_CLOSED", mcp: bids.length === 0 ? null : 3, fills: [] },
      pvoffers: [{ ...offer, transactionId: "a" }],
      buyoffers: bids.map((kWhQuantity, i) => ({
        ...{ member: `${NS}.Member#b${i}@vt.edu`, kWhQuantity, BidPrice: 3, timestamp: at },
        transactionId: `b${i}`,
      })),
    },
  ]);
  const listing = state.listings.get(ID);
  return listing === undefined ? undefined : unsoldOf(state, home, listing);
}

test("nobody wanted any, the price came to less, or others were first", () => {
  expect(unsold(2, [])).toEqual({ kWh: 2, why: "glanceUnwanted", wanted: 0 });
  expect(unsold(3.5, [1])).toEqual({ kWh: 2, why: "glanceTooDear", wanted: 1 });
  expect(unsold(3, [1, 0.5])).toEqual({ kWh: 2, why: "glanceTooLate", wanted: 1.5 });
});

test("who offered nothing has nothing unsold", () => {
  expect(unsold(2, [1], "another")).toBeNull();
});
