// What an agent keeps in memory at rest: five real processes that trade over real sockets, looked at when
// they have nothing to say.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { unixMs } from "../../agent/core/units/time.ts";
import { labHomes } from "../../agent/lab/homes.ts";
import { Laboratory } from "../../agent/lab/laboratory.ts";
import { firstDelivery, marketStart } from "../../agent/lab/marketStart.ts";
import { makeWorld } from "../../agent/lab/world.ts";
import type { Figures } from "./measure.ts";
import { median } from "./median.ts";
import { residentMegabytes } from "./residentMegabytes.ts";

const HOMES = labHomes(5);
/** Real time: the market's hours take a minute. */
const SPEED = 60;
const REST_MS = 60_000;

/** Resident set of the agents, MB, after they have started, registered and traded a while. */
export async function agentMemory(): Promise<Figures> {
  const dir = mkdtempSync(join(tmpdir(), "pvtrading-bench-"));
  const start = marketStart(firstDelivery(null), SPEED);
  const plan = { dir, homes: HOMES, validators: 4, speed: SPEED };
  await makeWorld({ ...plan, schedule: "hourly", marketStart: start });
  const clock = { realStart: unixMs(Date.now()), marketStart: start, speed: SPEED };
  const lab = new Laboratory({
    ...{ dir, homes: HOMES, clock, seed: 1, pv: null, load: null },
    ...{ withDevices: true, administrator: null, print: () => {} },
  });
  try {
    await lab.start();
    await pause(REST_MS);
    const resident = lab.pids().map(residentMegabytes);
    return {
      medianMegabytes: median(resident),
      mostMegabytes: Math.max(...resident),
      agents: resident.length,
    };
  } finally {
    await lab.stop();
    rmSync(dir, { recursive: true, force: true });
  }
}
