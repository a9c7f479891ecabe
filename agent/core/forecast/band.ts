// Between which two values an hour will probably lie: in four of five hours, and in one of ten each it is less or
// more. From what became of the same hours before, and never narrower than that can tell: of n earlier cases that
// are like this one, the next is below the i-th smallest with probability i / (n + 1), whatever their distribution.
//
//   BAND_CASES_MIN days of the target's time of day known    P10 and P90 of them
//   fewer, but a whole day                                   from the least to the most of any hour known: wide
//   less than that                                           null, not known

import { assert } from "../assert.ts";
import type { HourEnergy } from "../metering/hourEnergies.ts";
import { maxWh, minWh, type Wh } from "../units/energy.ts";
import { addTime, HOUR_MS, type UnixMs } from "../units/time.ts";
import { hourlyEnergyFloor, type ProfileSetup } from "./dayProfile.ts";

/** Wh, 0 <= low <= high, and the forecast itself is in it. */
export type Band = { readonly low: Wh; readonly high: Wh };

/** The smallest number of which a tenth of the next lies below all: P10 is the 1st of 9, P90 the 9th. */
export const BAND_CASES_MIN = 9;
/** Days, or cases, that are looked at: P10 is the 2nd of 19, P90 the last but one. More are of another season. */
export const BAND_CASES_MAX = 19;
/** Hours known, of whatever time of day, before anything is said. */
const RANGE_HOURS_MIN = 24;
const DAY_HOURS = 24;

/** Hours of one quantity that were known at a time, by their start. */
export type KnownHours = ReadonlyMap<UnixMs, Wh>;

export function knownHours(
  hours: readonly HourEnergy[],
  issuedAt: UnixMs,
  quantity: ProfileSetup["quantity"],
): KnownHours {
  const known = new Map<UnixMs, Wh>();
  for (const hour of hours) {
    const energy = hour[quantity];
    if (energy !== null && energy.knownAt <= issuedAt) known.set(hour.start, energy.energy);
  }
  return known;
}

/** Energy in [from, to) as far back as `hoursBack` says, hours counted by their share; null if not known. */
export function energyBefore(
  known: KnownHours,
  [from, to]: readonly [UnixMs, UnixMs],
  hoursBack: number,
): Wh | null {
  const back = hoursBack * HOUR_MS;
  if (back > from) return null;
  const valueAt = (start: UnixMs): Wh | null => known.get(start) ?? null;
  return hourlyEnergyFloor(valueAt, addTime(from, -back), addTime(to, -back));
}

/** What the target hour brought on each of the BAND_CASES_MAX days before, as far as known. */
export function sameHours(known: KnownHours, target: UnixMs): readonly Wh[] {
  const hour = [target, addTime(target, HOUR_MS)] as const;
  return Array.from({ length: BAND_CASES_MAX }, (_, day) =>
    energyBefore(known, hour, (day + 1) * DAY_HOURS),
  ).filter((energy) => energy !== null);
}

/** The band of a forecast by what the same hour of earlier days brought, or wide while there are few. */
export function bandOfDays(known: KnownHours, same: readonly Wh[], point: Wh): Band | null {
  return same.length < BAND_CASES_MIN ? wholeRange(known, point) : around(point, quantiles(same));
}

/** Anything that this home has done in an hour so far. */
export function wholeRange(known: KnownHours, point: Wh): Band | null {
  if (known.size < RANGE_HOURS_MIN) return null;
  let [low, high] = [point, point];
  for (const energy of known.values()) [low, high] = [minWh(low, energy), maxWh(high, energy)];
  return around(point, [low, high]);
}

/** Widened to the forecast, which may be a mean that one large value has drawn beyond P90. */
export function around(point: Wh, [low, high]: readonly [Wh, Wh]): Band {
  return { low: minWh(point, low), high: maxWh(point, high) };
}

/** P10 and P90 of BAND_CASES_MIN values or more, or the next ones outwards. */
export function quantiles<N extends number>(values: readonly N[]): readonly [N, N] {
  assert(values.length >= BAND_CASES_MIN, "a quantile needs cases");
  const ascending = [...values].sort((a, b) => a - b);
  const rank = Math.floor((values.length + 1) / 10);
  const [low, high] = [ascending[rank - 1], ascending[values.length - rank]];
  assert(low !== undefined && high !== undefined, "the rank is one of them");
  return [low, high];
}
