// The first seeds of the simulator. Many: npm run sim -- --seeds 2000.

import { describe, expect, it } from "vitest";
import { MENU } from "./menu.ts";
import { DEFAULT_OPTIONS, type SimulationReport, simulate } from "./simulation.ts";

const TIMEOUT_MS = 600_000;
/** Within so many seeds everything on the menu must have happened, and been survived. */
const SEEDS_WITH_EVERYTHING = 200;

const reports = new Map<number, SimulationReport>();
function report(seed: number): SimulationReport {
  const known = reports.get(seed);
  if (known !== undefined) return known;
  const made = simulate({ ...DEFAULT_OPTIONS, seed });
  reports.set(seed, made);
  return made;
}

describe("the simulator", { timeout: TIMEOUT_MS }, () => {
  it.each([1, 2, 3, 4, 5, 6])("finds no violation with seed %i, and something happens", (seed) => {
    const { violation, heights, transactions, cleared, voided } = report(seed);
    expect(violation).toBeNull();
    expect(heights).toBeGreaterThan(5);
    expect(transactions).toBeGreaterThan(5);
    expect(cleared + voided).toBeGreaterThan(0);
  });

  it.each([1, 5])("says the same with seed %i every time", (seed) => {
    expect(simulate({ ...DEFAULT_OPTIONS, seed })).toEqual(report(seed));
  });

  it("says something else with another seed", () => {
    const hashes = [1, 2, 3, 4, 5, 6].map((seed) => report(seed).hash);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it("serves everything on the menu, to four, seven and thirteen validators, and markets trade", () => {
    let unseen = MENU;
    let fills = 0;
    const sizes = new Set<number>();
    for (let seed = 1; seed <= SEEDS_WITH_EVERYTHING && unseen.length > 0; seed += 1) {
      const { faults, validators, violation, fills: traded } = report(seed);
      expect(violation, `seed ${seed}`).toBeNull();
      unseen = unseen.filter((name) => (faults[name] ?? 0) === 0);
      sizes.add(validators);
      fills += traded;
    }
    expect(unseen).toEqual([]);
    expect([...sizes].sort((a, b) => a - b)).toEqual([4, 7, 13]);
    expect(fills).toBeGreaterThan(0);
  });
});
