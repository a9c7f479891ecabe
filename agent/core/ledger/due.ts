// What block time alone makes happen to the listings of an hourly community. X is the start of delivery.
//
//   listing          block time                        steps, in this order, hour by hour
//   none yet         X-openBefore <= t < X-cutoffBefore  createListing, acceptOfferBroadcast
//   none yet         X-cutoffBefore <= t                 createListing, voidListing (nobody could offer)
//   ACCEPT_OFFERS    sealed (seal.ts), t < X+closeWithin closeBidding
//   ACCEPT_OFFERS    X+closeWithin <= t                  voidListing
//   closed or void   X+1h+readingsWithin <= t            finishListing (in the same pass, if so late)
//
// All are done before the block's transactions but closeBidding, which is done after them: the receipts in the
// closing block count.
//
// The first block of all opens only what can still take offers. A block after a long silence voids the missed
// hours of the last month and passes over the older ones. A pass is bounded: three steps for each of 744
// missed hours, two for each of at most 48 that open and of at most 48 + 74 listings that the state holds.

import { assert } from "../assert.ts";
import type { ListingId } from "../units/ids.ts";
import { addTime, floorToHour, HOUR_MS, type UnixMs, unixMs } from "../units/time.ts";
import { acceptOfferBroadcast } from "./acceptOfferBroadcast.ts";
import { SYSTEM_STEPS_MAX, type SystemStep } from "./block.ts";
import { listingIdAt, listingTimes } from "./calendar.ts";
import { closeListing } from "./closeListing.ts";
import { createListing } from "./createListing.ts";
import { type Draft, type DraftListing, listingOf } from "./draft.ts";
import { finishListing } from "./finishListing.ts";
import { type BlockAt, countSealer, isSealedBy, nextSealing } from "./seal.ts";
import type { LedgerState, Listing } from "./state.ts";
import { voidListing } from "./voidListing.ts";

/** Missed hours that are still listed, as VOID: 31 days. */
export const MISSED_HOURS_MAX = 744;

type Steps = readonly SystemStep["step"][];
type Hour = Pick<Listing, "listingId" | "deliveryStart">;
type Due = { readonly hour: Hour; readonly steps: Steps };

/** The system steps that this block on top of `state` must contain, exactly and in this order. */
export function due(state: LedgerState, block: BlockAt): readonly SystemStep[] {
  return dueHours(state, block).flatMap(({ hour: { listingId }, steps }) =>
    steps.map((step) => ({ step, listingId })),
  );
}

/**
 * The earliest time at which a block is needed, even one without a transaction: for its steps, or because a
 * listing waits to be sealed; null in a manual community, where none ever is.
 * Before the first block it is at once: that block starts the calendar, whether or not a listing is open.
 */
export function nextDue(state: LedgerState): UnixMs | null {
  const { rules, nextDelivery } = state;
  if (rules.schedule === "manual") return null;
  if (nextDelivery === null) return addTime(state.time, 1);
  let next = listingTimes(rules, nextDelivery).openAt;
  for (const listing of state.listings.values()) {
    const { readingsBy } = listingTimes(rules, listing.deliveryStart);
    const at = listing.state === "ACCEPT_OFFERS" ? nextSealing(state, listing) : readingsBy;
    if (at < next) next = at;
  }
  return next;
}

/**
 * Carries out what is due on the draft of this block on top of `state`, but for the closing of the bidding;
 * returns all the steps.
 */
export function doDueSteps(
  draft: Draft,
  state: LedgerState,
  block: BlockAt,
): readonly SystemStep[] {
  const done: SystemStep[] = [];
  countSealer(draft, state, block);
  for (const { hour, steps } of dueHours(state, block)) {
    for (const step of steps) {
      if (step !== "closeBidding") doStep(draft, step, hour);
      done.push({ step, listingId: hour.listingId });
    }
  }
  assert(done.length <= SYSTEM_STEPS_MAX, `${done.length} system steps in one block`);
  if (draft.rules.schedule === "hourly" && draft.nextDelivery === null) {
    draft.nextDelivery = firstHourAfterCutoff(state, draft.time);
  }
  return done;
}

/** After the block's transactions: closes the bidding where that is among its steps. */
export function closeDueListings(draft: Draft, steps: readonly SystemStep[]): void {
  for (const { step, listingId } of steps) {
    if (step === "closeBidding") closeListing(draft, heldListing(draft, listingId));
  }
}

function dueHours(state: LedgerState, block: BlockAt): readonly Due[] {
  if (state.rules.schedule === "manual") return [];
  const known = [...state.listings.values()]
    .sort((a, b) => a.deliveryStart - b.deliveryStart)
    .map((hour) => ({ hour, steps: stepsOfKnown(state, hour, block) }))
    .filter(({ steps }) => steps.length > 0);
  return [...known, ...newHours(state, block.time)];
}

function stepsOfKnown(state: LedgerState, listing: Listing, block: BlockAt): Steps {
  const { time } = block;
  const times = listingTimes(state.rules, listing.deliveryStart);
  const finish: Steps = time >= times.readingsBy ? ["finishListing"] : [];
  if (listing.state !== "ACCEPT_OFFERS") return finish;
  if (time >= times.closeBy) return ["voidListing", ...finish];
  return isSealedBy(state, listing, block) ? ["closeBidding"] : [];
}

/** Hours without a listing whose opening time has come. */
function newHours(state: LedgerState, time: UnixMs): readonly Due[] {
  const { rules, nextDelivery } = state;
  const live = firstHourAfterCutoff(state, time);
  const oldest = unixMs(Math.max(0, live - MISSED_HOURS_MAX * HOUR_MS));
  const first = nextDelivery === null ? live : unixMs(Math.max(nextDelivery, oldest));
  const last = floorToHour(addTime(time, rules.timeline.openBefore));
  const hours: Due[] = [];
  for (let start = first; start <= last; start = addTime(start, HOUR_MS)) {
    const { cutoffAt, readingsBy } = listingTimes(rules, start);
    const hour = { listingId: listingIdAt(start, rules.timeZone), deliveryStart: start };
    const finish: Steps = time >= readingsBy ? ["finishListing"] : [];
    const steps: Steps =
      time < cutoffAt
        ? ["createListing", "acceptOfferBroadcast"]
        : ["createListing", "voidListing", ...finish];
    hours.push({ hour, steps });
  }
  return hours;
}

/** The first delivery hour whose cut-off is still to come. */
function firstHourAfterCutoff({ rules }: LedgerState, time: UnixMs): UnixMs {
  return addTime(floorToHour(addTime(time, rules.timeline.cutoffBefore)), HOUR_MS);
}

type EarlyStep = Exclude<SystemStep["step"], "closeBidding">;

function doStep(draft: Draft, step: EarlyStep, hour: Hour): void {
  switch (step) {
    case "createListing":
      createListing(draft, hour);
      return;
    case "acceptOfferBroadcast":
      acceptOfferBroadcast(draft, heldListing(draft, hour.listingId));
      return;
    case "voidListing":
      voidListing(draft, heldListing(draft, hour.listingId));
      return;
    case "finishListing":
      finishListing(draft, heldListing(draft, hour.listingId));
  }
}

function heldListing(draft: Draft, id: ListingId): DraftListing {
  const listing = listingOf(draft, id);
  assert(listing !== undefined, `no listing ${id}`);
  return listing;
}
