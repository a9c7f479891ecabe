// What the validators' receipts say of each offer and bid, until its stamp is taken.
//
//   the offer is      an entry for it
//   unknown           is kept, if any listing takes offers; the offer may come later
//   known, no stamp   is kept, one for each validator; the 2f+1st takes the stamp
//   known, stamped    says nothing new
//
// Who votes no more says nothing new, but what it said stays, and f is of it and the present validators together.
//
// An offer that never comes is forgotten when the listings of its time have ended, or when its validator has
// named too many such: then its oldest go first, so that nobody can fill another's share.

import { assert } from "../assert.ts";
import { type MemberId, type OfferPrefix, offerPrefix, type TransactionId } from "../units/ids.ts";
import type { UnixMs } from "../units/time.ts";
import { type Draft, type DraftListing, isAnyOpen, listingOf } from "./draft.ts";
import type { Validator } from "./rules.ts";
import { stampOf } from "./stamp.ts";
import type { Heard, PlacedBid, PlacedOffer } from "./state.ts";
import { voicesOf } from "./validators.ts";

/** Entries of one validator for offers that are not on the ledger: an hour of a large community's. */
export const UNPLACED_PER_VALIDATOR_MAX = 1024;

/** An offer and when a validator says to have received it. */
export type Entry = { readonly offer: OfferPrefix; readonly at: UnixMs };

/** Takes one validator's entries, in the order of their times, none before those it gave earlier. */
export function hear(draft: Draft, validator: MemberId, entries: readonly Entry[]): void {
  const isOpen = isAnyOpen(draft);
  // With so few in all nobody can have named too many.
  const isFar = draft.heard.size + entries.length <= UNPLACED_PER_VALIDATOR_MAX;
  const unplaced = isFar ? [] : unplacedOf(draft, validator);
  for (const { offer, at } of entries) {
    const known = draft.heard.get(offer);
    if (known === undefined && !isOpen) continue;
    const heard = known ?? { offer, place: null, stamp: null, entries: [] };
    if (heard.stamp !== null || heard.entries.some((entry) => entry.validator === validator)) {
      continue;
    }
    take(draft, heard, { validator, at });
    if (heard.place !== null) continue;
    unplaced.push({ offer, at });
    const oldest = unplaced.length > UNPLACED_PER_VALIDATOR_MAX ? unplaced.shift() : undefined;
    if (oldest !== undefined) withdraw(draft, oldest.offer, validator);
  }
}

export type Placing = {
  readonly transactionId: TransactionId;
  readonly place: NonNullable<Heard["place"]>;
  /** The version of it that it replaces. */
  readonly before: TransactionId | null;
};

/** Notes that an offer is on the ledger now. Returns its stamp as far as the receipts tell it. */
export function placeHeard(draft: Draft, { transactionId, place, before }: Placing): UnixMs | null {
  if (draft.rules.schedule === "manual") return draft.time;
  if (before !== null) draft.heard.delete(offerPrefix(before));
  const offer = offerPrefix(transactionId);
  const known = draft.heard.get(offer);
  const isNew = known === undefined || known.place !== null;
  const { stamp, entries } = isNew ? { stamp: null, entries: [] } : known;
  draft.heard.set(offer, { offer, place, stamp, entries: stamp === null ? entries : [] });
  return stamp;
}

/** After `listing` has ended: forgets its offers, and those that never came and now cannot any more. */
export function forgetHeard(draft: Draft, listing: DraftListing): void {
  for (const { transactionId } of listing.pvOffers.values()) {
    draft.heard.delete(offerPrefix(transactionId));
  }
  for (const { transactionId } of listing.buyOffers.values()) {
    draft.heard.delete(offerPrefix(transactionId));
  }
  const isOpen = isAnyOpen(draft);
  const { openBefore, closeWithin } = draft.rules.timeline;
  for (const { offer, place, entries } of [...draft.heard.values()]) {
    if (place !== null) continue;
    // Of all of them: a liar's time, long past, must not take the others' words along.
    const isOver = entries.every(({ at }) => at + openBefore + closeWithin <= draft.time);
    if (!isOpen || isOver) draft.heard.delete(offer);
  }
}

/** The offer or bid that stands where `place` says. */
function standing(
  draft: Draft,
  { listingId, memberId, pvId }: Placing["place"],
): { readonly listing: DraftListing; readonly placed: PlacedOffer | PlacedBid } {
  const listing = listingOf(draft, listingId);
  const placed = pvId === null ? listing?.buyOffers.get(memberId) : listing?.pvOffers.get(pvId);
  assert(listing !== undefined && placed !== undefined, `an offer that is heard of stands`);
  return { listing, placed };
}

/** When others come to vote: with them fewer entries may do, and who has spoken does not speak again. */
export function hearAgain(draft: Draft, validators: readonly Validator[]): void {
  for (const heard of [...draft.heard.values()]) {
    if (heard.stamp === null && heard.entries.length > 0) put(draft, heard, validators);
  }
}

function take(draft: Draft, heard: Heard, entry: Heard["entries"][number]): void {
  put(draft, { ...heard, entries: [...heard.entries, entry] }, draft.validators);
}

/** Keeps what is heard of an offer, and stamps it if that is enough. */
function put(
  draft: Draft,
  { offer, place, entries }: Heard,
  validators: readonly Validator[],
): void {
  const speakers = entries.map(({ validator }) => validator);
  const stamp = stampOf(
    entries.map(({ at }) => at),
    voicesOf(validators, speakers),
  );
  const isDone = stamp !== null && place !== null;
  draft.heard.set(offer, { offer, place, stamp, entries: isDone ? [] : entries });
  if (!isDone) return;
  const { listing, placed } = standing(draft, place);
  assert(offerPrefix(placed.transactionId) === offer, "an offer stands under its own name");
  if ("pvId" in placed) listing.pvOffers.set(placed.pvId, { ...placed, stamp });
  else listing.buyOffers.set(placed.memberId, { ...placed, stamp });
  const { listingId } = listing;
  const { transactionId } = placed;
  const { memberId, pvId } = place;
  draft.events.push({ type: "offerStamped", listingId, transactionId, memberId, pvId, stamp });
}

/** The validator's entries for offers that are not on the ledger, oldest first. */
function unplacedOf(draft: Draft, validator: MemberId): Entry[] {
  const entries: Entry[] = [];
  for (const { offer, place, entries: heard } of draft.heard.values()) {
    const mine = heard.find((entry) => entry.validator === validator);
    if (place === null && mine !== undefined) entries.push({ offer, at: mine.at });
  }
  return entries.sort((a, b) => a.at - b.at || (a.offer < b.offer ? -1 : 1));
}

function withdraw(draft: Draft, offer: OfferPrefix, validator: MemberId): void {
  const heard = draft.heard.get(offer);
  assert(heard !== undefined && heard.place === null, "what is withdrawn is not on the ledger");
  const entries = heard.entries.filter((entry) => entry.validator !== validator);
  if (entries.length === 0) draft.heard.delete(offer);
  else draft.heard.set(offer, { ...heard, entries });
}
