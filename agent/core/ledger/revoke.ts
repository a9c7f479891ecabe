// The CA (or by hand the administrator) ends a card: nothing more is taken from it, what it has open is
// cancelled, and it votes no more from the block after the next one on. Its tokens stay.

import { accepted, type Result, refused } from "../result.ts";
import type { Wh } from "../units/energy.ts";
import type { MemberId } from "../units/ids.ts";
import type { MicroTokens } from "../units/money.ts";
import { reserve } from "./accounts.ts";
import { reservationFor } from "./buyOffer.ts";
import { type Draft, type DraftListing, listingOf, memberOf } from "./draft.ts";
import { checkIssuerSequence, takeIssuerSequence } from "./issuerSequence.ts";
import type { StaleSequence } from "./openListing.ts";
import type { PayloadOf } from "./transaction.ts";
import { suspendValidator } from "./validatorSet.ts";

export type RevokeRefusal =
  | StaleSequence
  | { readonly code: "unknownMember"; readonly memberId: string }
  | { readonly code: "alreadyRevoked"; readonly memberId: string };

export type Revoke = {
  /** null: the CA. */
  readonly author: MemberId | null;
  readonly payload: PayloadOf<"revoke">;
};

export function revoke(draft: Draft, { author, payload }: Revoke): Result<void, RevokeRefusal> {
  const { sequence, memberId, reason } = payload;
  const fresh = checkIssuerSequence(draft, { author, sequence });
  if (!fresh.ok) return fresh;
  const member = draft.members.get(memberId);
  if (member === undefined) return refused({ code: "unknownMember", memberId });
  if (member.revoked) return refused({ code: "alreadyRevoked", memberId });

  takeIssuerSequence(draft, { author, sequence });
  draft.events.push({ type: "memberRevoked", memberId, reason });
  for (const { listingId } of draft.listings.values()) {
    const listing = listingOf(draft, listingId);
    if (listing?.state === "ACCEPT_OFFERS") cancelAll(draft, listing, memberId);
  }
  draft.members.set(memberId, { ...memberOf(draft, memberId), revoked: true });
  suspendValidator(draft, memberId);
  return accepted(undefined);
}

/** The cancelled ones keep their transaction and sequence; only their energy goes. */
function cancelAll(draft: Draft, listing: DraftListing, memberId: MemberId): void {
  const { listingId, pvOffers, buyOffers } = listing;
  const nothing = 0 as Wh;
  for (const live of pvOffers.values()) {
    if (live.memberId !== memberId || live.energy === 0) continue;
    const offer = { ...live, energy: nothing };
    pvOffers.set(live.pvId, offer);
    draft.events.push({ type: "pvOfferPlaced", listingId, offer });
  }
  const live = buyOffers.get(memberId);
  if (live === undefined || live.energy === 0) return;
  const bid = { ...live, energy: nothing };
  reserve(draft, memberId, -reservationFor(live) as MicroTokens);
  buyOffers.set(memberId, bid);
  draft.events.push({ type: "buyOfferPlaced", listingId, bid });
}
