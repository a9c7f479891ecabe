// A block on a state: the next state, or why not. Pure, so that every home comes to the same verdict.

import { bytesToHex } from "../codec/hex.ts";
import type { Malformed } from "../codec/shape.ts";
import type { Verifier } from "../crypto.ts";
import { merkleRoot } from "../merkle.ts";
import { accepted, type Result, refused } from "../result.ts";
import { applyTransaction } from "./applyTransaction.ts";
import { type Block, blockId, type Header, type SystemStep } from "./block.ts";
import { beginBlock, endBlock } from "./blockExecution.ts";
import { BLOCK_TIME_MAX } from "./calendar.ts";
import type { Draft } from "./draft.ts";
import type { LedgerEvent } from "./event.ts";
import { baseOfBlock } from "./restart.ts";
import { communityId } from "./rules.ts";
import type { LedgerState } from "./state.ts";
import { decodeTransaction, type Transaction } from "./transaction.ts";
import { validatorsHash } from "./validators.ts";

/**
 * All of these are the fault of whoever built the block, except a `wrongStateRoot` that a home alone finds in
 * a block with a certificate: then that home's build computes something else and must stop.
 */
export type BlockRefusal =
  /** Its bytes are no block (see decodeBlock). */
  | Malformed
  | { readonly code: "otherCommunity" }
  | { readonly code: "wrongHeight"; readonly needed: number; readonly got: number }
  | { readonly code: "wrongPrevious"; readonly needed: string | null; readonly got: string | null }
  /** Times in Unix ms; block time always grows. */
  | { readonly code: "timeNotAfter"; readonly last: number; readonly got: number }
  | { readonly code: "timeBeyondMax"; readonly max: number; readonly got: number }
  | { readonly code: "notValidator"; readonly proposer: string }
  | { readonly code: "wrongValidators"; readonly needed: string }
  | { readonly code: "wrongNextValidators"; readonly needed: string }
  | { readonly code: "wrongTransactionsRoot"; readonly needed: string; readonly got: string }
  /** `at` is the first step that differs from what is due. */
  | { readonly code: "wrongSystemSteps"; readonly at: number }
  /** `reason` is the transaction's own refusal. */
  | { readonly code: "badTransaction"; readonly at: number; readonly reason: string }
  | { readonly code: "duplicateTransaction"; readonly at: number; readonly id: string }
  | { readonly code: "wrongStateRoot"; readonly needed: string; readonly got: string };

export type AppliedBlock = {
  readonly state: LedgerState;
  readonly events: readonly LedgerEvent[];
  /** The block's transactions, decoded, in its order. */
  readonly transactions: readonly Transaction[];
};

/** `before`: the state after the block before. */
export function applyBlock(
  before: LedgerState,
  block: Block,
  verifier: Verifier,
): Result<AppliedBlock, BlockRefusal> {
  const { header } = block;
  const { state, restart } = baseOfBlock(before, block.transactions, verifier);
  const linked = checkHeader(state, block);
  if (!linked.ok) return linked;
  const begun = beginBlock(state, header, restart);
  const { draft, systemSteps } = begun;
  const differs = firstDifference(systemSteps, header.systemSteps);
  if (differs !== -1) return refused({ code: "wrongSystemSteps", at: differs });
  const transactions = applyAll(draft, block.transactions, verifier);
  if (!transactions.ok) return transactions;
  const { stateRoot, events, stateAfter } = endBlock(begun);
  if (stateRoot !== header.stateRoot) {
    return refused({ code: "wrongStateRoot", needed: stateRoot, got: header.stateRoot });
  }
  const next = stateAfter(blockId(header), header.proposer);
  return accepted({ state: next, events, transactions: transactions.value });
}

/** All that can be told without executing anything. */
function checkHeader(
  state: LedgerState,
  { header, transactions }: Block,
): Result<void, BlockRefusal> {
  const { rules, lastBlock, validators } = state;
  if (header.community !== communityId(rules)) return refused({ code: "otherCommunity" });
  if (header.height !== state.height + 1) {
    return refused({ code: "wrongHeight", needed: state.height + 1, got: header.height });
  }
  const previous = lastBlock === null ? null : lastBlock.blockId;
  if (header.previous !== previous) {
    return refused({ code: "wrongPrevious", needed: previous, got: header.previous });
  }
  if (header.time <= state.time) {
    return refused({ code: "timeNotAfter", last: state.time, got: header.time });
  }
  if (header.time > BLOCK_TIME_MAX) {
    return refused({ code: "timeBeyondMax", max: BLOCK_TIME_MAX, got: header.time });
  }
  if (!validators.some(({ memberId }) => memberId === header.proposer)) {
    return refused({ code: "notValidator", proposer: header.proposer });
  }
  return checkHashes(state, header, transactions);
}

function checkHashes(
  { validators, nextValidators }: LedgerState,
  header: Header,
  transactions: readonly Uint8Array[],
): Result<void, BlockRefusal> {
  const needed = validatorsHash(validators);
  if (header.validatorsHash !== needed) return refused({ code: "wrongValidators", needed });
  const next = validatorsHash(nextValidators);
  if (header.nextValidatorsHash !== next)
    return refused({ code: "wrongNextValidators", needed: next });
  const root = bytesToHex(merkleRoot(transactions));
  if (header.transactionsRoot !== root) {
    return refused({ code: "wrongTransactionsRoot", needed: root, got: header.transactionsRoot });
  }
  return accepted(undefined);
}

function firstDifference(a: readonly SystemStep[], b: readonly SystemStep[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i += 1) {
    if (a[i]?.step !== b[i]?.step || a[i]?.listingId !== b[i]?.listingId) return i;
  }
  return -1;
}

function applyAll(
  draft: Draft,
  encoded: readonly Uint8Array[],
  verifier: Verifier,
): Result<readonly Transaction[], BlockRefusal> {
  const transactions: Transaction[] = [];
  const seen = new Set<string>();
  for (const [at, bytes] of encoded.entries()) {
    const decoded = decodeTransaction(draft.community, bytes);
    if (!decoded.ok) return refused({ code: "badTransaction", at, reason: decoded.refusal.code });
    const { id } = decoded.value;
    if (seen.has(id)) return refused({ code: "duplicateTransaction", at, id });
    seen.add(id);
    const applied = applyTransaction(draft, decoded.value, verifier);
    if (!applied.ok) return refused({ code: "badTransaction", at, reason: applied.refusal.code });
    transactions.push(decoded.value);
  }
  return accepted(transactions);
}
