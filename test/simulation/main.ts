// npm run sim -- --seeds 200          many seeds: figures, violations, exit code 1 if there are any
// npm run sim -- --seed 7 [--trace]   one seed, twice: the event log must be the same both times
// npm run sim -- --planted            each planted bug, and the seed that finds it

import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { MENU } from "./menu.ts";
import { huntAll } from "./planted.ts";
import { PLANTED_BUGS } from "./plantedBugs.ts";
import { DEFAULT_OPTIONS, type SimulationReport, simulate } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    validators: { type: "string" },
    minutes: { type: "string" },
    trace: { type: "boolean", default: false },
    /** Processes; as many as there are processors unless told. */
    jobs: { type: "string" },
    json: { type: "boolean", default: false },
    /** One line of JSON with every seed's report: how a share answers. */
    reports: { type: "boolean", default: false },
    /** Those who may lie do, and tell what holds this in its name. */
    lies: { type: "string" },
    "foul-weather": { type: "boolean", default: false },
    "forgets-votes": { type: "boolean", default: false },
    "takes-double-signs": { type: "boolean", default: false },
    "stop-at-first": { type: "boolean", default: false },
    planted: { type: "boolean", default: false },
    /** Of the planted bugs only those whose name holds this. */
    only: { type: "string", default: "" },
  },
});

/** For one planted bug: 200 seeds on a slow machine. */
const PLANTED_WITHIN_MS = 3_600_000;
/** With so many seeds everything on the menu must have happened. */
const SEEDS_WITH_EVERYTHING = 200;

const REPORTS_BYTES_MAX = 256 * 1024 * 1024;

const options = {
  ...DEFAULT_OPTIONS,
  validators: values.validators === undefined ? null : Number(values.validators),
  chaosMinutes: values.minutes === undefined ? null : Number(values.minutes),
  foulWeather: values["foul-weather"],
  lies: values.lies ?? null,
  forgetsVotes: values["forgets-votes"],
  takesDoubleSigns: values["takes-double-signs"],
};

if (values.planted) process.exitCode = await planted();
else process.exitCode = values.seed === undefined ? await many() : one(Number(values.seed));

function one(seed: number): number {
  const trace = values.trace ? (line: string) => process.stdout.write(`${line}\n`) : null;
  const first = simulate({ ...options, seed, trace });
  const second = simulate({ ...options, seed });
  print(describe(first));
  if (first.hash !== second.hash) {
    print(`NOT DETERMINISTIC: ${first.hash} and ${second.hash}`);
    return 1;
  }
  return first.violation === null ? 0 : 1;
}

/** Plants one bug after the other in a copy of the sources, and runs seeds until one finds it. */
async function planted(): Promise<number> {
  const bugs = PLANTED_BUGS.filter(({ name }) => name.includes(values.only));
  const jobs = Number(values.jobs ?? availableParallelism());
  const limits = { seeds: Number(values.seeds), withinMs: PLANTED_WITHIN_MS };
  let missed = 0;
  await huntAll(bugs, join(import.meta.dirname, "../.."), { ...limits, jobs }, (found) => {
    if (found.seed === null) missed += 1;
    const by = found.seed === null ? `MISSED in ${limits.seeds} seeds` : `seed ${found.seed}`;
    print(`${found.name}\n    ${by}: ${found.violation}`);
    if (found.seed === null && values.trace) print(found.output);
  });
  print(`planted ${bugs.length}, found ${bugs.length - missed}, missed ${missed}`);
  return missed === 0 ? 0 : 1;
}

/** Splits the seeds over the processors, each share in a process of its own. */
async function many(): Promise<number> {
  const count = Number(values.seeds);
  const from = Number(values.from);
  const jobs = Math.max(1, Math.min(Number(values.jobs ?? availableParallelism()), count));
  const started = performance.now();
  const shares = Array.from({ length: jobs }, (_, i) => {
    const first = from + Math.floor((count * i) / jobs);
    return { first, last: from + Math.floor((count * (i + 1)) / jobs) - 1 };
  });
  const reports =
    jobs === 1 ? runShare({ first: from, last: from + count - 1 }) : await inProcesses(shares);
  if (values.reports) {
    print(JSON.stringify(reports));
    return 0;
  }
  return summarise(reports, (performance.now() - started) / 1000);
}

type Share = { readonly first: number; readonly last: number };

function runShare({ first, last }: Share): readonly SimulationReport[] {
  const reports: SimulationReport[] = [];
  for (let seed = first; seed <= last; seed += 1) {
    const report = simulate({ ...options, seed });
    reports.push(report);
    if (report.violation !== null && values["stop-at-first"]) break;
  }
  return reports;
}

async function inProcesses(shares: readonly Share[]): Promise<readonly SimulationReport[]> {
  const run = promisify(execFile);
  const same = process.argv.slice(2);
  const parts = await Promise.all(
    shares.map(async ({ first, last }) => {
      const seeds = ["--from", String(first), "--seeds", String(last - first + 1)];
      const args = [
        "--max-semi-space-size=32",
        import.meta.filename,
        ...same,
        ...seeds,
        "--jobs",
        "1",
        "--reports",
      ];
      const { stdout } = await run(process.execPath, args, { maxBuffer: REPORTS_BYTES_MAX });
      return JSON.parse(stdout) as SimulationReport[];
    }),
  );
  return parts.flat();
}

function summarise(reports: readonly SimulationReport[], seconds: number): number {
  const violations = reports.filter(({ violation }) => violation !== null);
  for (const report of violations) print(`VIOLATION ${describe(report)}`);
  const sum = (of: (report: SimulationReport) => number) =>
    reports.reduce((total, report) => total + of(report), 0);
  const figures = {
    seeds: reports.length,
    validators: [4, 7, 13]
      .map((n) => `${n} x ${reports.filter(({ validators }) => validators === n).length}`)
      .join(", "),
    liars: sum(({ liars }) => liars),
    heights: sum(({ heights }) => heights),
    cleared: sum(({ cleared }) => cleared),
    voided: sum(({ voided }) => voided),
    fills: sum(({ fills }) => fills),
    transactions: sum(({ transactions }) => transactions),
    lateInTime: sum(({ lateInTime }) => lateInTime),
    seconds: Math.round(seconds * 10) / 10,
    seedsPerSecond: Math.round((reports.length / seconds) * 100) / 100,
    violations: violations.length,
    firstViolation: violations[0]?.seed ?? null,
  };
  for (const [name, value] of Object.entries(figures)) print(`${name.padEnd(16)} ${value}`);
  const unseen = printMenu(reports);
  if (values.json) print(JSON.stringify(figures));
  const isWhole = unseen === 0 || reports.length < SEEDS_WITH_EVERYTHING;
  return violations.length === 0 && isWhole ? 0 : 1;
}

/** How often each fault came, and in how many seeds; returns how many never came. */
function printMenu(reports: readonly SimulationReport[]): number {
  print("fault                                                     times   seeds");
  let unseen = 0;
  for (const name of MENU) {
    const counts = reports.map(({ faults }) => faults[name] ?? 0);
    const times = counts.reduce((total, count) => total + count, 0);
    const seeds = counts.filter((count) => count > 0).length;
    if (times === 0) unseen += 1;
    print(`${name.padEnd(52)} ${String(times).padStart(10)} ${String(seeds).padStart(7)}`);
  }
  return unseen;
}

function describe(report: SimulationReport): string {
  const { seed, validators, scenario, liars, heights, cleared, voided, fills, hash, violation } =
    report;
  const outcome =
    violation === null ? "0 violations" : `${violation.what} after ${violation.atMs} ms`;
  return `seed ${seed}: ${validators} validators, ${liars} lie, ${scenario.close} close, ${scenario.day} day, ${heights} heights, ${cleared} cleared, ${voided} void, ${fills} fills, log ${hash.slice(0, 16)}, ${outcome}`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
