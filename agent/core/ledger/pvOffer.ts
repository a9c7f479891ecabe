// Energy for sale from one PV. A higher sequence amends and takes a new place in the queue; 0 Wh cancels.

import { accepted, type Result, refused } from "../result.ts";
import type { MemberId, TransactionId } from "../units/ids.ts";
import type { Draft } from "./draft.ts";
import {
  checkOfferSequence,
  type ListingRefusal,
  type OfferSequenceRefusal,
  openListing,
} from "./openListing.ts";
import { stampOf } from "./stamp.ts";
import type { PayloadOf } from "./transaction.ts";

export type PvOfferRefusal =
  | ListingRefusal
  | OfferSequenceRefusal
  /** The PV must be registered first. */
  | { readonly code: "pvUnknown"; readonly pv: string }
  /** Someone else's PV. */
  | { readonly code: "notOwner"; readonly pv: string; readonly owner: string }
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
  const pv = draft.pvs.get(pvId);
  if (pv === undefined) return refused({ code: "pvUnknown", pv: pvId });
  if (pv.owner !== author) return refused({ code: "notOwner", pv: pvId, owner: pv.owner });
  const listing = openListing(draft, listingId);
  if (!listing.ok) return listing;
  const { pvOffers } = listing.value;
  const fresh = checkOfferSequence(pvOffers.get(pvId)?.sequence, sequence);
  if (!fresh.ok) return fresh;
  if (energy > pv.capacity) {
    // W for one hour are as many Wh.
    return refused({ code: "beyondCapacity", offered: energy, capacity: pv.capacity });
  }
  const { priceMax } = draft.rules;
  if (reservePrice > priceMax) {
    return refused({ code: "priceBeyondMax", price: reservePrice, max: priceMax });
  }

  const offer = {
    transactionId: id,
    memberId: author,
    pvId,
    sequence,
    energy,
    reservePrice,
    stamp: stampOf(draft.time, id),
  };
  pvOffers.set(pvId, offer);
  draft.events.push({ type: "pvOfferPlaced", listingId, offer });
  return accepted(undefined);
}
