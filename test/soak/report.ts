// What a soak says: where each figure began and ended, how fast it grew, and whether that is bounded.

import { median } from "../bench/median.ts";
import { type Sample, slope } from "./sample.ts";

export type Growth = {
  readonly name: "rss" | "heap" | "fds" | "database" | "wal";
  readonly unit: "MB" | "";
  /** Medians over the homes, at the middle and at the end of the run. */
  readonly middle: number;
  readonly end: number;
  /** The greatest of any home at any time. */
  readonly most: number;
  /** Median over the homes of the slope in the second half. */
  readonly perHour: number;
  readonly perMarketDay: number;
};

export type Report = {
  readonly homes: number;
  readonly validators: number;
  readonly minutes: number;
  readonly marketDays: number;
  readonly cleared: number;
  readonly voided: number;
  readonly height: number;
  readonly growths: readonly Growth[];
};

const MB = 1_000_000;
/** In the second half: a leak of a few percent in minutes is a leak; less is noise of garbage collection. */
const MEMORY_GROWTH_MAX = 0.15;
const FDS_GROWTH_MAX = 8;
/** A WAL starts anew after each checkpoint of 1000 pages of 4 KiB; some readers let it grow a little more. */
const WAL_MAX_MB = 16;

type Measure = { readonly name: Growth["name"]; readonly of: (sample: Sample) => number | null };

const MEASURES: readonly (Measure & Pick<Growth, "unit">)[] = [
  { name: "rss", unit: "MB", of: ({ rss }) => rss / MB },
  { name: "heap", unit: "MB", of: ({ heap }) => (heap === null ? null : heap / MB) },
  { name: "fds", unit: "", of: ({ fds }) => fds },
  { name: "database", unit: "MB", of: ({ database }) => database / MB },
  { name: "wal", unit: "MB", of: ({ wal }) => wal / MB },
];

/** One row for each figure; `homes` are the samples of each home, oldest first, at the market's `speed`. */
export function growths(homes: readonly (readonly Sample[])[], speed: number): readonly Growth[] {
  return MEASURES.map(({ name, unit, of }) => {
    const series = homes.map((samples) =>
      samples.flatMap((sample): [number, number][] => {
        const value = of(sample);
        return value === null ? [] : [[sample.at, value]];
      }),
    );
    const halves = series.map((points) => points.slice(points.length >> 1));
    const perSecond = median(halves.map(slope));
    return {
      ...{ name, unit },
      middle: median(halves.map((points) => points[0]?.[1] ?? 0)),
      end: median(halves.map((points) => points.at(-1)?.[1] ?? 0)),
      most: Math.max(...series.flat().map(([, value]) => value)),
      perHour: perSecond * 3600,
      perMarketDay: (perSecond * 86_400) / speed,
    };
  });
}

/** What is not bounded, a sentence each. */
export function verdict({ growths, minutes, cleared }: Report): readonly string[] {
  const problems: string[] = [];
  for (const { name, middle, most, perHour } of growths) {
    const grown = (perHour * minutes) / 120;
    const grew = `${name} grew by ${grown.toFixed(2)} from ${middle.toFixed(2)} in half the run`;
    if ((name === "rss" || name === "heap") && grown > middle * MEMORY_GROWTH_MAX)
      problems.push(grew);
    if (name === "fds" && grown > FDS_GROWTH_MAX) problems.push(grew);
    if (name === "wal" && most > WAL_MAX_MB) problems.push(`a WAL of ${most.toFixed(1)} MB`);
  }
  if (cleared === 0) problems.push("no listing was ever closed: nothing was soaked");
  return problems;
}
