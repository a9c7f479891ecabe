// The laboratory's past: from when to when, and what of it goes where. The ledgers get the hours of trading, the
// meters a month of hours and the last days in minutes, the page what its recorder would have heard.

import { wh } from "../../core/units/energy.ts";
import {
  addTime,
  floorToHour,
  HOUR_MS,
  MINUTE_MS,
  SECOND_MS,
  type UnixMs,
} from "../../core/units/time.ts";
import type { RegisterSample } from "../../ports.ts";
import type { PastRange, PastState } from "../devices.ts";
import type { LabHome } from "../homes.ts";

/** What a forecast looks back on, and the page's longest chart. */
const MONTH_MS = 31 * 24 * HOUR_MS;
/** Minutes are known so long before the first hour of trading: its forecast needs the last one. */
const MINUTES_BEFORE_MS = 2 * HOUR_MS;
/** The page's finest chart shows a day. */
const FINE_MS = 26 * HOUR_MS;

export type LabPast = {
  /** The first block's time: in it the first of the listings opens. */
  readonly begin: UnixMs;
  /** The last block is not later. */
  readonly end: UnixMs;
  readonly range: PastRange;
};

/** `hours` of listings before the market's clock shows `start`. */
export function labPast(start: UnixMs, hours: number): LabPast {
  const end = addTime(start, -SECOND_MS);
  // A listing opens 59 minutes before its hour; see PAPER_TIMELINE.
  const begin = addTime(floorToHour(end), -hours * HOUR_MS + MINUTE_MS + SECOND_MS);
  const fineFrom = Math.min(begin - MINUTES_BEFORE_MS, end - FINE_MS) as UnixMs;
  return { begin, end, range: { from: addTime(end, -MONTH_MS), fineFrom, to: end } };
}

/** What a home's agent would have stored: counters at full minutes or hours; a buyer has nothing that produces. */
export function samplesOf(
  { pv }: Pick<LabHome, "pv">,
  states: readonly PastState[],
): readonly RegisterSample[] {
  return states.map(({ at, produced, imported, exported }) => ({
    at: at as UnixMs,
    produced: pv === null ? null : wh(produced),
    imported: wh(imported),
    exported: wh(exported),
  }));
}
