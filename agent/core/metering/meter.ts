// From readings to samples: each device's counters are guarded, brought to the full minute, added up per
// register, and guarded once more as a sum, which is what stored samples restore after a restart.
//
// A minute is closed when every device has read past it, or when no reading to come could still be close
// enough to it. Each minute is closed once; a minute of which nothing is known has no sample.

import { assert } from "../assert.ts";
import { addWh, type Watts, type Wh, wh } from "../units/energy.ts";
import { addTime, MINUTE_MS, type UnixMs, unixMs } from "../units/time.ts";
import { type GuardState, guardCounter, guardFrom, NEW_GUARD, type Point } from "./counterGuard.ts";
import { fullMinutes, SAMPLE_GAP_MAX } from "./interpolate.ts";
import {
  type CounterReading,
  type Counters,
  counterOf,
  REGISTERS_OF,
  type Register,
  type RegisterSample,
} from "./registers.ts";

/** The most that can flow, before any margin: bounds how fast a counter may rise. */
export type PowerBounds = {
  /** All PVs of the home together. */
  readonly production: Watts;
  /** The grid connection. */
  readonly grid: Watts;
};

export type MeterSetup = {
  /** Names are unique; counters of devices of the same kind are added up. */
  readonly devices: readonly { readonly name: string; readonly kind: CounterReading["kind"] }[];
  readonly bounds: PowerBounds;
};

type Track = {
  readonly device: string;
  readonly register: Register;
  readonly guard: GuardState;
  readonly last: Point | null;
  /** Known full minutes that are not closed yet. */
  readonly minutes: readonly Point[];
};

export type MeterState = {
  readonly bounds: PowerBounds;
  readonly tracks: readonly Track[];
  readonly totals: Readonly<Record<Register, GuardState>>;
  /** Minutes before this one are closed. */
  readonly nextMinute: UnixMs;
};

export type Observation = {
  readonly device: string;
  /** The agent's own time, never the device's. */
  readonly at: UnixMs;
  readonly reading: CounterReading;
};

/** A counter was held back or accepted as reset; `device` null is the sum of a register. */
export type MeterNotice = {
  readonly type: "quarantined" | "reset";
  readonly device: string | null;
  readonly register: Register;
  readonly reading: Wh;
};

/** A meter that goes on where the stored samples (ascending in time, maybe none) end. */
export function openMeter(setup: MeterSetup, stored: readonly RegisterSample[]): MeterState {
  const restored = (register: Register): GuardState => {
    const sample = stored.findLast((candidate) => candidate[register] !== null);
    const value = sample?.[register] ?? null;
    return sample === undefined || value === null ? NEW_GUARD : guardFrom({ at: sample.at, value });
  };
  const last = stored.at(-1);
  return {
    bounds: setup.bounds,
    tracks: setup.devices.flatMap(({ name, kind }) =>
      REGISTERS_OF[kind].map((register) => ({
        device: name,
        register,
        guard: NEW_GUARD,
        last: null,
        minutes: [],
      })),
    ),
    totals: {
      produced: restored("produced"),
      imported: restored("imported"),
      exported: restored("exported"),
    },
    nextMinute: last === undefined ? unixMs(0) : addTime(last.at, MINUTE_MS),
  };
}

/**
 * Takes in one reading. The counters handed back are the guarded ones, null where one is held back: what
 * people and dashboards may be told.
 */
export function observe(
  state: MeterState,
  { device, at, reading }: Observation,
): {
  readonly state: MeterState;
  readonly counters: Counters;
  readonly notices: readonly MeterNotice[];
} {
  const notices: MeterNotice[] = [];
  const counters: Record<Register, Wh | null> = { produced: null, imported: null, exported: null };
  const tracks = state.tracks.map((track) => {
    const raw = track.device === device ? counterOf(reading, track.register) : null;
    if (raw === null) return track;
    const powerMax = powerMaxOf(state.bounds, track.register);
    const outcome = guardCounter(track.guard, { at, value: raw }, powerMax);
    const { register } = track;
    if (outcome.notice !== null) {
      notices.push({ type: outcome.notice, device, register, reading: raw });
    }
    counters[register] = outcome.value;
    if (outcome.value === null) return { ...track, guard: outcome.state };
    return advanceTrack({ ...track, guard: outcome.state }, { at, value: outcome.value });
  });
  return { state: { ...state, tracks }, counters, notices };
}

/** Closes the minutes that are decided by `now` and hands them back as samples, in their order. */
export function closeMinutes(
  state: MeterState,
  now: UnixMs,
): {
  readonly state: MeterState;
  readonly samples: readonly RegisterSample[];
  readonly notices: readonly MeterNotice[];
} {
  const samples: RegisterSample[] = [];
  const notices: MeterNotice[] = [];
  const totals = { ...state.totals };
  let { nextMinute } = state;
  for (const at of openMinutes(state)) {
    if (!isDecided(state, at, now)) break;
    const total = (register: Register): Wh | null => {
      const sum = sumAt(state, register, at);
      if (sum === null) return null;
      const outcome = guardTotal(totals[register], { at, value: sum }, state.bounds, register);
      totals[register] = outcome.state;
      if (outcome.notice !== null) {
        notices.push({ type: outcome.notice, device: null, register, reading: sum });
      }
      return outcome.value;
    };
    const sample = {
      at,
      produced: total("produced"),
      imported: total("imported"),
      exported: total("exported"),
    };
    if (isKnown(sample)) samples.push(sample);
    nextMinute = addTime(at, MINUTE_MS);
  }
  if (nextMinute === state.nextMinute) return { state, samples, notices };
  const tracks = state.tracks.map((track) => ({
    ...track,
    minutes: track.minutes.filter(({ at }) => at >= nextMinute),
  }));
  return { state: { ...state, tracks, totals, nextMinute }, samples, notices };
}

function advanceTrack(track: Track, point: Point): Track {
  if (track.last === null) return { ...track, last: point };
  const minutes = [...track.minutes, ...fullMinutes(track.last, point)];
  return { ...track, last: point, minutes };
}

function openMinutes({ tracks, nextMinute }: MeterState): readonly UnixMs[] {
  const minutes = new Set<UnixMs>();
  for (const track of tracks) {
    for (const { at } of track.minutes) if (at >= nextMinute) minutes.add(at);
  }
  return [...minutes].sort((a, b) => a - b);
}

function isDecided({ tracks }: MeterState, minute: UnixMs, now: UnixMs): boolean {
  if (now - minute >= SAMPLE_GAP_MAX) return true;
  return tracks.every(({ last }) => last !== null && last.at >= minute);
}

function sumAt({ tracks }: MeterState, register: Register, minute: UnixMs): Wh | null {
  let sum: Wh | null = null;
  for (const track of tracks) {
    if (track.register !== register) continue;
    // A clock that was set back passes the same minute again: the first time counts.
    const point = track.minutes.find(({ at }) => at === minute);
    if (point === undefined) return null;
    sum = addWh(sum ?? wh(0), point.value);
  }
  return sum;
}

/** A sum's first point needs no confirmation: the devices' own guards have given it. */
function guardTotal(
  guard: GuardState,
  point: Point,
  bounds: PowerBounds,
  register: Register,
): ReturnType<typeof guardCounter> {
  if (guard.last === null) return { state: guardFrom(point), value: point.value, notice: null };
  return guardCounter(guard, point, powerMaxOf(bounds, register));
}

function isKnown({ produced, imported, exported }: RegisterSample): boolean {
  return produced !== null || imported !== null || exported !== null;
}

function powerMaxOf(bounds: PowerBounds, register: Register): Watts {
  const powerMax = register === "produced" ? bounds.production : bounds.grid;
  assert(powerMax > 0, "a counter's bound is a positive power");
  return powerMax;
}
