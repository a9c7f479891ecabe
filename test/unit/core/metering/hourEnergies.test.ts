import { describe, expect, it } from "vitest";
import { hourEnergies } from "../../../../agent/core/metering/hourEnergies.ts";
import type { RegisterSample } from "../../../../agent/core/metering/registers.ts";
import { type Wh, wh } from "../../../../agent/core/units/energy.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";

const NINE = Date.parse("2026-06-01T09:00:00Z");
const maybe = (n: number | null): Wh | null => (n === null ? null : wh(n));
const sample = (
  minute: number,
  produced: number | null,
  imported: number | null,
  exported: number | null,
): RegisterSample => ({
  at: unixMs(NINE + minute * 60_000),
  ...{ produced: maybe(produced), imported: maybe(imported), exported: maybe(exported) },
});
/** [hour of the day, produced, known at minute, consumed, known at minute] */
const told = (samples: readonly RegisterSample[], produces = true) =>
  hourEnergies(samples, { produces }).map(({ start, produced, consumed }) => [
    9 + (start - NINE) / 3_600_000,
    ...[produced, consumed].flatMap((known) =>
      known === null ? [null] : [known.energy, (known.knownAt - NINE) / 60_000],
    ),
  ]);

describe("hourEnergies", () => {
  it("takes differences between the edges", () => {
    // 09-10: 1000 made, 200 drawn, 700 fed in: 500 used. 10-11: 900 + 0 - 900 = 0.
    const day = [sample(0, 5000, 100, 0), sample(60, 6000, 300, 700), sample(120, 6900, 300, 1600)];
    expect(told(day)).toEqual([
      [9, 1000, 60, 500, 60],
      [10, 900, 120, 0, 120],
    ]);
  });

  it("leaves out hours whose edges are unknown, the first and the last of a run", () => {
    expect(told([sample(5, 0, 0, 0), sample(60, 10, 0, 0), sample(119, 20, 0, 0)])).toEqual([
      [9, null, null],
      [10, null, null],
    ]);
  });

  it("closes a night's gap when the counter is where it was, and says since when that is known", () => {
    // The inverter sleeps from 08:50 (-10) on and is back at 12:10 (190); the meter goes on.
    const night = [
      sample(-10, 5000, 0, 0),
      sample(0, null, 0, 0),
      sample(60, null, 400, 0),
      sample(120, null, 700, 0),
      sample(190, 5000, 900, 0),
    ];
    expect(told(night).slice(1, 3)).toEqual([
      [9, 0, 190, 400, 190],
      [10, 0, 190, 300, 190],
    ]);
  });

  it("does not know how the energy of a long gap was spread", () => {
    const gap = [sample(-10, 5000, 0, 0), sample(190, 5001, 0, 0)];
    expect(
      told(gap)
        .slice(1, 3)
        .map(([, produced]) => produced),
    ).toEqual([null, null]);
  });

  it("knows a home without PV makes 0", () => {
    expect(told([sample(0, null, 100, 0), sample(60, null, 350, 0)], false)).toEqual([
      [9, 0, 60, 250, 60],
    ]);
  });

  it("is empty without samples", () => {
    expect(hourEnergies([], { produces: true })).toEqual([]);
  });
});
