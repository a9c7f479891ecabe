// A counter as dashboards are shown it: it never falls, not over a night, a restart of the agent, a power cut,
// or a device that was reset or replaced. Their statistics would take a fall for a new counter and count all of it
// once more.
//
// The guard of counterGuard.ts holds back what cannot be, and goes on without a step after a reset. What is
// shown must be on the disk before, for after a power cut nobody else knows it; so that this is not a write for
// each reading, the disk has a promise: that no more is shown than that. A clean end writes what was shown last;
// after a power cut the counter stands at the promise until the device has caught up, PROMISE_AHEAD at most.

import { assert } from "../assert.ts";
import { addWh, type Watts, type Wh, wh } from "../units/energy.ts";
import type { UnixMs } from "../units/time.ts";
import { type GuardState, guardCounter, NEW_GUARD, type Point } from "./counterGuard.ts";

/** One write for so much energy. */
export const PROMISE_AHEAD: Wh = wh(100);

export type ShownCounter = {
  readonly guard: GuardState;
  /** null: nothing was ever shown. */
  readonly shown: Wh | null;
  /** What the disk says is shown at most. */
  readonly promised: Wh | null;
};

/** What the disk keeps. */
export type KeptCounter = {
  /** Of the last accepted reading. */
  readonly at: UnixMs;
  readonly value: Wh;
  /** Added to what the device says. */
  readonly offset: Wh;
  readonly promised: Wh;
};

export const NEW_SHOWN_COUNTER: ShownCounter = { guard: NEW_GUARD, shown: null, promised: null };

/** Goes on where an earlier run ended. */
export function shownFrom({ at, value, offset, promised }: KeptCounter): ShownCounter {
  const last = { at, value, changedAt: at };
  return { guard: { last, offset, held: null }, shown: promised, promised };
}

/**
 * Takes in a reading. The new state may be shown if its `promised` is that of the old one, or is on the disk
 * now. A reading that is held back changes nothing that is shown.
 */
export function advanceShown(
  before: ShownCounter,
  reading: Point,
  powerMax: Watts,
): { readonly next: ShownCounter; readonly isToKeep: boolean } {
  const { state: guard, value } = guardCounter(before.guard, reading, powerMax);
  if (value === null) return { next: { ...before, guard }, isToKeep: false };
  const shown = before.shown !== null && before.shown > value ? before.shown : value;
  // After a reset the disk must know the offset, or the next run would begin with a fall again.
  const isReset = before.guard.last !== null && guard.offset !== before.guard.offset;
  const isBeyond = before.promised === null || shown > before.promised;
  if (!isBeyond && !isReset) return { next: { ...before, guard, shown }, isToKeep: false };
  const promised = isBeyond ? addWh(shown, PROMISE_AHEAD) : before.promised;
  return { next: { guard, shown, promised }, isToKeep: true };
}

/** For the disk; null: there is nothing to keep yet. `isEnd`: nothing more will be shown in this run. */
export function keptCounter(
  { guard, shown, promised }: ShownCounter,
  isEnd: boolean,
): KeptCounter | null {
  const { last, offset } = guard;
  if (last === null || shown === null || promised === null) return null;
  assert(promised >= shown, "nothing is shown that was not promised");
  return { at: last.at, value: last.value, offset, promised: isEnd ? shown : promised };
}
