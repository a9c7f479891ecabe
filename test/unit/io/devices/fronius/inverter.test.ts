import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { HttpAnswer } from "../../../../../agent/io/devices/fronius/httpHost.ts";
import { parseInverter } from "../../../../../agent/io/devices/fronius/inverter.ts";

const TIMESTAMP = "2018-04-05T13:38:59-04:00";
// 13:38:59 at UTC-4 is 17:38:59 UTC.
const TIMESTAMP_MS = Date.UTC(2018, 3, 5, 17, 38, 59);

function answer(data: unknown, code: unknown = 0): HttpAnswer {
  const Status = { Code: code, Reason: "", UserMessage: "" };
  return {
    status: 200,
    body: JSON.stringify({ Head: { Status, Timestamp: TIMESTAMP }, Body: { Data: data } }),
  };
}

const day = {
  DAY_ENERGY: { Unit: "Wh", Value: 24683 },
  DeviceStatus: { ErrorCode: 0, StatusCode: 7 },
  FAC: { Unit: "Hz", Value: 59.99 },
  IAC: { Unit: "A", Value: 28.78 },
  PAC: { Unit: "W", Value: 6032 },
  TOTAL_ENERGY: { Unit: "Wh", Value: 11288108 },
  UAC: { Unit: "V", Value: 210.9 },
  YEAR_ENERGY: { Unit: "Wh", Value: 1776127.62 },
};

function read(data: unknown): unknown {
  const outcome = parseInverter(answer(data), 1);
  return outcome.ok ? outcome.value : outcome.refusal;
}

describe("parseInverter", () => {
  test("reads the paper's Fig. 5", () => {
    expect(read(day)).toEqual({
      kind: "inverter",
      source: "Fronius inverter 1",
      state: "producing",
      power: 6032,
      produced: 11288108,
      deviceTime: TIMESTAMP_MS,
    });
    const printed = { ...day, "TOTAL ENERGY": day.TOTAL_ENERGY, TOTAL_ENERGY: undefined };
    expect(read(printed)).toMatchObject({ produced: 11288108 });
  });

  test("rounds power, floors the counter, and normalises units without losing a watt-hour", () => {
    const gen24 = {
      ...day,
      PAC: { Unit: "W", Value: 37.320449829101562 },
      TOTAL_ENERGY: { Unit: "Wh", Value: 1530193.9199999999 },
    };
    expect(read(gen24)).toMatchObject({ power: 37, produced: 1530193 });
    // 1.005 * 1000 is 1004.9999999999999 in floats.
    const kilo = {
      ...day,
      PAC: { Unit: "kW", Value: 6.0326 },
      TOTAL_ENERGY: { Unit: "kWh", Value: 1.005 },
    };
    expect(read(kilo)).toMatchObject({ power: 6033, produced: 1005 });
    expect(read({ ...day, TOTAL_ENERGY: { Unit: "MWh", Value: 11.288108 } })).toMatchObject({
      produced: 11288108,
    });
    expect(read({ ...day, TOTAL_ENERGY: { Value: 7 } })).toMatchObject({ produced: 7 });
    expect(read({ ...day, TOTAL_ENERGY: { Unit: "mWh", Value: 7 } })).toMatchObject({
      code: "unintelligible",
    });
  });

  test("at night absent keys and null values stay null", () => {
    const { DAY_ENERGY, TOTAL_ENERGY } = day;
    const night = { DAY_ENERGY, TOTAL_ENERGY, DeviceStatus: { StatusCode: 3, ErrorCode: 523 } };
    expect(read(night)).toMatchObject({ state: "asleep", power: null, produced: 11288108 });
    expect(read({})).toMatchObject({ state: "asleep", power: null, produced: null });
    const nulls = { ...day, PAC: { Unit: "W", Value: null }, TOTAL_ENERGY: null };
    expect(read(nulls)).toMatchObject({ state: "unknown", power: null, produced: null });
    expect(read({ ...day, PAC: { Unit: "W", Value: -4 } })).toMatchObject({ power: -4 });
    expect(read({ ...day, PAC: { Unit: "W", Value: 0 } })).toMatchObject({ power: 0 });
  });

  test.each([
    [0, "starting"],
    [6, "starting"],
    [7, "producing"],
    [7.0, "producing"],
    ["7", "producing"],
    ["Running", "producing"],
    [8, "asleep"],
    [9, "starting"],
    [10, "fault"],
    [13, "asleep"],
    [255, "unknown"],
    ["INVALID", "unknown"],
    [null, "unknown"],
  ])("StatusCode %s is %s", (StatusCode, state) => {
    expect(read({ ...day, DeviceStatus: { StatusCode } })).toMatchObject({ state });
  });

  test("refuses a frame of zeros, but not a new inverter's", () => {
    const zero = { Value: 0, Unit: "" };
    const zeros = { PAC: zero, UAC: zero, FAC: zero, TOTAL_ENERGY: zero, DAY_ENERGY: zero };
    for (const StatusCode of [10, 7]) {
      expect(read({ ...zeros, DeviceStatus: { StatusCode } })).toMatchObject({
        code: "deviceError",
        detail: expect.stringContaining("zeros"),
      });
    }
    const fault = { PAC: zero, TOTAL_ENERGY: zero, DeviceStatus: { StatusCode: 10 } };
    expect(read(fault)).toMatchObject({ code: "deviceError" });
    const young = { ...zeros, UAC: { Unit: "V", Value: 230 }, DeviceStatus: { StatusCode: 7 } };
    expect(read(young)).toMatchObject({ power: 0, produced: 0 });
  });

  test("does not believe a lifetime of 0 beside a year of more", () => {
    expect(read({ ...day, TOTAL_ENERGY: { Unit: "Wh", Value: 0 } })).toMatchObject({
      power: 6032,
      produced: null,
    });
  });

  test("reads its share of a System answer", () => {
    const system = {
      PAC: { Unit: "W", Values: { "1": 100, "2": 250.4 } },
      TOTAL_ENERGY: { Unit: "kWh", Values: { "1": 1, "2": 2.5 } },
    };
    const second = parseInverter(answer(system), 2);
    expect(second.ok && second.value).toMatchObject({ power: 250, produced: 2500 });
    const third = parseInverter(answer(system), 3);
    expect(third.ok ? null : third.refusal).toMatchObject({ inverters: "1, 2" });
    const asleep = parseInverter(answer({ PAC: { Unit: "W", Values: {} } }), 1);
    expect(asleep.ok && asleep.value).toMatchObject({ power: null, produced: null });
  });

  test.each([
    [8, "LNRequestTimeout"],
    [11, "NotSupported"],
    [12, "DeviceNotAvailable"],
    [255, "Unknown"],
    ["12", "DeviceNotAvailable"],
    [77, "unknown status"],
  ])("status %s comes before the body: %s", (code, detail) => {
    const outcome = parseInverter(answer(day, code), 1);
    expect(outcome.ok ? null : outcome.refusal).toMatchObject({
      code: "deviceError",
      detail,
      statusCode: Number(code),
    });
  });

  test("an error without a body is still that error", () => {
    const body = JSON.stringify({ Head: { Status: { Code: 255, Reason: "Internal error." } } });
    const outcome = parseInverter({ status: 200, body }, 1);
    expect(outcome.ok ? null : outcome.refusal).toMatchObject({
      statusCode: 255,
      reason: "Internal error.",
    });
  });

  test("tells a Solar API that is switched off, and where to switch it on", () => {
    const body = "Solar API disabled by customer config";
    const outcome = parseInverter({ status: 404, body }, 1);
    expect(outcome.ok ? null : outcome.refusal).toMatchObject({
      code: "disabled",
      hint: expect.stringContaining("Communication > Solar API"),
    });
  });

  test("forgives what is behind the JSON and before it", () => {
    const { status, body } = answer(day);
    for (const text of [`${body}\0`, `${body}\n\0\0rest`, `\uFEFF${body}`]) {
      expect(parseInverter({ status, body: text }, 1).ok).toBe(true);
    }
  });

  test.each([
    ["a page", "<html><body><h1>500</h1></body></html>", 500],
    ["nothing", "", 200],
    ["half an answer", '{"Head": {"Sta', 200],
    ["a list", "[]", 200],
    ["no head", '{"Body": {"Data": {}}}', 200],
    ["no data", '{"Head": {"Status": {"Code": 0}}, "Body": {}}', 200],
  ])("calls %s unintelligible and shows it", (_, body, status) => {
    const outcome = parseInverter({ status, body }, 1);
    expect(outcome.ok ? null : outcome.refusal).toMatchObject({
      code: "unintelligible",
      httpStatus: status,
      excerpt: body,
    });
  });

  test.each([
    ["text for a number", { PAC: { Unit: "W", Value: "6032" } }],
    ["a flag for a number", { PAC: { Unit: "W", Value: true } }],
    ["a bare number", { PAC: 6032 }],
    ["infinity", { PAC: { Unit: "GW", Value: 1 } }],
    ["an impossible power", { PAC: { Unit: "W", Value: 2e9 } }],
    ["a negative counter", { TOTAL_ENERGY: { Unit: "Wh", Value: -1 } }],
    ["a counter beyond whole numbers", { TOTAL_ENERGY: { Unit: "Wh", Value: 1e16 } }],
    ["another unit", { TOTAL_ENERGY: { Unit: "J", Value: 1 } }],
  ])("refuses %s", (_, change) => {
    expect(read({ ...day, ...change })).toMatchObject({ code: "unintelligible" });
  });

  test("a time without a zone is no time", () => {
    const { body } = answer(day);
    const local = body.replace("-04:00", "");
    const outcome = parseInverter({ status: 200, body: local }, 1);
    expect(outcome.ok && outcome.value.deviceTime).toBe(null);
  });

  test("never throws, and makes no number where there was none", () => {
    const point = fc.oneof(
      fc.jsonValue(),
      fc.record({ Value: fc.jsonValue(), Unit: fc.constantFrom("W", "Wh", "kWh", "") }),
    );
    const data = fc.record(
      { PAC: point, TOTAL_ENERGY: point, UAC: point, DeviceStatus: fc.jsonValue() },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(data, (fields) => {
        const outcome = parseInverter(answer(fields), 1);
        if (!outcome.ok || outcome.value.kind !== "inverter") return;
        const said = (key: "PAC" | "TOTAL_ENERGY"): unknown =>
          (fields[key] as { Value?: unknown } | null | undefined)?.Value ?? null;
        expect(outcome.value.power === null).toBe(said("PAC") === null);
        if (said("TOTAL_ENERGY") === null) expect(outcome.value.produced).toBe(null);
      }),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.json(), (status, body) => {
        expect(parseInverter({ status, body }, 1).ok).toBe(false);
      }),
    );
  });
});
