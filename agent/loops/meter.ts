// Polls the home's devices, keeps a register sample a minute, and tells others what was read.
// One slow or dead device never holds up another; what it would have said is missing, never guessed.

import { assert } from "../core/assert.ts";
import type { History } from "../core/forecast/history.ts";
import {
  closeMinutes,
  type MeterNotice,
  type MeterState,
  observe,
  openMeter,
} from "../core/metering/meter.ts";
import {
  EDGE_GAP_MAX,
  type MeteredHour,
  type MeteredHourRefusal,
  meteredHour,
} from "../core/metering/meteredHour.ts";
import type { Counters } from "../core/metering/registers.ts";
import type { Result } from "../core/result.ts";
import { type Watts, watts } from "../core/units/energy.ts";
import { addTime, type DurationMs, HOUR_MS, type UnixMs, unixMs } from "../core/units/time.ts";
import type {
  Cancel,
  Clock,
  Device,
  DeviceReading,
  Log,
  Publisher,
  RegisterSample,
  Store,
} from "../ports.ts";
import { createPoll } from "./meterPoll.ts";
import { createSampleBook } from "./meterSamples.ts";

/** No home's connection carries more: 3 x 160 A x 230 V = 110 400 W. Bounds how fast its counters rise. */
const CONNECTION_POWER_MAX: Watts = watts(110_400);

export type MeterDependencies = {
  /** Names are unique. */
  readonly devices: readonly Device[];
  readonly clock: Clock;
  readonly store: Pick<Store, "samples" | "saveSamples">;
  readonly publisher: Publisher;
  readonly log: Log;
  /** Market time between two reads of a device. */
  readonly pollInterval: DurationMs;
  /** Bounds how fast the inverters' counters may rise; null: as much as any home's connection. */
  readonly pvCapacity: Watts | null;
};

export type MeterLoop = {
  readonly start: () => void;
  readonly stop: () => void;
  /** The home has an inverter to read. */
  readonly readsProduction: boolean;
  /** What forecasts are made from, as far as known now. */
  readonly history: () => History;
  /** The registers at both edges of the hour from `start` on. */
  readonly hour: (start: UnixMs) => Result<MeteredHour, MeteredHourRefusal>;
  /** Stored and not yet stored samples, both ends included. */
  readonly sampleRange: (from: UnixMs, to: UnixMs) => readonly RegisterSample[];
  /** Full minutes before this one are closed: nothing can be added to them. */
  readonly closedUntil: () => UnixMs;
  /** The grid meter, as it names itself; null without one. */
  readonly meterSource: () => string | null;
};

export function createMeterLoop(dependencies: MeterDependencies): MeterLoop {
  const { devices, clock, store, publisher, log, pollInterval, pvCapacity } = dependencies;
  assert(pollInterval > 0, "devices are polled at a positive interval");
  const readsProduction = devices.some(({ kind }) => kind === "inverter");
  const book = createSampleBook(store, { produces: readsProduction });
  const bounds = { production: pvCapacity ?? CONNECTION_POWER_MAX, grid: CONNECTION_POWER_MAX };
  const meterNamed = devices.find(({ kind }) => kind === "meter")?.name ?? null;
  let meterSource = meterNamed;
  /** null until the clock was right once: readings have no time before. */
  let metering: MeterState | null = null;
  let cancelBeat: Cancel | null = null;

  function openMetering(): MeterState | null {
    if (metering === null && clock.isSynchronised()) {
      metering = openMeter({ devices, bounds }, book.load(clock.now()));
    }
    return metering;
  }

  function received(device: Device, reading: DeviceReading): void {
    assert(reading.kind === device.kind, `${device.name} answers as what it is configured`);
    if (device.name === meterNamed) meterSource = reading.source;
    const at = clock.now();
    const state = openMetering();
    if (state === null) {
      publisher.publish({ type: "reading", device: device.name, at, reading });
      return;
    }
    const observed = observe(state, { device: device.name, at, reading });
    metering = observed.state;
    logNotices(log, observed.notices);
    const told = withCounters(reading, observed.counters);
    publisher.publish({ type: "reading", device: device.name, at, reading: told });
  }

  function beat(): void {
    const state = openMetering();
    if (state === null) return;
    const closed = closeMinutes(state, clock.now());
    metering = closed.state;
    logNotices(log, closed.notices);
    book.add(closed.samples, clock.now());
  }

  const polls = devices.map((device) =>
    createPoll(device, { clock, publisher, log, pollInterval, received }),
  );

  return {
    start: () => {
      assert(cancelBeat === null, "a meter loop is started once");
      openMetering();
      cancelBeat = clock.everyMinute(() => {
        beat();
        for (const poll of polls) poll.check();
      });
      for (const poll of polls) poll.start();
    },
    stop: () => {
      cancelBeat?.();
      cancelBeat = null;
      for (const poll of polls) poll.stop();
      beat();
      book.save();
    },
    readsProduction,
    history: book.history,
    hour: (start) => {
      const from = addTime(start, -Math.min(start, EDGE_GAP_MAX));
      return meteredHour(book.range(from, addTime(start, HOUR_MS + EDGE_GAP_MAX)), start);
    },
    sampleRange: book.range,
    closedUntil: () => metering?.nextMinute ?? unixMs(0),
    meterSource: () => meterSource,
  };
}

/** What people are told: a counter that is held back is not known. */
function withCounters(reading: DeviceReading, counters: Counters): DeviceReading {
  if (reading.kind === "inverter") return { ...reading, produced: counters.produced };
  return { ...reading, imported: counters.imported, exported: counters.exported };
}

function logNotices(log: Log, notices: readonly MeterNotice[]): void {
  for (const { type, ...facts } of notices) {
    if (type === "quarantined") log.warn("counter held back", facts);
    else log.warn("counter taken as reset", facts);
  }
}
