// How long a validator waits in each step. The wait must grow with the round, or a network that has
// become slow would never agree again (arXiv 1807.04938, section 3.3).

import { assert } from "../assert.ts";
import { type DurationMs, HOUR_MS } from "../units/time.ts";
import type { TimeoutKind } from "./input.ts";

/** Longer than any delay from which a neighbourhood recovers; only the local wait is cut, never a round. */
export const TIMEOUT_MAX: DurationMs = HOUR_MS;

/** The part of the community's rules that is looked at here; all in milliseconds. */
export type TimeoutRules = {
  readonly propose: DurationMs;
  readonly prevote: DurationMs;
  readonly precommit: DurationMs;
  /** Added for every further round. */
  readonly perRound: DurationMs;
};

/** The wait of `kind` in `round` (from 0), at most an hour. */
export function timeoutDuration(kind: TimeoutKind, round: number, rules: TimeoutRules): DurationMs {
  assert(Number.isSafeInteger(round) && round >= 0, `a round counts from 0, not ${round}`);
  return Math.min(rules[kind] + round * rules.perRound, TIMEOUT_MAX) as DurationMs;
}
