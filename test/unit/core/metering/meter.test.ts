import { describe, expect, it } from "vitest";
import {
  closeMinutes,
  type MeterState,
  observe,
  openMeter,
} from "../../../../agent/core/metering/meter.ts";
import type { RegisterSample } from "../../../../agent/core/metering/registers.ts";
import { watts, wh } from "../../../../agent/core/units/energy.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";

const NINE = Date.parse("2026-06-01T09:00:00Z");
const BOUNDS = { production: watts(10_000), grid: watts(20_000) };
const HOME = {
  bounds: BOUNDS,
  devices: [
    { name: "roof", kind: "inverter" },
    { name: "grid", kind: "meter" },
  ],
} as const;
const time = (second: number) => unixMs(NINE + second * 1000);

function roof(state: MeterState, second: number, produced: number | null, name = "roof") {
  const reading = { kind: "inverter", produced: produced === null ? null : wh(produced) } as const;
  return observe(state, { device: name, at: time(second), reading });
}
function grid(state: MeterState, second: number, imported: number, exported: number) {
  const reading = { kind: "meter", imported: wh(imported), exported: wh(exported) } as const;
  return observe(state, { device: "grid", at: time(second), reading });
}
const plain = (samples: readonly RegisterSample[]) =>
  samples.map(({ at, produced, imported, exported }) => [
    (at - NINE) / 60_000,
    ...[produced, imported, exported],
  ]);

describe("a meter", () => {
  it("brings two devices that are read at different moments to the same minute", () => {
    let state = openMeter(HOME, []);
    // Roof: 3.6 kW is 1 Wh a second. 09:00:52 and :54 are held and accepted, :58 -> :02 crosses 09:01.
    for (const second of [50, 54, 58]) state = roof(state, second, 5000 + second).state;
    for (const second of [51, 55, 59]) state = grid(state, second, 800, 100 + 2 * second).state;
    expect(closeMinutes(state, time(61)).samples).toEqual([]);
    state = roof(state, 62, 5062).state;
    // The grid meter has not read past the minute yet.
    expect(closeMinutes(state, time(62)).samples).toEqual([]);
    state = grid(state, 63, 800, 226).state;
    const closed = closeMinutes(state, time(63));
    // Exported: 218 at 59 s, 226 at 63 s; a quarter of the way: 220.
    expect(plain(closed.samples)).toEqual([[1, 5060, 800, 220]]);
    // Closed once.
    expect(closeMinutes(closed.state, time(300)).samples).toEqual([]);
  });

  it("waits 2 min for a silent device, then closes without it", () => {
    let state = openMeter(HOME, []);
    for (const second of [40, 50, 70]) state = grid(state, second, 800, 100).state;
    expect(closeMinutes(state, time(179)).samples).toEqual([]);
    expect(plain(closeMinutes(state, time(180)).samples)).toEqual([[1, null, 800, 100]]);
  });

  it("has no sample for a minute of which nothing is known", () => {
    let state = openMeter(HOME, []);
    for (const second of [40, 50, 600, 610]) state = grid(state, second, 800, 100).state;
    // 50 s -> 600 s is a gap of more than 2 min; 600 s is minute 10, but only 610 s follows it.
    expect(closeMinutes(state, time(900)).samples).toEqual([]);
  });

  it("adds up two inverters, and knows nothing while one is silent", () => {
    const two = {
      ...HOME,
      devices: [
        { name: "east", kind: "inverter" },
        { name: "west", kind: "inverter" },
      ],
    } as const;
    let state = openMeter(two, []);
    for (const second of [40, 50, 60]) {
      state = roof(state, second, 1000 + second, "east").state;
      state = roof(state, second, 7000, "west").state;
    }
    expect(plain(closeMinutes(state, time(60)).samples)).toEqual([[1, 8060, null, null]]);
    state = closeMinutes(state, time(60)).state;
    for (const second of [110, 120]) state = roof(state, second, 1000 + second, "east").state;
    expect(plain(closeMinutes(state, time(900)).samples)).toEqual([]);
    let half = openMeter(two, []);
    for (const second of [40, 50, 60]) half = roof(half, second, 1000 + second, "east").state;
    expect(plain(closeMinutes(half, time(900)).samples)).toEqual([]);
  });

  it("keeps a null a null", () => {
    let state = openMeter(HOME, []);
    for (const second of [40, 50, 60]) state = roof(state, second, 5000).state;
    const observed = roof(state, 70, null);
    expect(observed.counters.produced).toBeNull();
    expect(observed.notices).toEqual([]);
    expect(observed.state).toEqual(state);
  });

  it("shows a counter at 0 for one poll to nobody, and interpolates across it", () => {
    let state = openMeter(HOME, []);
    for (const second of [30, 40, 50]) state = roof(state, second, 5000 + second).state;
    const dropped = roof(state, 60, 0);
    expect(dropped.counters.produced).toBeNull();
    expect(dropped.notices).toEqual([
      { type: "quarantined", device: "roof", register: "produced", reading: 0 },
    ]);
    const back = roof(dropped.state, 70, 5070);
    expect(back.counters.produced).toBe(5070);
    expect(plain(closeMinutes(back.state, time(200)).samples)).toEqual([[1, 5060, null, null]]);
  });

  it("goes on after a restart from what is stored, the counters having gone on by themselves", () => {
    const stored = [{ at: time(60), produced: wh(5000), imported: wh(800), exported: null }];
    let state = openMeter(HOME, stored);
    // 10 min later, 600 Wh more: 3.6 kW.
    for (const second of [650, 655, 665]) state = roof(state, second, 4940 + second).state;
    const closed = closeMinutes(state, time(900));
    expect(plain(closed.samples)).toEqual([[11, 5600, null, null]]);
    expect(closed.notices).toEqual([]);
  });

  it("never stores a minute twice, also across a restart within it", () => {
    const stored = [{ at: time(60), produced: wh(5000), imported: null, exported: null }];
    let state = openMeter(HOME, stored);
    for (const second of [57, 58, 62]) state = roof(state, second, 5000).state;
    expect(closeMinutes(state, time(900)).samples).toEqual([]);
  });

  it("finds after a restart that the device was reset meanwhile, and keeps our counter rising", () => {
    const stored = [{ at: time(0), produced: wh(1_000_000), imported: null, exported: null }];
    let state = openMeter(HOME, stored);
    // The new device shows 1 Wh a minute: minutes 11 to 15 show 11 to 15.
    for (let second = 600; second <= 900; second += 30) {
      state = roof(state, second, Math.floor(second / 60)).state;
    }
    const closed = closeMinutes(state, time(1020));
    // Minutes 11, 12, 13 are held back; at 14 the third confirmation: 1 000 000 + (14 - 11).
    expect(plain(closed.samples)).toEqual([
      [14, 1_000_003, null, null],
      [15, 1_000_004, null, null],
    ]);
    expect(closed.notices).toEqual([
      { type: "quarantined", device: null, register: "produced", reading: 11 },
      { type: "reset", device: null, register: "produced", reading: 14 },
    ]);
  });
});
