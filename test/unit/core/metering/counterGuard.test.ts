import { describe, expect, it } from "vitest";
import {
  type GuardState,
  guardCounter,
  guardFrom,
  NEW_GUARD,
} from "../../../../agent/core/metering/counterGuard.ts";
import { watts, wh } from "../../../../agent/core/units/energy.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";

const START = Date.parse("2026-06-01T09:00:00Z");
const POWER = watts(10_000);

/** Feeds [seconds, counter] pairs; "-" is a reading held back, a notice follows its value. */
function feed(pairs: readonly (readonly [number, number])[], from: GuardState = NEW_GUARD) {
  let state = from;
  const said = pairs.map(([second, value]) => {
    const point = { at: unixMs(START + second * 1000), value: wh(value) };
    const outcome = guardCounter(state, point, POWER);
    state = outcome.state;
    return `${outcome.value ?? "-"}${outcome.notice === null ? "" : ` ${outcome.notice}`}`;
  });
  return { state, said };
}

const at = (second: number, value: number) =>
  guardFrom({ at: unixMs(START + second * 1000), value: wh(value) });

describe("guardCounter", () => {
  it("holds the very first reading until a second one agrees", () => {
    expect(
      feed([
        [0, 5000],
        [10, 5010],
      ]).said,
    ).toEqual(["-", "5010"]);
    // A first poll that reads 0 is not believed: 5 MWh within 10 s is beyond any bound.
    expect(
      feed([
        [0, 0],
        [10, 5_000_000],
        [20, 5_000_020],
      ]).said,
    ).toEqual(["-", "-", "5000020"]);
  });

  it("takes a rise up to the bound and holds back one beyond", () => {
    // 10 kW x 125 % x 36 s = 125 Wh, and 100 Wh for a coarse counter: 225 Wh.
    expect(feed([[36, 1225]], at(0, 1000)).said).toEqual(["1225"]);
    expect(feed([[36, 1226]], at(0, 1000)).said).toEqual(["- quarantined"]);
  });

  it("forgets a counter that drops to 0 for one poll", () => {
    expect(
      feed(
        [
          [10, 0],
          [20, 1020],
          [30, 1030],
        ],
        at(0, 1000),
      ).said,
    ).toEqual(["- quarantined", "1020", "1030"]);
  });

  it("forgets one that runs 2000 kWh ahead and comes back", () => {
    const jitter = [
      [10, 2_001_000],
      [20, 2_001_010],
      [30, 1030],
    ] as const;
    expect(feed(jitter, at(0, 1000)).said).toEqual(["- quarantined", "-", "1030"]);
  });

  it("takes a drop for a reset after three confirmations and continues without a step", () => {
    const { state, said } = feed(
      [
        [10, 0],
        [20, 5],
        [30, 11],
        [40, 18],
        [50, 20],
      ],
      at(0, 1000),
    );
    // The offset is 1000 - 0: 18 is our 1018, 20 is our 1020.
    expect(said).toEqual(["- quarantined", "-", "-", "1018 reset", "1020"]);
    expect(state.offset).toBe(1000);
    // A second reset, from our 1020: 1020 - 3 = 1017 more than the device shows.
    const again = feed(
      [
        [60, 3],
        [70, 4],
        [80, 5],
        [90, 6],
      ],
      state,
    );
    expect(again.said).toEqual(["- quarantined", "-", "-", "1023 reset"]);
  });

  it("takes a confirmed jump for a replaced device, its foreign energy not counted", () => {
    const jump = [
      [10, 700_000],
      [20, 700_001],
      [30, 700_002],
      [40, 700_004],
    ] as const;
    expect(feed(jump, at(0, 1000)).said).toEqual(["- quarantined", "-", "-", "1004 reset"]);
  });

  it("starts counting confirmations again when what is held back is implausible in itself", () => {
    const noise = [
      [10, 0],
      [20, 900_000],
      [30, 0],
      [40, 0],
      [50, 0],
      [60, 0],
    ] as const;
    expect(feed(noise, at(0, 1000)).said).toEqual([
      ...["- quarantined", "-", "-", "-", "-"],
      "1000 reset",
    ]);
  });

  it("lets a counter that refreshes every 5 min step by 5 min of power", () => {
    // Unchanged from 0 s to 290 s; at 300 s the energy of 300 s: 10 kW x 300 s = 833 Wh.
    // Bound: 10 kW x 125 % x 300 s = 1041.7 -> 1042 Wh, + 100 = 1142 Wh.
    const polls = Array.from({ length: 29 }, (_, i) => [10 * (i + 1), 1000] as const);
    expect(feed([...polls, [300, 1833]], at(0, 1000)).said.at(-1)).toBe("1833");
    expect(feed([...polls, [300, 2142]], at(0, 1000)).said.at(-1)).toBe("2142");
    expect(feed([...polls, [300, 2143]], at(0, 1000)).said.at(-1)).toBe("- quarantined");
  });

  it("does not let a still night add up to a licence to jump", () => {
    const hour = Array.from({ length: 360 }, (_, i) => [10 * (i + 1), 1000] as const);
    // At most 6 min count: 10 kW x 125 % x 360 s = 1250 Wh, + 100.
    expect(feed([...hour, [3610, 2350]], at(0, 1000)).said.at(-1)).toBe("2350");
    expect(feed([...hour, [3610, 2351]], at(0, 1000)).said.at(-1)).toBe("- quarantined");
  });

  it("bounds the rise across a gap by the gap", () => {
    // 2 h at 12.5 kW: 25 000 Wh, + 100.
    expect(feed([[7200, 26_100]], at(0, 1000)).said).toEqual(["26100"]);
    expect(feed([[7200, 26_101]], at(0, 1000)).said).toEqual(["- quarantined"]);
  });

  it("goes on when the clock was set back: no time passed, little may have flowed", () => {
    expect(
      feed(
        [
          [-3600, 1010],
          [-3590, 1030],
        ],
        at(0, 1000),
      ).said,
    ).toEqual(["1010", "1030"]);
  });
});
