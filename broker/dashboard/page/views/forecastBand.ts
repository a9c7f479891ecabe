// The next hour as the home's agent expects it: what it will probably make and use, and from where to where.

import { deliveryStartOf } from "../market/listingTime.ts";
import { type JsonObject, numberIn } from "../state/json.ts";
import type { HomeView } from "../state/model.ts";

/** kWh; null: not known. */
export type Expected = {
  readonly point: number | null;
  /** Four times in five it is from here to there. */
  readonly band: { readonly low: number; readonly high: number } | null;
};

/** What a home said of one hour; a band that makes no sense is none. */
export function expectedOf(said: object, what: "production" | "consumption"): Expected {
  const forecast = said as JsonObject;
  const point = numberIn(forecast, `${what}_kwh`);
  const low = numberIn(forecast, `${what}_low_kwh`);
  const high = numberIn(forecast, `${what}_high_kwh`);
  const isBand = point !== null && low !== null && high !== null && low >= 0;
  return { point, band: isBand && low <= point && point <= high ? { low, high } : null };
}

/** An hour in which the made and the used are expected. */
export type ExpectedHour = {
  /** Unix ms. */
  readonly start: number;
  readonly made: Expected;
  readonly used: Expected;
};

const HOUR = 3_600_000;

/** Of the hours that are not over at `from`, the earliest first. */
export function expectedHours(
  { forecasts }: Pick<HomeView, "forecasts">,
  { from, timeZone }: { readonly from: number; readonly timeZone: string },
): readonly ExpectedHour[] {
  return [...forecasts]
    .flatMap(([id, forecast]): ExpectedHour[] => {
      const start = deliveryStartOf(id, timeZone);
      if (start === null || start + HOUR <= from) return [];
      const made = expectedOf(forecast, "production");
      const used = expectedOf(forecast, "consumption");
      return made.point === null && used.point === null ? [] : [{ start, made, used }];
    })
    .sort((a, b) => a.start - b.start);
}

/** W or null, by place on the axis of time. */
type Column = readonly (number | null)[];

/**
 * Readings with what is expected beside them, W: x, made, used, then of made and used what is expected, and the low
 * and the high end of each. An hour is drawn from its start to its end, or to a step before the next.
 */
export function withExpected(
  [xs, made, used]: readonly [readonly number[], Column, Column],
  hours: readonly ExpectedHour[],
  step: number,
): readonly [readonly number[], ...Column[]] {
  const starts = new Set(hours.map(({ start }) => start));
  const at = new Map<number, ExpectedHour>();
  for (const hour of hours) {
    const end = hour.start + HOUR;
    for (const x of [hour.start, starts.has(end) ? end - step : end]) at.set(x, hour);
  }
  const readings = new Map(xs.map((x, i) => [x, { made: made[i] ?? null, used: used[i] ?? null }]));
  const all = [...new Set([...xs, ...at.keys()])].sort((a, b) => a - b);
  // Between the ends of an hour the line goes on over the readings that are there.
  const hourAt = (x: number): ExpectedHour | null =>
    at.get(x) ?? hours.find(({ start }) => start <= x && x < start + HOUR) ?? null;
  const column = (value: (hour: ExpectedHour) => number | null | undefined): Column =>
    all.map((x) => {
      const hour = hourAt(x);
      const kWh = hour === null ? null : (value(hour) ?? null);
      return kWh === null ? null : kWh * 1000;
    });
  return [
    all,
    all.map((x) => readings.get(x)?.made ?? null),
    all.map((x) => readings.get(x)?.used ?? null),
    column((hour) => hour.made.point),
    column((hour) => hour.used.point),
    column((hour) => hour.made.band?.low),
    column((hour) => hour.made.band?.high),
    column((hour) => hour.used.band?.low),
    column((hour) => hour.used.band?.high),
  ];
}
