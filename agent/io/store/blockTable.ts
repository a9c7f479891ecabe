// Blocks and their transactions, each byte once: a block's row holds its header, and the whole is put
// together again from the transactions' rows, exactly as it was agreed on.

import type Database from "better-sqlite3";
import { assert } from "../../core/assert.ts";
import { sameBytes } from "../../core/codec/bytes.ts";
import { bytesToHex, hexToBytes } from "../../core/codec/hex.ts";
import {
  type Block,
  decodeBlock,
  encodeBlock,
  TRANSACTIONS_PER_BLOCK_MAX,
} from "../../core/ledger/block.ts";
import type { TransactionId } from "../../core/units/ids.ts";
import type { CommittedBlock, StoredBlock } from "../../ports.ts";
import type { CardTable } from "./cardTable.ts";
import { plainBytes } from "./plainBytes.ts";
import { NUMBERS_PER_BLOCK } from "./schema.ts";
import { StoreError } from "./storeError.ts";

const CHECKPOINTS_KEPT = 2;
const EMPTY = new Uint8Array();

type BlockRow = {
  readonly height: bigint;
  readonly header: Uint8Array;
  readonly certificate: Uint8Array;
};

export type BlockTable = {
  /** Height of the last block, 0 before the first. */
  readonly head: () => number;
  /** The block's row, its transactions' and its checkpoint, inside the caller's transaction. */
  readonly write: (block: CommittedBlock) => void;
  readonly blocks: (from: number, count: number) => StoredBlock[];
  /** Of the block that has this transaction; null: none. */
  readonly heightOf: (id: TransactionId) => number | null;
  readonly checkpoint: () => { readonly height: number; readonly state: Uint8Array } | null;
};

/** A transaction's place in the ledger as one number; position counts from 0. */
function transactionNumber(height: number, position: number): number {
  assert(position >= 0 && position < NUMBERS_PER_BLOCK, `no such place in a block: ${position}`);
  return height * NUMBERS_PER_BLOCK + position;
}

export function blockTable(db: Database.Database, cards: CardTable): BlockTable {
  assert(TRANSACTIONS_PER_BLOCK_MAX <= NUMBERS_PER_BLOCK, "a block's places need numbers");
  const selectHead = db.prepare<[], bigint>("SELECT ifnull(max(height), 0) FROM block").pluck();
  const head = (): number => Number(selectHead.get());
  const selectBlocks = db.prepare<[number, number], BlockRow>(
    "SELECT height, header, certificate FROM block WHERE height >= ? ORDER BY height LIMIT ?",
  );
  const selectBytes = db
    .prepare<[number, number], Uint8Array>(
      "SELECT bytes FROM ledger_transaction WHERE transaction_no BETWEEN ? AND ? ORDER BY transaction_no",
    )
    .pluck();
  const selectHeight = db
    .prepare<[Uint8Array], bigint>("SELECT height FROM ledger_transaction WHERE id = ?")
    .pluck();
  const selectCheckpoint = db.prepare<[], { height: bigint; state: Uint8Array }>(
    "SELECT height, state FROM checkpoint ORDER BY height DESC LIMIT 1",
  );
  const restore = ({ height, header, certificate }: BlockRow): StoredBlock => {
    const first = transactionNumber(Number(height), 0);
    const transactions = selectBytes.all(first, first + NUMBERS_PER_BLOCK - 1);
    const block = encodeBlock({ ...decoded(header, Number(height)), transactions });
    return { height: Number(height), block, certificate: plainBytes(certificate) };
  };
  return {
    head,
    write: writer(db, cards),
    blocks: (from, count) => selectBlocks.all(from, count).map(restore),
    heightOf: (id) => {
      const height = selectHeight.get(hexToBytes(id));
      return height === undefined ? null : Number(height);
    },
    checkpoint: () => {
      const row = selectCheckpoint.get();
      return row === undefined
        ? null
        : { height: Number(row.height), state: plainBytes(row.state) };
    },
  };
}

function writer(db: Database.Database, cards: CardTable): BlockTable["write"] {
  const insertBlock = db.prepare(
    `INSERT INTO block (height, block_id, time_ms, proposer_no, round, state_root, header, certificate)
     VALUES (@height, @blockId, @time, @proposer, @round, @stateRoot, @header, @certificate)`,
  );
  const insertTransaction = db.prepare(
    `INSERT INTO ledger_transaction (transaction_no, id, type, author_no, bytes)
     VALUES (@number, @id, @type, @author, @bytes)`,
  );
  const insertCheckpoint = db.prepare("INSERT INTO checkpoint (height, state) VALUES (?, ?)");
  const pruneCheckpoints = db.prepare(
    `DELETE FROM checkpoint
     WHERE height NOT IN (SELECT height FROM checkpoint ORDER BY height DESC LIMIT ${CHECKPOINTS_KEPT})`,
  );
  return ({ height, block, certificate, transactions, checkpoint, ...committed }) => {
    insertBlock.run({
      height,
      blockId: hexToBytes(committed.blockId),
      time: committed.time,
      proposer: cards.number(committed.proposer),
      round: committed.round,
      stateRoot: hexToBytes(committed.stateRoot),
      header: withoutTransactions(block, transactions),
      certificate,
    });
    for (const [position, { id, type, author, bytes }] of transactions.entries()) {
      insertTransaction.run({
        number: transactionNumber(height, position),
        id: hexToBytes(id),
        type,
        author: author === null ? null : cards.number(author),
        bytes,
      });
    }
    if (checkpoint === null) return;
    insertCheckpoint.run(height, checkpoint);
    pruneCheckpoints.run();
  };
}

/** What is left of the block's bytes when its transactions are stored elsewhere. */
function withoutTransactions(
  encoded: Uint8Array,
  transactions: CommittedBlock["transactions"],
): Uint8Array {
  const block = decodeBlock(encoded);
  assert(block.ok, "only a block that was agreed on is committed");
  const isSame =
    block.value.transactions.length === transactions.length &&
    transactions.every(({ bytes }, i) => sameBytes(bytes, block.value.transactions[i] ?? EMPTY));
  assert(isSame, "the transactions are those of the block, in its order");
  return encodeBlock({ header: block.value.header, transactions: [] });
}

function decoded(header: Uint8Array, height: number): Block {
  const block = decodeBlock(header);
  if (block.ok) return block.value;
  throw new StoreError(
    "corrupt",
    `Block ${height} is not as it was written (${bytesToHex(header.subarray(0, 8))}...). Move the data directory away and start again: the ledger is fetched from the neighbours.`,
  );
}
