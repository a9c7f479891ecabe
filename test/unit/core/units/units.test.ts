import { describe, expect, it } from "vitest";
import { addWh, minWh, subtractWh, watts, wh } from "../../../../agent/core/units/energy.ts";
import {
  isHash,
  isListingId,
  isMemberId,
  isPvId,
  listingId,
  memberId,
  pvId,
} from "../../../../agent/core/units/ids.ts";
import {
  addMoney,
  cost,
  formatTokens,
  microTokens,
  milliTokensPerKwh,
  PRICE_MAX,
  subtractMoney,
} from "../../../../agent/core/units/money.ts";
import { addTime, durationMs, floorToHour, unixMs } from "../../../../agent/core/units/time.ts";

describe("energy", () => {
  it("is whole watt-hours, also as a difference", () => {
    expect(addWh(wh(6000), wh(3000))).toBe(9000);
    expect(subtractWh(wh(3000), wh(6000))).toBe(-3000);
    expect(minWh(wh(3), wh(2))).toBe(2);
    expect(minWh(wh(2), wh(3))).toBe(2);
  });

  it.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])("is not %d", (n) => {
    expect(() => wh(n)).toThrow("Bug: energy must be whole watt-hours");
    expect(() => watts(n)).toThrow("Bug: power must be whole watts");
  });

  it("does not leave the safe numbers by adding", () => {
    expect(() => addWh(wh(Number.MAX_SAFE_INTEGER), wh(1))).toThrow("Bug");
  });
});

describe("money", () => {
  it("price x Wh is micro-tokens: 3 tokens/kWh x 5 kWh = 15 tokens", () => {
    expect(cost(milliTokensPerKwh(3000), wh(5000))).toBe(15_000_000n);
    expect(formatTokens(cost(milliTokensPerKwh(3000), wh(5000)))).toBe("15");
    // The smallest of both: 1 mT/kWh x 1 Wh = 1 uT.
    expect(cost(milliTokensPerKwh(1), wh(1))).toBe(1n);
    expect(cost(milliTokensPerKwh(PRICE_MAX), wh(1_000_000))).toBe(10n ** 12n);
  });

  it.each([-1, 0.5, PRICE_MAX + 1, Number.NaN])("has no price of %d", (n) => {
    expect(() => milliTokensPerKwh(n)).toThrow("Bug: price must be");
  });

  it("fits SQLite's integers to the last", () => {
    expect(microTokens(2n ** 63n - 1n)).toBe(2n ** 63n - 1n);
    expect(microTokens(-(2n ** 63n))).toBe(-(2n ** 63n));
    expect(() => microTokens(2n ** 63n)).toThrow("Bug: money must fit 64 bits");
    expect(() => microTokens(-(2n ** 63n) - 1n)).toThrow("Bug: money must fit 64 bits");
    expect(() => addMoney(microTokens(2n ** 63n - 1n), microTokens(1n))).toThrow("Bug");
    expect(() => subtractMoney(microTokens(-(2n ** 63n)), microTokens(1n))).toThrow("Bug");
    expect(subtractMoney(microTokens(3n), microTokens(5n))).toBe(-2n);
  });

  it.each([
    [0n, "0"],
    [218_000_000n, "218"],
    [200_000_000n, "200"],
    [12_500_000n, "12.5"],
    [1n, "0.000001"],
    [-1n, "-0.000001"],
    [-24_000_000n, "-24"],
    [1_000_001n, "1.000001"],
    [100_100n, "0.1001"],
  ])("of %d uT is %s tokens", (money, text) => {
    expect(formatTokens(microTokens(money))).toBe(text);
  });
});

describe("time", () => {
  it("is whole milliseconds from 1970 to 9999", () => {
    expect(unixMs(253_402_300_799_999)).toBe(Date.UTC(9999, 11, 31, 23, 59, 59, 999));
    for (const n of [-1, 0.5, Number.NaN, 253_402_300_800_000]) {
      expect(() => unixMs(n)).toThrow("Bug: time must be");
    }
    expect(() => addTime(unixMs(0), -1)).toThrow("Bug");
    expect(addTime(unixMs(5), -5)).toBe(0);
  });

  it("knows the hour it is in", () => {
    const [start, end] = [Date.UTC(2018, 2, 21, 13), Date.UTC(2018, 2, 21, 14)];
    expect(floorToHour(unixMs(start))).toBe(start);
    expect(floorToHour(unixMs(end - 1))).toBe(start);
    expect(floorToHour(unixMs(end))).toBe(end);
  });

  it("has lengths in whole milliseconds", () => {
    expect(durationMs(1.4)).toBe(1);
    expect(() => durationMs(Number.NaN)).toThrow("Bug: a duration");
    expect(() => durationMs(Number.POSITIVE_INFINITY)).toThrow("Bug: a duration");
  });
});

describe("ids", () => {
  it.each([
    "seller1@vt.edu",
    "a@b",
    "o'neil+pv@x-y.example",
    `${"a".repeat(64)}@${"b".repeat(63)}`,
  ])("%s is a member's", (text) => {
    expect(isMemberId(text)).toBe(true);
    expect(memberId(text)).toBe(text);
  });

  it.each([
    "",
    "seller1",
    "Seller1@vt.edu",
    "a@",
    "@b",
    "a@b@c",
    "a b@c",
    "a@-b",
    "a@b-",
    "a@b\n",
    "ü@b",
    "a\0@b",
    `${"a".repeat(65)}@b`,
    `a@${"b".repeat(64)}`,
  ])("%j is no member's", (text) => {
    expect(isMemberId(text)).toBe(false);
    expect(() => memberId(text)).toThrow("Bug: not a member id");
  });

  it("tells PVs' from others", () => {
    for (const text of ["seller1house", "A", "9", "roof_2.east", "x".repeat(64)]) {
      expect(isPvId(text), text).toBe(true);
    }
    for (const text of ["", "-roof", "seller1house ", "a/b", "a#b", "a\n", "x".repeat(65)]) {
      expect(isPvId(text), text).toBe(false);
      expect(() => pvId(text)).toThrow("Bug: not a PV id");
    }
  });

  it("tells listings' from others", () => {
    for (const text of ["21Mar18-13:00", "28Oct18-02:00+01:00", "01Jan00-00:00-05:30"]) {
      expect(isListingId(text), text).toBe(true);
    }
    for (const text of [
      "",
      "21mar18-13:00",
      "21Mar2018-13:00",
      "21Mar18-13",
      "21Mar18-13:00Z",
      "x",
    ]) {
      expect(isListingId(text), text).toBe(false);
      expect(() => listingId(text)).toThrow("Bug: not a listing id");
    }
  });

  it("tells hashes from others", () => {
    expect(isHash("0".repeat(64))).toBe(true);
    for (const text of ["0".repeat(63), "0".repeat(65), "A".repeat(64), `${"0".repeat(63)}g`]) {
      expect(isHash(text), text).toBe(false);
    }
  });
});
