// The band round a forecast: worked out by hand, wide or unknown with little history, and right four times in five
// on weather and habits that a test makes up.

import { describe, expect, it } from "vitest";
import { bandOfDays, knownHours, quantiles } from "../../../../agent/core/forecast/band.ts";
import { forecast } from "../../../../agent/core/forecast/forecast.ts";
import type { HourEnergy } from "../../../../agent/core/metering/hourEnergies.ts";
import type { RegisterSample } from "../../../../agent/core/metering/registers.ts";
import { wh } from "../../../../agent/core/units/energy.ts";
import { addTime, HOUR_MS, MINUTE_MS, unixMs } from "../../../../agent/core/units/time.ts";

const MIDNIGHT = Date.parse("2026-06-10T00:00:00Z");
const clock = (hour: number) => unixMs(MIDNIGHT + hour * HOUR_MS);

function hour(at: number, produced: number, consumed = 250): HourEnergy {
  const knownAt = addTime(clock(at), HOUR_MS);
  const known = (energy: number) => ({ energy: wh(energy), knownAt });
  return { start: clock(at), produced: known(produced), consumed: known(consumed) };
}

/** An hour of minutes that ends at `end`, with `produced` Wh in it, all of it given away. */
function lastHour(end: number, produced: number): RegisterSample[] {
  return Array.from({ length: 61 }, (_, i) => ({
    at: unixMs(clock(end) - (60 - i) * MINUTE_MS),
    produced: wh(5000 + Math.floor((i * produced) / 60)),
    imported: wh(100),
    exported: wh(200 + Math.floor((i * produced) / 60)),
  }));
}

const at = (issued: number, target: number, produces = true) => ({
  ...{ issuedAt: clock(issued), target: clock(target), produces },
});

describe("quantiles", () => {
  const up = (n: number) => Array.from({ length: n }, (_, i) => (i * 7) % n);

  it("are the ends of 9 to 18 cases, and the next ones inwards of 19", () => {
    expect(quantiles(up(9))).toEqual([0, 8]);
    expect(quantiles(up(18))).toEqual([0, 17]);
    expect(quantiles(up(19))).toEqual([1, 17]);
    expect(quantiles(up(29))).toEqual([2, 26]);
  });

  it("of fewer than 9 are none", () => {
    expect(() => quantiles(up(8))).toThrow("a quantile needs cases");
  });
});

describe("the band of a consumption", () => {
  /** Noon of the day that is `day` days ago took 100 x `day`. */
  const noons = (days: number) =>
    Array.from({ length: days }, (_, i) => hour(12 - 24 * (i + 1), 0, 100 * (i + 1))).reverse();
  const noon = (hours: readonly HourEnergy[]) =>
    forecast({ hours, samples: lastHour(11, 0) }, at(11, 12, false));

  it("is P10 and P90 of the same hour of the last 19 days", () => {
    // 100 to 1900: the second and the last but one. The 20th day is in the mean alone: 1050.
    expect(noon(noons(19))).toMatchObject({
      consumption: 1000,
      consumptionBand: { low: 200, high: 1800 },
    });
    expect(noon(noons(20))).toMatchObject({
      consumption: 1050,
      consumptionBand: { low: 200, high: 1800 },
    });
  });

  it("has the forecast in it, also where one day has drawn the mean beyond P90", () => {
    // 18 days of 100 and one of 100 000: the mean is 5357.
    const hours = Array.from({ length: 19 }, (_, i) =>
      hour(12 - 24 * (19 - i), 0, i === 0 ? 100_000 : 100),
    );
    expect(noon(hours)).toMatchObject({
      consumption: 5357,
      consumptionBand: { low: 100, high: 5357 },
    });
  });

  it("is anything that was ever used, with 8 days; and not known with less than a day of hours", () => {
    // 8 noons, 100 to 800, and 16 other hours: 24.
    const nights = Array.from({ length: 16 }, (_, i) => hour(-24 + i / 16, 0, i === 3 ? 2500 : 40));
    expect(noon([...nights, ...noons(8)])).toMatchObject({
      consumption: 450,
      consumptionBand: { low: 40, high: 2500 },
    });
    expect(noon([...nights.slice(1), ...noons(8)])).toMatchObject({
      ...{ consumption: 450, consumptionBand: null },
    });
  });

  it("does not know what was not known at the time of issue", () => {
    const late = noons(19).map((one, i) =>
      i < 11 || one.consumed === null
        ? one
        : { ...one, consumed: { ...one.consumed, knownAt: clock(40) } },
    );
    // 11 days were known: 900 to 1900.
    expect(noon(late)).toMatchObject({
      consumption: 1400,
      consumptionBand: { low: 900, high: 1900 },
    });
    expect(knownHours(late, clock(11), "consumed").size).toBe(11);
  });

  it("is not known where the forecast is not", () => {
    const samples = lastHour(11, 0).slice(-5);
    expect(forecast({ hours: noons(19), samples }, at(11, 12, false))).toMatchObject({
      ...{ consumption: null, consumptionBand: null },
      ...{ production: 0, productionBand: { low: 0, high: 0 } },
    });
  });
});

describe("the band of a production", () => {
  /**
   * Ten clear days, 1000 at 09, 2000 at 10, 3000 at 11; before them nine cloudy ones with half of it at 09 and 10,
   * and 300 x i at 11. 0 at 22.
   */
  const days = Array.from({ length: 19 }, (_, i) => {
    const day = -24 * (i + 1);
    const made = i < 10 ? [1000, 2000, 3000, 0] : [500, 1000, 300 * (i - 9), 0];
    return [9, 10, 11, 22].map((at, n) => hour(day + at, made[n] ?? 0));
  })
    .reverse()
    .flat();
  const eleven = (hours: readonly HourEnergy[], recent: number) =>
    forecast({ hours, samples: lastHour(11, recent) }, at(11, 11));

  it("is what became of the skies that are most like this one", () => {
    // 1200 of 2000, clearness 600. Nearest: of the cloudy days 10 -> 11, from 500 to 100, 200 ... 900, and 9 -> 10,
    // nine times from 500 to 500; and one of the clear ones, 1000 to 1000. Of these 19 the second is 200 per mille
    // of 3000, and the last but one 900.
    expect(eleven(days, 1200)).toMatchObject({
      ...{ production: 1800, productionBasis: "smartPersistence" },
      productionBand: { low: 600, high: 2700 },
    });
    // A clear one: all of the clear days went on clear.
    expect(eleven(days, 2000).productionBand).toEqual({ low: 3000, high: 3000 });
  });

  it("is as wide as whole days while there are fewer than nine, for days that follow are alike", () => {
    const six = days.slice(-24);
    expect(eleven(six, 2000)).toMatchObject({
      production: 3000,
      productionBand: { low: 0, high: 3000 },
    });
    expect(eleven(six.slice(1), 2000)).toMatchObject({ production: 3000, productionBand: null });
    expect(eleven(days.slice(-8), 1200)).toMatchObject({
      ...{ production: 1200, productionBasis: "persistence", productionBand: null },
    });
  });

  it("is what the same hour brought, while the sun is too low to tell", () => {
    const early = [...days, ...days.map(({ start }) => hour((start - MIDNIGHT) / HOUR_MS - 4, 20))];
    const expected = forecast({ hours: early, samples: lastHour(6, 20) }, at(6, 11));
    expect(expected).toMatchObject({
      productionBasis: "recentDays",
      // 300 to 2700 by 300, and 3000 ten times: the second of 19.
      productionBand: { low: 600, high: 3000 },
    });
  });

  it("is nothing at night, once nine nights say so, and for a home without PV", () => {
    const night = (hours: readonly HourEnergy[], produces = true) =>
      forecast({ hours, samples: lastHour(21, 0) }, at(21, 22, produces)).productionBand;
    expect(night(days.slice(-36))).toEqual({ low: 0, high: 0 });
    expect(night(days.slice(-32))).toBeNull();
    expect(night([], false)).toEqual({ low: 0, high: 0 });
  });
});

describe("on invented days", () => {
  /** Numbers in [0, 1), the same each time. */
  function random(): () => number {
    let seed = 12_345;
    return () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed / 2_147_483_648;
    };
  }

  /** Share of hours inside, below and above. */
  function share(hits: readonly ("in" | "below" | "above")[]) {
    const of = (kind: string) => hits.filter((one) => one === kind).length / hits.length;
    return { inside: of("in"), below: of("below"), above: of("above") };
  }
  const placed = (value: number, { low, high }: { low: number; high: number }) =>
    value < low ? "below" : value > high ? "above" : "in";

  it("four of five loads are in the band, and one of ten each beside it", () => {
    const next = random();
    // Mostly little, sometimes a kettle: a tail as loads have it.
    const hours = Array.from({ length: 24 * 200 }, (_, i) =>
      hour(i - 24 * 200, 0, Math.floor(150 - 400 * Math.log(1 - next()))),
    );
    const hits = hours.slice(24 * 28).map((one, i) => {
      const known = knownHours(hours.slice(i, i + 24 * 28), one.start, "consumed");
      const same = hours.slice(i, i + 24 * 28).filter((_, n) => n % 24 === 0);
      const values = same.slice(-19).map(({ consumed }) => consumed?.energy ?? wh(0));
      const band = bandOfDays(known, values, values[0] ?? wh(0));
      return placed(one.consumed?.energy ?? 0, band ?? { low: 0, high: 0 });
    });
    const { inside, below, above } = share(hits);
    // The first of the values is inside whatever it is: a little more than 80 %.
    expect(inside).toBeGreaterThan(0.78);
    expect(inside).toBeLessThan(0.86);
    expect(below).toBeLessThan(0.11);
    expect(above).toBeLessThan(0.11);
  });

  it("about four of five hours of sun are in the band, whose clouds stay a while", () => {
    const next = random();
    let sky = 0.5;
    const made = (at: number): number => {
      sky = Math.min(1, Math.max(0.05, 0.8 * sky + 0.2 * 0.55 + (next() - 0.5) * 0.5));
      const sun = Math.max(0, Math.cos(((((at % 24) + 24) % 24) - 12) / 4.5));
      return Math.floor(4000 * sun * sky);
    };
    const hours = Array.from({ length: 24 * 120 }, (_, i) => hour(i, made(i)));
    const hits: ("in" | "below" | "above")[] = [];
    for (let target = 24 * 30; target < hours.length; target += 1) {
      if (target % 24 < 9 || target % 24 > 15) continue;
      const recent = hours[target - 2]?.produced?.energy ?? 0;
      const { productionBand, productionBasis } = forecast(
        {
          hours: hours.slice(target - 24 * 28, target - 1),
          samples: lastHour(target - 1, recent),
        },
        at(target - 1, target),
      );
      expect([productionBasis, productionBand === null]).toEqual(["smartPersistence", false]);
      const value = hours[target]?.produced?.energy ?? 0;
      hits.push(placed(value, productionBand ?? { low: 0, high: 0 }));
    }
    const { inside, below, above } = share(hits);
    expect(hits).toHaveLength(90 * 7);
    expect(inside).toBeGreaterThan(0.74);
    expect(inside).toBeLessThan(0.86);
    expect(Math.max(below, above)).toBeLessThan(0.16);
  });
});
