import { describe, expect, test } from "vitest";
import { modelPoints, type Point } from "../../../../../agent/io/devices/sunspec/models.ts";
import {
  identify,
  inverterReading,
  meterReading,
} from "../../../../../agent/io/devices/sunspec/reading.ts";

const identity = { manufacturer: "Fronius", source: "Fronius Symo 1" };

/** The model with the named points set, by words; all others not implemented. */
function image(id: number, length: number, points: { readonly [name: string]: number[] }) {
  const registers = [id, length, ...new Array<number>(length).fill(0)];
  const none = (point: Point): number[] => {
    if (point.type === "float32") return [0x7fc0, 0];
    if (point.type === "acc32") return [0, 0];
    return point.type === "int16" || point.type === "sunssf"
      ? [0x8000]
      : new Array<number>(point.length).fill(0xffff);
  };
  for (const point of modelPoints(id) ?? []) {
    if (point.offset < 2) continue;
    registers.splice(point.offset, point.length, ...(points[point.name] ?? none(point)));
  }
  return { id, registers, identity };
}

function float(value: number): number[] {
  const view = new DataView(new ArrayBuffer(4));
  view.setFloat32(0, value);
  return [view.getUint16(0), view.getUint16(2)];
}

const inverter = {
  PhVphA: [2315],
  V_SF: [0xffff],
  W: [5520],
  W_SF: [0],
  Hz: [4996],
  Hz_SF: [0xfffe],
  WH: [0x01fc, 0x6b62],
  WH_SF: [0],
  St: [4],
};

function readInverter(change: { readonly [name: string]: number[] }, id = 103): unknown {
  const outcome = inverterReading(image(id, 50, { ...inverter, ...change }));
  return outcome.ok ? outcome.value : outcome.refusal;
}

describe("inverterReading", () => {
  test("reads power, counter and state", () => {
    expect(readInverter({})).toEqual({
      kind: "inverter",
      source: "Fronius Symo 1",
      state: "producing",
      power: 5520,
      // 0x01FC_6B62 = 33319778
      produced: 33319778,
      deviceTime: null,
    });
    // -3 x 10^1
    expect(readInverter({ W: [0xfffd], W_SF: [1] })).toMatchObject({ power: -30 });
  });

  test.each([
    [1, "asleep"],
    [2, "asleep"],
    [3, "starting"],
    [4, "producing"],
    [5, "producing"],
    [6, "asleep"],
    [7, "fault"],
    [8, "asleep"],
    [9, "unknown"],
    [0xffff, "unknown"],
  ])("St %i is %s", (code, state) => {
    expect(readInverter({ St: [code] })).toMatchObject({ state });
  });

  test("values without a scale factor, and NaN, are null", () => {
    expect(readInverter({ W_SF: [0x8000] })).toMatchObject({ power: null, produced: 33319778 });
    expect(readInverter({ WH_SF: [0x8000] })).toMatchObject({ power: 5520, produced: null });
    const night = { W: [0x8000], PhVphA: [0xffff], Hz: [0xffff], St: [2] };
    expect(readInverter(night)).toMatchObject({ state: "asleep", power: null });
    // 32767 x 10^10 W
    expect(readInverter({ W: [0x7fff], W_SF: [10] })).toMatchObject({ power: null });
  });

  test("refuses a frame of zeros, and believes a counter of 0 only of an inverter at work", () => {
    const zeros = { W: [0], PhVphA: [0], Hz: [0], WH: [0, 0] };
    for (const st of [7, 0, 4]) {
      expect(readInverter({ ...zeros, St: [st] })).toMatchObject({ code: "deviceError" });
    }
    expect(readInverter({ ...zeros, St: [2] })).toMatchObject({ power: 0, produced: null });
    expect(readInverter({ WH: [0, 0] })).toMatchObject({ produced: 0 });
  });

  test("reads the float twin, floor for the counter", () => {
    const floats = { W: float(1234.6), WH: float(98765.5), Hz: float(50), St: [4] };
    const outcome = inverterReading(image(113, 60, floats));
    expect(outcome.ok && outcome.value).toMatchObject({ power: 1235, produced: 98765 });
    const nan = inverterReading(image(113, 60, { St: [2] }));
    expect(nan.ok && nan.value).toMatchObject({ power: null, produced: null, state: "asleep" });
    const negative = inverterReading(image(113, 60, { ...floats, WH: float(-5) }));
    expect(negative.ok && negative.value).toMatchObject({ produced: null });
  });

  test("reads model 701 where there is nothing else", () => {
    const der = {
      InvSt: [3],
      W: [500],
      W_SF: [1],
      LNV: [2300],
      V_SF: [0xffff],
      // 2^32 x 10^1
      TotWhInj: [0, 1, 0, 0],
      TotWh_SF: [1],
    };
    const outcome = inverterReading(image(701, 153, der));
    expect(outcome.ok && outcome.value).toMatchObject({
      state: "producing",
      power: 5000,
      produced: 42949672960,
    });
  });

  test("refuses a model that is too short", () => {
    const { registers } = image(103, 50, inverter);
    const outcome = inverterReading({ id: 103, registers: registers.slice(0, 20), identity });
    expect(outcome.ok ? null : outcome.refusal).toMatchObject({ code: "unintelligible" });
  });

  test("Kostal counts downwards", () => {
    const kostal = image(103, 50, { ...inverter, WH: [0xffff, 0xfc18] });
    const outcome = inverterReading({
      ...kostal,
      identity: { manufacturer: "KOSTAL", source: "" },
    });
    expect(outcome.ok && outcome.value).toMatchObject({ produced: 1000 });
  });
});

const meter = {
  PhV: [2310],
  V_SF: [0xffff],
  W: [1087],
  W_SF: [0],
  TotWhImp: [0, 2000],
  TotWhExp: [0, 0],
  TotWh_SF: [0xffff],
};

describe("meterReading", () => {
  test("reads import and export; an export of 0 is one", () => {
    const outcome = meterReading(image(203, 105, meter), null);
    expect(outcome.ok && outcome.value).toEqual({
      kind: "meter",
      source: "Fronius Symo 1",
      power: 1087,
      imported: 200,
      exported: 0,
      deviceTime: null,
    });
  });

  test("the sign of power follows the file, else the vendor", () => {
    const solarEdge = { manufacturer: "SolarEdge ", source: "SolarEdge" };
    const model = { ...image(203, 105, meter), identity: solarEdge };
    const power = (sign: "import" | "export" | null): unknown => {
      const outcome = meterReading(model, sign);
      return outcome.ok && outcome.value.power;
    };
    expect(power(null)).toBe(-1087);
    expect(power("export")).toBe(-1087);
    expect(power("import")).toBe(1087);
  });

  test("without a scale factor there are no counters", () => {
    const outcome = meterReading(image(203, 105, { ...meter, TotWh_SF: [0x8000] }), null);
    expect(outcome.ok && outcome.value).toMatchObject({ imported: null, exported: null });
  });

  test("refuses a frame of zeros", () => {
    const zeros = { PhV: [0], W: [0], W_SF: [0], TotWh_SF: [0] };
    expect(meterReading(image(203, 105, zeros), null).ok).toBe(false);
  });

  test("reads the float twin from the 125 registers of one request", () => {
    const floats = { W: float(-250.4), TotWhImp: float(1000.9), TotWhExp: float(7) };
    const { id, registers } = image(213, 124, floats);
    const outcome = meterReading({ id, registers: registers.slice(0, 125), identity }, null);
    expect(outcome.ok && outcome.value).toMatchObject({
      power: -250,
      imported: 1000,
      exported: 7,
    });
  });
});

test("identifies a device by its common model, also the short one", () => {
  const text = (value: string, length: number): number[] =>
    Array.from({ length }, (_, i) => (value.charCodeAt(2 * i) << 8) | value.charCodeAt(2 * i + 1));
  const registers = [1, 65, ...text("Fronius", 16), ...text("Symo 8.2-3-M", 16)];
  const full = [...registers, ...text("", 16), ...text("30412345", 16), 1];
  expect(identify(full)).toEqual({
    manufacturer: "Fronius",
    source: "Fronius Symo 8.2-3-M 30412345",
  });
  expect(identify(null)).toEqual({ manufacturer: "", source: "SunSpec device" });
});
