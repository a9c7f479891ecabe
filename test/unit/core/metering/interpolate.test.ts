import { describe, expect, it } from "vitest";
import { fullMinutes, interpolateFloor } from "../../../../agent/core/metering/interpolate.ts";
import { wh } from "../../../../agent/core/units/energy.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";

const NINE = Date.parse("2026-06-01T09:00:00Z");
const point = (second: number, value: number) => ({
  at: unixMs(NINE + second * 1000),
  value: wh(value),
});
const minutes = (from: readonly [number, number], to: readonly [number, number]) =>
  fullMinutes(point(...from), point(...to)).map(({ at, value }) => [(at - NINE) / 1000, value]);

describe("interpolateFloor", () => {
  it("rounds down and keeps the ends", () => {
    // 1000 + 10 x 1/3 = 1003.3; 1000 + 10 x 2/3 = 1006.7
    const [a, b] = [point(0, 1000), point(30, 1010)];
    expect(interpolateFloor(a, b, unixMs(NINE + 10_000))).toBe(1003);
    expect(interpolateFloor(a, b, unixMs(NINE + 20_000))).toBe(1006);
    expect(interpolateFloor(a, b, a.at)).toBe(1000);
    expect(interpolateFloor(a, b, b.at)).toBe(1010);
  });
});

describe("fullMinutes", () => {
  it("finds the minute between two readings", () => {
    // 55 s -> 65 s: the minute is half-way, 1000 + 7/2 = 1003.5
    expect(minutes([55, 1000], [65, 1007])).toEqual([[60, 1003]]);
  });

  it("counts a reading at the full minute once, for the interval that ends there", () => {
    expect(minutes([50, 1000], [60, 1005])).toEqual([[60, 1005]]);
    expect(minutes([60, 1005], [70, 1010])).toEqual([]);
  });

  it("spans two minutes at most, and nothing beyond", () => {
    expect(minutes([59, 0], [179, 120])).toEqual([
      [60, 1],
      [120, 61],
    ]);
    expect(minutes([59, 0], [180, 121])).toEqual([]);
  });

  it("says nothing when the clock did not move or went back", () => {
    expect(minutes([65, 0], [65, 1])).toEqual([]);
    expect(minutes([65, 0], [55, 1])).toEqual([]);
  });
});
