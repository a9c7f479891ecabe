// What the administrator's two steps that move a listing on have in common: the state, and each said once.

import { accepted, type Result, refused } from "../result.ts";
import { type Draft, type DraftListing, listingOf } from "./draft.ts";
import { checkSequence, type ListingRefusal, type StaleSequence } from "./openListing.ts";
import type { ListingState } from "./state.ts";
import type { PayloadOf } from "./transaction.ts";

export type WrongListingState = {
  readonly code: "wrongListingState";
  readonly listingId: string;
  readonly state: string;
  readonly needed: string;
};

/** Refusals of the two steps that move a listing on. */
export type ListingStepRefusal =
  | StaleSequence
  | Extract<ListingRefusal, { code: "listingUnknown" }>
  | WrongListingState;

/** The listing that the administrator moves on from one of `needed`; its sequence counts from here on. */
export function takeListingStep(
  draft: Draft,
  payload: PayloadOf<"acceptOfferBroadcast" | "closeBidding">,
  needed: readonly ListingState[],
): Result<DraftListing, ListingStepRefusal> {
  const { listingId, sequence } = payload;
  const fresh = checkSequence(draft.administratorSequence, sequence);
  if (!fresh.ok) return fresh;
  const listing = listingOf(draft, listingId);
  if (listing === undefined) return refused({ code: "listingUnknown", listingId });
  const { state } = listing;
  if (!needed.includes(state)) {
    return refused({ code: "wrongListingState", listingId, state, needed: needed.join(" or ") });
  }
  draft.administratorSequence = sequence;
  return accepted(listing);
}
