import { describe, expect, it } from "vitest";
import { meteredHour } from "../../../../agent/core/metering/meteredHour.ts";
import type { RegisterSample } from "../../../../agent/core/metering/registers.ts";
import { type Wh, wh } from "../../../../agent/core/units/energy.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";

const NINE = Date.parse("2026-06-01T09:00:00Z");
const maybe = (n: number | null): Wh | null => (n === null ? null : wh(n));

/** Minutes after 09:00, imported, exported, produced. */
function sample(
  minute: number,
  imported: number | null,
  exported: number | null = 0,
  produced: number | null = null,
): RegisterSample {
  return {
    at: unixMs(NINE + minute * 60_000),
    ...{ imported: maybe(imported), exported: maybe(exported), produced: maybe(produced) },
  };
}
const hour = (...samples: readonly RegisterSample[]) => meteredHour(samples, unixMs(NINE));

describe("meteredHour", () => {
  it("takes the registers at both edges", () => {
    expect(hour(sample(0, 1000, 200, 5000), sample(30, 1100), sample(60, 1250, 900, 8000))).toEqual(
      {
        ok: true,
        value: {
          start: NINE,
          gridImport: { start: 1000, end: 1250 },
          gridExport: { start: 200, end: 900 },
          production: { start: 5000, end: 8000 },
          quality: "measured",
        },
      },
    );
  });

  it("measures an edge that has samples at -1 and +1 min, on the line between them", () => {
    // (1000 + 1013) / 2 = 1006.5
    const metered = hour(sample(-1, 1000), sample(1, 1013), sample(60, 1250));
    expect(metered).toMatchObject({
      value: { gridImport: { start: 1006, end: 1250 }, quality: "measured" },
    });
  });

  it("draws a line across a reboot of up to 15 min at an edge and says so", () => {
    // From 56 to 71 min, 150 Wh: at 60 min 4/15 of it, 40 Wh.
    const metered = hour(sample(0, 1000), sample(56, 1200), sample(71, 1350));
    expect(metered).toMatchObject({
      ok: true,
      value: { gridImport: { start: 1000, end: 1240 }, quality: "interpolated" },
    });
    expect(hour(sample(0, 1000), sample(56, 1200), sample(72, 1360))).toEqual({
      ok: false,
      refusal: { code: "edgeMissing", register: "imported", edge: "end", at: NINE + 3_600_000 },
    });
  });

  it("does not mind a reboot in mid-hour: counters go on by themselves", () => {
    expect(hour(sample(0, 1000), sample(60, 1250))).toMatchObject({
      value: { gridImport: { start: 1000, end: 1250 }, quality: "measured" },
    });
  });

  it("takes a lone sample within a minute of an edge, and none further away", () => {
    expect(hour(sample(1, 1000), sample(59, 1250))).toMatchObject({
      value: { gridImport: { start: 1000, end: 1250 }, quality: "measured" },
    });
    expect(hour(sample(2, 1000), sample(60, 1250))).toMatchObject({
      refusal: { code: "edgeMissing", edge: "start" },
    });
  });

  it("refuses when the meter is known only in part, and without any samples", () => {
    expect(hour(sample(0, 1000, null), sample(60, 1250, 0))).toMatchObject({
      refusal: { code: "edgeMissing", register: "exported", edge: "start" },
    });
    expect(hour()).toMatchObject({ refusal: { code: "edgeMissing", register: "imported" } });
  });

  it("leaves production out at night, when the inverter cannot be read", () => {
    expect(hour(sample(0, 1000, 0, 5000), sample(60, 1250, 0, null))).toMatchObject({
      ok: true,
      value: { production: null, quality: "measured" },
    });
  });

  it("refuses registers that fall", () => {
    expect(hour(sample(0, 1000), sample(60, 999))).toMatchObject({
      refusal: { code: "registerFell", register: "imported", start: 1000, end: 999 },
    });
  });
});
