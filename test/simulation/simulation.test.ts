// A few seeds of the simulator, fast: half an hour of chaos each. Many seeds: npm run sim -- --seeds 200.

import { describe, expect, it } from "vitest";
import { DEFAULT_OPTIONS, type SimulationReport, simulate } from "./simulation.ts";

/** Each seed with half an hour of chaos takes about a second. */
const QUICK = { ...DEFAULT_OPTIONS, chaosMinutes: 30 };
const TIMEOUT_MS = 120_000;

const reports = new Map<number, SimulationReport>();
function report(seed: number): SimulationReport {
  const known = reports.get(seed);
  if (known !== undefined) return known;
  const made = simulate({ ...QUICK, seed });
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

  it("sees markets that trade", () => {
    const fills = [1, 2, 3, 4, 5, 6].map((seed) => report(seed).fills);
    expect(fills.filter((count) => count > 0).length).toBeGreaterThan(0);
  });

  it.each([1, 5])("says the same with seed %i every time", (seed) => {
    expect(simulate({ ...QUICK, seed })).toEqual(report(seed));
  });

  it("says something else with another seed", () => {
    const hashes = [1, 2, 3, 4, 5, 6].map((seed) => report(seed).hash);
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});
