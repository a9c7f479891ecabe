// Slopes and verdicts of a soak, on figures worked out by hand.

import { expect, test } from "vitest";
import { growths, type Report, verdict } from "../../soak/report.ts";
import { type Sample, slope } from "../../soak/sample.ts";

const MB = 1_000_000;

/** Ten minutes, a sample a minute; `grown` MB of memory a minute in the second half. */
function home(grown: number, fds = 30): readonly Sample[] {
  return Array.from({ length: 10 }, (_, i) => ({
    at: i * 60,
    rss: (100 + Math.max(0, i - 5) * grown) * MB,
    heap: i === 0 ? null : 40 * MB,
    fds,
    database: i * 0.1 * MB,
    wal: MB,
    height: i,
  }));
}

function report(homes: readonly (readonly Sample[])[]): Report {
  return {
    ...{ homes: homes.length, validators: 1, minutes: 10, marketDays: 1, cleared: 5, voided: 0 },
    ...{ height: 9, growths: growths(homes, 120) },
  };
}

test("a slope is what each step adds", () => {
  expect(
    slope([
      [0, 5],
      [1, 7],
      [2, 9],
    ]),
  ).toBe(2);
  expect(slope([[3, 4]])).toBe(0);
});

test("what stays as it is is bounded", () => {
  const flat = report([home(0), home(0), home(0)]);
  expect(verdict(flat)).toEqual([]);
  const [rss, heap, , database] = flat.growths;
  expect(rss).toMatchObject({ name: "rss", middle: 100, end: 100, most: 100, perHour: 0 });
  expect(heap?.end).toBe(40);
  // 0.1 MB a minute: 6 MB an hour; a market day at 120 times is 12 minutes.
  expect(database?.perHour).toBeCloseTo(6, 6);
  expect(database?.perMarketDay).toBeCloseTo(1.2, 6);
});

test("a leak is told, but not one home's noise among three", () => {
  // 5 MB a minute: 300 MB an hour, 25 MB in half the run, more than 15 % of 100 MB.
  const [problem] = verdict(report([home(5), home(5), home(5)]));
  expect(problem).toBe("rss grew by 25.00 from 100.00 in half the run");
  expect(verdict(report([home(5), home(0), home(0)]))).toEqual([]);
});

test("a soak in which nobody trades is none", () => {
  expect(verdict({ ...report([home(0)]), cleared: 0 })).toHaveLength(1);
});
