// The command that asks each device once, against simulated ones.

import { afterEach, expect, test } from "vitest";
import { readEach } from "../../../agent/commands/deviceRead.ts";
import type { Simulator } from "../../../firmware-sim/simulator.ts";
import { entriesOf, NOON, simulate } from "../../support/simulatedHomes.ts";

let simulator: Simulator | null = null;
afterEach(() => simulator?.close());

async function home() {
  const input = {
    id: "seller1",
    pvCapacityW: 6400,
    loadScale: 1,
    inverter: "fronius",
    meter: "sunspec",
  } as const;
  simulator = await simulate({ now: NOON }, [input]);
  const [addresses] = simulator.homes;
  if (addresses === undefined) throw new Error("one home was asked for");
  return entriesOf(addresses);
}

test("says what inverter, sensor card and meter answer", async () => {
  const { code, lines } = await readEach(await home(), false);
  expect(code).toBe(0);
  expect(lines[0]).toMatch(/^inverter: Fronius.*; producing, power \d+ W, produced \d+ Wh$/);
  expect(lines.some((line) => /^ {4}sensor 2: \d+(\.\d+)? W\/m²$/.test(line))).toBe(true);
  expect(lines.at(-1)).toMatch(/^meter: .*; power -?\d+ W, imported \d+ Wh, exported \d+ Wh$/);
});

test("JSON has a line for each device", async () => {
  const { lines } = await readEach(await home(), true);
  const answers = lines.map(
    (line) => JSON.parse(line) as { name: string; outcome: { ok: boolean } },
  );
  expect(answers.map(({ name, outcome }) => [name, outcome.ok])).toEqual([
    ["inverter", true],
    ["meter", true],
  ]);
});

test("a device that does not answer is named, with exit code 1", async () => {
  const entries = await home();
  await simulator?.close();
  const { code, lines } = await readEach(entries.slice(0, 1), false);
  expect(code).toBe(1);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^inverter: unreachable/);
});
