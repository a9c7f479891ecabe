// When a listing's bidding is closed. Only stamps decide who is in, but receipts that are under way must get
// into a block first, whoever proposes it:
//
//   block time                    what such a block does
//   before receiptsBy             nothing yet: receipts may still travel
//   receiptsBy on                 counts, once for each proposer
//   sealFrom on, f+1 counted      closes the bidding, itself included: one of f+1 is honest, and put in all it held
//   closeBy on                    can only void it
//
// A counted proposer that votes no more stays counted, and f is of it and the present validators together.
//
// Time alone would not do: silent proposers could burn the seconds, and a lying one then seal without the
// receipts of the others.

import type { MemberId } from "../units/ids.ts";
import { addTime, type UnixMs } from "../units/time.ts";
import { listingTimes } from "./calendar.ts";
import { type Draft, listingOf, putListing } from "./draft.ts";
import { VALIDATORS_MAX } from "./rules.ts";
import type { LedgerState, Listing } from "./state.ts";
import { liarsMax, voicesOf } from "./validators.ts";

/** What the calendar asks of a block. */
export type BlockAt = { readonly time: UnixMs; readonly proposer: MemberId };

/** Whether a block like this on top of `state` closes `listing`, which takes offers and is not void by then. */
export function isSealedBy(state: LedgerState, listing: Listing, block: BlockAt): boolean {
  const { sealFrom } = listingTimes(state.rules, listing.deliveryStart);
  if (block.time < sealFrom) return false;
  const sealers = [...new Set(listing.sealers).add(block.proposer)];
  return sealers.length > liarsMax(voicesOf(state.validators, sealers));
}

/** The earliest time at which a listing that takes offers needs another block: to count, to close, or to void. */
export function nextSealing(state: LedgerState, listing: Listing): UnixMs {
  const { rules, validators } = state;
  const { receiptsBy, sealFrom, closeBy } = listingTimes(rules, listing.deliveryStart);
  // With f counted, the closing block is the one that lacks.
  const isLast = listing.sealers.length >= liarsMax(voicesOf(validators, listing.sealers));
  const wanted = isLast ? sealFrom : receiptsBy;
  const soonest = addTime(state.time, 1);
  const next = wanted > soonest ? wanted : soonest;
  return closeBy < next ? closeBy : next;
}

/** Counts the proposer of the block under construction for each listing whose receipts are in. */
export function countSealer(draft: Draft, state: LedgerState, { time, proposer }: BlockAt): void {
  for (const { listingId, deliveryStart, state: at, sealers } of state.listings.values()) {
    if (at !== "ACCEPT_OFFERS" || sealers.includes(proposer)) continue;
    if (draft.rules.schedule === "manual" || sealers.length >= VALIDATORS_MAX) continue;
    if (time < listingTimes(draft.rules, deliveryStart).receiptsBy) continue;
    const listing = listingOf(draft, listingId);
    if (listing === undefined) continue;
    putListing(draft, { ...listing, sealers: [...sealers, proposer].sort() });
  }
}
