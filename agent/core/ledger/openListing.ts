// What offers and bids have in common: the listing must take them, and a sequence number counts once.

import { accepted, type Result, refused } from "../result.ts";
import type { ListingId } from "../units/ids.ts";
import { listingTimes } from "./calendar.ts";
import { type Draft, type DraftListing, listingOf } from "./draft.ts";

export type ListingRefusal =
  /** Never created, or finished and gone. */
  | { readonly code: "listingUnknown"; readonly listingId: string }
  /** It is not the time for this: too early, or the bidding is closed. */
  | { readonly code: "listingNotOpen"; readonly listingId: string; readonly state: string };

export type StaleSequence =
  /** Not above the number that is on the ledger: a replay, or overtaken by an amendment. */
  { readonly code: "staleSequence"; readonly have: number; readonly got: number };

/**
 * Sequences of one listing's offers and bids end here. Amendments cost nothing and every home keeps them for
 * ever: without an end one member could fill all disks.
 */
export const OFFER_SEQUENCE_MAX = 255;

export type OfferSequenceRefusal =
  | StaleSequence
  /** The next listing counts anew. */
  | { readonly code: "sequenceBeyondMax"; readonly got: number; readonly max: number };
/** The cut-off has passed: what is offered stands. */
export type AmendedTooLate = { readonly code: "amendedTooLate"; readonly cutoffAt: number };

/**
 * Whether what is offered in `listing` may still be amended or cancelled. Not in a block at or after the
 * cut-off: whoever sees the others' offers by then must not be able to take its own back.
 */
export function checkAmendable(
  { rules, time }: Draft,
  { deliveryStart }: DraftListing,
): Result<void, AmendedTooLate> {
  const { cutoffAt } = listingTimes(rules, deliveryStart);
  if (rules.schedule === "manual" || time < cutoffAt) return accepted(undefined);
  return refused({ code: "amendedTooLate", cutoffAt });
}

/** The listing if it is in ACCEPT_OFFERS. */
export function openListing(
  draft: Draft,
  listingId: ListingId,
): Result<DraftListing, ListingRefusal> {
  const listing = listingOf(draft, listingId);
  if (listing === undefined) return refused({ code: "listingUnknown", listingId });
  if (listing.state !== "ACCEPT_OFFERS") {
    return refused({ code: "listingNotOpen", listingId, state: listing.state });
  }
  return accepted(listing);
}

/** `have` is the sequence on the ledger, undefined before the first. */
export function checkSequence(have: number | undefined, got: number): Result<void, StaleSequence> {
  if (have === undefined || got > have) return accepted(undefined);
  return refused({ code: "staleSequence", have, got });
}

/** `checkSequence` for an offer or a bid. */
export function checkOfferSequence(
  have: number | undefined,
  got: number,
): Result<void, OfferSequenceRefusal> {
  if (got <= OFFER_SEQUENCE_MAX) return checkSequence(have, got);
  return refused({ code: "sequenceBeyondMax", got, max: OFFER_SEQUENCE_MAX });
}
