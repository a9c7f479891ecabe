// The administrator ends the bidding, in a community with schedule "manual". What follows is closeListing.ts.

import { accepted, type Result } from "../result.ts";
import { type ListingStepRefusal, takeListingStep } from "./administratorStep.ts";
import { closeListing } from "./closeListing.ts";
import type { Draft } from "./draft.ts";
import type { PayloadOf } from "./transaction.ts";

export function closeBiddingByHand(
  draft: Draft,
  payload: PayloadOf<"closeBidding">,
): Result<void, ListingStepRefusal> {
  const listing = takeListingStep(draft, payload, ["ACCEPT_OFFERS"]);
  if (!listing.ok) return listing;
  closeListing(draft, listing.value);
  return accepted(undefined);
}
