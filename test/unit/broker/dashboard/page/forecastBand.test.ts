// What a home expects of the next hour, as the page draws it.

import { expect, test } from "vitest";
import {
  expectedHours,
  expectedOf,
  withExpected,
} from "../../../../../broker/dashboard/page/views/forecastBand.ts";
import type { ForecastState } from "../../../../../broker/topics.ts";

const ZONE = "America/New_York";
const at = (time: string) => Date.parse(`2018-03-21T${time}:00Z`);
const forecast = (made: readonly (number | null)[], used: readonly (number | null)[]) => {
  const [production_kwh = null, production_low_kwh = null, production_high_kwh = null] = made;
  const [consumption_kwh = null, consumption_low_kwh = null, consumption_high_kwh = null] = used;
  return {
    ...{ at: "", listingid: "", production_kwh, production_low_kwh, production_high_kwh },
    ...{ consumption_kwh, consumption_low_kwh, consumption_high_kwh },
  } satisfies ForecastState;
};

test("a band has the forecast in it, or is none", () => {
  expect(expectedOf(forecast([1.1, 0.8, 1.4], []), "production")).toEqual({
    ...{ point: 1.1, band: { low: 0.8, high: 1.4 } },
  });
  for (const [point, low, high] of [
    ...[[1.1, null, 1.4] as const, [1.1, 1.2, 1.4] as const, [1.1, 0.2, 1] as const],
    [1.1, -1, 2] as const,
  ]) {
    expect(expectedOf(forecast([], [point, low, high]), "consumption").band).toBeNull();
  }
  expect(expectedOf(forecast([null, 0, 1], []), "production")).toEqual({ point: null, band: null });
  // An agent of an earlier version, and one that talks nonsense.
  expect(expectedOf({ production_kwh: 2 }, "production")).toEqual({ point: 2, band: null });
  expect(expectedOf({ production_kwh: "2" }, "production").point).toBeNull();
});

test("hours that are over, or of which nothing is known, are not expected any more", () => {
  const forecasts = new Map([
    ["21Mar18-14:00", forecast([1, 0.5, 2], [1])],
    ["21Mar18-13:00", forecast([2], [null])],
    ["21Mar18-12:00", forecast([3], [3])],
    ["21Mar18-15:00", forecast([null], [null])],
    ["nowhere", forecast([1], [1])],
  ]);
  // 13:20 in New York.
  const hours = expectedHours({ forecasts }, { from: at("17:20"), timeZone: ZONE });
  expect(hours.map(({ start }) => start)).toEqual([at("17:00"), at("18:00")]);
  expect(hours[1]?.made.band).toEqual({ low: 0.5, high: 2 });
  expect(expectedHours({ forecasts }, { from: at("19:00"), timeZone: ZONE })).toEqual([]);
});

test("is drawn beside the readings, in W, from its start to its end", () => {
  const band = (low: number, high: number) => ({ low, high });
  const hours = [
    {
      start: at("17:00"),
      made: { point: 2, band: null },
      used: { point: 0.5, band: band(0.25, 1) },
    },
    { start: at("18:00"), made: { point: 1, band: band(0, 3) }, used: { point: null, band: null } },
  ];
  const readings = [
    [at("16:55"), at("17:05")],
    [1800, 1900],
    [400, null],
  ] as const;
  const [xs, made, used, ...expected] = withExpected(readings, hours, 5 * 60_000);
  // The first hour ends a step before the second begins.
  expect(xs).toEqual(["16:55", "17:00", "17:05", "17:55", "18:00", "19:00"].map(at));
  expect(made).toEqual([1800, null, 1900, null, null, null]);
  expect(used).toEqual([400, null, null, null, null, null]);
  expect(expected).toEqual([
    [null, 2000, 2000, 2000, 1000, 1000],
    [null, 500, 500, 500, null, null],
    [null, null, null, null, 0, 0],
    [null, null, null, null, 3000, 3000],
    [null, 250, 250, 250, null, null],
    [null, 1000, 1000, 1000, null, null],
  ]);
});

test("without a forecast the readings are as they were, and without readings the forecast is alone", () => {
  const readings = [[at("17:00")], [1], [2]] as const;
  const [xs, made, used, ...expected] = withExpected(readings, [], 300_000);
  expect([xs, made, used]).toEqual(readings);
  expect(expected).toEqual([[null], [null], [null], [null], [null], [null]]);
  const hour = {
    ...{ start: at("17:00"), made: { point: 1, band: null } },
    used: { point: 1, band: null },
  };
  expect(withExpected([[], [], []], [hour], 300_000)[0]).toEqual([at("17:00"), at("18:00")]);
});
