// npm run bench [-- --json] [-- --only NAME]: measures what ARCHITECTURE.md promises. What takes minutes is
// run only by its name.
// A table for people; with --json also, as last line, one JSON object {bench: {figure: number}}.

import { parseArgs } from "node:util";
import { agentMemory } from "./agentMemory.ts";
import { benchApplyBlock } from "./applyBlock.ts";
import { clearing } from "./clearing.ts";
import { joining } from "./joining.ts";
import { latency, SEVEN, THIRTY_ONE } from "./latency.ts";
import { ledgerGrowth } from "./ledgerGrowth.ts";
import type { Bench, Figures } from "./measure.ts";
import { mqttBroker } from "./mqttBroker.ts";
import { rest } from "./rest.ts";

/** In the order in which they run. A bench is one file and one line here. */
const BENCHES: readonly Bench[] = [
  { name: "clearing", run: clearing },
  { name: "applyBlock", run: benchApplyBlock },
  { name: "joining", run: joining },
  { name: "agentMemory", run: agentMemory },
  { name: "rest", run: rest, takesMinutes: true },
  { name: "mqttBroker", run: mqttBroker },
  { name: "latency", run: () => latency(SEVEN), takesMinutes: true },
  { name: "latency31", run: () => latency(THIRTY_ONE), takesMinutes: true },
  { name: "ledgerGrowth", run: () => ledgerGrowth(), takesMinutes: true },
];

const { values } = parseArgs({
  options: { json: { type: "boolean", default: false }, only: { type: "string" } },
});

const chosen = BENCHES.filter(({ name, takesMinutes }) =>
  values.only === undefined ? takesMinutes !== true : name === values.only,
);
if (chosen.length === 0) {
  const names = BENCHES.map(({ name }) => name).join(", ");
  process.stderr.write(`No bench is called "${values.only}"; there are: ${names}\n`);
  process.exitCode = 2;
}

const all: Record<string, Figures> = {};
for (const { name, run } of chosen) {
  const figures = await run();
  all[name] = figures;
  process.stdout.write(`${name}\n`);
  for (const [figure, value] of Object.entries(figures)) {
    process.stdout.write(`  ${figure.padEnd(36)}${String(value).padStart(12)}\n`);
  }
}
if (values.json && chosen.length > 0) process.stdout.write(`${JSON.stringify(all)}\n`);
