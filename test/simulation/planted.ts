// Bugs planted in a copy of the sources, to see that the simulator finds them. A simulator that misses a
// planted bug is the failure.

import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

export type Change = { readonly file: string; readonly find: string; readonly replace: string };

export type PlantedBug = {
  readonly name: string;
  readonly changes: readonly Change[];
  /** What the simulated world must allow for the bug to show: see main.ts. */
  readonly flags: readonly string[];
  /** A seed that finds it, if the first few do not: tried first, so that a hunt takes seconds. */
  readonly seed?: number;
};

export type Hunt = {
  readonly name: string;
  /** The first seed that shows it; null: missed. */
  readonly seed: number | null;
  /** What was violated. */
  readonly violation: string;
  readonly output: string;
};

export type HuntLimits = {
  readonly seeds: number;
  /** Real milliseconds after which the hunt is broken off. */
  readonly withinMs: number;
};

/** Hunts one bug after the other, so many at a time, and tells of each as it is found or missed. */
export async function huntAll(
  bugs: readonly PlantedBug[],
  root: string,
  { jobs, ...limits }: HuntLimits & { readonly jobs: number },
  found: (hunt: Hunt) => void,
): Promise<void> {
  const waiting = [...bugs];
  const work = async (): Promise<void> => {
    for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
      found(await hunt(bug, root, limits));
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
}

/** Copies the sources of `root`, plants the bug there and runs its seed, then one seed after another. */
async function hunt(bug: PlantedBug, root: string, limits: HuntLimits): Promise<Hunt> {
  const copy = mkdtempSync(join(tmpdir(), "pvtrading-planted-"));
  try {
    for (const room of ["agent", "test/simulation", "test/support", "package.json"]) {
      cpSync(join(root, room), join(copy, room), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    for (const change of bug.changes) plant(copy, change);
    const main = join(copy, "test/simulation/main.ts");
    const look = (from: number, seeds: number): Promise<string> => {
      const range = ["--from", String(from), "--seeds", String(seeds)];
      const args = [main, ...range, "--stop-at-first", "--jobs", "1", "--json", ...bug.flags];
      return run(args, limits.withinMs);
    };
    let output = bug.seed === undefined ? "" : await look(bug.seed, 1);
    if (firstViolation(output) === null) output = await look(1, limits.seeds);
    const violation = /^VIOLATION.*$/m.exec(output)?.[0] ?? "";
    return { name: bug.name, seed: firstViolation(output), violation, output };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function plant(copy: string, { file, find, replace }: Change): void {
  const path = join(copy, file);
  const source = readFileSync(path, "utf8");
  if (source.split(find).length !== 2) throw new Error(`${file} must hold once: ${find}`);
  writeFileSync(
    path,
    source.replace(find, () => replace),
  );
}

function run(args: readonly string[], timeout: number): Promise<string> {
  return new Promise((resolve) => {
    const options = { timeout, maxBuffer: OUTPUT_BYTES_MAX };
    // Violations end with exit code 1, and so does a crash: the output tells them apart.
    execFile(process.execPath, args, options, (_error, stdout, stderr) => {
      resolve(`${stdout}\n${stderr}`);
    });
  });
}

function firstViolation(output: string): number | null {
  const match = /"firstViolation":(\d+)/.exec(output);
  return match === null ? null : Number(match[1]);
}
