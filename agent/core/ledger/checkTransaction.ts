// What a mempool asks of one transaction: would it apply in a block now?

import { assert } from "../assert.ts";
import type { Verifier } from "../crypto.ts";
import type { RefusedOne, Result } from "../result.ts";
import { addTime, type UnixMs, unixMs } from "../units/time.ts";
import { applyTransaction, applyUnsigned, type RuleRefusal } from "./applyTransaction.ts";
import { beginBlock } from "./blockExecution.ts";
import { BLOCK_TIME_MAX } from "./calendar.ts";
import { checkSignature } from "./checkSignature.ts";
import { type Draft, draftOf, finishDraft } from "./draft.ts";
import { nextDue } from "./due.ts";
import type { LedgerState } from "./state.ts";
import type { Transaction, Unsigned } from "./transaction.ts";

/**
 * Whether `transaction` alone would apply in the next block if its time were `time`, what is due by then
 * included. The state is untouched. A clock behind the last block counts as just after it.
 */
export function checkTransaction(
  state: LedgerState,
  transaction: Transaction,
  verifier: Verifier,
  time: UnixMs,
): Result<void, RuleRefusal> {
  return new TransactionCheck(verifier).check(state, transaction, time);
}

/** `base` with what is due done, as it stands from `from` until more is due; null: never. */
type Settled = {
  readonly base: LedgerState;
  readonly state: LedgerState;
  readonly from: UnixMs;
  readonly until: UnixMs | null;
};

/**
 * `checkTransaction` for one transaction after another: what is due is done once, not for each. Else every
 * late offer between the cut-off and the block that closes the auction would make us clear the market.
 */
export class TransactionCheck {
  readonly #verifier: Verifier;
  #settled: Settled | null = null;

  constructor(verifier: Verifier) {
    this.#verifier = verifier;
  }

  check(state: LedgerState, transaction: Transaction, time: UnixMs): Result<void, RuleRefusal> {
    // First, so that nobody makes us clear a market with a forged message.
    const signed = checkSignature(state, transaction, this.#verifier);
    if (!signed.ok) return signed;
    return applyTransaction(this.#draft(state, time), transaction, this.#verifier);
  }

  /**
   * Which is the first of these that would not apply in the next block after those before it, if their
   * authors signed them; null: all would.
   */
  firstRefused(
    state: LedgerState,
    unsigned: readonly Unsigned[],
    time: UnixMs,
  ): RefusedOne<RuleRefusal> | null {
    const draft = this.#draft(state, time);
    for (const [at, one] of unsigned.entries()) {
      const applied = applyUnsigned(draft, one, this.#verifier);
      if (!applied.ok) return { at, refusal: applied.refusal };
    }
    return null;
  }

  /** On which the next block's transactions are tried. */
  #draft(state: LedgerState, time: UnixMs): Draft {
    const at = unixMs(Math.min(Math.max(time, addTime(state.time, 1)), BLOCK_TIME_MAX));
    if (this.#settled === null || !holds(this.#settled, state, at)) {
      this.#settled = settle(state, at);
    }
    return draftOf(this.#settled.state, at);
  }
}

function settle(base: LedgerState, from: UnixMs): Settled {
  // Whoever proposes it: what depends on that comes after the transactions.
  const [anyone] = base.validators;
  assert(anyone !== undefined, "a community has a validator");
  const { draft, systemSteps } = beginBlock(base, { time: from, proposer: anyone.memberId });
  // Still the state before the block: the same height, and the same ones who vote on it.
  const { lastBlock, height, validators, nextValidators, setChanges, chain } = base;
  const before = { lastBlock, height, validators, nextValidators, setChanges, chain };
  const state = systemSteps.length === 0 ? base : { ...finishDraft(draft), ...before };
  return { base, state, from, until: nextDue(state) };
}

function holds({ base, from, until }: Settled, state: LedgerState, at: UnixMs): boolean {
  return base === state && at >= from && (until === null || at < until);
}
