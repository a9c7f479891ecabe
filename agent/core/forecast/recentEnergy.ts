// The last hour as far as it was measured: what persistence goes on from.

import type { Point } from "../metering/counterGuard.ts";
import type { Refusal, Result } from "../result.ts";
import { accepted, refused } from "../result.ts";
import { type Wh, wh } from "../units/energy.ts";
import { HOUR_MS, MINUTE_MS, type UnixMs } from "../units/time.ts";

/** No longer than this is looked back. */
const RECENT_SPAN_MAX = HOUR_MS;
/** Fewer than 10 min of valid readings say nothing about the next hour. */
export const RECENT_SPAN_MIN: number = 10 * MINUTE_MS;
/** The newest sample is at most this old, or the device counts as down. Samples close 2 min late. */
export const RECENT_AGE_MAX: number = 5 * MINUTE_MS;

export type RecentEnergy = { readonly from: UnixMs; readonly to: UnixMs; readonly energy: Wh };

export type RecentRefusal =
  /** Nothing was read in the last hour. */
  | Refusal<"noReadings">
  /** The device stopped answering. */
  | Refusal<"staleReadings">
  /** The agent has just started: it will know in some minutes. */
  | Refusal<"fewReadings">;

/** Energy over the last measured hour, or as much of it as there is. Points: a counter, ascending in time. */
export function recentEnergy(
  points: readonly Point[],
  issuedAt: UnixMs,
): Result<RecentEnergy, RecentRefusal> {
  const newest = points.findLast(({ at }) => at <= issuedAt);
  if (newest === undefined || newest.at < issuedAt - RECENT_SPAN_MAX) {
    return refused({ code: "noReadings" });
  }
  const age = issuedAt - newest.at;
  if (age > RECENT_AGE_MAX) return refused({ code: "staleReadings", ageMs: age });
  const oldest = points.find(({ at }) => at >= newest.at - RECENT_SPAN_MAX) ?? newest;
  const span = newest.at - oldest.at;
  if (span < RECENT_SPAN_MIN) return refused({ code: "fewReadings", spanMs: span });
  const energy = wh(Math.max(0, newest.value - oldest.value));
  return accepted({ from: oldest.at, to: newest.at, energy });
}

/** What an hour like this would bring, rounded down. */
export function hourlyFloor({ from, to, energy }: RecentEnergy): Wh {
  return wh(Math.floor((energy * HOUR_MS) / (to - from)));
}
