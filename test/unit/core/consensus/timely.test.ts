import { describe, expect, test } from "vitest";
import { delayInRound, isTimely } from "../../../../agent/core/consensus/timely.ts";
import type { DurationMs, UnixMs } from "../../../../agent/core/units/time.ts";

const bounds = { precision: 1000 as DurationMs, messageDelay: 4000 as DurationMs };

function timely(blockTime: number, now: number, round = 0): boolean {
  return isTimely({ blockTime: blockTime as UnixMs, now: now as UnixMs, round, ...bounds });
}

describe("a block of 100000, precision 1000, delay 4000", () => {
  test("is from the future while our clock is more than the precision behind it", () => {
    expect(timely(100_000, 98_999)).toBe(false);
    expect(timely(100_000, 99_000)).toBe(true);
  });

  test("is too old after delay and precision", () => {
    // 100000 + 4000 + 1000 = 105000
    expect(timely(100_000, 105_000)).toBe(true);
    expect(timely(100_000, 105_001)).toBe(false);
  });

  test("may travel longer in later rounds", () => {
    // round 2: 4000 x 1.21 = 4840; 100000 + 4840 + 1000 = 105840
    expect(timely(100_000, 105_840, 2)).toBe(true);
    expect(timely(100_000, 105_841, 2)).toBe(false);
    // but it may not come from further in the future
    expect(timely(100_000, 98_999, 2)).toBe(false);
  });
});

test("the delay grows by a tenth each round, rounded down once", () => {
  const delay = (ms: number, round: number) => delayInRound(ms as DurationMs, round);
  expect(delay(4000, 0)).toBe(4000);
  expect(delay(4000, 1)).toBe(4400);
  expect(delay(4000, 3)).toBe(5324);
  // 5324 x 1.1 = 5856.4
  expect(delay(4000, 4)).toBe(5856);
  // 1.1^10 = 2.5937424601; x 4000 = 10374.97
  expect(delay(4000, 10)).toBe(10374);
  // 3 x 1.1^3 = 3.993, 3 x 1.1^4 = 4.3923: rounding each round would stay at 3 for ever
  expect(delay(3, 3)).toBe(3);
  expect(delay(3, 4)).toBe(4);
  expect(delay(4000, 101)).toBe(delay(4000, 100));
});
