// What the simulated homes' counters showed before the market's clock began: for who keeps a history of them, and
// did not watch, for there was nobody yet. The same world, asked for other times.

import type { HomeState } from "./world/registers.ts";
import { ORIGIN_MS } from "./world/registers.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Fifty homes' worth of a day in minutes and a month in hours is less. */
export const PAST_HOURS_MAX = 24 * 62;
export const PAST_FINE_HOURS_MAX = 24 * 7;

/** Times in ms since 1970. */
export type PastRange = {
  /** Full hours from here on, or from where the world begins, */
  readonly from: number;
  /** full minutes from here on, */
  readonly fineFrom: number;
  /** and nothing after this. */
  readonly to: number;
};

/** [at ms, production W, load W, produced Wh, imported Wh, exported Wh]; the power is that of the minute from then on. */
export type PastState = readonly [number, number, number, number, number, number];

/** Ascending in time. */
export function pastStates(
  stateAt: (timeMs: number) => HomeState,
  { from, fineFrom, to }: PastRange,
): readonly PastState[] {
  const states: PastState[] = [];
  const add = (at: number): void => {
    const { production, load, produced, imported, exported } = stateAt(at);
    states.push([at, production, load, produced, imported, exported]);
  };
  const begin = Math.max(from, ORIGIN_MS);
  const fine = Math.ceil(Math.max(fineFrom, begin) / MINUTE_MS) * MINUTE_MS;
  for (let at = Math.ceil(begin / HOUR_MS) * HOUR_MS; at < fine && at <= to; at += HOUR_MS) add(at);
  for (let at = fine; at <= to; at += MINUTE_MS) add(at);
  return states;
}
