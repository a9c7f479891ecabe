// A listing as it grows: opened, offered and bid for, closed. What comes twice changes nothing.

import { deliveryStartOf } from "../market/listingTime.ts";
import { idIn, type JsonObject, listIn, numberIn, textIn, timeIn } from "./json.ts";
import { forgetOldest, LISTINGS_MAX } from "./limits.ts";
import type { Bid, Fill, Listing, ListingState, Neighbourhood, Offer } from "./model.ts";

const HOUR = 3_600_000;
const STATES: readonly ListingState[] = ["CREATED", "ACCEPT_OFFERS", "AUCTION_CLOSED", "VOID"];

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
  };
  state.listings.set(id, listing);
  forgetOldest(state.listings, LISTINGS_MAX);
  return listing;
}

/** By delivery hour, the newest last. */
export function listingsInOrder(state: Neighbourhood): readonly Listing[] {
  return [...state.listings.values()].sort((a, b) => a.deliveryStart - b.deliveryStart);
}

/** A listing does not go back: closed stays closed. */
export function advance(listing: Listing, to: string | null): void {
  const [from, next] = [listing.state, STATES.find((one) => one === to)];
  if (next !== undefined && STATES.indexOf(next) > STATES.indexOf(from)) listing.state = next;
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
  if (offer.kWh > 0) listing.offers.set(offer.pv, offer);
}

export function placeBid(listing: Listing, bid: Bid): void {
  listing.bids.delete(bid.member);
  if (bid.kWh > 0) listing.bids.set(bid.member, bid);
}

/** A whole row of GET kWhlisting: it replaces what was known. */
export function applyListingRow(state: Neighbourhood, row: JsonObject): void {
  const listing = listingNamed(state, textIn(row, "listingid") ?? "");
  if (listing === null) return;
  advance(listing, textIn(row, "state"));
  const offers = (listIn(row, "pvoffers") ?? []).map(readOffer).filter((one) => one !== null);
  const bids = (listIn(row, "buyoffers") ?? []).map(readBid).filter((one) => one !== null);
  listing.offers = new Map(offers.map((offer) => [offer.pv, offer]));
  listing.bids = new Map(bids.map((bid) => [bid.member, bid]));
  listing.counted = null;
  listing.mcp = numberIn(row, "mcp") ?? listing.mcp;
  const fills = listIn(row, "fills");
  if (fills !== null) listing.fills = readFills(fills);
}
