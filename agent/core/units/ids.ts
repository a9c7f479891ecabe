// Ids are branded, so that a member's id is never passed where a PV's is wanted.

import { assert } from "../assert.ts";

declare const kind: unique symbol;

/** A member's e-mail address, lower case: seller1@vt.edu */
export type MemberId = string & { readonly [kind]: "member" };

/** A PV's id, unique in the community: seller1house */
export type PvId = string & { readonly [kind]: "pv" };

/** A listing's id: its delivery hour in the community's time zone, 21Mar18-13:00 */
export type ListingId = string & { readonly [kind]: "listing" };

/** SHA-256 of what was signed, 64 hex digits. */
export type TransactionId = string & { readonly [kind]: "transaction" };

/** The first 16 bytes of an offer's transaction id, 32 hex digits: what a receipt names it by. */
export type OfferPrefix = string & { readonly [kind]: "offerPrefix" };

/** SHA-256 of the block's header, 64 hex digits. */
export type BlockId = string & { readonly [kind]: "block" };

/** SHA-256 of the community's rules, 64 hex digits: everything signed carries it. */
export type CommunityId = string & { readonly [kind]: "community" };

/**
 * Eight bytes would tell offers apart, but not two that one member made to look alike: 2^32 tries give such a
 * pair, and the second would inherit the place of the first. 16 bytes take 2^64.
 */
export const OFFER_PREFIX_BYTES = 16;

export const MEMBER_ID_MAX = 128;
export const PV_ID_MAX = 64;
export const LISTING_ID_MAX = 32;

const MEMBER_ID = /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/;
const PV_ID = /^[A-Za-z0-9][A-Za-z0-9._:@-]{0,63}$/;
const LISTING_ID = /^\d{2}[A-Z][a-z]{2}\d{2}-\d{2}:\d{2}(?:[+-]\d{2}:\d{2})?$/;
const HASH = /^[0-9a-f]{64}$/;

export function isMemberId(text: string): text is MemberId {
  return text.length <= MEMBER_ID_MAX && MEMBER_ID.test(text);
}

export function isPvId(text: string): text is PvId {
  return PV_ID.test(text);
}

export function isListingId(text: string): text is ListingId {
  return LISTING_ID.test(text);
}

export function isHash(text: string): boolean {
  return HASH.test(text);
}

export function offerPrefix(id: TransactionId): OfferPrefix {
  return id.slice(0, 2 * OFFER_PREFIX_BYTES) as OfferPrefix;
}

export function memberId(text: string): MemberId {
  assert(isMemberId(text), `not a member id: ${text}`);
  return text;
}

export function pvId(text: string): PvId {
  assert(isPvId(text), `not a PV id: ${text}`);
  return text;
}

export function listingId(text: string): ListingId {
  assert(isListingId(text), `not a listing id: ${text}`);
  return text;
}
