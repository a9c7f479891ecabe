// Proposer-based timestamps: a fresh block carries its proposer's clock, and whoever votes for it checks
// that this clock is near its own. A value proposed again with a polka is not checked again.
// Source: CometBFT, spec/consensus/proposer-based-timestamp (pbts-algorithm).

import { assert } from "../assert.ts";
import type { DurationMs, UnixMs } from "../units/time.ts";

/** The delay grows no further than to this round: 1.1^100 is 13780 times the first delay. */
export const DELAY_GROWTH_ROUNDS_MAX = 100;

export type Timeliness = {
  /** The time in the proposed block. */
  readonly blockTime: UnixMs;
  /** Our wall clock when the proposal arrived. */
  readonly now: UnixMs;
  readonly round: number;
  /** How far honest clocks are apart at most. */
  readonly precision: DurationMs;
  /** How long a proposal travels at most in round 0. */
  readonly messageDelay: DurationMs;
};

/** blockTime - precision <= now <= blockTime + delay(round) + precision, both ends included. */
export function isTimely(timeliness: Timeliness): boolean {
  const { blockTime, now, round, precision, messageDelay } = timeliness;
  const isFromThePast = now >= blockTime - precision;
  const isFresh = now <= blockTime + delayInRound(messageDelay, round) + precision;
  return isFromThePast && isFresh;
}

/** floor(messageDelay x 11^r / 10^r) ms: a tenth more each round, rounded down once, at the end. */
export function delayInRound(messageDelay: DurationMs, round: number): number {
  assert(Number.isSafeInteger(round) && round >= 0, `a round counts from 0, not ${round}`);
  const power = BigInt(Math.min(round, DELAY_GROWTH_ROUNDS_MAX));
  return Number((BigInt(messageDelay) * 11n ** power) / 10n ** power);
}
