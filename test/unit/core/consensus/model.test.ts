import { describe, expect, test } from "vitest";
import { type ModelResult, runModel } from "./model.ts";

type Series = {
  readonly validators: string;
  readonly byzantine: string;
  readonly seeds: number;
  readonly heals?: boolean;
};

/** Runs seeds 1, 2, ... and gives each result with its seed, to replay it. */
function runs({
  seeds,
  heals = true,
  ...who
}: Series): (ModelResult & { readonly seed: number })[] {
  return Array.from({ length: seeds }, (_, i) => {
    const seed = i + 1;
    return { seed, ...runModel({ seed, ...who, heals, actions: 250 }) };
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

  test("three of which one lies: a third is too many to go on, but nobody is led astray", () => {
    // All three must agree, 3 x 2 = 6 is not > 6: a quorum of two would split the two honest ones.
    const results = runs({ validators: "abc", byzantine: "a", seeds: 200, heals: false });
    expect(failures(results)).toEqual([]);
  });

  test("the same seed gives the same run", () => {
    const options = { seed: 7, validators: "abcd", byzantine: "a", actions: 250, heals: true };
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
