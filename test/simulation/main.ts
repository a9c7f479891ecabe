// npm run sim -- --seeds 200          many seeds: figures, violations, exit code 1 if there are any
// npm run sim -- --seed 7 [--trace]   one seed, twice: the event log must be the same both times

import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { parseArgs, promisify } from "node:util";
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
    "foul-weather": { type: "boolean", default: false },
    "forgets-votes": { type: "boolean", default: false },
    "takes-double-signs": { type: "boolean", default: false },
    "stop-at-first": { type: "boolean", default: false },
  },
});

const REPORTS_BYTES_MAX = 256 * 1024 * 1024;

const options = {
  ...DEFAULT_OPTIONS,
  validators: values.validators === undefined ? null : Number(values.validators),
  chaosMinutes:
    values.minutes === undefined ? DEFAULT_OPTIONS.chaosMinutes : Number(values.minutes),
  foulWeather: values["foul-weather"],
  forgetsVotes: values["forgets-votes"],
  takesDoubleSigns: values["takes-double-signs"],
};

process.exitCode = values.seed === undefined ? await many() : one(Number(values.seed));

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
      const args = [import.meta.filename, ...same, ...seeds, "--jobs", "1", "--reports"];
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
  if (values.json) print(JSON.stringify(figures));
  return violations.length === 0 ? 0 : 1;
}

function describe(report: SimulationReport): string {
  const { seed, validators, heights, cleared, voided, fills, hash, violation } = report;
  const outcome =
    violation === null ? "0 violations" : `${violation.what} after ${violation.atMs} ms`;
  return `seed ${seed}: ${validators} validators, ${heights} heights, ${cleared} cleared, ${voided} void, ${fills} fills, log ${hash.slice(0, 16)}, ${outcome}`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
