// Simulated inverters and meters: node firmware-sim/main.ts --config FILE
// Prints one line of JSON with every home's addresses when ready. Then takes lines of JSON on stdin:
//   {"home": "seller1@vt.edu", "fault": "offline"}        (faults.ts; "none" ends it)
// Ends by SIGTERM, SIGINT, and when stdin closes, so that it never outlives who started it.

import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { z } from "zod";
import { readConfig } from "./config.ts";
import { FAULTS } from "./faults.ts";
import { type Simulator, startSimulator } from "./simulator.ts";

const control = z.object({ home: z.string(), fault: z.enum(FAULTS) });

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: "string" } } });
  if (values.config === undefined) throw new Error("usage: firmware-sim/main.ts --config FILE");
  const simulator = await startSimulator(readConfig(values.config), { now: Date.now });
  const stop = (): void => {
    void simulator.close().then(() => process.exit(0));
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => obey(simulator, line));
  lines.once("close", stop);
  process.stdout.write(`${JSON.stringify({ ready: true, homes: simulator.homes })}\n`);
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
