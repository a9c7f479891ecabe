// What a bench is, and how a short piece of work is timed: several runs after a warm-up.

import { median } from "./median.ts";

/** Measured numbers by name; a name says its unit where it has one. */
export type Figures = { readonly [name: string]: number };

export type Bench = {
  readonly name: string;
  readonly run: () => Figures | Promise<Figures>;
  /** Run only if asked for by name. */
  readonly takesMinutes?: true;
};

/** Milliseconds. `best` is what the machine can do, the median what it did while it was also busy. */
export type Timing = { readonly median: number; readonly best: number };

export type Repeats = { readonly runs: number; readonly warmUps: number };

/** Times `work`; garbage of one run is not paid by the next (node --expose-gc). */
export function measure(work: () => unknown, { runs, warmUps }: Repeats): Timing {
  for (let i = 0; i < warmUps; i += 1) work();
  const times: number[] = [];
  for (let i = 0; i < runs; i += 1) {
    globalThis.gc?.();
    const started = performance.now();
    work();
    times.push(performance.now() - started);
  }
  return { median: median(times), best: Math.min(...times) };
}
