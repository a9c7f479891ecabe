// Energy for sale from one PV. A higher sequence amends and takes a new place in the queue; 0 Wh cancels.

import { assert } from "../assert.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { MemberId, TransactionId } from "../units/ids.ts";
import type { Draft } from "./draft.ts";
import { placeHeard } from "./heard.ts";
import {
  type AmendedTooLate,
  checkAmendable,
  checkOfferSequence,
  type ListingRefusal,
  type OfferSequenceRefusal,
  openListing,
} from "./openListing.ts";
import type { PayloadOf } from "./transaction.ts";

export type PvOfferRefusal =
  | ListingRefusal
  | OfferSequenceRefusal
  | AmendedTooLate
  /** The PV must be registered first. */
  | { readonly code: "pvUnknown"; readonly pv: string }
  /** More than the PV can make in an hour, Wh. */
  | { readonly code: "beyondCapacity"; readonly offered: number; readonly capacity: number }
  | PriceBeyondMax;

/** Milli-tokens per kWh. */
export type PriceBeyondMax = {
  readonly code: "priceBeyondMax";
  readonly price: number;
  readonly max: number;
};

export type PvOffer = {
  readonly id: TransactionId;
  readonly author: MemberId;
  readonly payload: PayloadOf<"pvOffer">;
};

export function pvOffer(
  draft: Draft,
  { id, author, payload }: PvOffer,
): Result<void, PvOfferRefusal> {
  const { listingId, pvId, sequence, energy, reservePrice } = payload;
  const listing = openListing(draft, listingId);
  if (!listing.ok) return listing;
  const pv = draft.pvs.get(pvId);
  if (pv === undefined) return refused({ code: "pvUnknown", pv: pvId });
  assert(pv.owner === author, `${author} offers from a PV of ${pv.owner}'s`);
  const { pvOffers } = listing.value;
  const before = pvOffers.get(pvId);
  const fresh = checkOfferSequence(before?.sequence, sequence);
  if (!fresh.ok) return fresh;
  const inTime = before === undefined ? fresh : checkAmendable(draft, listing.value);
  if (!inTime.ok) return inTime;
  if (energy > pv.capacity) {
    // W for one hour are as many Wh.
    return refused({ code: "beyondCapacity", offered: energy, capacity: pv.capacity });
  }
  const { priceMax } = draft.rules;
  if (reservePrice > priceMax) {
    return refused({ code: "priceBeyondMax", price: reservePrice, max: priceMax });
  }

  const stamp = placeHeard(draft, {
    transactionId: id,
    place: { listingId, memberId: author, pvId },
    before: before?.transactionId ?? null,
  });
  const offer = {
    transactionId: id,
    memberId: author,
    pvId,
    sequence,
    energy,
    reservePrice,
    stamp,
  };
  pvOffers.set(pvId, offer);
  draft.events.push({ type: "pvOfferPlaced", listingId, offer });
  return accepted(undefined);
}
