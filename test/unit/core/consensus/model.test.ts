import { describe, expect, test } from "vitest";
import { type ModelResult, runModel } from "./model.ts";

type Series = { readonly validators: string; readonly byzantine: string; readonly seeds: number };

/** Runs seeds 1, 2, ... and gives each result with its seed, to replay it. */
function runs({
  validators,
  byzantine,
  seeds,
}: Series): (ModelResult & { readonly seed: number })[] {
  return Array.from({ length: seeds }, (_, i) => {
    const seed = i + 1;
    return { seed, ...runModel({ seed, validators, byzantine, actions: 250 }) };
  });
}

function failures(results: readonly (ModelResult & { readonly seed: number })[]): string[] {
  return results.flatMap(({ seed, violations }) =>
    violations.map((words) => `seed ${seed}: ${words}`),
  );
}

describe("loss, repetition, disorder, crashes, then healing", () => {
  test("four honest validators agree and go on", () => {
    const results = runs({ validators: "abcd", byzantine: "", seeds: 200 });
    expect(failures(results)).toEqual([]);
    expect(results.every(({ decided }) => decided.length === 1)).toBe(true);
  });

  test.each(["a", "b", "c", "d"])("four of which %s lies", (byzantine) => {
    const results = runs({ validators: "abcd", byzantine, seeds: 400 });
    expect(failures(results)).toEqual([]);
    expect(results.every(({ decided }) => decided.length === 1)).toBe(true);
    // The runs are worth something: many go through several rounds and restarts.
    expect(results.filter(({ rounds }) => rounds >= 2).length).toBeGreaterThan(50);
    expect(results.filter(({ restarts }) => restarts > 0).length).toBeGreaterThan(200);
  });

  test("seven of which two lie", () => {
    const results = runs({ validators: "abcdefg", byzantine: "bd", seeds: 60 });
    expect(failures(results)).toEqual([]);
  });

  test("the same seed gives the same run", () => {
    const options = { seed: 7, validators: "abcd", byzantine: "a", actions: 250 };
    expect(runModel(options)).toEqual(runModel(options));
  });
});

describe("the checks can fail", () => {
  test("two liars of four are more than a third: two blocks get decided", () => {
    const results = runs({ validators: "abcd", byzantine: "ab", seeds: 150 });
    const splits = results.filter(({ decided }) => decided.length > 1);
    expect(splits.length).toBeGreaterThan(0);
    expect(failures(splits).join()).toContain("decides");
  });
});
