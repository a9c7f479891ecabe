import { describe, expect, it } from "vitest";
import { watts, wh } from "../../../agent/core/units/energy.ts";
import type { DurationMs } from "../../../agent/core/units/time.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS, unixMs } from "../../../agent/core/units/time.ts";
import { createMeterLoop } from "../../../agent/loops/meter.ts";
import {
  createFakeClock,
  createFakeDevice,
  createMemoryStore,
  createRecordingLog,
  createRecordingPublisher,
  type FakeClock,
  inverterReading,
  type MemoryStore,
  meterReading,
  unreachable,
} from "../../support/fakes.ts";

const NINE = Date.parse("2026-06-01T09:00:00Z");

/** 3.6 kW made, 0.72 kW used: 60 Wh a minute made, 48 fed in, nothing drawn; from NINE on. */
function openHome(
  clock: FakeClock = createFakeClock(NINE),
  store: MemoryStore = createMemoryStore(),
  pollSeconds = 10,
) {
  const pollInterval = (pollSeconds * SECOND_MS) as DurationMs;
  const seconds = () => Math.floor((clock.now() - NINE) / 1000);
  const made = () => inverterReading(500_000 + seconds());
  const flowed = () => meterReading(8000, 20_000 + Math.floor((seconds() * 4) / 5));
  const roof = createFakeDevice("roof", "inverter", made);
  const grid = createFakeDevice("grid", "meter", flowed);
  const publisher = createRecordingPublisher();
  const log = createRecordingLog();
  const meter = createMeterLoop({
    ...{ clock, store, publisher, log, pollInterval },
    ...{ devices: [roof, grid], pvCapacity: watts(10_000) },
  });
  return { clock, store, roof, grid, publisher, log, meter, made, flowed };
}
const minute = (n: number) => unixMs(NINE + n * MINUTE_MS);

describe("the meter loop", () => {
  it("reads each device at its interval, says what it read, and stores a sample a minute", () => {
    const { clock, store, roof, grid, publisher, meter } = openHome();
    meter.start();
    clock.advance(10 * MINUTE_MS);
    // At 0 s, 10 s … 600 s.
    expect([roof.reads(), grid.reads()]).toEqual([61, 61]);
    expect(publisher.of("reading")).toHaveLength(122);
    // The first reading of a counter is held until the second agrees.
    const counters = publisher
      .of("reading")
      .flatMap(({ reading }) => (reading.kind === "inverter" ? [reading.produced] : []));
    expect(counters.slice(0, 3)).toEqual([null, 500_010, 500_020]);
    // Minutes 1 to 10, one write each.
    expect(store.samples(minute(0), minute(10))).toHaveLength(10);
    expect(store.writes.saveSamples).toBe(10);
    expect(store.samples(minute(7), minute(7))).toEqual([
      { at: minute(7), produced: 500_420, imported: 8000, exported: 20_336 },
    ]);
    meter.stop();
    expect(clock.waiting()).toBe(0);
  });

  it("gives the registers of an hour and its history", () => {
    const { clock, meter } = openHome(createFakeClock(NINE - 10 * MINUTE_MS));
    meter.start();
    clock.advanceTo(minute(61));
    expect(meter.closedUntil()).toBe(minute(62));
    expect(meter.hour(minute(0))).toEqual({
      ok: true,
      value: {
        start: NINE,
        gridImport: { start: 8000, end: 8000 },
        gridExport: { start: 20_000, end: 22_880 },
        production: { start: 500_000, end: 503_600 },
        quality: "measured",
      },
    });
    // 3600 made, 2880 fed in: 720 used.
    expect(meter.history().hours.find(({ start }) => start === NINE)).toEqual({
      start: NINE,
      produced: { energy: 3600, knownAt: minute(60) },
      consumed: { energy: 720, knownAt: minute(60) },
    });
    expect(meter.meterSource()).toBe("Fake meter 2");
    expect(meter.readsProduction).toBe(true);
  });

  it("asks a device that refuses after 1, 2, 4, 8, 16, 30, 30 intervals, and says so once", () => {
    const { clock, roof, grid, publisher, log, meter, made } = openHome();
    roof.script(unreachable);
    meter.start();
    const asked: number[] = [];
    let reads = 0;
    for (let second = 0; second <= 1000; second += 10) {
      if (roof.reads() > reads) asked.push(second);
      reads = roof.reads();
      clock.advance(10 * SECOND_MS);
    }
    // 0 + 10, + 20, + 40, + 80, + 160, + 300, + 300
    expect(asked).toEqual([0, 10, 30, 70, 150, 310, 610, 910]);
    // The other device is none the slower: 0, 10 … 1010.
    expect(grid.reads()).toBe(102);
    const states = () => publisher.of("device").filter(({ device }) => device === "roof");
    expect(states()).toEqual([
      { type: "device", device: "roof", refusal: { code: "unreachable" } },
    ]);
    expect(log.of("device refuses")).toHaveLength(1);

    roof.script(made);
    clock.advanceTo(NINE + 1220 * SECOND_MS);
    // Back at 1210 s, and then each 10 s again.
    expect(roof.reads()).toBe(10);
    expect(states().map(({ refusal }) => refusal?.code ?? "answers")).toEqual([
      ...["unreachable", "answers"],
    ]);
  });

  it("gives up a read that hangs after 60 s and ignores its late answer", () => {
    const { clock, roof, publisher, meter, made } = openHome();
    roof.script(() => "hang");
    meter.start();
    clock.advance(59 * SECOND_MS);
    expect(publisher.of("device").map(({ device }) => device)).toEqual(["grid"]);
    expect(roof.reads()).toBe(1);
    clock.advance(SECOND_MS);
    expect(publisher.of("device").at(-1)).toEqual({
      ...{ type: "device", device: "roof" },
      refusal: { code: "unreachable", afterMs: 60_000 },
    });
    roof.answerLate(made());
    expect(publisher.of("reading").every(({ device }) => device === "grid")).toBe(true);
    expect(publisher.of("device")).toHaveLength(2);
    // One interval later it is asked again; the answer counts.
    roof.script(made);
    clock.advance(10 * SECOND_MS);
    expect(roof.reads()).toBe(2);
    expect(publisher.of("reading").filter(({ device }) => device === "roof")).toHaveLength(1);
  });

  it("ignores a second answer to one read", () => {
    const { clock, roof, publisher, meter, made } = openHome();
    roof.script(() => "hang");
    meter.start();
    clock.advance(SECOND_MS);
    roof.answerLate(made());
    const readings = publisher.of("reading").length;
    roof.answerLate(made());
    expect(publisher.of("reading")).toHaveLength(readings);
  });

  it("tells nobody of a counter that drops to 0 for one poll, and meters on", () => {
    const { clock, store, roof, publisher, log, meter, made } = openHome();
    meter.start();
    clock.advance(115 * SECOND_MS);
    roof.script(() => inverterReading(0));
    clock.advance(10 * SECOND_MS);
    roof.script(made);
    clock.advance(MINUTE_MS);
    const told = publisher.of("reading").filter(({ device }) => device === "roof");
    expect(told.map(({ reading }) => "produced" in reading && reading.produced)[12]).toBeNull();
    expect(store.samples(minute(2), minute(2))).toMatchObject([{ produced: 500_120 }]);
    expect(log.of("counter held back")).toEqual([
      {
        ...{ level: "warn", message: "counter held back" },
        facts: { device: "roof", register: "produced", reading: 0 },
      },
    ]);
  });

  it("goes on across a reboot in mid-hour: the counters went on by themselves", () => {
    const before = openHome(createFakeClock(NINE - 10 * MINUTE_MS));
    before.meter.start();
    before.clock.advanceTo(minute(20));
    before.meter.stop();
    const after = openHome(createFakeClock(minute(40)), before.store);
    after.meter.start();
    after.clock.advanceTo(minute(61));
    expect(after.meter.hour(minute(0))).toMatchObject({
      ok: true,
      value: { production: { start: 500_000, end: 503_600 }, quality: "measured" },
    });
    expect(after.log.of("warn")).toEqual([]);
    // The hour that began before the reboot is known as a whole.
    expect(after.meter.history().hours.find(({ start }) => start === NINE)).toMatchObject({
      produced: { energy: 3600 },
      consumed: { energy: 720 },
    });
  });

  it("refuses the hour when the meter was away around an edge for more than 15 min", () => {
    const { clock, grid, meter, flowed } = openHome(createFakeClock(NINE - 10 * MINUTE_MS));
    meter.start();
    clock.advanceTo(minute(50));
    grid.script(unreachable);
    clock.advanceTo(minute(66));
    grid.script(flowed);
    clock.advanceTo(minute(90));
    expect(meter.hour(minute(0))).toMatchObject({
      ok: false,
      refusal: { code: "edgeMissing", register: "imported", edge: "end" },
    });
  });

  it("learns in the morning that the inverter slept all night", () => {
    const clock = createFakeClock(NINE);
    const { roof, grid, meter, store } = openHome(clock);
    roof.script(() => inverterReading(500_000));
    grid.script(() => meterReading(8000 + Math.floor((clock.now() - NINE) / 10_000), 20_000));
    meter.start();
    clock.advanceTo(minute(30));
    roof.script(unreachable);
    clock.advanceTo(minute(8 * 60));
    const hourAfter = (start: number) =>
      meter.history().hours.find((hour) => hour.start === minute(start));
    expect(hourAfter(120)).toMatchObject({ produced: null, consumed: null });
    expect(store.samples(minute(150), minute(150))).toMatchObject([{ produced: null }]);
    roof.script(() => inverterReading(500_000));
    clock.advanceTo(minute(9 * 60));
    // 6 Wh drawn a minute.
    expect(hourAfter(120)).toMatchObject({ produced: { energy: 0 }, consumed: { energy: 360 } });
  });

  it("remembers hours for four weeks, the samples themselves for less", () => {
    const store = createMemoryStore();
    const edge = (hours: number, produced: number, imported: number) => ({
      ...{ at: minute(60 * hours), produced: wh(produced) },
      ...{ imported: wh(imported), exported: wh(0) },
    });
    // 28 days are 672 h: the second hour will be out of reach at the end, the third in.
    store.saveSamples([edge(-670, 1000, 0), edge(-669, 1100, 50), edge(-600, 1400, 50)]);
    store.saveSamples([edge(-599, 1600, 80)]);
    const { clock, meter } = openHome(createFakeClock(minute(-10)), store, 60);
    meter.start();
    const hour = (n: number) => meter.history().hours.find(({ start }) => start === minute(60 * n));
    expect(hour(-670)).toMatchObject({ produced: { energy: 100 }, consumed: { energy: 150 } });
    clock.advanceTo(minute(60 * 40));
    expect(hour(-670)).toBeUndefined();
    expect(hour(-600)).toMatchObject({ produced: { energy: 200 }, consumed: { energy: 230 } });
    expect(hour(0)).toMatchObject({ produced: { energy: 3600 }, consumed: { energy: 720 } });
    expect(meter.history().samples[0]?.at).toBe(minute(60 * 4));
  });

  it("does not write twice when a minute beats twice", () => {
    const { clock, store, meter } = openHome();
    meter.start();
    clock.advanceTo(minute(3));
    const { saveSamples } = store.writes;
    clock.step(-5 * SECOND_MS);
    clock.advance(5 * SECOND_MS);
    expect(clock.now()).toBe(minute(3));
    expect(store.writes.saveSamples).toBe(saveSamples);
    expect(store.samples(minute(0), minute(3))).toHaveLength(3);
  });

  it("stores what missed beats left behind with the next one", () => {
    const { clock, store, meter } = openHome();
    meter.start();
    clock.missBeats(true);
    clock.advanceTo(minute(5));
    expect(store.writes.saveSamples).toBe(0);
    clock.missBeats(false);
    clock.advanceTo(minute(6));
    expect(store.samples(minute(0), minute(6))).toHaveLength(6);
    expect(store.writes.saveSamples).toBe(1);
  });

  it("samples nothing before the clock was right once, and goes on when it is lost later", () => {
    const { clock, store, publisher, meter } = openHome();
    clock.setSynchronised(false);
    meter.start();
    clock.advanceTo(minute(5));
    expect(publisher.of("reading").length).toBeGreaterThan(50);
    expect(store.writes.saveSamples).toBe(0);
    clock.setSynchronised(true);
    clock.advanceTo(minute(8));
    clock.setSynchronised(false);
    clock.advanceTo(minute(10));
    // Known from the minute after the first two readings: 6, 7, 8, 9, 10.
    expect(store.samples(minute(0), minute(10)).map(({ at }) => at)).toEqual(
      [6, 7, 8, 9, 10].map(minute),
    );
  });

  it("asks its devices although the clock was set back by an hour", () => {
    const { clock, roof, meter } = openHome();
    meter.start();
    clock.advanceTo(minute(5));
    clock.step(-HOUR_MS);
    const reads = roof.reads();
    clock.advance(2 * MINUTE_MS);
    expect(roof.reads() - reads).toBeGreaterThan(5);
  });
});
