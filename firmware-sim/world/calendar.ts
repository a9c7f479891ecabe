// Days and minutes of UTC, and the fixed offset of the homes' clocks.

export const MINUTE_MS = 60_000;
export const DAY_MINUTES = 1440;
export const DAY_MS = 86_400_000;

/** The year whose days stand for all years: a leap year, so that each date has one. */
const MODEL_YEAR = 2000;

/** Days since 1970-01-01. */
export function dayOf(timeMs: number): number {
  return Math.floor(timeMs / DAY_MS);
}

/** The same date (month and day) in the model year, as days since 1970-01-01. */
export function modelDay(day: number): number {
  const date = new Date(day * DAY_MS);
  return dayOf(Date.UTC(MODEL_YEAR, date.getUTCMonth(), date.getUTCDate()));
}

/** 0 to 365: the date's place in a leap year. */
export function dateIndex(day: number): number {
  return modelDay(day) - dayOf(Date.UTC(MODEL_YEAR, 0, 1));
}

/** Minutes that a zone's clocks are ahead of UTC at `timeMs`. */
export function offsetMinutes(timeZone: string, timeMs: number): number {
  const parts = new Intl.DateTimeFormat("en", { timeZone, timeZoneName: "longOffset" })
    .formatToParts(timeMs)
    .find((part) => part.type === "timeZoneName");
  const match = /GMT([+-])(\d\d):(\d\d)/.exec(parts?.value ?? "");
  if (match === null) return 0;
  return (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}

/**
 * A zone's standard time. People and sun follow it all year: a household that shifted by an hour on
 * other dates each year would have other lifetime counters each year, too.
 */
export function standardOffsetMinutes(timeZone: string): number {
  const january = offsetMinutes(timeZone, Date.UTC(MODEL_YEAR, 0, 15));
  return Math.min(january, offsetMinutes(timeZone, Date.UTC(MODEL_YEAR, 6, 15)));
}
