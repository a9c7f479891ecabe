// The ledger's tables as they should be: the blocks, applied from genesis, are committed into an empty
// database by the code that the agent uses. It lives in a temporary file of SQLite's own, so that memory
// stays small however long the ledger is.

import Database from "better-sqlite3";
import type { CheckedBlock } from "../../../core/audit/checkBlock.ts";
import { encodeBlock } from "../../../core/ledger/block.ts";
import type { Log } from "../../../ports.ts";
import { defineChecksum } from "../checksum.ts";
import { MIGRATIONS } from "../schema.ts";
import { storeOn } from "../store.ts";

export type ExpectedLedger = {
  readonly db: Database.Database;
  readonly add: (block: CheckedBlock, certificate: Uint8Array) => void;
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
    const { block, blockId, transactions, events } = checked;
    const { header } = block;
    store.commit({
      height: header.height,
      blockId,
      time: header.time,
      proposer: header.proposer,
      round: checked.certificate.round,
      block: encodeBlock(block),
      certificate,
      transactions: transactions.map(({ id, payload, author }, i) => ({
        id,
        type: payload.type,
        author,
        bytes: block.transactions[i] as Uint8Array,
      })),
      events,
      stateRoot: header.stateRoot,
      checkpoint: null,
    });
  };
  return { db, add, close: () => void db.close() };
}
