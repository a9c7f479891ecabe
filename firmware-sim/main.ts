// Simulated inverters and meters: node firmware-sim/main.ts --config FILE
// Prints one line of JSON with every home's addresses when ready; before it, if the file asks for the past, one
// line of each home's (past.ts). Then takes lines of JSON on stdin:
//   {"home": "seller1@vt.edu", "fault": "offline"}        (faults.ts; "none" ends it)
// Ends by SIGTERM, SIGINT, and when stdin closes, so that it never outlives who started it.

import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { z } from "zod";
import { readConfig } from "./config.ts";
import { FAULTS } from "./faults.ts";
import { pastStates } from "./past.ts";
import { type Simulator, startSimulator } from "./simulator.ts";
import type { HomeState } from "./world/registers.ts";

const control = z.object({ home: z.string(), fault: z.enum(FAULTS) });

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: "string" } } });
  if (values.config === undefined) throw new Error("usage: firmware-sim/main.ts --config FILE");
  const config = readConfig(values.config);
  const simulator = await startSimulator(config, { now: Date.now });
  const stop = (): void => {
    void simulator.close().then(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => obey(simulator, line));
  lines.once("close", stop);
  if (config.past !== null) {
    for (const { id } of simulator.homes) {
      const states = pastStates((at) => stateOf(simulator, id, at), config.past);
      process.stdout.write(`${JSON.stringify({ past: id, states })}\n`);
    }
  }
  process.stdout.write(`${JSON.stringify({ ready: true, homes: simulator.homes })}\n`);
}

function stateOf(simulator: Simulator, home: string, at: number): HomeState {
  const state = simulator.stateAt(home, at);
  if (state === null) throw new Error(`no home ${home}`);
  return state;
}

function obey(simulator: Simulator, line: string): void {
  if (line.trim() === "") return;
  const order = control.safeParse(parse(line));
  if (order.success && simulator.setFault(order.data.home, order.data.fault)) return;
  process.stderr.write(`not an order for any home here: ${line.slice(0, 200)}\n`);
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

main().catch((cause: unknown) => {
  process.stderr.write(`${cause instanceof Error ? cause.message : cause}\n`);
  process.exit(1);
});
