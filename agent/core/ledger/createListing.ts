// A listing begins: the auction for one delivery hour. By the calendar, or by the administrator's hand.

import { assert } from "../assert.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { ListingId } from "../units/ids.ts";
import { addTime, HOUR_MS, type UnixMs } from "../units/time.ts";
import { type AdministratorRefusal, checkAdministratorStep } from "./administratorStep.ts";
import { deliveryStartOf, type NotAnHour } from "./calendar.ts";
import type { Draft } from "./draft.ts";
import type { Listing } from "./state.ts";
import type { PayloadOf } from "./transaction.ts";

/** In a manual community listings stay for ever, so there is an end to them: a year of hours. */
export const LISTINGS_MAX = 8784;

export type CreateListingRefusal =
  | AdministratorRefusal
  | NotAnHour
  | { readonly code: "listingExists"; readonly listingId: string }
  | { readonly code: "listingsMax"; readonly max: number };

/** The administrator's transaction, only in a manual community. */
export function createListingByHand(
  draft: Draft,
  payload: PayloadOf<"createListing">,
): Result<void, CreateListingRefusal> {
  const { listingId, sequence } = payload;
  const allowed = checkAdministratorStep(draft, payload);
  if (!allowed.ok) return allowed;
  const deliveryStart = deliveryStartOf(listingId, draft.rules.timeZone);
  if (!deliveryStart.ok) return deliveryStart;
  if (draft.listings.has(listingId)) return refused({ code: "listingExists", listingId });
  if (draft.listings.size >= LISTINGS_MAX) {
    return refused({ code: "listingsMax", max: LISTINGS_MAX });
  }

  draft.administratorSequence = sequence;
  createListing(draft, { listingId, deliveryStart: deliveryStart.value });
  return accepted(undefined);
}

/** Puts the listing on the ledger in state CREATED. */
export function createListing(
  draft: Draft,
  hour: { readonly listingId: ListingId; readonly deliveryStart: UnixMs },
): void {
  assert(!draft.listings.has(hour.listingId), `listing ${hour.listingId} is there already`);
  const listing: Listing = {
    ...hour,
    state: "CREATED",
    pvOffers: new Map(),
    buyOffers: new Map(),
    sealers: [],
    mcp: null,
    fills: [],
    resultHash: null,
    readings: new Map(),
  };
  draft.listings.set(hour.listingId, listing);
  draft.events.push({ type: "listingCreated", listing });
  if (draft.rules.schedule === "hourly") {
    draft.nextDelivery = addTime(hour.deliveryStart, HOUR_MS);
  }
}
