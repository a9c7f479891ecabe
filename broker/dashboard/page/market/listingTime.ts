// A listing's id says its delivery hour in the community's time zone: 21Mar18-13:00. The repeated hour of autumn
// carries its offset from UTC behind it.

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const ID = /^(\d{2})([A-Z][a-z]{2})(\d{2})-(\d{2}):(\d{2})(?:([+-])(\d{2}):?(\d{2}))?$/;
const MINUTE = 60_000;

export type ListingTimes = {
  /** Unix ms, all of them. */
  readonly opensAt: number;
  readonly cutoffAt: number;
  readonly clearsAt: number;
  readonly deliveryStart: number;
  readonly endsAt: number;
};

/** Unix ms; null: no id of an hour. */
export function deliveryStartOf(id: string, timeZone: string): number | null {
  const match = ID.exec(id);
  if (match === null) return null;
  const [, day, month = "", year, hour, minute, sign, offsetHours, offsetMinutes] = match;
  const monthIndex = MONTHS.indexOf(month);
  if (monthIndex < 0) return null;
  const wall = Date.UTC(2000 + Number(year), monthIndex, Number(day), Number(hour), Number(minute));
  if (sign !== undefined) {
    const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * MINUTE;
    return sign === "+" ? wall - offset : wall + offset;
  }
  // Near a change of clocks the first guess may have the other offset.
  const guess = wall - offsetAt(wall, timeZone);
  return wall - offsetAt(guess, timeZone);
}

/** As the paper's market has them, for those who are not told by the home itself. */
export function usualTimes(deliveryStart: number): ListingTimes {
  return {
    opensAt: deliveryStart - 59 * MINUTE,
    cutoffAt: deliveryStart - MINUTE,
    clearsAt: deliveryStart - MINUTE / 2,
    deliveryStart,
    endsAt: deliveryStart + 60 * MINUTE,
  };
}

/** The calendar day in the zone: 2018-03-21 */
export function dayOf(at: number, timeZone: string): string {
  return partsIn(timeZone)
    .formatToParts(at)
    .filter(({ type }) => type === "year" || type === "month" || type === "day")
    .map(({ value }) => value)
    .join("-");
}

/** As a listing's id begins that delivers on the calendar day of `at` in the zone: 21Mar18 */
export function idDayOf(at: number, timeZone: string): string {
  const [year = "", month = "", day = ""] = dayOf(at, timeZone).split("-");
  return `${day}${MONTHS[Number(month) - 1] ?? ""}${year.slice(-2)}`;
}

function offsetAt(at: number, timeZone: string): number {
  const parts = new Map(
    partsIn(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  const wall = Date.UTC(
    ...([part("year"), part("month") - 1, part("day"), part("hour"), part("minute")] as const),
    part("second"),
  );
  return wall - Math.floor(at / 1000) * 1000;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function partsIn(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-CA", {
    ...{ timeZone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit" },
    ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
  });
  formats.set(timeZone, format);
  return format;
}
