import { describe, expect, test } from "vitest";
import { parseMeter } from "../../../../../agent/io/devices/fronius/meter.ts";

function read(data: unknown, deviceId = 0): unknown {
  const Head = { Status: { Code: 0 }, Timestamp: "2021-08-17T14:12:17+02:00" };
  const body = JSON.stringify({ Head, Body: { Data: data } });
  const outcome = parseMeter({ status: 200, body }, deviceId);
  return outcome.ok ? outcome.value : outcome.refusal;
}

const grid = {
  Details: { Manufacturer: "Fronius", Model: "Smart Meter TS 65A-3", Serial: "123" },
  Enable: 1,
  Visible: 1,
  Meter_Location_Current: 0,
  PowerReal_P_Sum: -2501.6,
  EnergyReal_WAC_Plus_Absolute: 5084426.9,
  EnergyReal_WAC_Minus_Absolute: 31189707,
  EnergyReal_WAC_Sum_Consumed: 1,
  EnergyReal_WAC_Sum_Produced: 2,
  Voltage_AC_Phase_1: 231.4,
  TimeStamp: 1629202336,
};

describe("parseMeter", () => {
  test("reads a meter at the grid: plus is import, minus is export", () => {
    expect(read(grid)).toEqual({
      kind: "meter",
      source: "Fronius Smart Meter TS 65A-3 123",
      power: -2502,
      imported: 5084426,
      exported: 31189707,
      deviceTime: 1629202336000,
    });
  });

  test("finds it by its number in a System answer", () => {
    const other = { ...grid, EnergyReal_WAC_Plus_Absolute: 7 };
    expect(read({ "0": grid, "1": other }, 1)).toMatchObject({ imported: 7 });
    expect(read({ "0": grid }, 2)).toMatchObject({ code: "deviceError", meters: "0" });
    expect(read({})).toMatchObject({ code: "deviceError" });
  });

  test("takes the time of the answer where the meter has none", () => {
    // 14:12:17 at UTC+2 is 12:12:17 UTC.
    expect(read({ ...grid, TimeStamp: undefined })).toMatchObject({
      deviceTime: Date.UTC(2021, 7, 17, 12, 12, 17),
    });
  });

  test.each([[1], [3], [256], [511], [null], [undefined], ["grid"]])(
    "says nothing of the grid at location %s",
    (location) => {
      expect(read({ ...grid, Meter_Location_Current: location })).toMatchObject({
        power: null,
        imported: null,
        exported: null,
      });
    },
  );

  test("an S0 meter has power but no counters", () => {
    const { Enable, Visible, Meter_Location_Current, PowerReal_P_Sum } = grid;
    const s0 = { Enable, Visible, Meter_Location_Current, PowerReal_P_Sum };
    expect(read({ ...s0, EnergyReal_WAC_Minus_Relative: 17 })).toMatchObject({
      source: "Fronius meter 0",
      power: -2502,
      imported: null,
      exported: null,
    });
  });

  test("knows the internal names of some GEN24 firmware, with floats for flags", () => {
    expect(
      read({
        COMPONENTS_MODE_ENABLE_U16: 1.0,
        COMPONENTS_MODE_VISIBLE_U16: 1.0,
        COMPONENTS_TIME_STAMP_U64: 1629202336,
        SMARTMETER_VALUE_LOCATION_U16: 0.0,
        SMARTMETER_POWERACTIVE_MEAN_SUM_F64: 12.5,
        SMARTMETER_ENERGYACTIVE_ABSOLUT_PLUS_F64: 10.9,
        SMARTMETER_ENERGYACTIVE_ABSOLUT_MINUS_F64: 20,
      }),
    ).toMatchObject({ power: 13, imported: 10, exported: 20, deviceTime: 1629202336000 });
  });

  test.each([
    ["is off", { Enable: 0 }, "Enable 0"],
    ["is outdated", { Visible: 0 }, "Visible 0"],
    ["is outdated, by a flag", { Visible: false }, "Visible 0"],
    ["is outdated, as text", { Visible: "0" }, "Visible 0"],
  ])("refuses a meter that %s", (_, change, text) => {
    expect(read({ ...grid, ...change })).toMatchObject({
      code: "deviceError",
      detail: expect.stringContaining(text),
    });
  });

  test("takes a counter of -0 for 0", () => {
    const body = `{"Head":{"Status":{"Code":0}},"Body":{"Data":${JSON.stringify(grid)}}}`;
    const negative = body.replace("31189707", "-0.0");
    const outcome = parseMeter({ status: 200, body: negative }, 0);
    // toBe tells -0 from 0.
    expect(outcome.ok && outcome.value.kind === "meter" && outcome.value.exported).toBe(0);
  });

  test("refuses zeros without a voltage, accepts those of a new meter", () => {
    const zeros = {
      ...grid,
      PowerReal_P_Sum: 0,
      EnergyReal_WAC_Plus_Absolute: 0,
      EnergyReal_WAC_Minus_Absolute: 0,
    };
    expect(read({ ...zeros, Voltage_AC_Phase_1: 0 })).toMatchObject({ code: "deviceError" });
    expect(read(zeros)).toMatchObject({ power: 0, imported: 0, exported: 0 });
  });

  test.each([
    ["text", { EnergyReal_WAC_Plus_Absolute: "5084426" }],
    ["a negative counter", { EnergyReal_WAC_Minus_Absolute: -1 }],
    ["an impossible power", { PowerReal_P_Sum: 1e12 }],
    // Two such devices would add up to more than a number holds exactly, and stop the agent.
    ["an impossible counter", { EnergyReal_WAC_Plus_Absolute: 9e15 }],
    ["a list", { PowerReal_P_Sum: [1] }],
  ])("refuses %s", (_, change) => {
    expect(read({ ...grid, ...change })).toMatchObject({ code: "unintelligible" });
  });
});
