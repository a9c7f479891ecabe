// The ports, faked: a clock moved by hand, a store in memory, recorders and scripted devices.
// Nothing here sleeps or reads the machine; whatever depends on time happens inside `advance`.

import type { Durable } from "../../agent/core/consensus/input.ts";
import { accepted, type Refusal, type Result, refused } from "../../agent/core/result.ts";
import { watts, wh } from "../../agent/core/units/energy.ts";
import type { TransactionId } from "../../agent/core/units/ids.ts";
import { type DurationMs, MINUTE_MS, type UnixMs } from "../../agent/core/units/time.ts";
import type {
  AgentEvent,
  Cancel,
  Clock,
  CommittedBlock,
  Device,
  DeviceReading,
  DeviceRefusal,
  Facts,
  Log,
  OwnTransaction,
  Publisher,
  RegisterSample,
  SignedRecord,
  Store,
  StoredSnapshot,
} from "../../agent/ports.ts";

// ---------------------------------------------------------------------------------------- clock

export type FakeClock = Clock & {
  /** Lets `duration` milliseconds pass on both clocks; alarms run in the order of their time. */
  readonly advance: (duration: number) => void;
  /** Lets time pass until the wall clock shows `time`. */
  readonly advanceTo: (time: number) => void;
  /** NTP corrects the wall clock; the monotonic one does not notice. Alarms come due at the next advance. */
  readonly step: (by: number) => void;
  readonly setSynchronised: (synchronised: boolean) => void;
  /** While true, full minutes pass without a beat, as on a machine that is too busy. */
  readonly missBeats: (missed: boolean) => void;
  /** Timers and alarms not yet run or cancelled: 0 after everything is stopped. */
  readonly waiting: () => number;
};

type Alarm = { readonly on: "wall" | "monotonic"; readonly due: number; readonly run: () => void };

/** A clock at `start` (Unix ms) that stands still until it is advanced. */
export function createFakeClock(start: number): FakeClock {
  let now = start;
  let monotonic = 0;
  let synchronised = true;
  let beatsMissed = false;
  const alarms = new Set<Alarm>();
  const beats = new Set<() => void>();
  let nextBeat = nextMinute(now);

  const add = (alarm: Alarm): Cancel => {
    alarms.add(alarm);
    return () => alarms.delete(alarm);
  };
  const wait = (alarm: Alarm): number =>
    Math.max(0, alarm.due - (alarm.on === "wall" ? now : monotonic));

  /** Equal times: the earlier made first, alarms before the beat. */
  function earliest(): Alarm | null {
    let first: Alarm | null = null;
    for (const alarm of alarms) if (first === null || wait(alarm) < wait(first)) first = alarm;
    return first;
  }

  function pass(duration: number): void {
    now += duration;
    monotonic += duration;
  }

  function beat(): void {
    nextBeat = nextMinute(now);
    if (!beatsMissed) for (const run of [...beats]) if (beats.has(run)) run();
  }

  function advance(duration: number): void {
    const end = monotonic + duration;
    for (;;) {
      const alarm = earliest();
      const toAlarm = alarm === null ? Number.POSITIVE_INFINITY : wait(alarm);
      const toBeat = Math.max(0, nextBeat - now);
      if (monotonic + Math.min(toAlarm, toBeat) > end) break;
      if (alarm !== null && toAlarm <= toBeat) {
        pass(toAlarm);
        alarms.delete(alarm);
        alarm.run();
      } else {
        pass(toBeat);
        beat();
      }
    }
    pass(end - monotonic);
  }

  return {
    now: () => now as UnixMs,
    isSynchronised: () => synchronised,
    monotonic: () => monotonic as DurationMs,
    after: (delay, run) => add({ on: "monotonic", due: monotonic + Math.max(0, delay), run }),
    at: (time, run) => add({ on: "wall", due: time, run }),
    everyMinute: (run) => {
      const own = (): void => run();
      beats.add(own);
      return () => beats.delete(own);
    },
    advance,
    advanceTo: (time) => advance(time - now),
    step: (by) => {
      now += by;
      nextBeat = nextMinute(now);
    },
    setSynchronised: (value) => {
      synchronised = value;
    },
    missBeats: (missed) => {
      beatsMissed = missed;
    },
    waiting: () => alarms.size + beats.size,
  };
}

/** The first full minute after `now`. */
function nextMinute(now: number): number {
  return (Math.floor(now / MINUTE_MS) + 1) * MINUTE_MS;
}

// ---------------------------------------------------------------------------------------- store

export type MemoryStore = Store & {
  /** Calls of each writing method so far. */
  readonly writes: Readonly<Record<StoreWrite, number>>;
};

type StoreWrite =
  | "commit"
  | "install"
  | "saveSigned"
  | "saveRestart"
  | "saveOwnTransaction"
  | "dropOwnTransactions"
  | "saveSamples";

/** Keeps everything in memory; hand the same one to the next "start" to restart on the same disk. */
export function createMemoryStore(): MemoryStore {
  const blocks: CommittedBlock[] = [];
  const snapshots: (StoredSnapshot & Pick<CommittedBlock, "blockId">)[] = [];
  const signed = new Map<string, SignedRecord>();
  const own = new Map<TransactionId, OwnTransaction>();
  const samples = new Map<UnixMs, RegisterSample>();
  let durable: Durable | null = null;
  let restart: Uint8Array | null = null;
  const writes: Record<StoreWrite, number> = {
    commit: 0,
    install: 0,
    saveSigned: 0,
    saveRestart: 0,
    saveOwnTransaction: 0,
    dropOwnTransactions: 0,
    saveSamples: 0,
  };

  function keep(block: CommittedBlock): void {
    blocks.push(block);
    const { checkpoint: state, snapshotValidators: validators } = block;
    if (state !== null && validators !== undefined) snapshots.push({ ...block, state, validators });
  }

  return {
    writes,
    checkpoint: () => {
      const newest = blocks.findLast(({ checkpoint }) => checkpoint !== null);
      if (newest === undefined || newest.checkpoint === null) return null;
      return { height: newest.height, state: newest.checkpoint };
    },
    blocks: (from, count) => blocks.filter(({ height }) => height >= from).slice(0, count),
    commit: (block) => {
      writes.commit += 1;
      const last = blocks.at(-1);
      if (last !== undefined && block.height !== last.height + 1) {
        throw new Error(`block ${block.height} committed after ${last.height}`);
      }
      keep(block);
    },
    snapshots: () =>
      snapshots
        .toReversed()
        .slice(0, 2)
        .map(({ height, blockId }) => ({ height, blockId })),
    snapshot: (height) => snapshots.find((one) => one.height === height) ?? null,
    install: (block) => {
      writes.install += 1;
      if (blocks.length > 0) throw new Error("a snapshot comes first");
      keep(block);
    },
    durable: () => durable,
    signed: (height) => [...signed.values()].filter((record) => record.height === height),
    saveSigned: (next, record) => {
      writes.saveSigned += 1;
      const key = `${record.height}/${record.round}/${record.type}`;
      if (signed.has(key)) throw new Error(`${key} was signed before`);
      signed.set(key, record);
      durable = next;
    },
    restart: () => restart,
    saveRestart: (next, height) => {
      writes.saveRestart += 1;
      restart = next;
      for (const [key, record] of signed) if (record.height > height) signed.delete(key);
      if (durable !== null && durable.height > height) durable = null;
    },
    ownTransactions: () => [...own.values()],
    saveOwnTransaction: (transaction) => {
      writes.saveOwnTransaction += 1;
      own.set(transaction.id, transaction);
    },
    dropOwnTransactions: (ids) => {
      writes.dropOwnTransactions += 1;
      for (const id of ids) own.delete(id);
    },
    samples: (from, to) =>
      [...samples.values()].filter(({ at }) => at >= from && at <= to).sort((a, b) => a.at - b.at),
    saveSamples: (more) => {
      writes.saveSamples += 1;
      for (const sample of more) samples.set(sample.at, sample);
    },
  };
}

// ------------------------------------------------------------------------------------ recorders

export type RecordingPublisher = Publisher & {
  readonly events: readonly AgentEvent[];
  readonly of: <T extends AgentEvent["type"]>(type: T) => Extract<AgentEvent, { type: T }>[];
};

export function createRecordingPublisher(): RecordingPublisher {
  const events: AgentEvent[] = [];
  return {
    events,
    of: <T extends AgentEvent["type"]>(type: T) =>
      events.filter((event): event is Extract<AgentEvent, { type: T }> => event.type === type),
    publish: (event) => {
      events.push(event);
    },
  };
}

export type LogLine = {
  readonly level: keyof Log;
  readonly message: string;
  readonly facts: Facts;
};

export type RecordingLog = Log & {
  readonly lines: readonly LogLine[];
  /** Lines of this level or with this message. */
  readonly of: (levelOrMessage: string) => LogLine[];
};

export function createRecordingLog(): RecordingLog {
  const lines: LogLine[] = [];
  const record =
    (level: keyof Log) =>
    (message: string, facts: Facts = {}): void => {
      lines.push({ level, message, facts });
    };
  return {
    lines,
    of: (wanted) => lines.filter(({ level, message }) => level === wanted || message === wanted),
    debug: record("debug"),
    info: record("info"),
    warn: record("warn"),
    error: record("error"),
  };
}

// -------------------------------------------------------------------------------------- devices

export type Outcome = Result<DeviceReading, DeviceRefusal>;

export type FakeDevice = Device & {
  /** What the device answers from now on; "hang" never calls back. */
  readonly script: (answer: () => Outcome | "hang") => void;
  /** Every read so far, hung ones included. */
  readonly reads: () => number;
  /** Calls back the reads that hung, oldest first, with this outcome. */
  readonly answerLate: (outcome: Outcome) => void;
};

/** Answers each read at once with what its script says. */
export function createFakeDevice(
  name: string,
  kind: Device["kind"],
  answer: () => Outcome | "hang",
): FakeDevice {
  let script = answer;
  let reads = 0;
  const hung: ((outcome: Outcome) => void)[] = [];
  return {
    name,
    kind,
    read: (done) => {
      reads += 1;
      const outcome = script();
      if (outcome === "hang") hung.push(done);
      else done(outcome);
    },
    script: (next) => {
      script = next;
    },
    reads: () => reads,
    answerLate: (outcome) => {
      for (const done of hung.splice(0)) done(outcome);
    },
  };
}

/** An inverter that produces; `produced` null: the device did not say. */
export function inverterReading(produced: number | null, power: number | null = null): Outcome {
  return accepted({
    kind: "inverter",
    source: "Fake inverter 1",
    state: "producing",
    power: power === null ? null : watts(power),
    produced: produced === null ? null : wh(produced),
    deviceTime: null,
  });
}

export function meterReading(imported: number | null, exported: number | null): Outcome {
  return accepted({
    kind: "meter",
    source: "Fake meter 2",
    power: null,
    imported: imported === null ? null : wh(imported),
    exported: exported === null ? null : wh(exported),
    deviceTime: null,
  });
}

export function unreachable(): Outcome {
  const refusal: Refusal<"unreachable"> = { code: "unreachable" };
  return refused(refusal);
}
