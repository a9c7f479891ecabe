// Decimals become integers digit by digit.

import fc from "fast-check";
import { expect, test } from "vitest";
import { decimalToInteger, integerToDecimal } from "../../../../agent/core/units/decimal.ts";

test.each([
  ["3", 3, 3000n],
  [3, 3, 3000n],
  [2.5, 3, 2500n],
  ["2.5", 3, 2500n],
  ["2.500", 3, 2500n],
  // A seventh place that says nothing is no seventh place.
  ["0.0000010", 6, 1n],
  ["-12.345", 3, -12_345n],
  // 0.1 + 0.2 in floating point would be 300.00000000000004 thousandths.
  ["0.3", 3, 300n],
  // 2^53 + 1 millionths do not fit a number.
  ["9007199254.740993", 6, 9_007_199_254_740_993n],
  ["007", 0, 7n],
] as const)("%s with %i places is %s", (decimal, places, integer) => {
  expect(decimalToInteger(decimal, places)).toBe(integer);
});

test.each(["2.5001", "", " 3", "3,5", "1e3", "0x10", "+3", ".5", "5.", "NaN", "1_000", "3 "])(
  "%j is no decimal with three places",
  (text) => {
    expect(decimalToInteger(text, 3)).toBeNull();
  },
);

test("numbers that print with an exponent, and endless texts, are refused", () => {
  expect(decimalToInteger(1e21, 3)).toBeNull();
  expect(decimalToInteger(1e-7, 9)).toBeNull();
  expect(decimalToInteger("1".repeat(41), 0)).toBeNull();
});

test("integers print as their shortest decimal", () => {
  expect(integerToDecimal(2500n, 3)).toBe("2.5");
  expect(integerToDecimal(3000, 3)).toBe("3");
  expect(integerToDecimal(-5n, 3)).toBe("-0.005");
  expect(integerToDecimal(7, 0)).toBe("7");
});

test("printing and reading give the same integer", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
      fc.nat(8),
      (integer, places) => {
        expect(decimalToInteger(integerToDecimal(integer, places), places)).toBe(integer);
      },
    ),
  );
});
