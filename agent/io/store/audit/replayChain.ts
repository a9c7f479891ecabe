// Every block of the file from the first, checked and applied one after the other.

import type Database from "better-sqlite3";
import type { RecordedTransaction } from "../../../core/audit/blameTransaction.ts";
import type { BlockFault } from "../../../core/audit/blockFault.ts";
import { firstDifference } from "../../../core/audit/bytes.ts";
import { checkBlock } from "../../../core/audit/checkBlock.ts";
import { bytesToHex } from "../../../core/codec/hex.ts";
import type { Verifier } from "../../../core/crypto.ts";
import type { Rules } from "../../../core/ledger/rules.ts";
import { encodeState, genesis, type LedgerState } from "../../../core/ledger/state.ts";
import type { CommunityId } from "../../../core/units/ids.ts";
import { NUMBERS_PER_BLOCK } from "../schema.ts";
import type { ExpectedLedger } from "./expectedLedger.ts";
import { WrongPlace } from "./finding.ts";
import { type Place, type RawRow, RowReader } from "./rawRow.ts";

export type Replayed = {
  readonly state: LedgerState;
  readonly transactions: number;
  /** Of certificates and transactions. */
  readonly signatures: number;
  /** What votes are for, from which height on; ascending. */
  readonly chains: readonly ChainFrom[];
};

export type ChainFrom = { readonly from: number; readonly chain: CommunityId };

export type Replay = {
  readonly found: Database.Database;
  readonly expected: ExpectedLedger;
  readonly rules: Rules;
  readonly verifier: Verifier;
};

/** Throws WrongPlace at the first block that is not right. What it leads to is added to `expected`. */
export function replayChain({ found, expected, rules, verifier }: Replay): Replayed {
  const blocks = found.prepare<[], RawRow>(
    "SELECT height, block_id, round, header, certificate FROM block NOT INDEXED ORDER BY height",
  );
  const transactionsOf = transactionReader(found);
  const checkpoints = checkpointReader(found);
  let state = genesis(rules);
  let transactions = 0;
  let signatures = 0;
  const chains: ChainFrom[] = [{ from: 1, chain: state.chain }];
  for (const row of blocks.iterate()) {
    const height = checkedHeight(row, state.height + 1);
    const block = new RowReader(row, { table: "block", row: `height ${height}` });
    const recorded = {
      blockId: bytesToHex(block.bytes("block_id")),
      round: block.integer("round"),
      header: block.bytes("header"),
      certificate: block.bytes("certificate"),
      transactions: transactionsOf(height),
    };
    const checked = checkBlock(state, recorded, verifier);
    if (!checked.ok) throw wrongBlock(height, checked.refusal);
    expected.add(checked.value, recorded.certificate);
    state = checked.value.state;
    if (state.chain !== chains.at(-1)?.chain) chains.push({ from: height, chain: state.chain });
    checkpoints.check(state);
    transactions += recorded.transactions.length;
    signatures += recorded.transactions.length + checked.value.certificate.signatures.length;
  }
  checkpoints.end();
  return { state, transactions, signatures, chains };
}

function checkedHeight(row: RawRow, wanted: number): number {
  const { height: found } = row;
  const reader = new RowReader(row, { table: "block", row: `height ${String(found)}` });
  const height = reader.integer("height");
  if (height === wanted) return height;
  throw new WrongPlace({
    ...{ table: "block", row: `height ${wanted}`, column: "height" },
    problem: `the block is missing; the next one's height is ${height}`,
  });
}

function transactionReader(found: Database.Database): (height: number) => RecordedTransaction[] {
  const select = found.prepare<[number, number], RawRow>(
    `SELECT transaction_no, id, bytes FROM ledger_transaction NOT INDEXED
     WHERE transaction_no BETWEEN ? AND ? ORDER BY transaction_no`,
  );
  return (height) => {
    const first = height * NUMBERS_PER_BLOCK;
    return select.all(first, first + NUMBERS_PER_BLOCK - 1).map((row, position) => {
      const place = transactionPlace(height, position);
      const reader = new RowReader(row, place);
      if (reader.integer("transaction_no") !== first + position) {
        reader.wrong("transaction_no", "the row is missing, or stands under another number");
      }
      return { id: bytesToHex(reader.bytes("id")), bytes: reader.bytes("bytes") };
    });
  };
}

function transactionPlace(height: number, position: number): Place {
  const number = height * NUMBERS_PER_BLOCK + position;
  const row = `transaction_no ${number} (height ${height}, place ${position})`;
  return { table: "ledger_transaction", row };
}

function wrongBlock(height: number, fault: BlockFault): WrongPlace {
  const { part, position, offset, problem } = fault;
  if (part !== "transaction") {
    const place = { table: "block", row: `height ${height}`, column: part };
    return new WrongPlace({ ...place, offset, problem });
  }
  const place =
    position === null ? { row: `height ${height}` } : transactionPlace(height, position);
  return new WrongPlace({
    ...{ table: "ledger_transaction", ...place, column: "bytes", offset, problem },
  });
}

type Checkpoints = {
  /** If the file has a checkpoint of this height, it must be this state. */
  readonly check: (state: LedgerState) => void;
  /** After the last block: no checkpoint may be left. */
  readonly end: () => void;
};

function checkpointReader(found: Database.Database): Checkpoints {
  const heights = new Set(
    found.prepare<[], bigint>("SELECT height FROM checkpoint").pluck().all().map(Number),
  );
  const select = found.prepare<[number], RawRow>("SELECT state FROM checkpoint WHERE height = ?");
  const place = (height: number) => ({ table: "checkpoint", row: `height ${height}` });
  return {
    check: (state) => {
      if (!heights.delete(state.height)) return;
      const reader = new RowReader(select.get(state.height) ?? {}, place(state.height));
      const bytes = reader.bytes("state");
      const wanted = encodeState(state);
      const offset = firstDifference(wanted, bytes);
      if (offset === wanted.length && offset === bytes.length) return;
      reader.wrong("state", "it is not the state that the blocks lead to", offset);
    },
    end: () => {
      const [left] = heights;
      if (left === undefined) return;
      throw new WrongPlace({ ...place(left), problem: "there is no block of this height" });
    },
  };
}
