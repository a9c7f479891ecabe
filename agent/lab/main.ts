// `npm start`: a neighbourhood on one machine. Every home is a process of its own and talks real TCP.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type UnixMs, unixMs } from "../core/units/time.ts";
import { type LabHome, labHomes } from "./homes.ts";
import { runHours } from "./hours.ts";
import { differences, type LabFile, readLabFile, writeLabFile } from "./labFile.ts";
import { Laboratory, type LaboratoryOptions } from "./laboratory.ts";
import { openLabBroker, openLabPage, originsOf } from "./labPage.ts";
import { firstDelivery, marketStart, marketStartAfterPast, readSamples } from "./marketStart.ts";
import { type LabOptions, type RawOptions, readOptions } from "./options.ts";
import { PAPER_ADMINISTRATOR, PAPER_START, paperHomes, runPaper } from "./paper.ts";
import { type LabPast, labPast, samplesOf } from "./past/labPast.ts";
import type { PastTold } from "./past/pastHeard.ts";
import { writePast } from "./past/writePast.ts";
import { freePorts, takenPorts } from "./ports.ts";
import { giveAccess, giveReadToken, type LabTokens, type RestAccess } from "./restAccess.ts";
import { listingResult } from "./result.ts";
import { Stopped, stopOnSignals } from "./stopOnSignals.ts";
import { type LabRest, makeWorld } from "./world.ts";

/** A killed laboratory resumes at most this long before it was killed. */
const KEEP_EVERY_MS = 1000;
/** Resumed, the market's clock goes on this much later (real time), past what the kill hid. */
const RESUME_AFTER_MS = 2 * KEEP_EVERY_MS;

/** Exit code: 0 done (or stopped when nothing was left to do), 1 failed, 2 wrong options, 130 interrupted. */
export async function runLab(raw: RawOptions): Promise<number> {
  const options = readOptions(raw);
  if (!options.ok) return refuse(options.problems);
  const kept = options.value.data === null ? null : readLabFile(options.value.data);
  const different = kept === null ? [] : [...differences(options.value, kept)];
  if (kept !== null && options.value.said.has("past"))
    different.push("--past: it has begun already");
  if (different.length > 0) return refuse(different);
  const [taken] = await takenPorts(restPorts(options.value, kept?.homes ?? options.value.homes));
  if (taken !== undefined) {
    const advice = "end what listens there, or choose others with --port-base";
    process.stderr.write(`port ${taken} on 127.0.0.1 is taken or not allowed: ${advice}\n`);
    return 1;
  }
  const dir = resolve(options.value.data ?? mkdtempSync(join(tmpdir(), "pvtrading-lab-")));
  const file = kept ?? newLabFile(options.value);
  const code = await runIn(dir, { options: options.value, file, isNew: kept === null });
  if (options.value.data === null && code !== 1) rmSync(dir, { recursive: true, force: true });
  if (options.value.data === null && code === 1) process.stderr.write(`logs are kept in ${dir}\n`);
  return code;
}

function refuse(problems: readonly string[]): number {
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  return 2;
}

function newLabFile(options: LabOptions): LabFile {
  const { homes, validators, speed, seed } = options;
  const absolute = (path: string | null) => (path === null ? null : resolve(path));
  const delivery = firstDelivery(options.pv === null ? null : readSamples(options.pv));
  const now = Date.now() as UnixMs;
  const startOf = options.past > 0 ? marketStartAfterPast : marketStart;
  const byClock = options.manual ? now : startOf(delivery, speed);
  const start = options.scenario === "paper" ? PAPER_START : byClock;
  return {
    ...{ version: 1, homes, validators, speed, seed },
    ...{ pv: absolute(options.pv), load: absolute(options.load) },
    ...{ firstDelivery: delivery, marketTime: start, past: options.past },
  };
}

type Run = { readonly options: LabOptions; readonly file: LabFile; readonly isNew: boolean };

async function runIn(dir: string, { options, file, isNew }: Run): Promise<number> {
  const print = (line: string): void => {
    (options.json || options.manual ? process.stderr : process.stdout).write(`${line}\n`);
  };
  const isPaper = options.scenario === "paper";
  const isByHand = isPaper || options.manual;
  const homes = isByHand ? paperHomes() : labHomes(file.homes);
  const { speed, seed, pv, load } = file;
  // A laboratory that was killed before its past was whole begins once more.
  const isBegun = !isNew && file.past === 0;
  const start = (isBegun ? file.marketTime + RESUME_AFTER_MS * speed : file.marketTime) as UnixMs;
  mkdirSync(dir, { recursive: true });
  const past = file.past === 0 ? null : labPast(start, file.past);
  let isPending = past !== null;
  if (isNew) {
    const schedule = isByHand ? "manual" : "hourly";
    await makeWorld({
      ...{ dir, homes, validators: file.validators, speed, schedule },
      marketStart: past?.begin ?? start,
    });
  }
  const clock = { realStart: unixMs(Date.now()), marketStart: start, speed };
  const { rest: ports, p2p } = await choosePorts(options, homes.length);
  await using closers = new AsyncDisposableStack();
  const { pagePort } = options;
  const broker = pagePort === null ? null : await openLabBroker(dir, homes);
  closers.defer(async () => broker?.close());
  const addresses = ports.map((port) => `http://127.0.0.1:${port}`);
  const access: Omit<RestAccess, "now"> = { dir, homes, hasAdministrator: isByHand };
  const now = clock.realStart;
  const tokens = ports.length === 0 ? {} : giveAccess({ ...access, now });
  const page =
    broker === null || pagePort === null
      ? null
      : await openLabPage({
          ...{ dir, homes, broker, clock, port: pagePort },
          isAnyPort: !options.said.has("pagePort"),
          rest: new Map(homes.map(({ name }, i) => [name, addresses[i] ?? ""])),
          readToken: giveReadToken({ ...access, now }),
        });
  closers.defer(async () => page?.close());
  if (page !== null) print(`the page: ${page.address}`);
  const cors = page === null ? [] : originsOf(page.address);
  const doors = new Map(
    homes.flatMap(({ name }, i): [string, LabRest][] => {
      const port = ports[i];
      return port === undefined ? [] : [[name, { port, place: i, isByHand: options.manual, cors }]];
    }),
  );
  const written = (told: PastTold): void => {
    isPending = false;
    keep();
    page?.remember(told);
  };
  const lab = new Laboratory({
    ...{ dir, homes, clock, seed, pv, load, print, rest: doors, ports: p2p },
    ...{ withDevices: !isByHand, administrator: isPaper ? PAPER_ADMINISTRATOR : null },
    ...(broker === null ? {} : { mqtt: broker.mqtt }),
    ...(past === null ? {} : pastParts(past, { homes, print, written })),
  });
  const keep = (): void => {
    if (options.data === null) return;
    writeLabFile(dir, isPending ? file : { ...file, past: 0, marketTime: lab.marketTime() });
  };
  const keeping = setInterval(keep, KEEP_EVERY_MS);
  const release = stopOnSignals(lab);
  try {
    keep();
    const told = page === null ? {} : { page: page.address };
    return await work(lab, { options, file, access: { rest: addresses, tokens, ...told }, print });
  } finally {
    await lab.stop();
    clearInterval(keeping);
    keep();
    release();
  }
}

type PastParts = {
  readonly homes: readonly LabHome[];
  readonly print: (line: string) => void;
  /** It is on every ledger. */
  readonly written: (told: PastTold) => void;
};

/** What the laboratory asks the devices, and does with it before its agents start. */
function pastParts(
  { range, begin, end }: LabPast,
  { homes, print, written }: PastParts,
): Pick<LaboratoryOptions, "pastRange" | "beforeAgents"> {
  return {
    pastRange: range,
    beforeAgents: (files, states) => {
      const samples = new Map(
        homes.map((home) => [home.name, samplesOf(home, states.get(home.name) ?? [])]),
      );
      const { height, events } = writePast({ files, samples, begin, end });
      const hours = events.filter(({ type }) => type === "biddingClosed").length;
      print(
        `${hours} hours of trading before now are on every home's ledger, up to block ${height}`,
      );
      written({ homes, states, events });
    },
  };
}

/** Chosen at once, so that none is given twice; the page needs REST, at whatever ports where none were said. */
async function choosePorts(
  options: LabOptions,
  homes: number,
): Promise<{ readonly rest: readonly number[]; readonly p2p: readonly number[] }> {
  const said = restPorts(options, homes);
  if (said.length > 0 || options.pagePort === null) {
    return { rest: said, p2p: await freePorts(homes) };
  }
  const free = await freePorts(2 * homes);
  return { rest: free.slice(0, homes), p2p: free.slice(homes) };
}

/** Those that were said; empty otherwise. */
function restPorts({ portBase }: LabOptions, homes: number): readonly number[] {
  return portBase === null ? [] : Array.from({ length: homes }, (_, i) => portBase + i);
}

type Work = Omit<Run, "isNew"> & {
  readonly access: {
    readonly rest: readonly string[];
    readonly tokens: LabTokens;
    readonly page?: string;
  };
  readonly print: (line: string) => void;
};

async function work(lab: Laboratory, { options, file, access, print }: Work): Promise<number> {
  const { hours, scenario, json, manual } = options;
  const report = (result: object): number => {
    if (json) process.stdout.write(`${JSON.stringify(result)}\n`);
    return 0;
  };
  try {
    await lab.start();
    if (manual) {
      await lab.ready();
      process.stdout.write(`${JSON.stringify(access)}\n`);
    } else if (access.rest.length > 0) print(`REST ${JSON.stringify(access)}`);
    if (scenario === "paper") return report(await runPaper(lab));
    const plan = { firstDelivery: unixMs(file.firstDelivery), speed: file.speed };
    if (hours !== null) return report(await runHours(lab, { hours, ...plan }));
    await lab.until("a signal", () => false, 2 ** 31 - 1);
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if (error instanceof Stopped) {
      if (scenario !== null || hours !== null) return 130;
      if (manual) return 0;
      return report({ listings: [...lab.record.listings.values()].map(listingResult) });
    }
    process.stderr.write(`the laboratory failed: ${error.message}\n`);
    return 1;
  }
}
