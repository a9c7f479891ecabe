// A listing begins: the auction for one delivery hour. By the calendar, or by the administrator's hand, which
// opens it at once: the paper's kWhlisting is created in ACCEPT_OFFERS (Fig. 9).

import { assert } from "../assert.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { ListingId } from "../units/ids.ts";
import { addTime, HOUR_MS, type UnixMs } from "../units/time.ts";
import { deliveryStartOf, type NotAnHour } from "./calendar.ts";
import type { Draft } from "./draft.ts";
import { checkSequence, type StaleSequence } from "./openListing.ts";
import type { Listing } from "./state.ts";
import type { PayloadOf } from "./transaction.ts";

/** In a manual community listings stay for ever, so there is an end to them: a year of hours. */
export const LISTINGS_MAX = 8784;

export type CreateListingRefusal =
  | StaleSequence
  | NotAnHour
  | { readonly code: "listingExists"; readonly listingId: string }
  | { readonly code: "listingsMax"; readonly max: number };

/** The administrator's transaction, only in a manual community. */
export function createListingByHand(
  draft: Draft,
  { listingId, sequence }: PayloadOf<"createListing">,
): Result<void, CreateListingRefusal> {
  const fresh = checkSequence(draft.administratorSequence, sequence);
  if (!fresh.ok) return fresh;
  const deliveryStart = deliveryStartOf(listingId, draft.rules.timeZone);
  if (!deliveryStart.ok) return deliveryStart;
  if (draft.listings.has(listingId)) return refused({ code: "listingExists", listingId });
  if (draft.listings.size >= LISTINGS_MAX) {
    return refused({ code: "listingsMax", max: LISTINGS_MAX });
  }

  draft.administratorSequence = sequence;
  putNewListing(draft, { listingId, deliveryStart: deliveryStart.value }, "ACCEPT_OFFERS");
  return accepted(undefined);
}

type Hour = { readonly listingId: ListingId; readonly deliveryStart: UnixMs };

/** Puts the listing on the ledger in state CREATED, by the calendar. */
export function createListing(draft: Draft, hour: Hour): void {
  putNewListing(draft, hour, "CREATED");
  draft.nextDelivery = addTime(hour.deliveryStart, HOUR_MS);
}

function putNewListing(draft: Draft, hour: Hour, state: "CREATED" | "ACCEPT_OFFERS"): void {
  assert(!draft.listings.has(hour.listingId), `listing ${hour.listingId} is there already`);
  const listing: Listing = {
    ...hour,
    state,
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
}
