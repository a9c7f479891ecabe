import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DAY_MINUTES, dayOf, modelDay } from "../../../firmware-sim/world/calendar.ts";
import { homePower, type Neighbourhood } from "../../../firmware-sim/world/homePower.ts";
import { parseRecording } from "../../../firmware-sim/world/recording.ts";
import {
  createRegisters,
  type HomePower,
  ORIGIN_MS,
} from "../../../firmware-sim/world/registers.ts";

const HOUR_MS = 3_600_000;

/** 600 W of PV in the first half of each hour, 240 W of load always. */
const simple: HomePower = {
  productionDay: () => Int32Array.from({ length: DAY_MINUTES }, (_, m) => (m % 60 < 30 ? 600 : 0)),
  loadDay: () => new Int32Array(DAY_MINUTES).fill(240),
  isOwnDay: () => false,
};

describe("createRegisters", () => {
  test("integrates import and export apart, exactly", () => {
    const { at } = createRegisters(simple);
    expect(at(ORIGIN_MS)).toMatchObject({ produced: 0, imported: 0, exported: 0 });
    // An hour: 600 W x 0.5 h = 300 Wh made; 240 x 0.5 = 120 imported; (600 - 240) x 0.5 = 180 exported.
    const afterHour = { produced: 300, imported: 120, exported: 180 };
    expect(at(ORIGIN_MS + HOUR_MS)).toMatchObject(afterHour);
    // 20 s of 600 W are 3.33 Wh; of 360 W exported 2 Wh.
    expect(at(ORIGIN_MS + HOUR_MS + 20_000)).toEqual({
      production: 600,
      load: 240,
      grid: -360,
      produced: 303,
      imported: 120,
      exported: 182,
    });
    // 3 years with one leap day: 1096 days x 24 h.
    const hours = 1096 * 24;
    expect(at(Date.UTC(2018, 0, 1))).toMatchObject({
      produced: 300 * hours,
      imported: 120 * hours,
      exported: 180 * hours,
    });
  });

  test("adds a day that is its own once, in its year", () => {
    const special = dayOf(Date.UTC(2016, 2, 3));
    const { at } = createRegisters({
      ...simple,
      productionDay: (day) => new Int32Array(DAY_MINUTES).fill(day === special ? 1000 : 0),
      isOwnDay: (day) => day === special,
    });
    expect(at(Date.UTC(2016, 2, 3)).produced).toBe(0);
    expect(at(Date.UTC(2020, 0, 1)).produced).toBe(24_000);
  });

  test("refuses times before the counters began", () => {
    expect(() => createRegisters(simple).at(ORIGIN_MS - 1)).toThrow(RangeError);
  });
});

const place: Neighbourhood = {
  seed: 7,
  timeZone: "America/New_York",
  latitude: 37.2,
  pv: null,
  load: null,
};
const NOON = Date.UTC(2018, 5, 21, 17);

describe("a synthetic neighbourhood", () => {
  const home = (index: number, pvCapacityW = 6400) =>
    createRegisters(homePower(place, { index, pvCapacityW, loadScale: 1 }));

  test("counters never fall, tell the same after a restart, and balance", () => {
    const first = home(0);
    const second = home(0);
    const time = fc.integer({ min: Date.UTC(2018, 0, 1), max: Date.UTC(2026, 0, 1) });
    const step = fc.integer({ min: 0, max: 3 * 86_400_000 });
    fc.assert(
      fc.property(time, step, (from, by) => {
        const a = first.at(from);
        const b = first.at(from + by);
        expect(second.at(from)).toEqual(a);
        expect(b.produced).toBeGreaterThanOrEqual(a.produced);
        expect(b.imported).toBeGreaterThanOrEqual(a.imported);
        expect(b.exported).toBeGreaterThanOrEqual(a.exported);
        expect(b.produced - a.produced).toBeLessThanOrEqual((6400 * by) / HOUR_MS + 1);
        // What is exported was made.
        expect(b.exported - a.exported).toBeLessThanOrEqual(b.produced - a.produced + 1);
      }),
      { numRuns: 60 },
    );
  });

  test("power is the slope of the counters", () => {
    const { at } = home(0);
    const a = at(NOON);
    const b = at(NOON + 60_000);
    // Each counter is a floor: within 1 Wh of power x 1 min.
    expect(Math.abs(b.produced - a.produced - a.production / 60)).toBeLessThanOrEqual(1);
    const net = b.imported - a.imported - (b.exported - a.exported);
    expect(Math.abs(net - a.grid / 60)).toBeLessThanOrEqual(2);
  });

  test("the sun shines by day, below capacity, and not at night", () => {
    const { at } = home(0);
    const powers = Array.from({ length: 365 }, (_, day) => at(NOON + day * 86_400_000).production);
    expect(Math.max(...powers)).toBeGreaterThan(4000);
    expect(Math.max(...powers)).toBeLessThanOrEqual(6400);
    expect(Math.min(...powers)).toBeGreaterThan(0);
    // 06:00 UTC is 01:00 in New York.
    expect(at(Date.UTC(2018, 5, 21, 6)).production).toBe(0);
    // 1200 to 1700 full-load hours are usual in Virginia.
    const year = at(Date.UTC(2019, 0, 1)).produced - at(Date.UTC(2018, 0, 1)).produced;
    expect(year / 6400).toBeGreaterThan(1000);
    expect(year / 6400).toBeLessThan(2000);
  });

  test("a household uses 3 to 12 MWh a year, most in the evening", () => {
    const { at } = home(1, 0);
    const year = at(Date.UTC(2019, 0, 1)).imported - at(Date.UTC(2018, 0, 1)).imported;
    expect(year).toBeGreaterThan(3_000_000);
    expect(year).toBeLessThan(12_000_000);
    const hour = (utc: number): number =>
      at(Date.UTC(2018, 5, 21, utc + 1)).imported - at(Date.UTC(2018, 5, 21, utc)).imported;
    // 23:00 UTC is 18:00 in New York's standard time, 08:00 UTC is 03:00.
    expect(hour(23)).toBeGreaterThan(2 * hour(8));
  });

  test("homes differ, under one sky", () => {
    const [a, b] = [home(0).at(NOON), home(1).at(NOON)];
    expect(a.load).not.toBe(b.load);
    expect(a.production).not.toBe(b.production);
    expect(Math.abs(a.production - b.production)).toBeLessThan(640);
  });
});

test("a recording is scaled to each home's capacity and load, and shifted for the others", () => {
  const rows = Array.from({ length: 288 }, (_, i) => {
    const time = new Date(Date.UTC(2016, 5, 10) + i * 300_000).toISOString();
    // 0 to 2000 W at 12:00, a triangle.
    return `${time},${Math.round(2000 * (1 - Math.abs(i - 144) / 144))}`;
  });
  const pv = parseRecording(["timestamp,power_w", ...rows].join("\n"), "pv.csv");
  const registers = (index: number) =>
    createRegisters(
      homePower({ ...place, pv, load: pv }, { index, pvCapacityW: 6000, loadScale: 0.5 }),
    );
  const noon = Date.UTC(2016, 5, 10, 12);
  // 2000 W is the recording's largest 5-minute mean: 6000 W here; load 2000 x 0.5.
  expect(registers(0).at(noon)).toMatchObject({ production: 6000, load: 1000, grid: -5000 });
  expect(registers(0).at(noon + 10 * 365 * 86_400_000)).toMatchObject({ production: 6000 });
  // The second home's sun is 5 minutes later.
  expect(registers(1).at(noon).production).toBeLessThan(6000);
  expect(registers(1).at(noon + 300_000).production).toBe(6000);
});

test("dates of all years fall on the model year's", () => {
  expect(modelDay(dayOf(Date.UTC(2018, 1, 28)))).toBe(dayOf(Date.UTC(2000, 1, 28)));
  expect(modelDay(dayOf(Date.UTC(2016, 1, 29)))).toBe(dayOf(Date.UTC(2000, 1, 29)));
  expect(modelDay(dayOf(Date.UTC(2018, 2, 1)))).toBe(dayOf(Date.UTC(2000, 2, 1)));
});
