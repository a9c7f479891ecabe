// The ledger's tables as they should be: the blocks, applied from genesis, are committed into an empty
// database by the code that the agent uses. It lives in a temporary file of SQLite's own, so that memory
// stays small however long the ledger is.

import Database from "better-sqlite3";
import type { CheckedBlock } from "../../../core/audit/checkBlock.ts";
import type { CheckedSnapshot } from "../../../core/audit/checkSnapshot.ts";
import { encodeBlock } from "../../../core/ledger/block.ts";
import { snapshotContents } from "../../../core/ledger/snapshotContents.ts";
import type { LedgerState } from "../../../core/ledger/state.ts";
import { decodeTransaction } from "../../../core/ledger/transaction.ts";
import { mustBeAccepted } from "../../../core/result.ts";
import type { CommittedBlock, Log } from "../../../ports.ts";
import { defineChecksum } from "../checksum.ts";
import { MIGRATIONS } from "../schema.ts";
import { storeOn } from "../store.ts";

export type ExpectedLedger = {
  readonly db: Database.Database;
  readonly add: (block: CheckedBlock, certificate: Uint8Array) => void;
  /** Instead of block 1, where the ledger begins with a snapshot. */
  readonly begin: (snapshot: CheckedSnapshot, state: LedgerState) => void;
  readonly close: () => void;
};

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

export function expectedLedger(): ExpectedLedger {
  const db = new Database("");
  db.defaultSafeIntegers(true);
  defineChecksum(db);
  db.pragma("journal_mode = MEMORY");
  db.pragma("synchronous = OFF");
  db.pragma("foreign_keys = ON");
  for (const migration of MIGRATIONS) db.exec(migration);
  const store = storeOn(db, SILENT);
  const add = (checked: CheckedBlock, certificate: Uint8Array): void => {
    store.commit({ ...rowsOf(checked, certificate), events: checked.events });
  };
  const begin = (snapshot: CheckedSnapshot, state: LedgerState): void => {
    const { events, named } = snapshotContents(state);
    store.install({ ...rowsOf(snapshot, snapshot.proof.certificate), events }, named);
  };
  return { db, add, begin, close: () => void db.close() };
}

type Parts = Pick<CheckedBlock, "block" | "blockId" | "certificate">;

function rowsOf(
  { block, blockId, certificate: { round } }: Parts,
  certificate: Uint8Array,
): Omit<CommittedBlock, "events"> {
  const { height, time, proposer, stateRoot, community } = block.header;
  return {
    ...{ height, blockId, time, proposer, round, stateRoot, certificate, checkpoint: null },
    block: encodeBlock(block),
    transactions: block.transactions.map((bytes) => {
      const decoded = decodeTransaction(community, bytes);
      const { id, payload, author } = mustBeAccepted(decoded, "a checked block decodes");
      return { id, type: payload.type, author, bytes };
    }),
  };
}
