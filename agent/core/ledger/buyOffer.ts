// Energy wanted. What it can cost at its own price is reserved until the listing closes; a higher sequence
// amends the bid with its reservation and its place in the queue; 0 Wh cancels.

import { accepted, type Result, refused } from "../result.ts";
import type { MemberId, TransactionId } from "../units/ids.ts";
import { addMoney, cost, formatTokens, type MicroTokens, subtractMoney } from "../units/money.ts";
import { freeBalance, reserve } from "./accounts.ts";
import { type Draft, type DraftListing, memberOf } from "./draft.ts";
import { placeHeard } from "./heard.ts";
import {
  type AmendedTooLate,
  checkAmendable,
  checkOfferSequence,
  type ListingRefusal,
  type OfferSequenceRefusal,
  openListing,
} from "./openListing.ts";
import type { PriceBeyondMax } from "./pvOffer.ts";
import type { PlacedBid } from "./state.ts";
import type { PayloadOf } from "./transaction.ts";

export type BuyOfferRefusal =
  | ListingRefusal
  | OfferSequenceRefusal
  | AmendedTooLate
  /** More than the member's connection carries in an hour, Wh. */
  | { readonly code: "beyondBidMax"; readonly wanted: number; readonly max: number }
  | PriceBeyondMax
  /** Tokens: what is neither spent nor reserved elsewhere, and what the bid can cost. */
  | { readonly code: "insufficientFunds"; readonly free: string; readonly need: string };

export type BuyOffer = {
  readonly id: TransactionId;
  readonly author: MemberId;
  readonly payload: PayloadOf<"buyOffer">;
};

export function buyOffer(
  draft: Draft,
  { id, author, payload }: BuyOffer,
): Result<void, BuyOfferRefusal> {
  const { listingId, sequence, energy, bidPrice } = payload;
  const found = openListing(draft, listingId);
  if (!found.ok) return found;
  const listing = found.value;
  const before = listing.buyOffers.get(author);
  const fresh = checkOfferSequence(before?.sequence, sequence);
  if (!fresh.ok) return fresh;
  const inTime = before === undefined ? fresh : checkAmendable(draft, listing);
  if (!inTime.ok) return inTime;
  const { bidMax, priceMax } = draft.rules;
  if (energy > bidMax) return refused({ code: "beyondBidMax", wanted: energy, max: bidMax });
  if (bidPrice > priceMax) {
    return refused({ code: "priceBeyondMax", price: bidPrice, max: priceMax });
  }
  const held = reservationOf(listing, author);
  const need = cost(bidPrice, energy);
  const free = addMoney(freeBalance(memberOf(draft, author)), held);
  if (need > free) {
    const [freeTokens, needTokens] = [formatTokens(free), formatTokens(need)];
    return refused({ code: "insufficientFunds", free: freeTokens, need: needTokens });
  }

  reserve(draft, author, subtractMoney(need, held));
  const stamp = placeHeard(draft, {
    transactionId: id,
    place: { listingId, memberId: author, pvId: null },
    before: before?.transactionId ?? null,
  });
  const bid = { transactionId: id, memberId: author, sequence, energy, bidPrice, stamp };
  listing.buyOffers.set(author, bid);
  draft.events.push({ type: "buyOfferPlaced", listingId, bid });
  return accepted(undefined);
}

/** What a bid in an open listing holds of its buyer's balance: what it costs at its own price. */
export function reservationFor(bid: Pick<PlacedBid, "bidPrice" | "energy">): MicroTokens {
  return cost(bid.bidPrice, bid.energy);
}

function reservationOf(listing: DraftListing, memberId: MemberId): MicroTokens {
  const bid = listing.buyOffers.get(memberId);
  return bid === undefined ? (0n as MicroTokens) : reservationFor(bid);
}
