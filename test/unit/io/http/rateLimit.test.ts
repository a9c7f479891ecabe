import { describe, expect, test } from "vitest";
import { createRateLimit } from "../../../../agent/io/http/rateLimit.ts";

const LIMITS = {
  ...{ requestsBurstMax: 2, requestsPerSecondMax: 10 },
  ...{ strangersBurstMax: 1, strangersPerSecondMax: 1, countedMax: 3 },
};

describe("createRateLimit", () => {
  test("gives each token its own burst, and then so many a second", () => {
    const { takeToken } = createRateLimit(LIMITS);
    expect([takeToken("a", 0), takeToken("a", 0), takeToken("a", 0)]).toEqual([true, true, false]);
    expect(takeToken("b", 0)).toBe(true);
    expect([takeToken("a", 99), takeToken("a", 101), takeToken("a", 101)]).toEqual([
      false,
      true,
      false,
    ]);
  });

  test("counts strangers apart", () => {
    const { takeToken, takeStranger } = createRateLimit(LIMITS);
    expect([takeStranger("a", 0), takeStranger("a", 0), takeToken("a", 0)]).toEqual([
      ...[true, false, true],
    ]);
    expect(takeStranger("a", 1000)).toBe(true);
  });

  test("forgets who was longest unheard of", () => {
    const { takeStranger } = createRateLimit(LIMITS);
    expect(takeStranger("a", 0)).toBe(true);
    expect(takeStranger("b", 0)).toBe(true);
    expect(takeStranger("a", 0)).toBe(false);
    expect(takeStranger("c", 0)).toBe(true);
    expect(takeStranger("d", 0)).toBe(true);
    // b was forgotten for d, a was not.
    expect(takeStranger("a", 0)).toBe(false);
    expect(takeStranger("b", 0)).toBe(true);
  });
});
