// Answers of real devices, and register images made by another decoder.

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { HttpAnswer } from "../../../../agent/io/devices/fronius/httpHost.ts";
import { parseInverter } from "../../../../agent/io/devices/fronius/inverter.ts";
import { parseMeter } from "../../../../agent/io/devices/fronius/meter.ts";
import { decodeModel } from "../../../../agent/io/devices/sunspec/decode.ts";
import { inverterReading } from "../../../../agent/io/devices/sunspec/reading.ts";
import { sharedFolder } from "../../../support/sharedFolder.ts";

const folder = sharedFolder("captures", "the drivers against captured answers");

function fronius(file: string): HttpAnswer {
  return { status: 200, body: readFileSync(path.join(folder ?? "", "fronius", file), "utf8") };
}

const V1 = "solar-api-v1/solar_api/v1";

describe.skipIf(folder === null)("captured Fronius answers", () => {
  test.each([
    [
      "gen24/GetInverterRealtimeData_Device_1.json",
      {
        state: "producing",
        power: 37,
        produced: 1530193,
        deviceTime: Date.UTC(2021, 10, 26, 11, 7, 53),
      },
    ],
    [
      "symo-night/GetInverterRealtimeData_Device_1_night.json",
      // 21:16:59 at UTC+2
      {
        state: "asleep",
        power: null,
        produced: 44186900,
        deviceTime: Date.UTC(2021, 9, 6, 19, 16, 59),
      },
    ],
    [
      `${V1}/GetInverterRealtimeData.cgi___Scope_Device_DeviceId_1_DataCollection_CommonInverterData`,
      { state: "asleep", power: null, produced: 26213502 },
    ],
    [
      `${V1}/GetInverterRealtimeData.cgi___Scope_System`,
      { state: "unknown", power: 0, produced: 26213502 },
    ],
  ])("%s", (file, reading) => {
    const outcome = parseInverter(fronius(file), 1);
    expect(outcome.ok && outcome.value).toMatchObject(reading);
  });

  test.each([["Scope_Device_DeviceId_0"], ["Scope_System"]])("S0 meter, %s", (scope) => {
    const outcome = parseMeter(fronius(`${V1}/GetMeterRealtimeData.cgi___${scope}`), 0);
    expect(outcome.ok && outcome.value).toMatchObject({
      source: "Fronius",
      power: null,
      imported: null,
      exported: null,
    });
  });

  test("every other answer gives a reading or a refusal, and no number from elsewhere", () => {
    const files = readdirSync(path.join(folder ?? "", "fronius", V1));
    expect(files.length).toBeGreaterThan(5);
    for (const file of files) {
      for (const parse of [parseInverter, parseMeter]) {
        const outcome = parse(fronius(`${V1}/${file}`), 0);
        if (outcome.ok && !/Realtime.*(Inverter|Meter|System)/.test(file)) {
          expect(outcome.value.power).toBe(null);
        }
      }
    }
  });

  test("an error page", () => {
    const { body } = fronius("solar-api-v1/.error.html");
    const outcome = parseInverter({ status: 404, body }, 1);
    expect(outcome.ok ? null : outcome.refusal).toMatchObject({
      code: "unintelligible",
      httpStatus: 404,
    });
  });
});

type Expected = { readonly [name: string]: number | { raw: unknown; scaled: unknown } };
type Vector = { case: string; registers: number[]; expected: Expected };

function sunspec(file: string): unknown {
  return JSON.parse(readFileSync(path.join(folder ?? "", "sunspec", file), "utf8"));
}

function check(modelId: number, registers: readonly number[], expected: Expected): void {
  const decoded = decodeModel(modelId, registers);
  expect([...decoded.keys()]).toEqual(Object.keys(expected));
  for (const [name, value] of Object.entries(expected)) {
    const { raw, scaled } = typeof value === "number" ? { raw: value, scaled: value } : value;
    const point = decoded.get(name);
    expect(point?.raw, name).toBe(raw);
    if (typeof scaled !== "number") expect(point?.scaled, name).toBe(null);
    else expect((point?.scaled ?? Number.NaN) / (scaled || 1), name).toBeCloseTo(scaled && 1, 12);
  }
}

describe.skipIf(folder === null)("SunSpec register images", () => {
  test.each([[103], [203]])("every point of model %i", (modelId) => {
    const { vectors } = sunspec(`model_${modelId}.json`) as { vectors: Vector[] };
    expect(vectors.length).toBeGreaterThan(3);
    for (const { registers, expected } of vectors) check(modelId, registers, expected);
  });

  test("frames of a SolarEdge", () => {
    const { frames } = sunspec("solaredge_inverter_103.json") as {
      frames: { body_registers: number[]; expected_model_103: Expected }[];
    };
    expect(frames.length).toBeGreaterThan(0);
    for (const frame of frames) {
      const registers = [103, 50, ...frame.body_registers];
      check(103, registers, frame.expected_model_103);
      const identity = { manufacturer: "SolarEdge", source: "SolarEdge" };
      expect(inverterReading({ id: 103, registers, identity }).ok).toBe(true);
    }
  });
});
