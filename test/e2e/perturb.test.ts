// The short form of `npm run perturb`: four real agents, of whom one is killed, one frozen, and one lies.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");

type Row = { perturbation: string; ok: boolean; blocksBefore: number; blocksAfter: number } & {
  homes: number;
  stateRoots: number;
  acknowledged: number;
  lost: number;
};

test("four homes lose nothing when one is killed, one frozen, and one lies", async () => {
  const args = ["test/perturb/main.ts", "--only", "kill,pause,liar", "--quick", "--json"];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data: Buffer) => {
    stdout += data.toString();
  });
  child.stderr.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect(code, `${stdout}${stderr}`).toBe(0);
  const rows = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);
  expect(rows.map(({ perturbation }) => perturbation)).toEqual(["kill", "pause", "liar"]);
  for (const row of rows) {
    expect(row).toMatchObject({ ok: true, stateRoots: 1, lost: 0 });
    expect(row.blocksAfter).toBeGreaterThan(row.blocksBefore);
    expect(row.acknowledged).toBeGreaterThan(0);
  }
  // The liar is nobody's neighbour any more: the other three agree.
  expect(rows.map(({ homes }) => homes)).toEqual([4, 4, 3]);
}, 150_000);
