// A home's wall clock: right to within what NTP promises, drifting between two corrections, lost, or wrong and
// sure of itself.

import { HONEST_SKEW_MAX } from "./invariants.ts";
import type { Random } from "./random.ts";

/** Parts in a million; and how often NTP puts it right. */
const DRIFT = 200;
const CORRECTED_EVERY = 15 * 60_000;
/** What the drift may add, ms: 180. */
const DRIFT_MAX = (DRIFT * CORRECTED_EVERY) / 1_000_000;

export type ClockFault = {
  /** Constant, ms. */
  readonly skew: number;
  /** Parts in a million, either way; 0: it keeps time. */
  readonly drift: number;
  /** What happens to it, though it says that it is set: when, and how far it steps, ms. */
  readonly steps: readonly { readonly at: number; readonly by: number }[];
};

/** An honest clock never is more than HONEST_SKEW_MAX off. */
export function honestClock(random: Random): ClockFault {
  const drift = random.chance(0.3) ? random.pick([-DRIFT, DRIFT]) : 0;
  const most = drift === 0 ? HONEST_SKEW_MAX : HONEST_SKEW_MAX - DRIFT_MAX;
  return { skew: random.integer(-most, most), drift, steps: [] };
}

/** Far off from the start, or after steps: blocks of such a clock must not pass. */
export function wrongClock(random: Random, lasts: number): ClockFault {
  const skew = random.pick([-45_000, -20_000, -10_000, 0, 5_000, 10_000, 30_000]);
  const steps = [-10_000, 3_600_000, -3_600_000, 10_000]
    .filter(() => random.chance(0.4))
    .map((by) => ({ at: random.integer(0, lasts), by }));
  return { skew, drift: 0, steps };
}

/** How far the clock is off at `now` ms of the simulation. */
export function offBy({ skew, drift, steps }: ClockFault, now: number): number {
  const drifted = Math.round((drift * (now % CORRECTED_EVERY)) / 1_000_000);
  return steps.reduce((sum, { at, by }) => sum + (now >= at ? by : 0), skew + drifted);
}
