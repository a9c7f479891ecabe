import { describe, expect, it } from "vitest";
import { HOUR_MS, MINUTE_MS } from "../../agent/core/units/time.ts";
import { Random } from "./random.ts";
import { drawScenario, RECOVERS_WITHIN } from "./scenario.ts";

const draw = (seed: number) =>
  drawScenario({ seed, validators: null, chaosMinutes: null }, new Random(seed));
const SEEDS = Array.from({ length: 200 }, (_, i) => i + 1);

describe("the scenarios of 200 seeds", () => {
  it("have 4 validators in 15 of 20, 7 in 4, 13 in 1", () => {
    const count = (n: number) => SEEDS.filter((seed) => draw(seed).validators === n).length;
    expect([count(4), count(7), count(13)]).toEqual([150, 40, 10]);
  });

  it("break off a calm close's chaos in time, and let a foul one pass in it", () => {
    for (const seed of SEEDS) {
      const { close, epoch, chaos, lastClose } = draw(seed);
      const hour = Math.ceil(epoch / HOUR_MS) * HOUR_MS;
      if (close === "calm") {
        expect(epoch + chaos + RECOVERS_WITHIN).toBe(hour - 2 * MINUTE_MS);
        expect(lastClose).toBe(hour - epoch);
      }
      if (close === "foul") {
        expect(epoch + chaos).toBeGreaterThan(hour);
        expect(lastClose).toBeNull();
      }
      if (close === "both") expect(lastClose).toBe(hour + HOUR_MS - epoch);
    }
  });

  it("know each kind of close and of day", () => {
    const kinds = SEEDS.map(draw);
    expect(new Set(kinds.map(({ close }) => close)).size).toBe(4);
    expect(new Set(kinds.map(({ day }) => day)).size).toBe(4);
  });
});
