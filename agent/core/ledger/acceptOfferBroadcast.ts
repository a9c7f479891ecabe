// The listing takes offers from now on, and everyone is told. By the calendar, or by the administrator's hand.

import { assert } from "../assert.ts";
import { accepted, type Result, refused } from "../result.ts";
import {
  type AdministratorRefusal,
  checkAdministratorStep,
  type WrongListingState,
} from "./administratorStep.ts";
import { type Draft, type DraftListing, listingOf, putListing } from "./draft.ts";
import type { ListingRefusal } from "./openListing.ts";
import type { PayloadOf } from "./transaction.ts";

export type AcceptOfferBroadcastRefusal =
  | AdministratorRefusal
  | Extract<ListingRefusal, { code: "listingUnknown" }>
  | WrongListingState;

/** The administrator's transaction, only in a manual community. */
export function acceptOfferBroadcastByHand(
  draft: Draft,
  payload: PayloadOf<"acceptOfferBroadcast">,
): Result<void, AcceptOfferBroadcastRefusal> {
  const { listingId, sequence } = payload;
  const allowed = checkAdministratorStep(draft, payload);
  if (!allowed.ok) return allowed;
  const listing = listingOf(draft, listingId);
  if (listing === undefined) return refused({ code: "listingUnknown", listingId });
  const { state } = listing;
  if (state !== "CREATED") {
    return refused({ code: "wrongListingState", listingId, state, needed: "CREATED" });
  }

  draft.administratorSequence = sequence;
  acceptOfferBroadcast(draft, listing);
  return accepted(undefined);
}

/** CREATED -> ACCEPT_OFFERS. */
export function acceptOfferBroadcast(draft: Draft, listing: DraftListing): void {
  const { listingId, deliveryStart, state } = listing;
  assert(state === "CREATED", `listing ${listingId} is ${state}, not CREATED`);
  putListing(draft, { ...listing, state: "ACCEPT_OFFERS" });
  draft.events.push({ type: "acceptOfferBroadcast", listingId, deliveryStart });
}
