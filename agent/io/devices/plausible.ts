// From a device's number to whole watts and watt-hours, or to "it did not say a number one could believe".
// Settlement is paid by these counters, so nothing here rounds up and nothing turns a missing value into 0.

import { type Watts, type Wh, watts, wh } from "../../core/units/energy.ts";

/** More than 1 GW at a home is a sentinel that was sent as a number. */
export const POWER_W_MAX = 1_000_000_000;
/** 1 TWh is more than any home counts; sums of all its devices stay far from the end of exact numbers. */
export const COUNTER_WH_MAX = 1_000_000_000_000;

/**
 * `value` x 10^`exponent`, correctly rounded: 1.005 x 10^3 is 1005, where the product of the two
 * floats is 1004.9999999999999 and its floor would lose a watt-hour.
 */
export function shiftDecimal(value: number, exponent: number): number {
  const [digits = "", power = "0"] = String(value).split("e");
  return Number(`${digits}e${Number(power) + exponent}`);
}

/** Whole watts, nearest; null if beyond ±POWER_W_MAX or not a number. */
export function plausibleWatts(value: number): Watts | null {
  if (!(Math.abs(value) <= POWER_W_MAX)) return null;
  // Not -0: it would be another number in a comparison of readings.
  return watts(Math.round(value) + 0);
}

/** The whole watt-hours that have been counted completely; null if negative, or beyond COUNTER_WH_MAX. */
export function countedWh(value: number): Wh | null {
  return value >= 0 && value <= COUNTER_WH_MAX ? wh(Math.floor(value) + 0) : null;
}
