// The calendar of listings: their ids in the community's time zone, and the times that follow from an hour.
//
// Delivery hours are whole UTC hours, so a skipped local hour has no listing by itself and a repeated one has
// two; the second of them carries its UTC offset (04Nov18-01:00-05:00), so that no id stands for two hours.

import { assert } from "../assert.ts";
import { accepted, type Result, refused } from "../result.ts";
import { type ListingId, listingId } from "../units/ids.ts";
import { addTime, HOUR_MS, MINUTE_MS, type UnixMs, unixMs } from "../units/time.ts";
import type { Rules } from "./rules.ts";

/** Ids have two digits for the year: 25 December 2099, so that no hour of a later century gets one. */
export const BLOCK_TIME_MAX: UnixMs = unixMs(4_101_840_000_000);

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
/** One community has one zone; a process that simulates several has a few. */
const FORMATTERS_MAX = 16;
/** No zone has set its clock back by more than three hours since 1970. */
const REPEATED_HOURS_MAX = 3;
/** Zones lie between UTC-12 and UTC+14. */
const OFFSET_HOURS_MAX = 15;
const DAY_MS = 24 * HOUR_MS;

const formatters = new Map<string, Intl.DateTimeFormat>();

/** The times of one listing; each offset is a rule of the community. */
export type ListingTimes = {
  readonly openAt: UnixMs;
  /** Offers with a stamp from this time on do not count. */
  readonly cutoffAt: UnixMs;
  /** Blocks from this time on count for the seal: receipts have arrived by then. */
  readonly receiptsBy: UnixMs;
  /** The bidding is closed in a block at this time or later. */
  readonly sealFrom: UnixMs;
  /** A block at this time or later can only void it. */
  readonly closeBy: UnixMs;
  readonly deliveryEnd: UnixMs;
  /** Meter readings are taken in blocks before this time. */
  readonly readingsBy: UnixMs;
};

export function listingTimes(rules: Pick<Rules, "timeline">, deliveryStart: UnixMs): ListingTimes {
  const { openBefore, cutoffBefore, closeWithin, readingsWithin } = rules.timeline;
  const { receiptsWithin, sealAfter } = rules.timeline;
  const before = (by: number): UnixMs => unixMs(Math.max(0, deliveryStart - by));
  const cutoffAt = before(cutoffBefore);
  return {
    openAt: before(openBefore),
    cutoffAt,
    receiptsBy: addTime(cutoffAt, receiptsWithin),
    sealFrom: addTime(cutoffAt, sealAfter),
    closeBy: addTime(deliveryStart, closeWithin),
    deliveryEnd: addTime(deliveryStart, HOUR_MS),
    readingsBy: addTime(deliveryStart, HOUR_MS + readingsWithin),
  };
}

/** True for an IANA zone that this platform knows. */
export function isTimeZone(name: string): boolean {
  try {
    formatter(name);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** The id of the listing that delivers from `deliveryStart` (a whole UTC hour) on: 21Mar18-13:00 */
export function listingIdAt(deliveryStart: UnixMs, timeZone: string): ListingId {
  assert(deliveryStart % HOUR_MS === 0, `${deliveryStart} is not a whole hour`);
  const { plain, local } = wallClock(deliveryStart, timeZone);
  if (!isRepeated(deliveryStart, timeZone, plain)) return listingId(plain);
  return listingId(`${plain}${printOffset(local - deliveryStart)}`);
}

export type NotAnHour = { readonly code: "notAnHour"; readonly listingId: string };

/**
 * The start of the hour that `id` stands for, the inverse of `listingIdAt`, in the years 2000 to 2099.
 * Refusal `notAnHour`: no such date, a skipped hour, no whole UTC hour, or an offset that is not needed.
 */
export function deliveryStartOf(id: ListingId, timeZone: string): Result<UnixMs, NotAnHour> {
  const nearest = Math.floor(localTimeIn(id) / HOUR_MS);
  for (let offset = -OFFSET_HOURS_MAX; offset <= OFFSET_HOURS_MAX; offset += 1) {
    const hour = (nearest + offset) * HOUR_MS;
    if (hour < 0 || hour > BLOCK_TIME_MAX) continue;
    if (!id.startsWith(wallClock(unixMs(hour), timeZone).plain)) continue;
    if (listingIdAt(unixMs(hour), timeZone) === id) return accepted(unixMs(hour));
  }
  return refused({ code: "notAnHour", listingId: id });
}

/** True for the second of two hours that read the same on a clock on the wall. */
function isRepeated(hour: UnixMs, timeZone: string, plain: string): boolean {
  for (let back = 1; back <= REPEATED_HOURS_MAX; back += 1) {
    const earlier = hour - back * HOUR_MS;
    if (earlier >= 0 && wallClock(unixMs(earlier), timeZone).plain === plain) return true;
  }
  return false;
}

type WallClock = {
  /** 21Mar18-13:00 */
  readonly plain: string;
  /** What the clock shows as if it were UTC, in milliseconds. */
  readonly local: number;
};

function wallClock(at: UnixMs, timeZone: string): WallClock {
  const fields = new Map<string, string>();
  for (const { type, value } of formatter(timeZone).formatToParts(at)) fields.set(type, value);
  const field = (name: string): number => {
    const value = Number.parseInt(fields.get(name) ?? "", 10);
    assert(Number.isInteger(value), `a date without its ${name}`);
    return value;
  };
  const [year, month, day] = [field("year"), field("month"), field("day")];
  const [hour, minute] = [field("hour"), field("minute")];
  const monthName = MONTHS[month - 1];
  assert(monthName !== undefined, `no month ${month}`);
  const plain = `${two(day)}${monthName}${two(year % 100)}-${two(hour)}:${two(minute)}`;
  const time = hour * HOUR_MS + minute * MINUTE_MS;
  return { plain, local: daysSince1970(year, month, day) * DAY_MS + time };
}

function formatter(timeZone: string): Intl.DateTimeFormat {
  const known = formatters.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  });
  if (formatters.size >= FORMATTERS_MAX) formatters.clear();
  formatters.set(timeZone, made);
  return made;
}

function printOffset(offset: number): string {
  const minutes = Math.abs(offset) / MINUTE_MS;
  return `${offset < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** The id's date and time as if they were UTC. 31Feb gives some time, which never prints as 31Feb. */
function localTimeIn(id: ListingId): number {
  const number = (from: number): number => Number.parseInt(id.slice(from, from + 2), 10);
  const month = MONTHS.indexOf(id.slice(2, 5)) + 1;
  const days = daysSince1970(2000 + number(5), month, number(0));
  return days * DAY_MS + number(8) * HOUR_MS + number(11) * MINUTE_MS;
}

function two(n: number): string {
  return n.toString().padStart(2, "0");
}

/** Days from 1970-01-01, Gregorian; years begin in March here, so that the leap day comes last. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const leapDays = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return 365 * y + leapDays + dayOfYear - 719_468;
}
