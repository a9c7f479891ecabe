// npm run sim -- --seeds 200          many seeds: figures, violations, exit code 1 if there are any
// npm run sim -- --seed 7 [--trace]   one seed, twice: the event log must be the same both times

import { parseArgs } from "node:util";
import { DEFAULT_OPTIONS, type SimulationReport, simulate } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    validators: { type: "string" },
    minutes: { type: "string" },
    trace: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    "forgets-votes": { type: "boolean", default: false },
    "takes-double-signs": { type: "boolean", default: false },
    "stop-at-first": { type: "boolean", default: false },
  },
});

const options = {
  ...DEFAULT_OPTIONS,
  validators: values.validators === undefined ? null : Number(values.validators),
  chaosMinutes:
    values.minutes === undefined ? DEFAULT_OPTIONS.chaosMinutes : Number(values.minutes),
  forgetsVotes: values["forgets-votes"],
  takesDoubleSigns: values["takes-double-signs"],
};

process.exitCode = values.seed === undefined ? many() : one(Number(values.seed));

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

function many(): number {
  const count = Number(values.seeds ?? "200");
  const from = Number(values.from);
  const started = performance.now();
  const reports: SimulationReport[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    const report = simulate({ ...options, seed });
    reports.push(report);
    if (report.violation === null) continue;
    print(`VIOLATION ${describe(report)}`);
    if (values["stop-at-first"]) break;
  }
  const seconds = (performance.now() - started) / 1000;
  const violations = reports.filter(({ violation }) => violation !== null);
  const sum = (of: (report: SimulationReport) => number) =>
    reports.reduce((total, report) => total + of(report), 0);
  const figures = {
    seeds: reports.length,
    heights: sum(({ heights }) => heights),
    cleared: sum(({ cleared }) => cleared),
    voided: sum(({ voided }) => voided),
    fills: sum(({ fills }) => fills),
    transactions: sum(({ transactions }) => transactions),
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
