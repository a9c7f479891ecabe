// Times as texts, against the platform's own calendar.

import fc from "fast-check";
import { expect, test } from "vitest";
import { formatIso, parseIso } from "../../../../agent/core/units/iso.ts";
import { type UnixMs, unixMs } from "../../../../agent/core/units/time.ts";

/** 9999-12-31T23:59:59.999Z */
const LAST = 253_402_300_799_999;

test("the times of Table IV", () => {
  expect(formatIso(unixMs(1_521_636_606_040))).toBe("2018-03-21T12:50:06.040Z");
  expect(formatIso(unixMs(0))).toBe("1970-01-01T00:00:00.000Z");
  expect(formatIso(unixMs(LAST))).toBe("9999-12-31T23:59:59.999Z");
});

test("any time is written as Date writes it, and read back", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: LAST }), (n) => {
      const text = formatIso(n as UnixMs);
      expect(text).toBe(new Date(n).toISOString());
      expect(parseIso(text)).toBe(n);
    }),
  );
});

test.each([
  "2000-02-29",
  "2016-02-29T00:00:00.000Z",
  "2100-02-28T23:59:59.999Z",
  "2100-03-01T00:00:00.000Z",
  "2000-12-31T12:00:00.000Z",
  "2004-12-31T23:59:59.999Z",
])("%s, near a leap day", (text) => {
  expect(parseIso(text)).toBe(Date.parse(text));
});

test.each([
  ["2018-03-21", 1_521_590_400_000],
  ["2018-03-21T12:50", 1_521_636_600_000],
  ["2018-03-21T12:50:06Z", 1_521_636_606_000],
  ["2018-03-21T08:50:06.04-04:00", 1_521_636_606_040],
  ["2018-03-21T18:20:06.040999+05:30", 1_521_636_606_040],
])("%s is a time", (text, at) => {
  expect(parseIso(text)).toBe(at);
});

test.each([
  "",
  "21Mar18-13:00",
  "2018-3-21",
  "2018-02-29",
  "2018-13-01",
  "2018-00-10",
  "2018-01-00",
  "2018-03-21T24:00:00Z",
  "2018-03-21T12:60",
  "2018-03-21T12:00+24:00",
  "1969-12-31T23:59:59.999Z",
  "9999-12-31T23:59:59-01:00",
  "2018-03-21 12:50",
  `2018-03-21T12:50:06.${"0".repeat(99)}Z`,
])("%j is none", (text) => {
  expect(parseIso(text)).toBeNull();
});
