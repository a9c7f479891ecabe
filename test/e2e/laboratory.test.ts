// The README's command as its user runs it: the paper's experiment, and Ctrl-C in the middle of a run.

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runLab } from "../support/labProcess.ts";

/** Processes that descend from `pid`, by /proc. */
function descendants(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
    } catch {
      // It ended between the listing and the look.
    }
  }
  const isBelow = (one: number): boolean => {
    const parent = parents.get(one);
    return parent !== undefined && parent !== 0 && (parent === pid || isBelow(parent));
  };
  return [...parents.keys()].filter(isBelow);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("the paper's experiment ends with Table V on five agents with one state", async () => {
  const { code, stdout, stderr } = await runLab("--scenario", "paper", "--json").ended;
  expect(code, stderr).toBe(0);
  const last = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as {
    agents: { home: string; height: number; stateRoot: string }[];
  };
  // Table V: 200 + 3 x 6, 200 + 3 x 3, 200 - 3 x 5, 200 - 3 x 3, 200 - 3 x 1.
  expect(last).toMatchObject({
    scenario: "paper",
    listingid: "21Mar18-13:00",
    mcp: 3,
    balances: {
      "seller1@vt.edu": 218,
      "seller2@vt.edu": 209,
      "buyer1@vt.edu": 185,
      "buyer2@vt.edu": 191,
      "buyer3@vt.edu": 197,
    },
  });
  expect(last.agents).toHaveLength(5);
  expect(new Set(last.agents.map(({ stateRoot }) => stateRoot)).size).toBe(1);
}, 90_000);

test("Ctrl-C in the middle of a run leaves no process behind", async () => {
  const { child, ended } = runLab("--speed", "600");
  const { promise: isUp, resolve } = Promise.withResolvers<void>();
  child.stdout?.on("data", (data: Buffer) => {
    if (data.toString().includes("5 of 5 homes up")) resolve();
  });
  await isUp;
  const children = descendants(child.pid ?? 0);
  // The simulated devices and five agents.
  expect(children).toHaveLength(6);
  child.kill("SIGINT");
  const { code, stderr } = await ended;
  expect(code, stderr).toBe(0);
  expect(children.filter(isAlive)).toEqual([]);
}, 90_000);
