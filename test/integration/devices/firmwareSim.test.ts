// firmware-sim as a process: its ready line, its orders, its ends.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { HomeAddresses } from "../../../firmware-sim/simulator.ts";
import { entriesOf, look, openDevices } from "../../support/simulatedHomes.ts";

const MAIN = fileURLToPath(new URL("../../../firmware-sim/main.ts", import.meta.url));
const home = {
  id: "seller1@vt.edu",
  pvCapacityW: 6400,
  loadScale: 1,
  inverter: "fronius",
  meter: "sunspec",
};
const config = {
  clock: { realStart: 0, marketStart: Date.UTC(2018, 2, 21, 17), speed: 1 },
  seed: 1,
  timeZone: "America/New_York",
  pv: null,
  load: null,
  homes: [home],
};

let folder = "";
let child: ChildProcess | null = null;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "firmware-sim-"));
});

afterEach(() => {
  child?.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

function run(content: unknown): ChildProcess {
  const file = path.join(folder, "config.json");
  writeFileSync(file, JSON.stringify(content));
  child = spawn(process.execPath, [MAIN, "--config", file], { stdio: "pipe" });
  return child;
}

async function ready(process: ChildProcess): Promise<HomeAddresses> {
  const [line] = (await once(createInterface({ input: process.stdout! }), "line")) as [string];
  const { ready: isReady, homes } = JSON.parse(line) as { ready: unknown; homes: HomeAddresses[] };
  expect(isReady).toBe(true);
  expect(homes).toMatchObject([
    {
      id: "seller1@vt.edu",
      inverter: { driver: "fronius", url: expect.stringMatching(/^http:\/\/127/), deviceId: 1 },
      meter: { driver: "sunspec", host: "127.0.0.1", unitId: 1 },
    },
  ]);
  return homes[0]!;
}

test("serves, obeys, and ends by SIGTERM with 0", async () => {
  const simulator = run({ ...config, clock: { ...config.clock, realStart: Date.now() } });
  const set = openDevices(entriesOf(await ready(simulator)));
  const [inverter] = set.devices;
  expect(await look(inverter)).toMatchObject({ state: "producing" });
  simulator.stdin?.write('not JSON\n{"home":"seller1@vt.edu","fault":"code8"}\n');
  await expect.poll(() => look(inverter)).toMatchObject({ statusCode: 8 });
  set.close();
  simulator.kill("SIGTERM");
  expect(await once(simulator, "exit")).toEqual([0, null]);
}, 20_000);

test("tells of the past before it is ready, as the devices would have counted", async () => {
  const { marketStart } = config.clock;
  const past = { from: marketStart - 7_200_000, fineFrom: marketStart - 60_000, to: marketStart };
  const simulator = run({ ...config, past });
  const lines: string[] = [];
  for await (const line of createInterface({ input: simulator.stdout! })) {
    lines.push(line);
    if (lines.length === 2) break;
  }
  const [told, ready] = lines.map((line) => JSON.parse(line));
  expect(ready.ready).toBe(true);
  expect(told.past).toBe("seller1@vt.edu");
  const states = told.states as number[][];
  expect(states.map(([at]) => at! - marketStart)).toEqual([
    ...[-7_200_000, -3_600_000, -60_000, 0],
  ]);
  // At 13:00 in Virginia the sun shines: what is made in a minute is counted in it.
  const [before, last] = states.slice(-2);
  expect(before![1]).toBeGreaterThan(1000);
  expect(Math.abs(last![3]! - before![3]! - before![1]! / 60)).toBeLessThan(1);
}, 20_000);

test("ends with 0 when stdin closes", async () => {
  const simulator = run({ ...config, clock: { ...config.clock, realStart: Date.now() } });
  await ready(simulator);
  simulator.stdin?.end();
  expect(await once(simulator, "exit")).toEqual([0, null]);
}, 20_000);

test.each([
  ["a bad home", { ...config, homes: [{ ...home, pvCapacityW: -1, meter: "gas" }] }, "pvCapacityW"],
  ["no recording", { ...config, pv: "/nonexistent.csv" }, "nonexistent.csv"],
])(
  "says what is wrong: %s",
  async (_, content, text) => {
    const simulator = run(content);
    let said = "";
    simulator.stderr?.on("data", (chunk) => {
      said += chunk;
    });
    expect(await once(simulator, "close")).toEqual([1, null]);
    expect(said).toContain(text);
  },
  20_000,
);
