import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { forecast } from "../../../../agent/core/forecast/forecast.ts";
import { type HourEnergy, hourEnergies } from "../../../../agent/core/metering/hourEnergies.ts";
import type { RegisterSample } from "../../../../agent/core/metering/registers.ts";
import { type Wh, wh } from "../../../../agent/core/units/energy.ts";
import { addTime, HOUR_MS, MINUTE_MS, unixMs } from "../../../../agent/core/units/time.ts";

const MIDNIGHT = Date.parse("2026-06-10T00:00:00Z");
const clock = (hour: number, minute = 0) => unixMs(MIDNIGHT + hour * HOUR_MS + minute * MINUTE_MS);
const maybe = (n: number | null): Wh | null => (n === null ? null : wh(n));

/** The same clear days before today: 100 Wh at 05, 1000 at 09, 2000 at 10, 3000 at 11, 0 at 22; 250 Wh used. */
const CLEAR: Readonly<Record<number, number>> = { 5: 100, 9: 1000, 10: 2000, 11: 3000, 22: 0 };
function clearDays(count: number): HourEnergy[] {
  const hours: HourEnergy[] = [];
  for (let day = -count; day < 0; day += 1) {
    for (const [hour, energy] of Object.entries(CLEAR)) {
      const start = clock(24 * day + Number(hour));
      const knownAt = addTime(start, HOUR_MS);
      const consumed = { energy: wh(250), knownAt };
      hours.push({ start, produced: { energy: wh(energy), knownAt }, consumed });
    }
  }
  return hours;
}

/** A sample a minute from `from` for `minutes`, with constant powers in Wh a minute. */
function run(
  from: number,
  minutes: number,
  perMinute: {
    readonly produced: number | null;
    readonly imported: number;
    readonly exported: number;
  },
): RegisterSample[] {
  return Array.from({ length: minutes + 1 }, (_, i) => ({
    at: unixMs(from + i * MINUTE_MS),
    produced: maybe(perMinute.produced === null ? null : 5000 + i * perMinute.produced),
    imported: wh(100 + i * perMinute.imported),
    exported: wh(200 + i * perMinute.exported),
  }));
}
const NOON = { produced: 20, imported: 0, exported: 16 };
const order = (issuedAt: number, target: number, produces = true) => ({
  ...{ issuedAt: unixMs(issuedAt), target: unixMs(target), produces },
});

describe("forecast of production", () => {
  it("scales the clear day by how clear the last hour was", () => {
    // 10:00 to 11:00 made 1200 of 2000, k = 0.6; at 12:00 ... target 11:00 to 12:00: 3000 x 0.6.
    const samples = run(clock(10), 60, NOON);
    const expected = forecast({ hours: clearDays(5), samples }, order(clock(11), clock(11)));
    expect(expected).toMatchObject({ production: 1800, productionBasis: "smartPersistence" });
  });

  it("takes the envelope of exactly the time that was measured", () => {
    // 10:30 to 11:00 made 600; half of 2000 is 1000, k = 0.6 again.
    const samples = run(clock(10, 30), 30, NOON);
    const expected = forecast({ hours: clearDays(5), samples }, order(clock(11), clock(11)));
    expect(expected.production).toBe(1800);
  });

  it("does not believe in more than 120 % of a clear sky", () => {
    // 3000 of 2000: capped at 2400; 3000 x 2400 / 2000.
    const samples = run(clock(10), 60, { ...NOON, produced: 50 });
    const expected = forecast({ hours: clearDays(5), samples }, order(clock(11), clock(11)));
    expect(expected.production).toBe(3600);
  });

  it("takes recent days as they were while the sun is too low to tell", () => {
    // 05:00 to 06:00 is 100 of 3000, below 5 %.
    const samples = run(clock(5), 60, { produced: 1, imported: 0, exported: 0 });
    const expected = forecast({ hours: clearDays(5), samples }, order(clock(6), clock(9)));
    expect(expected).toMatchObject({ production: 1000, productionBasis: "recentDays" });
  });

  it("knows the night, even while the inverter sleeps", () => {
    const samples = run(clock(20), 60, { produced: null, imported: 4, exported: 0 });
    const expected = forecast({ hours: clearDays(3), samples }, order(clock(21), clock(22)));
    expect(expected).toMatchObject({ production: 0, productionBasis: "night" });
  });

  it("goes on as in the last hour without history", () => {
    const samples = run(clock(10), 60, NOON);
    expect(forecast({ hours: clearDays(2), samples }, order(clock(11), clock(12)))).toMatchObject({
      ...{ production: 1200, productionBasis: "persistence" },
    });
    // 10 min are enough: 200 Wh in them, 1200 in an hour.
    const short = run(clock(10), 10, NOON);
    expect(forecast({ hours: [], samples: short }, order(clock(10, 12), clock(12)))).toMatchObject({
      ...{ production: 1200, productionBasis: "persistence" },
      ...{ consumption: 240, consumptionBasis: "persistence" },
    });
  });

  it("knows nothing with less than 10 min of readings or stale ones", () => {
    const short = run(clock(10), 9, NOON);
    expect(
      forecast({ hours: clearDays(5), samples: short }, order(clock(10, 9), clock(11))),
    ).toEqual({
      ...order(clock(10, 9), clock(11)),
      produces: undefined,
      ...{ production: null, productionBasis: "fewReadings", productionBand: null },
      ...{ consumption: null, consumptionBasis: "fewReadings", consumptionBand: null },
    });
    const old = run(clock(10), 30, NOON);
    expect(
      forecast({ hours: clearDays(5), samples: old }, order(clock(10, 36), clock(11))),
    ).toMatchObject({
      ...{ production: null, productionBasis: "staleReadings" },
      ...{ consumption: null, consumptionBasis: "staleReadings" },
    });
  });

  it("knows that a home without PV makes 0", () => {
    const samples = run(clock(10), 60, { produced: null, imported: 7, exported: 0 });
    expect(forecast({ hours: [], samples }, order(clock(11), clock(12), false))).toMatchObject({
      ...{ production: 0, productionBasis: "noPv" },
      ...{ consumption: 420, consumptionBasis: "persistence" },
    });
  });
});

describe("forecast of consumption", () => {
  it("is the mean of the hour of the day", () => {
    const samples = run(clock(10), 60, NOON);
    const expected = forecast({ hours: clearDays(3), samples }, order(clock(11), clock(11)));
    expect(expected).toMatchObject({ consumption: 250, consumptionBasis: "hourOfDay" });
  });

  it("is as in the last hour without enough days: production + import - export", () => {
    // 20 + 0 - 16 = 4 Wh a minute.
    const samples = run(clock(10), 60, NOON);
    const expected = forecast({ hours: clearDays(2), samples }, order(clock(11), clock(11)));
    expect(expected).toMatchObject({ consumption: 240, consumptionBasis: "persistence" });
  });

  it("is unknown without history while the inverter is silent", () => {
    const samples = run(clock(10), 60, { produced: null, imported: 1, exported: 0 });
    const expected = forecast({ hours: [], samples }, order(clock(11), clock(11)));
    expect(expected).toMatchObject({ consumption: null, consumptionBasis: "noReadings" });
  });
});

describe("a forecast and the future", () => {
  it("says the same on data that ends at the time of issue", () => {
    const minute = fc.record({
      produced: fc.option(fc.nat(60), { freq: 5 }),
      imported: fc.option(fc.nat(60), { freq: 9 }),
      exported: fc.option(fc.nat(60), { freq: 9 }),
    });
    const runs = fc.record({
      minutes: fc.array(minute, { minLength: 30, maxLength: 90 }),
      days: fc.nat(4),
      cut: fc.nat(60 * 24 * 5),
      produces: fc.boolean(),
    });
    let known = 0;
    fc.assert(
      fc.property(runs, ({ minutes, days, cut, produces }) => {
        const samples = cycle(minutes, 60 * 24 * (days + 1));
        const issuedAt = unixMs(MIDNIGHT + Math.min(cut, samples.length - 1) * MINUTE_MS);
        const past = samples.filter(({ at }) => at <= issuedAt);
        const whole = { hours: hourEnergies(samples, { produces }), samples };
        const cutOff = { hours: hourEnergies(past, { produces }), samples: past };
        const what = order(issuedAt, Math.ceil((issuedAt + 1) / HOUR_MS) * HOUR_MS, produces);
        const expected = forecast(cutOff, what);
        expect(forecast(whole, what)).toEqual(expected);
        if (expected.production !== null && expected.consumption !== null) known += 1;
      }),
      { numRuns: 60, seed: 1 },
    );
    // The property means something only if forecasts were made at all.
    expect(known).toBeGreaterThan(10);
  });
});

type MinuteFlows = Readonly<Record<"produced" | "imported" | "exported", number | null>>;

/** Counters that rise by these flows again and again; null: not read in this minute. */
function cycle(minutes: readonly MinuteFlows[], length: number): RegisterSample[] {
  const counters = { produced: 0, imported: 0, exported: 0 };
  return Array.from({ length }, (_, i) => {
    const flows = minutes[i % minutes.length]!;
    const read = (name: "produced" | "imported" | "exported"): Wh | null => {
      const flow = flows[name];
      counters[name] += flow ?? 1;
      return flow === null ? null : wh(counters[name]);
    };
    const at = unixMs(MIDNIGHT + i * MINUTE_MS);
    return {
      at,
      produced: read("produced"),
      imported: read("imported"),
      exported: read("exported"),
    };
  });
}
