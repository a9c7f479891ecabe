// npm run soak [-- --homes 40] [--validators 7] [--minutes 10] [--speed 120] [--json]: real agents that trade
// by themselves for so long, and what each holds meanwhile: memory, open files, bytes on the disk.
//
// Growth is the slope over the second half of the run, when everybody has registered, connected and warmed up.
// Exit code: 0 bounded, 1 something grew without bound or failed, 2 wrong options, 130 interrupted.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { VALIDATORS_MAX } from "../../agent/core/ledger/rules.ts";
import { unixMs } from "../../agent/core/units/time.ts";
import { labHomes } from "../../agent/lab/homes.ts";
import { Laboratory } from "../../agent/lab/laboratory.ts";
import { firstDelivery, marketStart } from "../../agent/lab/marketStart.ts";
import { HOMES_MAX } from "../../agent/lab/options.ts";
import { Stopped, stopOnSignals } from "../../agent/lab/stopOnSignals.ts";
import { homeDir, makeWorld } from "../../agent/lab/world.ts";
import { median } from "../bench/median.ts";
import { growths, type Report, verdict } from "./report.ts";
import { HEAP_DIR, type Sample, sampleOf } from "./sample.ts";

const SAMPLE_EVERY_MS = 5000;
const SPEED_MAX = 3600;
const MINUTES_MAX = 7 * 24 * 60;
const MINUTE_MS = 60_000;

type Options = {
  readonly homes: number;
  readonly validators: number;
  readonly minutes: number;
  readonly speed: number;
  readonly json: boolean;
};

process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (typeof options === "string") {
    process.stderr.write(`${options}\n`);
    return 2;
  }
  try {
    const report = await soak(options);
    print(report, options);
    return verdict(report).length === 0 ? 0 : 1;
  } catch (error) {
    if (error instanceof Stopped) return 130;
    throw error;
  }
}

function readOptions(): Options | string {
  const { values } = parseArgs({
    options: {
      homes: { type: "string", default: "40" },
      validators: { type: "string", default: "7" },
      minutes: { type: "string", default: "10" },
      speed: { type: "string", default: "120" },
      json: { type: "boolean", default: false },
    },
  });
  const max = {
    homes: HOMES_MAX,
    validators: VALIDATORS_MAX,
    minutes: MINUTES_MAX,
    speed: SPEED_MAX,
  };
  for (const [name, most] of Object.entries(max) as [keyof typeof max, number][]) {
    const value = Number(values[name]);
    if (!(Number.isInteger(value) && value >= 1 && value <= most)) {
      return `--${name} ${values[name]}: a whole number from 1 to ${most}`;
    }
  }
  const [homes, validators] = [Number(values.homes), Number(values.validators)];
  if (validators > homes) return `--validators ${validators}: at most ${homes}, the homes`;
  const [minutes, speed] = [Number(values.minutes), Number(values.speed)];
  return { homes, validators, minutes, speed, json: values.json };
}

async function soak({ homes: count, validators, minutes, speed }: Options): Promise<Report> {
  const dir = mkdtempSync(join(tmpdir(), "pvtrading-soak-"));
  const homes = labHomes(count);
  const start = marketStart(firstDelivery(null), speed);
  await makeWorld({ dir, homes, validators, speed, schedule: "hourly", marketStart: start });
  const teller = pathToFileURL(join(import.meta.dirname, "heapTeller.ts")).href;
  Object.assign(process.env, { [HEAP_DIR]: dir, NODE_OPTIONS: `--import=${teller}` });
  const heights = new Map<string, number>();
  const lab = new Laboratory({
    ...{ dir, homes, seed: 1, pv: null, load: null, withDevices: true, administrator: null },
    clock: { realStart: unixMs(Date.now()), marketStart: start, speed },
    print: () => {},
    heard: (home, line) => {
      if (line.type === "block") heights.set(home, line.height);
    },
  });
  const release = stopOnSignals(lab);
  const samples = new Map<string, Sample[]>(homes.map(({ name }) => [name, []]));
  try {
    await lab.start();
    const began = performance.now();
    while (performance.now() - began < minutes * MINUTE_MS) {
      await sleep(SAMPLE_EVERY_MS);
      // Rejects if the laboratory has failed or is to stop.
      await lab.until("nothing", () => true, 1);
      const at = (performance.now() - began) / 1000;
      for (const { name } of homes) {
        const pid = lab.pid(name) ?? 0;
        const dataDir = join(homeDir(dir, name), "data");
        const look = { at, pid, dataDir, heapFile: join(dir, `heap.${pid}`) };
        samples.get(name)?.push(sampleOf({ ...look, height: heights.get(name) ?? 0 }));
      }
    }
    const listings = [...lab.record.listings.values()];
    return {
      homes: count,
      validators,
      minutes,
      marketDays: (minutes * speed) / (24 * 60),
      cleared: listings.filter(({ state }) => state === "AUCTION_CLOSED").length,
      voided: listings.filter(({ state }) => state === "VOID").length,
      height: median([...heights.values()]),
      growths: growths([...samples.values()], speed),
    };
  } finally {
    await lab.stop();
    rmSync(dir, { recursive: true, force: true });
    release();
  }
}

function print(report: Report, { json }: Options): void {
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...report, problems: verdict(report) })}\n`);
    return;
  }
  const { homes, validators, minutes, marketDays, cleared, voided, height } = report;
  const what = `${homes} homes, ${validators} validators, ${minutes} min, ${marketDays.toFixed(1)} days`;
  process.stdout.write(`${what}: ${height} blocks, ${cleared} cleared, ${voided} void\n`);
  process.stdout.write(row("", "middle", "end", "most", "per hour", "per day"));
  for (const growth of report.growths) {
    const { name, unit, middle, end, most, perHour, perMarketDay } = growth;
    const numbers = [middle, end, most, perHour, perMarketDay].map((n) => n.toFixed(2));
    process.stdout.write(row(`${name} ${unit}`, ...numbers));
  }
  for (const problem of verdict(report)) process.stdout.write(`NOT BOUNDED: ${problem}\n`);
}

function row(name: string, ...cells: readonly string[]): string {
  return `${name.padEnd(12)}${cells.map((cell) => cell.padStart(10)).join("")}\n`;
}
