// Hunts the planted bugs, two at a time: node test/simulation/hunt.ts [--seeds 200] [--only PART]

import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Hunt, hunt } from "./planted.ts";
import { PLANTED_BUGS } from "./plantedBugs.ts";

const AT_ONCE = 2;
/** For one bug: 200 seeds on a slow machine. */
const WITHIN_MS = 3_600_000;

const { values } = parseArgs({
  options: { seeds: { type: "string", default: "200" }, only: { type: "string", default: "" } },
});
const root = join(import.meta.dirname, "../..");
const waiting = PLANTED_BUGS.filter(({ name }) => name.includes(values.only));
const hunts: Hunt[] = [];
await Promise.all(Array.from({ length: AT_ONCE }, work));
process.exitCode = hunts.every(({ seed }) => seed !== null) ? 0 : 1;

async function work(): Promise<void> {
  for (;;) {
    const bug = waiting.shift();
    if (bug === undefined) return;
    const limits = { seeds: Number(values.seeds), withinMs: WITHIN_MS };
    const found = await hunt(bug, root, limits);
    hunts.push(found);
    const outcome = found.seed === null ? `MISSED\n${found.output}` : `found by seed ${found.seed}`;
    const [violation = ""] = found.output
      .split("\n")
      .filter((line) => line.startsWith("VIOLATION"));
    process.stdout.write(`${found.name}: ${outcome}\n    ${violation.slice(0, 200)}\n`);
  }
}
