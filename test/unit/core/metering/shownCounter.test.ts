import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  advanceShown,
  type KeptCounter,
  keptCounter,
  NEW_SHOWN_COUNTER,
  PROMISE_AHEAD,
  type ShownCounter,
  shownFrom,
} from "../../../../agent/core/metering/shownCounter.ts";
import { type Wh, watts, wh } from "../../../../agent/core/units/energy.ts";
import { HOUR_MS, unixMs } from "../../../../agent/core/units/time.ts";

/** 10 kW: in 10 s 10 000 x 1.25 x 10 / 3600 = 34.7 Wh, and 100 Wh of step. */
const MAX = watts(10_000);
const POLL = 10_000;
const START = 1_521_619_200_000;

/** A counter with its disk, as an agent has them. */
class Shown {
  state: ShownCounter = NEW_SHOWN_COUNTER;
  disk: KeptCounter | null = null;
  writes = 0;
  now = START;

  read(value: number): Wh | null {
    this.now += POLL;
    const { next, isToKeep } = advanceShown(
      this.state,
      { at: unixMs(this.now), value: wh(value) },
      MAX,
    );
    this.state = next;
    if (isToKeep) this.keep(false);
    return this.state.shown;
  }

  keep(isEnd: boolean): void {
    this.disk = keptCounter(this.state, isEnd);
    this.writes += 1;
  }

  restart(how: "clean" | "powerCut"): Wh | null {
    if (how === "clean") this.keep(true);
    this.state = this.disk === null ? NEW_SHOWN_COUNTER : shownFrom(this.disk);
    return this.state.shown;
  }
}

/** Reads until the counter is shown. */
function begun(value: number): Shown {
  const shown = new Shown();
  shown.read(value);
  shown.read(value);
  return shown;
}

describe("a counter that is shown", () => {
  it("waits for a second reading, and then follows the device to the watt-hour", () => {
    const shown = new Shown();
    expect(shown.read(5_000_000)).toBeNull();
    expect(shown.read(5_000_007)).toBe(5_000_007);
    expect(shown.read(5_000_019)).toBe(5_000_019);
  });

  it("stands while the device reads 0 for one poll", () => {
    const shown = begun(5_000_000);
    expect(shown.read(0)).toBe(5_000_000);
    expect(shown.read(5_000_010)).toBe(5_000_010);
  });

  it("stands while the device runs 2000 kWh ahead and comes back", () => {
    const shown = begun(5_000_000);
    expect(shown.read(7_000_000)).toBe(5_000_000);
    expect(shown.read(7_000_001)).toBe(5_000_000);
    expect(shown.read(5_000_004)).toBe(5_000_004);
  });

  it("goes on without a step when a device was replaced, also when the agent starts again after", () => {
    const shown = begun(5_000_000);
    // Three more that agree with the first: it is a reset, and what the new one has counted since is ours.
    for (const [reading, is] of [
      [12, 5_000_000],
      [22, 5_000_000],
      [32, 5_000_000],
      [42, 5_000_030],
    ] as const) {
      expect(shown.read(reading)).toBe(is);
    }
    // The offset was on the disk at once: after a power cut nothing is held back anew.
    expect(shown.restart("powerCut")).toBe(5_000_000 + PROMISE_AHEAD);
    expect(shown.read(42 + 100)).toBe(5_000_130);
    expect(shown.restart("clean")).toBe(5_000_130);
    expect(shown.read(42 + 110)).toBe(5_000_140);
  });

  it("is the same after a night without the agent", () => {
    const shown = begun(5_000_000);
    shown.read(5_000_020);
    expect(shown.restart("clean")).toBe(5_000_020);
    shown.now += 14 * HOUR_MS;
    // At dusk and dawn the device had made some more.
    expect(shown.read(5_000_020 + 900)).toBe(5_000_920);
  });

  it("is at most the promise ahead after a power cut, and stands until the device is there", () => {
    const shown = begun(5_000_000);
    shown.read(5_000_020);
    expect(shown.restart("powerCut")).toBe(5_000_000 + PROMISE_AHEAD);
    expect(shown.read(5_000_030)).toBe(5_000_100);
    expect(shown.read(5_000_060)).toBe(5_000_100);
    expect(shown.read(5_000_130)).toBe(5_000_130);
  });

  it("costs one write for PROMISE_AHEAD, not one for each reading", () => {
    const shown = begun(0);
    // 1000 readings of 5 Wh are 5 kWh: a write for each 0.1 kWh and what is beyond it.
    for (let i = 1; i <= 1000; i += 1) shown.read(5 * i);
    expect(shown.state.shown).toBe(5000);
    expect(shown.writes).toBeGreaterThanOrEqual(45);
    expect(shown.writes).toBeLessThanOrEqual(51);
  });

  it("never falls and never exceeds what the disk knows, whatever happens", () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({ is: fc.constant("rise"), by: fc.integer({ min: 0, max: 130 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ is: fc.constant("lie"), value: fc.integer({ min: 0, max: 9e6 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          is: fc.constant("replaced"),
          value: fc.integer({ min: 0, max: 9e6 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ is: fc.constant("clean") }) },
      { weight: 1, arbitrary: fc.record({ is: fc.constant("powerCut") }) },
      { weight: 1, arbitrary: fc.record({ is: fc.constant("night") }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const shown = begun(4_000_000);
        let device = 4_000_000;
        let last: number = shown.state.shown ?? 0;
        for (const one of steps as { is: string; by?: number; value?: number }[]) {
          if (one.is === "rise") device += one.by ?? 0;
          if (one.is === "replaced") device = one.value ?? 0;
          if (["rise", "replaced"].includes(one.is)) shown.read(device);
          else if (one.is === "lie") shown.read(one.value ?? 0);
          else if (one.is === "night") shown.now += 10 * HOUR_MS;
          else shown.restart(one.is as "clean" | "powerCut");
          const now = shown.state.shown ?? 0;
          expect(now).toBeGreaterThanOrEqual(last);
          expect(now).toBeLessThanOrEqual(shown.disk?.promised ?? -1);
          last = now;
        }
      }),
      { numRuns: 500 },
    );
  });
});
