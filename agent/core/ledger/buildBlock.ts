// A proposer's block: what is due, and of the transactions at hand those that apply, in order, as they fit.

import { assert } from "../assert.ts";
import { bytesToHex } from "../codec/hex.ts";
import type { Verifier } from "../crypto.ts";
import { merkleRoot } from "../merkle.ts";
import { refused } from "../result.ts";
import type { BlockId, MemberId, TransactionId } from "../units/ids.ts";
import type { UnixMs } from "../units/time.ts";
import { applyTransaction, type RuleRefusal } from "./applyTransaction.ts";
import {
  type Block,
  blockId,
  encodeBlock,
  type Header,
  TRANSACTIONS_PER_BLOCK_MAX,
} from "./block.ts";
import { beginBlock, endBlock } from "./blockExecution.ts";
import { BLOCK_TIME_MAX } from "./calendar.ts";
import type { Draft } from "./draft.ts";
import type { LedgerEvent } from "./event.ts";
import { baseOf } from "./restart.ts";
import { BLOCK_BYTES_MAX } from "./rules.ts";
import type { LedgerState } from "./state.ts";
import { encodeTransaction, type Transaction } from "./transaction.ts";
import { validatorsHash } from "./validators.ts";

/** A header without system steps has some 350 bytes; the rest is for what a later version adds. */
const HEADER_BYTES_RESERVED = 16_384;
/** The head of a byte string of at most 4096 bytes. */
const TRANSACTION_HEAD_BYTES = 3;
/** Replaced by the real one; all hashes have one length. */
const NO_HASH = "0".repeat(64);

export type BlockRequest = {
  /** After the last block's. */
  readonly time: UnixMs;
  readonly proposer: MemberId;
  /** In the order in which they are tried. */
  readonly transactions: readonly Transaction[];
};

export type BuiltBlock = {
  readonly block: Block;
  readonly blockId: BlockId;
  /** The state after it. */
  readonly state: LedgerState;
  readonly events: readonly LedgerEvent[];
  /** What does not apply, and why. What did not fit is in neither, and waits for the next block. */
  readonly dropped: readonly Dropped[];
};

export type Dropped = {
  readonly id: TransactionId;
  readonly refusal: RuleRefusal | DuplicateTransaction;
};

/** The same transaction twice among those at hand; the first one counts. */
type DuplicateTransaction = { readonly code: "duplicateTransaction" };

/** Never refused: a block of nothing but system steps is a block. */
export function buildBlock(
  before: LedgerState,
  { time, proposer, transactions }: BlockRequest,
  verifier: Verifier,
): BuiltBlock {
  const { state, restart } = baseOf(before, transactions[0], verifier);
  assert(time > state.time && time <= BLOCK_TIME_MAX, `no block at ${time} after ${state.time}`);
  const begun = beginBlock(state, { time, proposer }, restart);
  const { draft, systemSteps } = begun;
  const unfinished: Header = {
    version: 1,
    community: draft.community,
    height: draft.height,
    time,
    previous: state.lastBlock === null ? null : state.lastBlock.blockId,
    proposer,
    transactionsRoot: NO_HASH,
    systemSteps,
    validatorsHash: validatorsHash(state.validators),
    nextValidatorsHash: validatorsHash(state.nextValidators),
    stateRoot: NO_HASH,
  };
  const empty = encodeBlock({ header: unfinished, transactions: [] }).length;
  const room = BLOCK_BYTES_MAX - Math.max(empty + TRANSACTION_HEAD_BYTES, HEADER_BYTES_RESERVED);
  const { taken, dropped } = take(draft, { transactions, room }, verifier);

  const { stateRoot, events, stateAfter } = endBlock(begun);
  const transactionsRoot = bytesToHex(merkleRoot(taken));
  const header = { ...unfinished, transactionsRoot, stateRoot };
  const id = blockId(header);
  const block = { header, transactions: taken };
  return { block, blockId: id, state: stateAfter(id, proposer), events, dropped };
}

type Offered = { readonly transactions: readonly Transaction[]; readonly room: number };
type Taken = { readonly taken: readonly Uint8Array[]; readonly dropped: readonly Dropped[] };

function take(draft: Draft, { transactions, room }: Offered, verifier: Verifier): Taken {
  const taken: Uint8Array[] = [];
  const dropped: Dropped[] = [];
  const seen = new Set<TransactionId>();
  let left = room;
  for (const transaction of transactions) {
    if (taken.length >= TRANSACTIONS_PER_BLOCK_MAX) break;
    const bytes = encodeTransaction(draft.community, transaction);
    const size = bytes.length + TRANSACTION_HEAD_BYTES;
    // The first that does not fit ends the block: a later one must not overtake it.
    if (size > left) break;
    const applied = seen.has(transaction.id)
      ? refused({ code: "duplicateTransaction" as const })
      : applyTransaction(draft, transaction, verifier);
    if (!applied.ok) {
      dropped.push({ id: transaction.id, refusal: applied.refusal });
      continue;
    }
    seen.add(transaction.id);
    taken.push(bytes);
    left -= size;
  }
  return { taken, dropped };
}
