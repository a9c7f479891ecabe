// Not closed in time: the hour has no auction. No trades, reservations released, the supplier delivers.

import { assert } from "../assert.ts";
import { releaseReservations } from "./closeListing.ts";
import { type Draft, type DraftListing, putListing } from "./draft.ts";
import { forgetHeard } from "./heard.ts";

/** CREATED or ACCEPT_OFFERS -> VOID. */
export function voidListing(draft: Draft, listing: DraftListing): void {
  const { listingId, state } = listing;
  assert(state === "CREATED" || state === "ACCEPT_OFFERS", `listing ${listingId} is ${state}`);
  releaseReservations(draft, listing);
  putListing(draft, { ...listing, state: "VOID", sealers: [] });
  forgetHeard(draft, listing);
  draft.events.push({ type: "listingVoided", listingId });
}
