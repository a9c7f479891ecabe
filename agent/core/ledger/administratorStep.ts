// What the administrator's three steps have in common: a manual community, and each said once.

import { accepted, type Result, refused } from "../result.ts";
import { type Draft, type DraftListing, listingOf } from "./draft.ts";
import { checkSequence, type ListingRefusal, type StaleSequence } from "./openListing.ts";
import type { ListingState } from "./state.ts";
import type { PayloadOf } from "./transaction.ts";

export type AdministratorRefusal =
  /** The community's listings follow from block time; nobody may do it by hand. */
  { readonly code: "notManual" } | StaleSequence;

export type WrongListingState = {
  readonly code: "wrongListingState";
  readonly listingId: string;
  readonly state: string;
  readonly needed: string;
};

export function checkAdministratorStep(
  { rules, administratorSequence }: Draft,
  { sequence }: { readonly sequence: number },
): Result<void, AdministratorRefusal> {
  if (rules.schedule !== "manual") return refused({ code: "notManual" });
  return checkSequence(administratorSequence, sequence);
}

/** Refusals of the two steps that move a listing on. */
export type ListingStepRefusal =
  | AdministratorRefusal
  | Extract<ListingRefusal, { code: "listingUnknown" }>
  | WrongListingState;

/** The listing that the administrator moves on from `needed`; its sequence counts from here on. */
export function takeListingStep(
  draft: Draft,
  payload: PayloadOf<"acceptOfferBroadcast" | "closeBidding">,
  needed: ListingState,
): Result<DraftListing, ListingStepRefusal> {
  const { listingId, sequence } = payload;
  const allowed = checkAdministratorStep(draft, payload);
  if (!allowed.ok) return allowed;
  const listing = listingOf(draft, listingId);
  if (listing === undefined) return refused({ code: "listingUnknown", listingId });
  const { state } = listing;
  if (state !== needed) return refused({ code: "wrongListingState", listingId, state, needed });
  draft.administratorSequence = sequence;
  return accepted(listing);
}
