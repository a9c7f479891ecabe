import { expect, test } from "vitest";
import { PerMinute } from "../../../broker/perMinute.ts";

test("counts within a minute, each for itself, and forgets with the next", () => {
  let now = 600_000;
  const counts = new PerMinute(2, () => now);
  counts.count("a");
  expect(counts.isFull("a")).toBe(false);
  now += 59_999;
  counts.count("a");
  expect([counts.isFull("a"), counts.isFull("b")]).toEqual([true, false]);
  now += 1;
  expect(counts.isFull("a")).toBe(false);
});

test("remembers 10,000 and no more", () => {
  const counts = new PerMinute(1, () => 0);
  for (let i = 0; i <= 10_000; i += 1) counts.count(`${i}`);
  expect([counts.isFull("9999"), counts.isFull("10000")]).toEqual([true, false]);
});
