// CloseBidding: the listing's auction is cleared by the community's mechanism, its reservations are released
// and its fills are paid. Here the ledger holds the mechanism to its word: what is posted sums to zero,
// nobody sells more than offered, and no balance becomes negative.

import { assert } from "../assert.ts";
import { array, encode, integer, nullable, struct, text } from "../codec/shape.ts";
import { sha256Hex } from "../crypto.ts";
import type { MarketBid, MarketOffer } from "../market/mechanism.ts";
import { mechanism } from "../market/mechanisms.ts";
import { isListingId, LISTING_ID_MAX, type ListingId, type MemberId } from "../units/ids.ts";
import {
  addMoney,
  cost,
  type MicroTokens,
  type MilliTokensPerKwh,
  PRICE_MAX,
} from "../units/money.ts";
import { freeBalance, post, reserve } from "./accounts.ts";
import { reservationFor } from "./buyOffer.ts";
import { listingTimes } from "./calendar.ts";
import { type Draft, type DraftListing, memberOf, putListing } from "./draft.ts";
import { forgetHeard } from "./heard.ts";
import { type QueuePlace, queuePlace } from "./stamp.ts";
import { type Fill, fillShape, type PlacedBid, type PlacedOffer } from "./state.ts";

const FILLS_MAX = 1_000_000;

const resultShape = struct({
  listingId: text<ListingId>(LISTING_ID_MAX, isListingId),
  mcp: nullable(integer<MilliTokensPerKwh>(0, PRICE_MAX)),
  fills: array(fillShape, FILLS_MAX),
});

/** ACCEPT_OFFERS -> AUCTION_CLOSED. No valid bid: no price and no fills, but closed all the same. */
export function closeListing(draft: Draft, listing: DraftListing): void {
  const { listingId, state } = listing;
  assert(state === "ACCEPT_OFFERS", `listing ${listingId} is ${state}, not ACCEPT_OFFERS`);
  const { offers, bids } = marketOf(draft, listing);
  releaseReservations(draft, listing);
  const funds = new Map<MemberId, MicroTokens>();
  for (const { memberId } of bids) funds.set(memberId, freeBalance(memberOf(draft, memberId)));
  const clear = mechanism(draft.rules.mechanism);
  const { price: mcp, fills } = clear({ offers, bids, funds, guard: draft.rules.guard });
  checkFills({ offers, bids, mcp, fills });

  const resultHash = sha256Hex(encode(resultShape, { listingId, mcp, fills }));
  const closed = { state: "AUCTION_CLOSED", sealers: [], mcp, fills, resultHash } as const;
  putListing(draft, { ...listing, ...closed });
  forgetHeard(draft, listing);
  draft.events.push({ type: "biddingClosed", listingId, mcp, fills, resultHash });
  payFills(draft, listingId, fills);
}

/** The bids of a listing that stops taking offers hold nothing any more. */
export function releaseReservations(draft: Draft, listing: DraftListing): void {
  for (const bid of listing.buyOffers.values()) {
    reserve(draft, bid.memberId, -reservationFor(bid) as MicroTokens);
  }
}

type Market = { readonly offers: readonly MarketOffer[]; readonly bids: readonly MarketBid[] };

/** What takes part. Cancelled offers and bids are only kept for their sequence. */
function marketOf(draft: Draft, listing: DraftListing): Market {
  const offers: MarketOffer[] = [];
  for (const offer of listing.pvOffers.values()) {
    const { transactionId: id, memberId, pvId, energy, reservePrice } = offer;
    const stamp = placeOf(draft, listing, offer);
    if (stamp !== null) offers.push({ id, memberId, pvId, energy, reservePrice, stamp });
  }
  const bids: MarketBid[] = [];
  for (const bid of listing.buyOffers.values()) {
    const { transactionId: id, memberId, energy, bidPrice: price } = bid;
    const stamp = placeOf(draft, listing, bid);
    if (stamp !== null) bids.push({ id, memberId, energy, price, stamp });
  }
  return { offers, bids };
}

/** Its place in the queue; null for one that is cancelled, was received too late, or by too few. */
function placeOf(
  { rules, previous }: Draft,
  { deliveryStart }: DraftListing,
  { energy, stamp, transactionId }: PlacedOffer | PlacedBid,
): QueuePlace | null {
  if (energy === 0 || stamp === null) return null;
  if (rules.schedule === "hourly" && stamp >= listingTimes(rules, deliveryStart).cutoffAt) {
    return null;
  }
  return queuePlace(rules, { stamp, transactionId, previous });
}

type Cleared = Market & { readonly mcp: MilliTokensPerKwh | null; readonly fills: readonly Fill[] };

function checkFills({ offers, bids, mcp, fills }: Cleared): void {
  const unsold = new Map(offers.map((offer) => [offer.pvId, offer]));
  const left = new Map<string, number>(offers.map(({ pvId, energy }) => [pvId, energy]));
  const wanted = new Map<string, number>(bids.map(({ memberId, energy }) => [memberId, energy]));
  for (const { seller, pvId, buyer, energy, price } of fills) {
    assert(energy > 0 && price === mcp, `a fill of ${energy} Wh at ${price}, MCP ${mcp}`);
    assert(seller !== buyer, `${seller} would buy from itself`);
    assert(unsold.get(pvId)?.memberId === seller, `${seller} did not offer from ${pvId}`);
    const [offered, asked] = [left.get(pvId) ?? 0, wanted.get(buyer) ?? 0];
    assert(energy <= offered, `${pvId} would sell ${energy} of ${offered} Wh`);
    assert(energy <= asked, `${buyer} would buy ${energy} of ${asked} Wh`);
    left.set(pvId, offered - energy);
    wanted.set(buyer, asked - energy);
  }
}

/** Each fill is two postings of one amount, so that a listing's postings sum to zero. */
function payFills(draft: Draft, listingId: ListingId, fills: readonly Fill[]): void {
  let sum = 0n as MicroTokens;
  for (const { seller, buyer, energy, price } of fills) {
    const amount = cost(price, energy);
    const paid = -amount as MicroTokens;
    post(draft, { memberId: buyer, amount: paid, reason: "fill", listingId });
    post(draft, { memberId: seller, amount, reason: "fill", listingId });
    sum = addMoney(sum, addMoney(paid, amount));
  }
  assert(sum === 0n, `the postings of ${listingId} sum to ${sum} uT`);
}
