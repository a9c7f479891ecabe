// Blocks, each byte once: a block's row holds all of it packed, its transactions too, and gives it back exactly
// as it was agreed on. Where a transaction stands is found by its id.

import type Database from "better-sqlite3";
import { assert } from "../../core/assert.ts";
import { sameBytes } from "../../core/codec/bytes.ts";
import { blockId, decodeBlock, TRANSACTIONS_PER_BLOCK_MAX } from "../../core/ledger/block.ts";
import type { BlockReference } from "../../core/ledger/blockReference.ts";
import { decodeTransaction, type Transaction } from "../../core/ledger/transaction.ts";
import type { BlockId, CommunityId, TransactionId } from "../../core/units/ids.ts";
import type { CommittedBlock, StoredBlock, StoredSnapshot } from "../../ports.ts";
import { type BlockPacking, blockPacking } from "./blockBytes.ts";
import type { CardTable } from "./cardTable.ts";
import { earlierReader } from "./earlierTransactions.ts";
import { plainBytes } from "./plainBytes.ts";
import { ID_HEAD_BITS, NUMBERS_PER_BLOCK } from "./schema.ts";
import { StoreError } from "./storeError.ts";

const CHECKPOINTS_KEPT = 2;
const SNAPSHOTS_KEPT = 2;
/** Blocks whose transactions a reader keeps at hand: the offers of a listing stand in a few. */
const BLOCKS_AT_HAND = 16;
/** Two for neighbours, and the one with which the ledger begins. */
const IDS_AT_HAND = 3;

type BlockRow = {
  readonly height: bigint;
  readonly packed: Uint8Array;
  readonly certificate: Uint8Array;
};

export type BlockTable = BlockReader & {
  /** The block's row, its transactions' and its checkpoint, inside the caller's transaction. */
  readonly write: (block: CommittedBlock) => void;
};

export type BlockReader = {
  /** Height of the last block, 0 before the first. */
  readonly head: () => number;
  /** Throws StoreError "corrupt" for a block that is not as it was written. */
  readonly blocks: (from: number, count: number) => StoredBlock[];
  readonly checkpoint: () => { readonly height: number; readonly state: Uint8Array } | null;
  readonly snapshots: () => BlockReference[];
  readonly snapshot: (height: number) => StoredSnapshot | null;
};

/** A transaction's place in the ledger as one number; position counts from 0. */
export function transactionNumber(height: number, position: number): number {
  assert(position >= 0 && position < NUMBERS_PER_BLOCK, `no such place in a block: ${position}`);
  return height * NUMBERS_PER_BLOCK + position;
}

export function blockTable(db: Database.Database, cards: CardTable): BlockTable {
  assert(TRANSACTIONS_PER_BLOCK_MAX <= NUMBERS_PER_BLOCK, "a block's places need numbers");
  const packing = packingOf(db);
  return { ...blockReader(db, packing), write: writer(db, { cards, packing }) };
}

/** As blocks of this file are packed: with the rules that it holds. */
export function packingOf(db: Database.Database): BlockPacking {
  const rules = db.prepare<[], Uint8Array>("SELECT rules FROM community").pluck().get();
  return blockPacking(rules === undefined ? new Uint8Array() : plainBytes(rules));
}

export function blockReader(db: Database.Database, packing: BlockPacking): BlockReader {
  const selectHead = db.prepare<[], bigint>("SELECT ifnull(max(height), 0) FROM block").pluck();
  const selectBlocks = db.prepare<[number, number], BlockRow>(
    "SELECT height, packed, certificate FROM block WHERE height >= ? ORDER BY height LIMIT ?",
  );
  const selectCheckpoint = db.prepare<[], { height: bigint; state: Uint8Array }>(
    "SELECT height, state FROM checkpoint ORDER BY height DESC LIMIT 1",
  );
  const selectSnapshots = db
    .prepare<[], bigint>(
      "SELECT height FROM checkpoint WHERE validators IS NOT NULL ORDER BY height DESC",
    )
    .pluck();
  const selectSnapshot = db.prepare<[number], { validators: Uint8Array; state: Uint8Array }>(
    "SELECT validators, state FROM checkpoint WHERE height = ? AND validators IS NOT NULL",
  );
  const restore = (row: BlockRow): StoredBlock => {
    const height = Number(row.height);
    const block = packing.unpack(plainBytes(row.packed));
    if (!block.ok) throw damaged(height, "packed", block.refusal.problem);
    const certificate = packing.unpackCertificate(plainBytes(row.certificate), block.value);
    if (!certificate.ok) throw damaged(height, "certificate", certificate.refusal.problem);
    return { height, block: block.value, certificate: certificate.value };
  };
  // Each neighbour that joins asks which there are; a block's id never changes.
  const ids = new Map<number, BlockId>();
  const idOf = (height: number): BlockId => {
    const known = ids.get(height);
    if (known !== undefined) return known;
    const [row] = selectBlocks.all(height, 1);
    const block = row === undefined ? null : decodeBlock(restore(row).block);
    if (block?.ok !== true) throw damaged(height, "packed", "it is no block, or missing");
    if (ids.size >= IDS_AT_HAND) ids.clear();
    const id = blockId(block.value.header);
    ids.set(height, id);
    return id;
  };
  return {
    head: () => Number(selectHead.get()),
    blocks: (from, count) => selectBlocks.all(from, count).map(restore),
    checkpoint: () => {
      const row = selectCheckpoint.get();
      return row === undefined
        ? null
        : { height: Number(row.height), state: plainBytes(row.state) };
    },
    snapshots: () =>
      selectSnapshots.all().map((at) => ({ height: Number(at), blockId: idOf(Number(at)) })),
    snapshot: (height) => {
      const row = selectSnapshot.get(height);
      const [stored] = row === undefined ? [] : selectBlocks.all(height, 1).map(restore);
      if (row === undefined || stored?.height !== height) return null;
      const { validators, state } = row;
      return { ...stored, validators: plainBytes(validators), state: plainBytes(state) };
    },
  };
}

type Writing = { readonly cards: CardTable; readonly packing: BlockPacking };

function writer(db: Database.Database, { cards, packing }: Writing): BlockTable["write"] {
  const insertBlock = db.prepare(
    `INSERT INTO block (height, time_ms, proposer_no, packed, certificate)
     VALUES (@height, @time, @proposer, @packed, @certificate)`,
  );
  const insertTransaction = db.prepare(
    "INSERT INTO ledger_transaction (id_head, transaction_no) VALUES (?, ?)",
  );
  const insertCheckpoint = db.prepare(
    "INSERT INTO checkpoint (height, state, validators) VALUES (?, ?, ?)",
  );
  const pruneCheckpoints = db.prepare(
    `DELETE FROM checkpoint
     WHERE height NOT IN (SELECT height FROM checkpoint ORDER BY height DESC LIMIT ${CHECKPOINTS_KEPT})
       AND height NOT IN (SELECT height FROM checkpoint WHERE validators IS NOT NULL
         ORDER BY height DESC LIMIT ${SNAPSHOTS_KEPT})
       AND (height = 1 OR height <> (SELECT min(height) FROM block))`,
  );
  const isKnown = knownIn(db, packing);
  return ({ height, block, certificate, transactions, checkpoint, ...committed }) => {
    mustHold(block, transactions);
    insertBlock.run({
      height,
      time: committed.time,
      proposer: cards.number(committed.proposer),
      packed: packing.pack(block),
      certificate: packing.packCertificate(certificate, block),
    });
    for (const [position, { id, bytes }] of transactions.entries()) {
      if (isKnown(id, bytes)) {
        const problem = `Transaction ${id} of block ${height} is on the ledger already.`;
        throw new StoreError("invariant", `${problem} This is a bug; nothing was written.`);
      }
      insertTransaction.run(idHead(id), transactionNumber(height, position));
    }
    if (checkpoint === null) return;
    insertCheckpoint.run(height, checkpoint, committed.snapshotValidators ?? null);
    pruneCheckpoints.run();
  };
}

/** Whether the ledger has these very bytes; blocks are read only where two ids begin alike. */
function knownIn(
  db: Database.Database,
  packing: BlockPacking,
): (id: TransactionId, bytes: Uint8Array) => boolean {
  const { blocks } = blockReader(db, packing);
  const selectNumbers = numbersOf(db);
  return (id, bytes) =>
    selectNumbers.all(idHead(id)).some((number) => {
      const { height, position } = placeOf(Number(number));
      const block = decodeBlock(blocks(height, 1)[0]?.block ?? new Uint8Array());
      const found = block.ok ? block.value.transactions[position] : undefined;
      return found !== undefined && sameBytes(found, bytes);
    });
}

function mustHold(encoded: Uint8Array, transactions: CommittedBlock["transactions"]): void {
  const block = decodeBlock(encoded);
  assert(block.ok, "only a block that was agreed on is committed");
  const held = block.value.transactions;
  const isSame =
    held.length === transactions.length &&
    transactions.every(({ bytes }, i) => sameBytes(bytes, held[i] ?? new Uint8Array()));
  assert(isSame, "the transactions are those of the block, in its order");
}

/** A transaction in its block. */
export type Placed = {
  readonly height: number;
  readonly position: number;
  readonly transaction: Transaction;
};

export type TransactionReader = {
  /** null: the ledger has none of this id. */
  readonly byId: (id: TransactionId) => Placed | null;
  /** Throws StoreError "corrupt" where no transaction stands. */
  readonly byNumber: (transactionNo: number) => Placed;
  /** Of a transaction in its block, or of an earlier one (earlierTransactions.ts). Throws as `byNumber`. */
  readonly idOf: (transactionNo: number) => TransactionId;
};

/** Transactions out of their blocks. */
export function transactionReader(
  db: Database.Database,
  community: CommunityId,
): TransactionReader {
  const { blocks } = blockReader(db, packingOf(db));
  const selectNumbers = numbersOf(db);
  const atHand = new Map<number, readonly Uint8Array[]>();
  const ofBlock = (height: number): readonly Uint8Array[] => {
    const known = atHand.get(height);
    if (known !== undefined) return known;
    const [stored] = blocks(height, 1);
    const block = stored?.height === height ? decodeBlock(stored.block) : null;
    if (block?.ok !== true) throw damaged(height, "packed", "it is no block, or missing");
    if (atHand.size >= BLOCKS_AT_HAND) atHand.clear();
    atHand.set(height, block.value.transactions);
    return block.value.transactions;
  };
  const byNumber = (transactionNo: number): Placed => {
    const { height, position } = placeOf(transactionNo);
    const bytes = ofBlock(height)[position];
    const decoded = bytes === undefined ? null : decodeTransaction(community, bytes);
    if (decoded?.ok === true) return { height, position, transaction: decoded.value };
    throw damaged(height, "packed", `it has no transaction ${position}`);
  };
  const byId = (id: TransactionId): Placed | null => {
    for (const number of selectNumbers.iterate(idHead(id))) {
      const placed = byNumber(Number(number));
      if (placed.transaction.id === id) return placed;
    }
    return null;
  };
  const earlier = earlierReader(db);
  const idOf = (transactionNo: number): TransactionId =>
    earlier(transactionNo) ?? byNumber(transactionNo).transaction.id;
  return { byId, byNumber, idOf };
}

function numbersOf(db: Database.Database): Database.Statement<[number], bigint> {
  return db
    .prepare<[number], bigint>("SELECT transaction_no FROM ledger_transaction WHERE id_head = ?")
    .pluck();
}

function placeOf(transactionNo: number): { readonly height: number; readonly position: number } {
  const position = transactionNo % NUMBERS_PER_BLOCK;
  return { height: (transactionNo - position) / NUMBERS_PER_BLOCK, position };
}

function idHead(id: TransactionId): number {
  return Number.parseInt(id.slice(0, 8), 16) >>> (32 - ID_HEAD_BITS);
}

function damaged(height: number, column: string, problem: string): StoreError {
  return new StoreError(
    "corrupt",
    `Block ${height} is not as it was written (column ${column}: ${problem}). Move the data directory away and start again: the ledger is fetched from the neighbours.`,
  );
}
