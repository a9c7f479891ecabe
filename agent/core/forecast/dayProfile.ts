// A typical day, hour by hour (UTC), learned from a home's own hours.

import { assert } from "../assert.ts";
import type { HourEnergy } from "../metering/hourEnergies.ts";
import { type Wh, wh } from "../units/energy.ts";
import { addTime, floorToHour, HOUR_MS, type UnixMs } from "../units/time.ts";

const HOURS_A_DAY = 24;
const DAY_MS = HOURS_A_DAY * HOUR_MS;

/** One value for each hour of the day; null where there are too few days. */
export type DayProfile = readonly (Wh | null)[];

export type ProfileSetup = {
  readonly quantity: "produced" | "consumed";
  /** Only hours that begin in the last `days` times 24 h, and were known at `issuedAt`. */
  readonly days: number;
  readonly daysMin: number;
  /** Condenses the values of one hour of the day, at least `daysMin` of them. */
  readonly condense: (values: readonly Wh[]) => Wh;
};

export function dayProfile(
  hours: readonly HourEnergy[],
  issuedAt: UnixMs,
  { quantity, days, daysMin, condense }: ProfileSetup,
): DayProfile {
  const values = Array.from({ length: HOURS_A_DAY }, (): Wh[] => []);
  for (const hour of hours) {
    const known = hour[quantity];
    if (known === null || known.knownAt > issuedAt) continue;
    if (hour.start < issuedAt - days * DAY_MS) continue;
    values[hourOfDay(hour.start)]?.push(known.energy);
  }
  return values.map((list) => (list.length < daysMin ? null : condense(list)));
}

/** What the profile says of [from, to), hours counted by their share, rounded down; null if it cannot. */
export function profileEnergyFloor(profile: DayProfile, from: UnixMs, to: UnixMs): Wh | null {
  return hourlyEnergyFloor((start) => profile[hourOfDay(start)] ?? null, from, to);
}

/** What whole hours say of [from, to), each counted by its share, rounded down; null if one is not known. */
export function hourlyEnergyFloor(
  valueAt: (start: UnixMs) => Wh | null,
  from: UnixMs,
  to: UnixMs,
): Wh | null {
  assert(from < to, "a span of time has a length");
  let weighted = 0;
  for (let start = floorToHour(from); start < to; start = addTime(start, HOUR_MS)) {
    const value = valueAt(start);
    if (value === null) return null;
    weighted += value * (Math.min(to, start + HOUR_MS) - Math.max(from, start));
  }
  return wh(Math.floor(weighted / HOUR_MS));
}

/** The mean, rounded down. */
export function meanFloor(values: readonly Wh[]): Wh {
  assert(values.length > 0, "a mean needs values");
  return wh(Math.floor(values.reduce((sum, value) => sum + value, 0) / values.length));
}

/** The largest value but for the top tenth of them (of 1 to 9 the largest, of 10 to 19 the second). */
export function upperTenth(values: readonly Wh[]): Wh {
  const descending = [...values].sort((a, b) => b - a);
  const value = descending[Math.floor(values.length / 10)];
  assert(value !== undefined, "a quantile needs values");
  return value;
}

function hourOfDay(start: UnixMs): number {
  return Math.floor(start / HOUR_MS) % HOURS_A_DAY;
}
