// The restart that this home was given. With it, in one transaction, what the card signed above its height is
// forgotten: from then on nothing is signed for the chain before, so that no line of it is needed any more,
// and the lines that follow are all of the restart's chain, each once, as always.

import type Database from "better-sqlite3";
import { plainBytes } from "./plainBytes.ts";
import { decodeDurable } from "./records.ts";

export type RestartTable = {
  readonly given: () => Uint8Array | null;
  /** Inside the caller's transaction. `height`: of the block that the restart goes on from. */
  readonly save: (bytes: Uint8Array, height: number) => void;
};

export function restartTable(db: Database.Database): RestartTable {
  const select = db.prepare<[], Uint8Array>("SELECT bytes FROM given_restart").pluck();
  const upsert = db.prepare(
    `INSERT INTO given_restart (row, bytes, checksum)
     VALUES (1, @bytes, row_checksum(1, @bytes))
     ON CONFLICT DO UPDATE SET bytes = excluded.bytes, checksum = excluded.checksum`,
  );
  const forgetSigned = db.prepare("DELETE FROM sign_log WHERE height > ?");
  const selectDurable = db.prepare<[], Uint8Array>("SELECT durable FROM consensus_state").pluck();
  const forgetDurable = db.prepare("DELETE FROM consensus_state");
  return {
    given: () => {
      const bytes = select.get();
      return bytes === undefined ? null : plainBytes(bytes);
    },
    save: (bytes, height) => {
      upsert.run({ bytes });
      forgetSigned.run(height);
      const durable = selectDurable.get();
      if (durable === undefined) return;
      if (decodeDurable(plainBytes(durable)).height > height) forgetDurable.run();
    },
  };
}
