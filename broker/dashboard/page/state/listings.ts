// A listing as it grows: opened, offered and bid for, closed. What comes twice changes nothing.

import { deliveryStartOf } from "../market/listingTime.ts";
import { idIn, type JsonObject, listIn, numberIn, textIn, timeIn } from "./json.ts";
import { LISTINGS_MAX, ORDERS_MAX } from "./limits.ts";
import type { Bid, Fill, Listing, ListingState, Neighbourhood, Offer } from "./model.ts";

const HOUR = 3_600_000;
const STATES: readonly ListingState[] = ["CREATED", "ACCEPT_OFFERS", "AUCTION_CLOSED", "VOID"];

/** An hour that is traded is at most the next day's; in a day the clocks may be changed. */
const AHEAD_MAX = 2 * 24 * HOUR;

/** Whether `id` names an hour. */
export function isHour(state: Neighbourhood, id: string): boolean {
  return state.listings.has(id) || deliveryStartOf(id, state.timeZone) !== null;
}

/** Of what a home says; null: no hour, or one that nobody can be trading yet. `now`: market time. */
export function heardListing(state: Neighbourhood, id: string | null, now: number): Listing | null {
  const known = id === null ? undefined : state.listings.get(id);
  if (id === null || known !== undefined) return known ?? null;
  const deliveryStart = deliveryStartOf(id, state.timeZone);
  if (deliveryStart === null || deliveryStart > now + AHEAD_MAX) return null;
  return listingNamed(state, id);
}

/** null: its id says no hour. */
export function listingNamed(state: Neighbourhood, id: string): Listing | null {
  const known = state.listings.get(id);
  if (known !== undefined) return known;
  const deliveryStart = deliveryStartOf(id, state.timeZone);
  if (deliveryStart === null) return null;
  const listing: Listing = {
    ...{ id, deliveryStart, state: "CREATED", endsAt: deliveryStart + HOUR },
    ...{ opensAt: null, cutoffAt: null, clearsAt: null, isByHand: false },
    ...{ offers: new Map(), bids: new Map(), counted: null, mcp: null, fills: null },
    isRead: false,
  };
  state.listings.set(id, listing);
  forgetOne(state);
  return listing;
}

/** First what no ledger was seen to have: whoever makes hours up forgets none that were. */
function forgetOne({ listings }: Neighbourhood): void {
  if (listings.size <= LISTINGS_MAX) return;
  const all = [...listings.values()];
  const oldest = all.slice(0, -1).find(({ isRead }) => !isRead) ?? all[0];
  if (oldest !== undefined) listings.delete(oldest.id);
}

/** By delivery hour, the newest last. */
export function listingsInOrder(state: Neighbourhood): readonly Listing[] {
  return [...state.listings.values()].sort((a, b) => a.deliveryStart - b.deliveryStart);
}

/** A listing does not go back: closed stays closed. What the ledger was read to say, nobody says otherwise. */
export function advance(state: Neighbourhood, listing: Listing, to: string | null): void {
  const [from, next] = [listing.state, STATES.find((one) => one === to)];
  if (listing.isRead || next === undefined || STATES.indexOf(next) <= STATES.indexOf(from)) return;
  listing.state = next;
  if (isFinal(next)) state.justClosed.add(listing.id);
}

function isFinal(state: string | undefined): boolean {
  return state === "AUCTION_CLOSED" || state === "VOID";
}

/** As Table IV has it in a listing, and as the event tells it; null: no offer. */
export function readOffer(row: JsonObject): Offer | null {
  const [pv, kWh] = [idIn(row, "pv"), numberIn(row, "kWhavailable")];
  const transactionId = textIn(row, "transactionId");
  if (pv === null || kWh === null || transactionId === null) return null;
  const at = timeIn(row, "timestamp") ?? 0;
  return { pv, kWh, reservePrice: numberIn(row, "reservePrice") ?? 0, transactionId, at };
}

export function readBid(row: JsonObject): Bid | null {
  const [member, kWh] = [idIn(row, "member"), numberIn(row, "kWhQuantity")];
  const [price, transactionId] = [numberIn(row, "BidPrice"), textIn(row, "transactionId")];
  if (member === null || kWh === null || price === null || transactionId === null) return null;
  return { member, kWh, price, transactionId, at: timeIn(row, "timestamp") ?? 0 };
}

/** REST and the events say kWh, the topic of a listing energy_kwh. */
export function readFills(rows: readonly JsonObject[]): readonly Fill[] {
  return rows.flatMap((row) => {
    const [seller, pv, buyer] = [idIn(row, "seller"), idIn(row, "pv"), idIn(row, "buyer")];
    const kWh = numberIn(row, "kWh") ?? numberIn(row, "energy_kwh");
    const price = numberIn(row, "price");
    if (seller === null || buyer === null || kWh === null || price === null) return [];
    return [{ seller, pv: pv ?? "", buyer, kWh, price }];
  });
}

export function placeOffer(listing: Listing, offer: Offer): void {
  // 0 kWh cancels.
  listing.offers.delete(offer.pv);
  if (offer.kWh > 0 && listing.offers.size < ORDERS_MAX) listing.offers.set(offer.pv, offer);
}

export function placeBid(listing: Listing, bid: Bid): void {
  listing.bids.delete(bid.member);
  if (bid.kWh > 0 && listing.bids.size < ORDERS_MAX) listing.bids.set(bid.member, bid);
}

/** A whole row of GET kWhlisting: it replaces what was known. */
export function applyListingRow(state: Neighbourhood, row: JsonObject): void {
  const listing = listingNamed(state, textIn(row, "listingid") ?? "");
  if (listing === null) return;
  const at = STATES.find((one) => one === textIn(row, "state"));
  if (isFinal(at)) {
    // The ledger's word, whatever a home said before it was read.
    listing.state = at ?? listing.state;
    listing.isRead = true;
  } else advance(state, listing, at ?? null);
  const offers = (listIn(row, "pvoffers") ?? []).map(readOffer).filter((one) => one !== null);
  const bids = (listIn(row, "buyoffers") ?? []).map(readBid).filter((one) => one !== null);
  listing.offers = new Map(offers.map((offer) => [offer.pv, offer]));
  listing.bids = new Map(bids.map((bid) => [bid.member, bid]));
  listing.counted = null;
  listing.mcp = numberIn(row, "mcp") ?? listing.mcp;
  const fills = listIn(row, "fills");
  if (fills !== null) listing.fills = readFills(fills);
}
