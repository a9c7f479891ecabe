// What a process holds, seen from outside: /proc and the files of its data directory.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** The environment's name for where every process writes down its heap. */
export const HEAP_DIR = "PVTRADING_SOAK_DIR";

/** Bytes and counts of one agent at one moment; heap null: not told yet. */
export type Sample = {
  /** Seconds since the soak began. */
  readonly at: number;
  readonly rss: number;
  readonly heap: number | null;
  readonly fds: number;
  readonly database: number;
  readonly wal: number;
  readonly height: number;
};

export type Look = {
  readonly at: number;
  readonly pid: number;
  readonly dataDir: string;
  readonly heapFile: string;
  readonly height: number;
};

export function sampleOf({ at, pid, dataDir, heapFile, height }: Look): Sample {
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  const files = readdirSync(dataDir);
  const bytesOf = (isWanted: (name: string) => boolean): number =>
    files.filter(isWanted).reduce((sum, name) => sum + statSync(join(dataDir, name)).size, 0);
  const isWal = (name: string): boolean => name.endsWith("-wal");
  return {
    at,
    rss: Number(kilobytes) * 1024,
    heap: heapOf(heapFile),
    fds: readdirSync(`/proc/${pid}/fd`).length,
    database: bytesOf((name) => !isWal(name)),
    wal: bytesOf(isWal),
    height,
  };
}

function heapOf(file: string): number | null {
  try {
    const told = Number(readFileSync(file, "utf8"));
    return Number.isFinite(told) ? told : null;
  } catch {
    // Not told yet.
    return null;
  }
}

/** By how much y grows for each x, by least squares. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const n = points.length;
  const [meanX, meanY] = [0, 1].map((i) => points.reduce((sum, p) => sum + (p[i] ?? 0), 0) / n);
  let [above, below] = [0, 0];
  for (const [x, y] of points) {
    above += (x - (meanX ?? 0)) * (y - (meanY ?? 0));
    below += (x - (meanX ?? 0)) ** 2;
  }
  return below === 0 ? 0 : above / below;
}
