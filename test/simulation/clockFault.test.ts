import { describe, expect, it } from "vitest";
import { honestClock, offBy, wrongClock } from "./clockFault.ts";
import { HONEST_SKEW_MAX } from "./invariants.ts";
import { Random } from "./random.ts";

const MINUTE = 60_000;

describe("a simulated clock", () => {
  it("drifts 200 ppm until NTP puts it right: 12 ms in a minute, 0 again after 15", () => {
    const clock = { skew: 5, drift: 200, steps: [] };
    expect([0, MINUTE, 14 * MINUTE, 15 * MINUTE].map((now) => offBy(clock, now))).toEqual([
      5,
      17,
      5 + 168,
      5,
    ]);
  });

  it("steps when it is told to, and stays there", () => {
    const clock = { skew: -1, drift: 0, steps: [{ at: 100, by: 3_600_000 }] };
    expect([99, 100, 10_000].map((now) => offBy(clock, now))).toEqual([-1, 3_599_999, 3_599_999]);
  });

  it("is never further off than an honest one may be", () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const clock = honestClock(new Random(seed));
      for (let now = 0; now < 20 * MINUTE; now += 20_000) {
        expect(Math.abs(offBy(clock, now))).toBeLessThanOrEqual(HONEST_SKEW_MAX);
      }
    }
  });

  it("steps within the time it is given when it is wrong", () => {
    const steps = Array.from({ length: 50 }, (_, i) => wrongClock(new Random(i), MINUTE).steps);
    expect(steps.flat().length).toBeGreaterThan(20);
    expect(steps.flat().every(({ at }) => at >= 0 && at <= MINUTE)).toBe(true);
  });
});
