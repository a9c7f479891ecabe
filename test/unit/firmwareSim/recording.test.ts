import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { DAY_MS, dayOf } from "../../../firmware-sim/world/calendar.ts";
import {
  largestMean,
  parseRecording,
  type Recording,
  RecordingError,
  recordedDay,
} from "../../../firmware-sim/world/recording.ts";
import { sharedFolder } from "../../support/sharedFolder.ts";

function parse(...lines: readonly string[]): Recording {
  return parseRecording(lines.join("\n"), "file.csv");
}

const HEADER = "timestamp,power_w";

describe("parseRecording", () => {
  test("infers the interval and leaves gaps and blanks unknown", () => {
    const recording = parse(
      HEADER,
      "2016-06-01T00:00:00Z,10",
      "2016-06-01T00:15:00Z,20.5",
      "2016-06-01T01:00:00Z,",
      "2016-06-01T01:15:00Z,-3",
    );
    expect(recording).toEqual({
      name: "file.csv",
      startMs: Date.UTC(2016, 5, 1),
      intervalMs: 900_000,
      watts: [10, 20.5, null, null, null, 0],
    });
  });

  test.each([
    ["no header", ["2016-06-01T00:00:00Z,1", "2016-06-01T00:05:00Z,2"]],
    ["another order", ["Power_W,Site,Timestamp", "1,x,2016-06-01T00:00Z", "2,x,2016-06-01T00:05Z"]],
    [
      "semicolons, blanks, a BOM",
      ["\uFEFFtime;power", " 2016-06-01 00:00;1", "", "2016-06-01 00:05;2"],
    ],
    ["a zone", [HEADER, "2016-06-01T02:00:00+02:00,1", "2016-06-01T02:05:00+02:00,2"]],
    [
      "quotes and CR",
      [`"timestamp","power_w"\r`, '"2016-06-01T00:00:00Z","1"\r', "2016-06-01T00:05:00Z,2"],
    ],
  ])("reads a file with %s", (_, lines) => {
    expect(parse(...lines)).toMatchObject({
      startMs: Date.UTC(2016, 5, 1),
      intervalMs: 300_000,
      watts: [1, 2],
    });
  });

  test.each([
    [1, "header", ["rubbish", "2016-06-01T00:00:00Z,1"]],
    [3, "not a UTC time", [HEADER, "2016-06-01T00:00:00Z,1", "yesterday,2"]],
    [3, "not a power", [HEADER, "2016-06-01T00:00:00Z,1", "2016-06-01T00:05:00Z,many"]],
    [3, "no power column", [HEADER, "2016-06-01T00:00:00Z,1", "2016-06-01T00:05:00Z"]],
    [3, "not after", [HEADER, "2016-06-01T00:05:00Z,1", "2016-06-01T00:05:00Z,2"]],
    [
      4,
      "grid of 5 min",
      [HEADER, "2016-06-01T00:00:00Z,1", "2016-06-01T00:05:00Z,2", "2016-06-01T00:12:00Z,2"],
    ],
    [1, "at least two rows", [HEADER]],
    [2, "no power is known", [HEADER, "2016-06-01T00:00:00Z,", "2016-06-01T00:05:00Z,NaN"]],
  ])("names line %i: %s", (line, text, lines) => {
    expect(() => parse(...lines)).toThrow(RecordingError);
    expect(() => parse(...lines)).toThrow(`file.csv, line ${line}: `);
    expect(() => parse(...lines)).toThrow(text);
  });
});

/** Two days of hours: 100 W + hour on the first, 200 W + hour on the second; hour 5 of the first unknown. */
const twoDays = parse(
  HEADER,
  ...Array.from({ length: 48 }, (_, hour) => {
    const time = new Date(Date.UTC(2016, 5, 10) + hour * 3_600_000).toISOString();
    return `${time},${hour === 5 ? "" : 100 * (1 + Math.floor(hour / 24)) + (hour % 24)}`;
  }),
);

describe("recordedDay", () => {
  const day = (year: number, month: number, date: number): Float64Array =>
    recordedDay(twoDays, dayOf(Date.UTC(year, month - 1, date)));

  test("plays the day itself where it was recorded, each interval to its end", () => {
    const watts = day(2016, 6, 10);
    expect([watts[0], watts[59], watts[60], watts[1439]]).toEqual([100, 100, 101, 123]);
    expect(day(2016, 6, 11)[0]).toBe(200);
  });

  test("fills what is unknown from the same time of the nearest day", () => {
    expect(day(2016, 6, 10)[5 * 60]).toBe(205);
  });

  test("plays the same date in other years, and the nearest date otherwise", () => {
    expect(day(2026, 6, 10)[0]).toBe(100);
    expect(day(2018, 6, 11)[0]).toBe(200);
    expect(day(2018, 3, 21)[0]).toBe(100);
    expect(day(2018, 9, 1)[0]).toBe(200);
    // 1 January: 160 days before 10 June, 203 after 11 June.
    expect(day(2019, 1, 1)[0]).toBe(100);
  });
});

test("largestMean is over 5 minutes, or one longer interval", () => {
  const minutes = [0, 100, 200, 300, 400, 1000, 0, 0, 0, 0].map(
    (watts, minute) => `2016-06-01T00:0${minute}:00Z,${watts}`,
  );
  // (0 + 100 + 200 + 300 + 400) / 5 = 200; (1000 + 0 + 0 + 0 + 0) / 5 = 200
  expect(largestMean(parse(HEADER, ...minutes))).toBe(200);
  expect(largestMean(twoDays)).toBe(223);
});

const folder = sharedFolder("data", "recordings as they come");

describe.skipIf(folder === null)("recordings as they come", () => {
  const read = (file: string): Recording =>
    parseRecording(readFileSync(path.join(folder ?? "", file), "utf8"), file);

  test("a year of PV in 5 minutes", () => {
    const pv = read("pv_sdt_inv30339_5min_2016.csv");
    expect(pv.intervalMs).toBe(300_000);
    expect(Math.round(largestMean(pv))).toBe(4735);
    const summer = recordedDay(pv, dayOf(Date.UTC(2026, 5, 21)));
    expect(Math.max(...summer)).toBeGreaterThan(1000);
    expect(Math.min(...summer)).toBe(0);
  });

  test("a year of load in 30 minutes", () => {
    const load = read("load_emhass_fr_30min_2024_2025.csv");
    expect(load.intervalMs).toBe(1_800_000);
    const first = recordedDay(load, load.startMs / DAY_MS);
    expect([first[0], first[30], first[60]]).toEqual([1034.62, 828.91, 392.19]);
    // 28 Feb to 4 March are not in it: the nearest date is, and no day is empty.
    for (const date of [28, 29, 32, 60]) {
      const watts = recordedDay(load, dayOf(Date.UTC(2026, 1, date)));
      expect(watts.reduce((sum, each) => sum + each, 0) / 1440).toBeGreaterThan(100);
    }
  });
});
