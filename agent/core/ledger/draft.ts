// A state under construction: what one block changes, beside the state that it changes. Nothing is copied
// until it is written, so that a block of a thousand transactions copies each registry once.
//
// Each transaction's rule first refuses and only then writes; a refused one leaves no trace in a draft.

import { assert } from "../assert.ts";
import type {
  BlockId,
  CommunityId,
  ListingId,
  MemberId,
  OfferPrefix,
  PvId,
  TransactionId,
} from "../units/ids.ts";
import type { MicroTokens } from "../units/money.ts";
import type { UnixMs } from "../units/time.ts";
import { DraftMap } from "./draftMap.ts";
import type { LedgerEvent } from "./event.ts";
import { communityId, type Rules, type Validator } from "./rules.ts";
import type {
  Accused,
  Heard,
  LastReceipt,
  LedgerState,
  Listing,
  Member,
  PlacedBid,
  PlacedOffer,
  Pv,
  RecordedReading,
} from "./state.ts";

/** A listing whose three registries can be written. */
export type DraftListing = Omit<Listing, "pvOffers" | "buyOffers" | "readings"> & {
  readonly pvOffers: DraftMap<PvId, PlacedOffer>;
  readonly buyOffers: DraftMap<MemberId, PlacedBid>;
  readonly readings: DraftMap<MemberId, RecordedReading>;
};

export type Draft = {
  readonly rules: Rules;
  readonly community: CommunityId;
  readonly height: number;
  /** The block before; null before the first. */
  readonly previous: BlockId | null;
  /** Time of the block under construction. */
  readonly time: UnixMs;
  readonly members: DraftMap<MemberId, Member>;
  readonly pvs: DraftMap<PvId, Pv>;
  readonly removedPvs: DraftMap<PvId, Pv>;
  /** Read through `listingOf`, written through `putListing`. */
  readonly listings: DraftMap<ListingId, Listing>;
  readonly opened: Map<ListingId, DraftListing>;
  /** Whose a key (in hex) is, and PVs by owner; counted when first asked for. */
  keysInUse: Map<string, MemberId> | null;
  pvsByOwner: Map<MemberId, number> | null;
  nextDelivery: UnixMs | null;
  caSequence: number;
  administratorSequence: number;
  issued: MicroTokens;
  readonly receipts: DraftMap<MemberId, LastReceipt>;
  readonly heard: DraftMap<OfferPrefix, Heard>;
  readonly evidence: DraftMap<string, Accused>;
  /** Who votes on this block, on the next, and, as this block leaves it, on the one after that. */
  readonly validators: readonly Validator[];
  readonly nextValidators: readonly Validator[];
  laterValidators: readonly Validator[];
  setChanges: readonly number[];
  /** What votes are for: see restart.ts. */
  readonly chain: CommunityId;
  /** The restart that this block begins with, and who would have voted on it without. */
  restart: { readonly id: TransactionId; readonly replaced: readonly Validator[] } | null;
  readonly events: LedgerEvent[];
};

/** A draft of the block after `state`, at `time`. */
export function draftOf(state: LedgerState, time: UnixMs): Draft {
  return {
    rules: state.rules,
    community: communityId(state.rules),
    height: state.height + 1,
    previous: state.lastBlock?.blockId ?? null,
    time,
    members: new DraftMap(state.members),
    pvs: new DraftMap(state.pvs),
    removedPvs: new DraftMap(state.removedPvs),
    listings: new DraftMap(state.listings),
    opened: new Map(),
    keysInUse: null,
    pvsByOwner: null,
    nextDelivery: state.nextDelivery,
    caSequence: state.caSequence,
    administratorSequence: state.administratorSequence,
    issued: state.issued,
    receipts: new DraftMap(state.receipts),
    heard: new DraftMap(state.heard),
    evidence: new DraftMap(state.evidence),
    validators: state.validators,
    nextValidators: state.nextValidators,
    laterValidators: state.nextValidators,
    setChanges: state.setChanges,
    chain: state.chain,
    restart: null,
    events: [],
  };
}

/** A member that is known to be one. */
export function memberOf(draft: Draft, memberId: MemberId): Member {
  const member = draft.members.get(memberId);
  assert(member !== undefined, `no member ${memberId}`);
  return member;
}

/** The listing, ready to be written; undefined if the ledger does not hold it (any more). */
export function listingOf(draft: Draft, id: ListingId): DraftListing | undefined {
  const opened = draft.opened.get(id);
  if (opened !== undefined) return opened;
  const listing = draft.listings.get(id);
  if (listing === undefined) return undefined;
  const made: DraftListing = {
    ...listing,
    pvOffers: new DraftMap(listing.pvOffers),
    buyOffers: new DraftMap(listing.buyOffers),
    readings: new DraftMap(listing.readings),
  };
  draft.opened.set(id, made);
  return made;
}

/** Puts another version of a listing (its state, its result) in the place of the one before. */
export function putListing(draft: Draft, listing: DraftListing): void {
  assert(draft.listings.has(listing.listingId), `no listing ${listing.listingId} to replace`);
  draft.opened.set(listing.listingId, listing);
}

/** Whether any listing takes offers. */
export function isAnyOpen(draft: Draft): boolean {
  for (const listing of draft.listings.values()) {
    const { state } = draft.opened.get(listing.listingId) ?? listing;
    if (state === "ACCEPT_OFFERS") return true;
  }
  return false;
}

/** A listing that everything has been said about leaves the state. */
export function dropListing(draft: Draft, id: ListingId): void {
  draft.opened.delete(id);
  draft.listings.delete(id);
}

/** What `draft` makes of the state. Its block is not known yet: it contains this state's root. */
export function finishDraft(draft: Draft): Omit<LedgerState, "lastBlock"> {
  for (const [id, listing] of draft.opened) draft.listings.set(id, frozenListing(listing));
  return {
    rules: draft.rules,
    height: draft.height,
    time: draft.time,
    members: draft.members.finish(),
    pvs: draft.pvs.finish(),
    removedPvs: draft.removedPvs.finish(),
    listings: draft.listings.finish(),
    nextDelivery: draft.nextDelivery,
    caSequence: draft.caSequence,
    administratorSequence: draft.administratorSequence,
    issued: draft.issued,
    receipts: draft.receipts.finish(),
    heard: draft.heard.finish(),
    evidence: draft.evidence.finish(),
    validators: draft.nextValidators,
    nextValidators: draft.laterValidators,
    setChanges: draft.setChanges,
    chain: draft.chain,
  };
}

function frozenListing(listing: DraftListing): Listing {
  return {
    ...listing,
    pvOffers: listing.pvOffers.finish(),
    buyOffers: listing.buyOffers.finish(),
    readings: listing.readings.finish(),
  };
}
