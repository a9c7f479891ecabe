// What only this home knows: its transactions that are not on the ledger yet, and its meters' counters.

import type Database from "better-sqlite3";
import { bytesToHex, hexToBytes } from "../../core/codec/hex.ts";
import type { Wh } from "../../core/units/energy.ts";
import type { TransactionId } from "../../core/units/ids.ts";
import type { UnixMs } from "../../core/units/time.ts";
import type { OwnTransaction, RegisterSample } from "../../ports.ts";
import { plainBytes } from "./plainBytes.ts";

/** Longer than a year, so that a forecast can look at last year's season. */
export const SAMPLES_DAYS_MAX = 400;
const DAY_MS = 86_400_000;

export type OwnTransactionTable = {
  /** In the order in which they were first saved. */
  readonly all: () => OwnTransaction[];
  /** Once for each id; a second time changes nothing. */
  readonly save: (transaction: OwnTransaction) => void;
  readonly drop: (ids: readonly TransactionId[]) => void;
};

export type SampleTable = {
  /** From `from` to `to`, both included, by time: an hour has both its edges. */
  readonly between: (from: UnixMs, to: UnixMs) => RegisterSample[];
  /** A later sample of the same minute adds what the earlier one did not know. */
  readonly save: (samples: readonly RegisterSample[]) => void;
};

export function ownTransactionTable(db: Database.Database): OwnTransactionTable {
  const select = db.prepare<[], { id: Uint8Array; bytes: Uint8Array }>(
    "SELECT id, bytes FROM own_transaction ORDER BY own_no",
  );
  const insert = db.prepare(
    `INSERT INTO own_transaction (own_no, id, bytes, checksum)
     SELECT next, @id, @bytes, row_checksum(next, @id, @bytes)
     FROM (SELECT ifnull(max(own_no), 0) + 1 AS next FROM own_transaction) WHERE true
     ON CONFLICT DO NOTHING`,
  );
  const remove = db.prepare("DELETE FROM own_transaction WHERE id = ?");
  return {
    all: () =>
      select.all().map(({ id, bytes }) => ({
        id: bytesToHex(id) as TransactionId,
        bytes: plainBytes(bytes),
      })),
    save: ({ id, bytes }) => void insert.run({ id: hexToBytes(id), bytes }),
    drop: (ids) => {
      for (const id of ids) remove.run(hexToBytes(id));
    },
  };
}

type SampleRow = {
  readonly at_ms: bigint;
  readonly produced_wh: bigint | null;
  readonly imported_wh: bigint | null;
  readonly exported_wh: bigint | null;
};

export function sampleTable(db: Database.Database): SampleTable {
  const select = db.prepare<[number, number], SampleRow>(
    "SELECT * FROM register_sample WHERE at_ms BETWEEN ? AND ? ORDER BY at_ms",
  );
  const upsert = db.prepare(
    `INSERT INTO register_sample (at_ms, produced_wh, imported_wh, exported_wh, checksum)
     VALUES (@at, @produced, @imported, @exported, row_checksum(@at, @produced, @imported, @exported))
     ON CONFLICT DO UPDATE SET produced_wh = ifnull(excluded.produced_wh, produced_wh),
       imported_wh = ifnull(excluded.imported_wh, imported_wh),
       exported_wh = ifnull(excluded.exported_wh, exported_wh),
       checksum = row_checksum(at_ms, ifnull(excluded.produced_wh, produced_wh),
         ifnull(excluded.imported_wh, imported_wh), ifnull(excluded.exported_wh, exported_wh))`,
  );
  const prune = db.prepare(
    `DELETE FROM register_sample
     WHERE at_ms < (SELECT max(at_ms) FROM register_sample) - ${SAMPLES_DAYS_MAX * DAY_MS}`,
  );
  return {
    between: (from, to) => select.all(from, to).map(sample),
    save: (samples) => {
      for (const { at, produced, imported, exported } of samples) {
        upsert.run({ at, produced, imported, exported });
      }
      prune.run();
    },
  };
}

function sample({ at_ms, produced_wh, imported_wh, exported_wh }: SampleRow): RegisterSample {
  const energy = (found: bigint | null): Wh | null =>
    found === null ? null : (Number(found) as Wh);
  return {
    at: Number(at_ms) as UnixMs,
    produced: energy(produced_wh),
    imported: energy(imported_wh),
    exported: energy(exported_wh),
  };
}
