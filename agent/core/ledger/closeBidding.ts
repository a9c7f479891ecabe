// The administrator ends the bidding, in a community with schedule "manual". What follows is closeListing.ts.

import { accepted, type Result, refused } from "../result.ts";
import {
  type AdministratorRefusal,
  checkAdministratorStep,
  type WrongListingState,
} from "./administratorStep.ts";
import { closeListing } from "./closeListing.ts";
import { type Draft, listingOf } from "./draft.ts";
import type { ListingRefusal } from "./openListing.ts";
import type { PayloadOf } from "./transaction.ts";

export type CloseBiddingRefusal =
  | AdministratorRefusal
  | Extract<ListingRefusal, { code: "listingUnknown" }>
  | WrongListingState;

export function closeBiddingByHand(
  draft: Draft,
  payload: PayloadOf<"closeBidding">,
): Result<void, CloseBiddingRefusal> {
  const { listingId, sequence } = payload;
  const allowed = checkAdministratorStep(draft, payload);
  if (!allowed.ok) return allowed;
  const listing = listingOf(draft, listingId);
  if (listing === undefined) return refused({ code: "listingUnknown", listingId });
  const { state } = listing;
  if (state !== "ACCEPT_OFFERS") {
    return refused({ code: "wrongListingState", listingId, state, needed: "ACCEPT_OFFERS" });
  }

  draft.administratorSequence = sequence;
  closeListing(draft, listing);
  return accepted(undefined);
}
