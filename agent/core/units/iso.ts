// Times as ISO 8601 texts (RFC 3339), by integer arithmetic: what decides has no clock, and no Date either.

import { HOUR_MS, MINUTE_MS, SECOND_MS, type UnixMs } from "./time.ts";

const DAY_MS = 24 * HOUR_MS;
/** Days from 0000-03-01 to 1970-01-01, and in 400 years. */
const DAYS_TO_1970 = 719_468;
const DAYS_OF_400_YEARS = 146_097;
const UNIX_MS_MAX = 253_402_300_799_999;

const ISO =
  /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** 2018-03-21T12:50:06.040Z */
export function formatIso(at: UnixMs): string {
  const { year, month, day } = dateOf(Math.floor(at / DAY_MS));
  const time = at % DAY_MS;
  const date = `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
  const hours = digits(Math.floor(time / HOUR_MS), 2);
  const minutes = digits(Math.floor(time / MINUTE_MS) % 60, 2);
  const seconds = digits(Math.floor(time / SECOND_MS) % 60, 2);
  return `${date}T${hours}:${minutes}:${seconds}.${digits(time % SECOND_MS, 3)}Z`;
}

/**
 * The time that `text` says: a date, or a date with a time; without an offset it is UTC. Digits after the third
 * of a second are dropped. null: no such text, no such day, or not within 1970 and 9999.
 */
export function parseIso(text: string): UnixMs | null {
  const match = text.length <= 40 ? ISO.exec(text) : null;
  if (match === null) return null;
  const number = (at: number): number => Number(match[at] ?? "0");
  const [year, month, day] = [number(1), number(2), number(3)];
  const [hours, minutes, seconds] = [number(4), number(5), number(6)];
  const offset = offsetOf(match[8] ?? "Z");
  if (month < 1 || month > 12 || hours > 23 || minutes > 59 || seconds > 59) return null;
  const days = daysSince1970(year, month, day);
  const back = dateOf(days);
  if (offset === null || back.day !== day || back.month !== month) return null;
  const ms = Number((match[7] ?? "").slice(0, 3).padEnd(3, "0"));
  const time = hours * HOUR_MS + minutes * MINUTE_MS + seconds * SECOND_MS + ms;
  const at = days * DAY_MS + time - offset;
  return at < 0 || at > UNIX_MS_MAX ? null : (at as UnixMs);
}

function offsetOf(text: string): number | null {
  if (text === "Z") return 0;
  const [hours, minutes] = [Number(text.slice(1, 3)), Number(text.slice(4, 6))];
  if (hours > 23 || minutes > 59) return null;
  return (text.startsWith("-") ? -1 : 1) * (hours * HOUR_MS + minutes * MINUTE_MS);
}

function digits(n: number, count: number): string {
  return n.toString().padStart(count, "0");
}

/** Gregorian; years begin in March here, so that the leap day comes last. */
function daysSince1970(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const leapDays = Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400);
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return 365 * y + leapDays + dayOfYear - DAYS_TO_1970;
}

/** The inverse of `daysSince1970`. */
function dateOf(days: number): { year: number; month: number; day: number } {
  const since = days + DAYS_TO_1970;
  const era = Math.floor(since / DAYS_OF_400_YEARS);
  const rest = since - era * DAYS_OF_400_YEARS;
  // 1460, 36 524 and 146 096: the last days of 4, 100 and 400 years, which belong to the year before.
  const leaps = Math.floor(rest / 1460) - Math.floor(rest / 36_524) + Math.floor(rest / 146_096);
  const yearOfEra = Math.floor((rest - leaps) / 365);
  const centuries = Math.floor(yearOfEra / 100);
  const dayOfYear = rest - (365 * yearOfEra + Math.floor(yearOfEra / 4) - centuries);
  const march = Math.floor((5 * dayOfYear + 2) / 153);
  const month = march < 10 ? march + 3 : march - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return { year, month, day: dayOfYear - Math.floor((153 * march + 2) / 5) + 1 };
}
