import { expect, test } from "vitest";
import { parseSensor } from "../../../../../agent/io/devices/fronius/sensor.ts";

function read(data: unknown, code = 0): unknown {
  const Head = { Status: { Code: code }, Timestamp: "2018-04-05T13:38:59-04:00" };
  const body = JSON.stringify({ Head, Body: { Data: data } });
  const outcome = parseSensor({ status: 200, body });
  return outcome.ok ? outcome.value : outcome.refusal;
}

test("reads the sensors of the paper's Fig. 5", () => {
  expect(
    read({
      "0": { Unit: "°F", Value: 59 },
      "1": { Unit: "°F", Value: 47 },
      "2": { Unit: "W/m<sup>2</sup>", Value: 964 },
      "4": { Unit: "m/s", Value: 1 },
    }),
  ).toEqual({
    channels: [
      { channel: 0, value: 59, unit: "°F", rawUnit: "°F" },
      { channel: 1, value: 47, unit: "°F", rawUnit: "°F" },
      { channel: 2, value: 964, unit: "W/m²", rawUnit: "W/m<sup>2</sup>" },
      { channel: 4, value: 1, unit: "m/s", rawUnit: "m/s" },
    ],
    deviceTime: Date.UTC(2018, 3, 5, 17, 38, 59),
  });
});

test.each([
  ["W/m²", "W/m²"],
  ["W/m2", "W/m²"],
  ["KWh/m²", "kWh/m²"],
  ["&deg;C", "°C"],
  ["º C", "°C"],
  ["Hz", "Hz"],
  ["furlong", null],
])("the unit %s is %s", (rawUnit, unit) => {
  expect(read({ "3": { Unit: rawUnit, Value: null } })).toMatchObject({
    channels: [{ channel: 3, value: null, unit, rawUnit }],
  });
});

test("refuses what is no sensor card", () => {
  expect(read({}, 12)).toMatchObject({ code: "deviceError", statusCode: 12 });
  expect(read({ "0": { Unit: "W", Value: "x" } })).toMatchObject({ code: "unintelligible" });
});
