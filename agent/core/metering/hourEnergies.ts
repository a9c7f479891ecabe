// A home's hours, from its samples: what the forecast learns from.
//
// Besides exact samples and lines across short gaps, a counter that reads the same before and after a gap of
// any length did not move in between: an inverter that sleeps all night leaves no hole. Each value says when
// it became known, so that a forecast of the past can leave out what was not known then.

import { type Wh, wh } from "../units/energy.ts";
import { addTime, floorToHour, HOUR_MS, type UnixMs } from "../units/time.ts";
import type { Point } from "./counterGuard.ts";
import { household } from "./household.ts";
import { interpolateFloor } from "./interpolate.ts";
import { EDGE_GAP_MAX } from "./meteredHour.ts";
import { neighbours, pointsOf, type Register, type RegisterSample } from "./registers.ts";

export type KnownEnergy = {
  readonly energy: Wh;
  /** Time of the latest sample that this rests on. */
  readonly knownAt: UnixMs;
};

/** One whole UTC hour. */
export type HourEnergy = {
  readonly start: UnixMs;
  readonly produced: KnownEnergy | null;
  readonly consumed: KnownEnergy | null;
};

/**
 * The hours that the samples (ascending in time) touch, ascending.
 * `produces` false: the home has no PV, its production is known to be 0.
 */
export function hourEnergies(
  samples: readonly RegisterSample[],
  { produces }: { readonly produces: boolean },
): readonly HourEnergy[] {
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined) return [];
  const between = {
    produced: produces ? flowBetween(samples, "produced") : nothingBetween,
    imported: flowBetween(samples, "imported"),
    exported: flowBetween(samples, "exported"),
  };
  const hours: HourEnergy[] = [];
  for (let start = floorToHour(first.at); start < last.at; start = addTime(start, HOUR_MS)) {
    const end = addTime(start, HOUR_MS);
    const produced = between.produced(start, end);
    const consumed = consumption(
      produced,
      between.imported(start, end),
      between.exported(start, end),
    );
    hours.push({ start, produced, consumed });
  }
  return hours;
}

type Between = (from: UnixMs, to: UnixMs) => KnownEnergy | null;

const nothingBetween: Between = (_from, to) => ({ energy: wh(0), knownAt: to });

function flowBetween(samples: readonly RegisterSample[], register: Register): Between {
  const points = pointsOf(samples, register);
  return (from, to) => {
    const start = counterAt(points, from);
    const end = counterAt(points, to);
    if (start === null || end === null || end.energy < start.energy) return null;
    return { energy: wh(end.energy - start.energy), knownAt: later(start, end) };
  };
}

function counterAt(points: readonly Point[], at: UnixMs): KnownEnergy | null {
  const { before, after } = neighbours(points, at);
  if (before === null || after === null) return null;
  if (before.at === at) return { energy: before.value, knownAt: at };
  const isClose = after.at - before.at <= EDGE_GAP_MAX;
  if (!isClose && before.value !== after.value) return null;
  return { energy: interpolateFloor(before, after, at), knownAt: after.at };
}

function consumption(
  produced: KnownEnergy | null,
  imported: KnownEnergy | null,
  exported: KnownEnergy | null,
): KnownEnergy | null {
  if (produced === null || imported === null || exported === null) return null;
  const { consumed } = household({
    produced: produced.energy,
    imported: imported.energy,
    exported: exported.energy,
  });
  return { energy: consumed, knownAt: later(produced, imported, exported) };
}

function later(...known: readonly KnownEnergy[]): UnixMs {
  return Math.max(...known.map(({ knownAt }) => knownAt)) as UnixMs;
}
