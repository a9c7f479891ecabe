// Two times: a wall clock (market, blocks) and a monotonic one (timers). Never mixed.

import { bug } from "../assert.ts";

declare const unit: unique symbol;

/** Milliseconds since 1970-01-01T00:00Z by the market's clock, without leap seconds. */
export type UnixMs = number & { readonly [unit]: "unix ms" };

/** A length of time in milliseconds. */
export type DurationMs = number & { readonly [unit]: "ms" };

export const SECOND_MS: DurationMs = 1000 as DurationMs;
export const MINUTE_MS: DurationMs = 60_000 as DurationMs;
export const HOUR_MS: DurationMs = 3_600_000 as DurationMs;

/** Year 9999: later times do not print as ISO-8601 with four digits. */
const UNIX_MS_MAX = 253_402_300_799_999;

export function unixMs(n: number): UnixMs {
  if (!Number.isInteger(n) || n < 0 || n > UNIX_MS_MAX) {
    bug(`time must be whole milliseconds since 1970, not ${n}`);
  }
  return n as UnixMs;
}

export function durationMs(n: number): DurationMs {
  if (!Number.isFinite(n)) bug(`a duration must be a number of milliseconds, not ${n}`);
  return Math.round(n) as DurationMs;
}

export function addTime(at: UnixMs, by: number): UnixMs {
  return unixMs(at + by);
}

/** The start of the UTC hour that holds `at`. */
export function floorToHour(at: UnixMs): UnixMs {
  return unixMs(Math.floor(at / HOUR_MS) * HOUR_MS);
}
