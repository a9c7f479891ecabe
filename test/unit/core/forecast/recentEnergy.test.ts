import { describe, expect, it } from "vitest";
import { hourlyFloor, recentEnergy } from "../../../../agent/core/forecast/recentEnergy.ts";
import { wh } from "../../../../agent/core/units/energy.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";

const NINE = Date.parse("2026-06-01T09:00:00Z");
const at = (minute: number) => unixMs(NINE + minute * 60_000);
const points = (...pairs: readonly (readonly [number, number])[]) =>
  pairs.map(([minute, value]) => ({ at: at(minute), value: wh(value) }));

describe("recentEnergy", () => {
  it("measures the hour up to the newest sample", () => {
    // Newest at 60, so from 0 on: 1600 - 1000.
    const recent = recentEnergy(points([-1, 990], [0, 1000], [30, 1200], [60, 1600]), at(62));
    expect(recent).toEqual({ ok: true, value: { from: at(0), to: at(60), energy: 600 } });
  });

  it("makes do with 10 min and scales them to an hour, rounded down", () => {
    const recent = recentEnergy(points([0, 1000], [10, 1167]), at(10));
    expect(recent).toMatchObject({ ok: true, value: { energy: 167 } });
    // 167 x 6 = 1002; over 11 min 167 x 60 / 11 = 910.9
    expect(hourlyFloor({ from: at(0), to: at(10), energy: wh(167) })).toBe(1002);
    expect(hourlyFloor({ from: at(0), to: at(11), energy: wh(167) })).toBe(910);
  });

  it("refuses less than 10 min, what is older than 5 min, and nothing", () => {
    expect(recentEnergy(points([0, 0], [9, 9]), at(9))).toEqual({
      ok: false,
      refusal: { code: "fewReadings", spanMs: 540_000 },
    });
    expect(recentEnergy(points([0, 0], [20, 9]), at(25))).toMatchObject({ ok: true });
    expect(recentEnergy(points([0, 0], [20, 9]), at(26))).toEqual({
      ok: false,
      refusal: { code: "staleReadings", ageMs: 360_000 },
    });
    expect(recentEnergy(points([0, 0], [20, 9]), at(81))).toMatchObject({
      refusal: { code: "noReadings" },
    });
    expect(recentEnergy([], at(0))).toMatchObject({ refusal: { code: "noReadings" } });
  });

  it("does not look beyond the time of issue", () => {
    const recent = recentEnergy(points([0, 0], [10, 10], [11, 5000]), at(10));
    expect(recent).toMatchObject({ value: { to: at(10), energy: 10 } });
  });
});
