// The fakes keep their ports' promises; every other test stands on them.

import { describe, expect, it } from "vitest";
import { unixMs } from "../../../agent/core/units/time.ts";
import {
  createFakeClock,
  createFakeDevice,
  createMemoryStore,
  inverterReading,
  unreachable,
} from "../../support/fakes.ts";

const NINE = Date.parse("2026-06-01T09:00:00Z");

describe("the fake clock", () => {
  it("runs alarms in the order of their time, each once, and beats at each full minute", () => {
    const clock = createFakeClock(NINE + 30_000);
    const seen: string[] = [];
    const note = (name: string) => () => seen.push(`${name} ${clock.now() - NINE}`);
    clock.after(45_000 as never, note("after"));
    clock.at(unixMs(NINE + 60_000), note("at"));
    clock.everyMinute(note("beat"));
    const cancel = clock.after(1000 as never, note("cancelled"));
    cancel();
    clock.advance(100_000);
    expect(seen).toEqual(["at 60000", "beat 60000", "after 75000", "beat 120000"]);
    expect(clock.now()).toBe(NINE + 130_000);
    expect(clock.monotonic()).toBe(100_000);
    expect(clock.waiting()).toBe(1);
  });

  it("calls an alarm whose time has passed at the next advance, also by nothing", () => {
    const clock = createFakeClock(NINE);
    let runs = 0;
    clock.at(unixMs(NINE - 1), () => (runs += 1));
    clock.advance(0);
    clock.advance(0);
    expect(runs).toBe(1);
  });

  it("steps the wall clock only: timers keep their time, alarms follow the wall", () => {
    const clock = createFakeClock(NINE);
    const seen: string[] = [];
    clock.after(10_000 as never, () => seen.push("after"));
    clock.at(unixMs(NINE + 10_000), () => seen.push("at"));
    clock.step(-60_000);
    clock.advance(10_000);
    expect(seen).toEqual(["after"]);
    clock.advance(60_000);
    expect(seen).toEqual(["after", "at"]);
  });

  it("misses beats when told to", () => {
    const clock = createFakeClock(NINE);
    let beats = 0;
    clock.everyMinute(() => (beats += 1));
    clock.missBeats(true);
    clock.advance(120_000);
    expect(beats).toBe(0);
    clock.missBeats(false);
    clock.advance(60_000);
    expect(beats).toBe(1);
  });
});

describe("the memory store", () => {
  it("hands samples back in their order, both ends included, the newer for the same minute", () => {
    const store = createMemoryStore();
    const sample = (minute: number, imported: number) => ({
      ...{ at: unixMs(NINE + minute * 60_000), imported: imported as never },
      ...{ produced: null, exported: null },
    });
    store.saveSamples([sample(2, 12), sample(1, 11)]);
    store.saveSamples([sample(2, 99), sample(3, 13)]);
    const found = store.samples(unixMs(NINE + 60_000), unixMs(NINE + 120_000));
    expect(found.map(({ imported }) => imported)).toEqual([11, 99]);
    expect(store.writes.saveSamples).toBe(2);
  });

  it("refuses a second signature for one height, round and type", () => {
    const store = createMemoryStore();
    const record = { height: 1, round: 0, type: "prevote" } as never;
    store.saveSigned({} as never, record);
    expect(() => store.saveSigned({} as never, record)).toThrow("signed before");
  });
});

describe("the fake device", () => {
  it("answers by its script, hangs, and answers late", () => {
    const device = createFakeDevice("inverter", "inverter", () => inverterReading(1));
    const seen: unknown[] = [];
    device.read((outcome) => seen.push(outcome));
    device.script(() => "hang");
    device.read((outcome) => seen.push(outcome));
    expect(seen).toHaveLength(1);
    device.answerLate(unreachable());
    expect(seen).toEqual([inverterReading(1), unreachable()]);
    expect(device.reads()).toBe(2);
  });
});
