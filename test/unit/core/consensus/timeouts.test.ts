import { expect, test } from "vitest";
import { timeoutDuration } from "../../../../agent/core/consensus/timeouts.ts";
import { DEFAULT_AGREEMENT } from "../../../../agent/core/ledger/rules.ts";
import type { DurationMs } from "../../../../agent/core/units/time.ts";

test("each step has its wait, and every round adds to it", () => {
  expect(timeoutDuration("propose", 0, DEFAULT_AGREEMENT)).toBe(3000);
  expect(timeoutDuration("prevote", 0, DEFAULT_AGREEMENT)).toBe(1000);
  expect(timeoutDuration("precommit", 0, DEFAULT_AGREEMENT)).toBe(1000);
  // 3000 + 4 x 500, 1000 + 7 x 500
  expect(timeoutDuration("propose", 4, DEFAULT_AGREEMENT)).toBe(5000);
  expect(timeoutDuration("precommit", 7, DEFAULT_AGREEMENT)).toBe(4500);
});

test("the wait stops growing at an hour", () => {
  // 3000 + 7194 x 500 = 3600000
  expect(timeoutDuration("propose", 7193, DEFAULT_AGREEMENT)).toBe(3_599_500);
  expect(timeoutDuration("propose", 7194, DEFAULT_AGREEMENT)).toBe(3_600_000);
  expect(timeoutDuration("propose", 100_000, DEFAULT_AGREEMENT)).toBe(3_600_000);
  const slow = { ...DEFAULT_AGREEMENT, perRound: 3_600_000 as DurationMs };
  expect(timeoutDuration("prevote", 1, slow)).toBe(3_600_000);
});
