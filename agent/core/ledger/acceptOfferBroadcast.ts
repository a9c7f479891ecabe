// The listing takes offers from now on, and everyone is told. By the calendar, or by the administrator's hand,
// which may say it again.

import { assert } from "../assert.ts";
import { accepted, type Result } from "../result.ts";
import { type ListingStepRefusal, takeListingStep } from "./administratorStep.ts";
import { type Draft, type DraftListing, putListing } from "./draft.ts";
import type { ListingState } from "./state.ts";
import type { PayloadOf } from "./transaction.ts";

const OPENING: readonly ListingState[] = ["CREATED", "ACCEPT_OFFERS"];

/** The administrator's transaction, only in a manual community. */
export function acceptOfferBroadcastByHand(
  draft: Draft,
  payload: PayloadOf<"acceptOfferBroadcast">,
): Result<void, ListingStepRefusal> {
  const listing = takeListingStep(draft, payload, OPENING);
  if (!listing.ok) return listing;
  acceptOfferBroadcast(draft, listing.value);
  return accepted(undefined);
}

/** CREATED -> ACCEPT_OFFERS, or there already. */
export function acceptOfferBroadcast(draft: Draft, listing: DraftListing): void {
  const { listingId, deliveryStart, state } = listing;
  assert(OPENING.includes(state), `listing ${listingId} is ${state}, and opens no more`);
  putListing(draft, { ...listing, state: "ACCEPT_OFFERS" });
  draft.events.push({ type: "acceptOfferBroadcast", listingId, deliveryStart });
}
