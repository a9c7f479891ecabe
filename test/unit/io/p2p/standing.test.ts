import { expect, test } from "vitest";
import { DEFAULT_LIMITS } from "../../../../agent/io/p2p/limits.ts";
import { Standing } from "../../../../agent/io/p2p/standing.ts";

const limits = {
  ...DEFAULT_LIMITS,
  rejectsMax: 3,
  rejectForgivenMs: 1_000,
  denialFirstMs: 100,
  denialMaxMs: 350,
  deniedMax: 2,
};

test("rejects add up and are forgiven one by one", () => {
  const standing = new Standing(limits);
  expect(standing.rejects("p", 0)).toBe(0);
  expect(standing.reject("p", 0)).toBe(false);
  expect(standing.reject("p", 500)).toBe(false);
  // 1 - 0.5 forgiven + 1 = 1.5 at 500; 1.5 - 0.75 = 0.75 at 1250
  expect(standing.rejects("p", 500)).toBeCloseTo(1.5);
  expect(standing.rejects("p", 1_250)).toBeCloseTo(0.75);
  expect(standing.rejects("p", 9_000)).toBe(0);
  expect(standing.rejects("other", 500)).toBe(0);
});

test("the third at once is one too many", () => {
  const standing = new Standing(limits);
  expect([0, 0, 0].map((at) => standing.reject("p", at))).toEqual([false, false, true]);
});

test("denials double up to the longest, and start afresh after an hour", () => {
  const standing = new Standing(limits);
  expect(standing.deny("p", 0)).toBe(100);
  expect([standing.deniedFor("p", 99), standing.deniedFor("p", 100)]).toEqual([1, 0]);
  expect(standing.deny("p", 100)).toBe(200);
  expect(standing.deny("p", 300)).toBe(350); // 400 would be above the longest
  expect(standing.deny("p", 650 + 3_600_000)).toBe(100);
  expect(standing.deniedFor("other", 0)).toBe(0);
});

test("bounded: the peer heard of longest ago is forgotten", () => {
  const standing = new Standing(limits);
  for (const peer of ["a", "b", "c"]) standing.deny(peer, 0);
  expect(["a", "b", "c"].map((peer) => standing.deniedFor(peer, 0))).toEqual([0, 100, 100]);
});
