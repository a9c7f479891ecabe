// What a mempool asks of one transaction: would it apply in a block now?

import type { Verifier } from "../crypto.ts";
import type { Result } from "../result.ts";
import { addTime, type UnixMs, unixMs } from "../units/time.ts";
import { applyTransaction, type RuleRefusal } from "./applyTransaction.ts";
import { beginBlock } from "./blockExecution.ts";
import { BLOCK_TIME_MAX } from "./calendar.ts";
import { checkSignature } from "./checkSignature.ts";
import type { LedgerState } from "./state.ts";
import type { Transaction } from "./transaction.ts";

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
  // First, so that nobody makes us clear a market with a forged message.
  const signed = checkSignature(state, transaction, verifier);
  if (!signed.ok) return signed;
  const at = Math.min(Math.max(time, addTime(state.time, 1)), BLOCK_TIME_MAX);
  return applyTransaction(beginBlock(state, unixMs(at)).draft, transaction, verifier);
}
