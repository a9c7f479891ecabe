// Five agents, real processes and sockets: one loses its power in mid-hour, the others clear on time, and
// it trades the next hour.

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { unixMs } from "../../agent/core/units/time.ts";
import { openReader } from "../../agent/io/store/reader.ts";
import { labHomes } from "../../agent/lab/homes.ts";
import { Laboratory } from "../../agent/lab/laboratory.ts";
import { firstDelivery, marketStart } from "../../agent/lab/marketStart.ts";
import { makeWorld } from "../../agent/lab/world.ts";

const SPEED = 90;
const HOMES = labHomes(5);
/** A validator and a seller: its turn to propose comes, and its offer is missed. */
const VICTIM = "seller2";
const WAIT_MS = 120_000;

let dir = "";
let lab: Laboratory | null = null;
afterEach(async () => {
  await lab?.stop();
  if (dir !== "") rmSync(dir, { recursive: true, force: true });
});

async function start(): Promise<Laboratory> {
  dir = mkdtempSync(join(tmpdir(), "pvtrading-e2e-"));
  const start = marketStart(firstDelivery(null), SPEED);
  const plan = { dir, homes: HOMES, validators: 4, speed: SPEED };
  await makeWorld({ ...plan, schedule: "hourly", marketStart: start });
  const clock = { realStart: unixMs(Date.now()), marketStart: start, speed: SPEED };
  const laboratory = new Laboratory({
    ...{ dir, homes: HOMES, clock, seed: 1, pv: null, load: null },
    ...{ withDevices: true, administrator: null, print: () => {} },
  });
  lab = laboratory;
  await laboratory.start();
  return laboratory;
}

test("a home that is killed in mid-hour catches up and trades the next hour", async () => {
  const laboratory = await start();
  const { record } = laboratory;
  const everyone = HOMES.map(({ memberId }) => memberId as string).sort();
  const tradersOf = (index: number) => [...record.listings.values()][index]?.traders ?? new Set();

  await laboratory.until("offers of all", () => tradersOf(0).size === everyone.length, WAIT_MS);
  await laboratory.cutPower(VICTIM);
  expect(laboratory.pids().filter((pid) => existsSync(`/proc/${pid}`))).toHaveLength(4);

  const [first] = record.listings.values();
  await laboratory.until("the first clearing", () => first?.state !== "ACCEPT_OFFERS", WAIT_MS);
  expect(first?.state).toBe("AUCTION_CLOSED");
  expect(first?.fills.length).toBeGreaterThan(0);

  await laboratory.restore(VICTIM);
  const level = await laboratory.settled();
  expect(new Set(level.map(({ stateRoot }) => stateRoot)).size).toBe(1);

  const second = () => [...record.listings.values()][1];
  await laboratory.until(
    "an offer of the restored home",
    () => [...tradersOf(1)].includes(`${VICTIM}@vt.edu`),
    WAIT_MS,
  );
  await laboratory.until("the second clearing", () => second()?.state !== "ACCEPT_OFFERS", WAIT_MS);
  expect(second()?.state).toBe("AUCTION_CLOSED");

  const end = await laboratory.settled();
  expect(new Set(end.map(({ stateRoot }) => stateRoot)).size).toBe(1);
  await laboratory.stop();
  for (const { name } of HOMES) {
    const reader = openReader(join(dir, "homes", name, "data"));
    expect(reader.discrepancies()).toEqual([]);
    reader.close();
  }
}, 280_000);
