// What offers and bids have in common: the listing must take them, and a sequence number counts once.

import { accepted, type Result, refused } from "../result.ts";
import type { ListingId } from "../units/ids.ts";
import { type Draft, type DraftListing, listingOf } from "./draft.ts";

export type ListingRefusal =
  /** Never created, or finished and gone. */
  | { readonly code: "listingUnknown"; readonly listingId: string }
  /** It is not the time for this: too early, or past the cut-off. */
  | { readonly code: "listingNotOpen"; readonly listingId: string; readonly state: string };

export type StaleSequence =
  /** Not above the number that is on the ledger: a replay, or overtaken by an amendment. */
  { readonly code: "staleSequence"; readonly have: number; readonly got: number };

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
