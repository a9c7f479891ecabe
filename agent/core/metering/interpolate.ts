// Counters between two readings: a straight line, in whole watt-hours, rounded down.

import { assert } from "../assert.ts";
import { type Wh, wh } from "../units/energy.ts";
import { addTime, MINUTE_MS, type UnixMs, unixMs } from "../units/time.ts";
import type { Point } from "./counterGuard.ts";

/** Readings further apart than this say nothing about the full minutes between them. */
export const SAMPLE_GAP_MAX: number = 2 * MINUTE_MS;

/** The counter at `at`, from before.at to after.at, rounded down to whole Wh. */
export function interpolateFloor(before: Point, after: Point, at: UnixMs): Wh {
  const span = after.at - before.at;
  assert(span > 0 && before.at <= at && at <= after.at, "interpolation stays between its points");
  return wh(before.value + Math.floor(((after.value - before.value) * (at - before.at)) / span));
}

/** The counter at each full minute after `before` up to and including `after`, if they are close. */
export function fullMinutes(before: Point, after: Point): readonly Point[] {
  if (after.at <= before.at || after.at - before.at > SAMPLE_GAP_MAX) return [];
  const points: Point[] = [];
  let at = addTime(floorToMinute(before.at), MINUTE_MS);
  for (; at <= after.at; at = addTime(at, MINUTE_MS)) {
    points.push({ at, value: interpolateFloor(before, after, at) });
  }
  return points;
}

export function floorToMinute(at: UnixMs): UnixMs {
  return unixMs(Math.floor(at / MINUTE_MS) * MINUTE_MS);
}
