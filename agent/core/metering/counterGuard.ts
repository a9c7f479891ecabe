// Counters lie now and then: TOTAL_ENERGY reads 0 for one poll, or runs 2000 kWh ahead and comes back.
// The guard lets a counter grow as fast as its device possibly can, and holds everything else back until
// further readings confirm it; then the device was reset or replaced, and ours continues without a step.
//
//   reading, against the last accepted one    then
//   same or a plausible rise                  accepted; whatever was held back is forgotten
//   drop, or a rise beyond the bound          held back (quarantined)
//   plausible after what is held back         counts as a confirmation; after RESET_CONFIRMATIONS accepted
//                                             as a reset: an offset keeps our counter where it stood
//
// What flowed between the last accepted reading and the first one held back before a reset is lost: it is
// known to be unknown, and never guessed.

import { addWh, subtractWh, type Watts, type Wh, wh } from "../units/energy.ts";
import { HOUR_MS, MINUTE_MS, type UnixMs } from "../units/time.ts";

/** A counter at an instant. */
export type Point = { readonly at: UnixMs; readonly value: Wh };

/** The first reading of all waits for this many more: it might be the one that reads 0. */
export const FIRST_CONFIRMATIONS = 1;
/** Readings after a drop or a jump that must agree with it before it is taken for a reset. */
export const RESET_CONFIRMATIONS = 3;
/** The bound is this much of the configured power: irradiance peaks, meters' tolerance. */
export const PLAUSIBILITY_PERCENT = 125;
/** Some counters move in steps of 0.1 kWh. */
export const COUNTER_STEP_MAX: Wh = wh(100);
/** A GEN24 refreshes its total every 5 min only: a step may hold the energy of this long. */
export const COUNTER_REFRESH_MAX: number = 6 * MINUTE_MS;

/** As the device shows it, and since when it shows this value. */
type Seen = Point & { readonly changedAt: UnixMs };

export type GuardState = {
  readonly last: Seen | null;
  /** Added to what the device shows, so that our counter never falls. */
  readonly offset: Wh;
  readonly held: { readonly first: Point; readonly last: Seen; readonly confirmed: number } | null;
};

export type GuardOutcome = {
  readonly state: GuardState;
  /** Our counter, or null while the reading is held back. */
  readonly value: Wh | null;
  /** Said once when holding back begins, and once when a reset is accepted. */
  readonly notice: "quarantined" | "reset" | null;
};

export const NEW_GUARD: GuardState = { last: null, offset: wh(0), held: null };

/** A guard that goes on from a counter that was accepted before, by an earlier run of the agent. */
export function guardFrom({ at, value }: Point): GuardState {
  return { last: { at, value, changedAt: at }, offset: wh(0), held: null };
}

/** Judges one reading of a counter. `powerMax`: the most the device can carry, before any margin. */
export function guardCounter(state: GuardState, reading: Point, powerMax: Watts): GuardOutcome {
  const { last, offset, held } = state;
  if (last !== null && isPlausible(last, reading, powerMax)) {
    const next = { last: seenAfter(last, reading), offset, held: null };
    return { state: next, value: addWh(reading.value, offset), notice: null };
  }
  if (held === null || !isPlausible(held.last, reading, powerMax)) {
    const seen = { ...reading, changedAt: reading.at };
    const notice = last !== null && held === null ? "quarantined" : null;
    return {
      state: { last, offset, held: { first: reading, last: seen, confirmed: 0 } },
      value: null,
      notice,
    };
  }
  const seen = seenAfter(held.last, reading);
  const confirmed = held.confirmed + 1;
  if (confirmed < (last === null ? FIRST_CONFIRMATIONS : RESET_CONFIRMATIONS)) {
    return {
      state: { last, offset, held: { ...held, last: seen, confirmed } },
      value: null,
      notice: null,
    };
  }
  const stood = last === null ? held.first.value : addWh(last.value, offset);
  const next = { last: seen, offset: subtractWh(stood, held.first.value), held: null };
  const value = addWh(reading.value, next.offset);
  return { state: next, value, notice: last === null ? null : "reset" };
}

function seenAfter(before: Seen, reading: Point): Seen {
  const changedAt = reading.value === before.value ? before.changedAt : reading.at;
  return { ...reading, changedAt };
}

function isPlausible(before: Seen, reading: Point, powerMax: Watts): boolean {
  const rise = reading.value - before.value;
  return rise >= 0 && rise <= riseMaxCeil(before, reading.at, powerMax);
}

/** The most a counter can rise until `at`, Wh, rounded up. A clock that went back counts as no time. */
function riseMaxCeil(before: Seen, at: UnixMs, powerMax: Watts): number {
  const sinceChange = Math.min(at - before.changedAt, COUNTER_REFRESH_MAX);
  const duration = Math.max(0, at - before.at, sinceChange);
  const power = Math.ceil((powerMax * PLAUSIBILITY_PERCENT) / 100);
  return COUNTER_STEP_MAX + Math.ceil((power * duration) / HOUR_MS);
}
