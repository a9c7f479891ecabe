// What this home's card signed, and where the agreement stood then: on the disk before anything is sent,
// so that after any crash the same message is sent again and never another one.

import type Database from "better-sqlite3";
import { assert } from "../../core/assert.ts";
import { sameBytes } from "../../core/codec/bytes.ts";
import type { Durable } from "../../core/consensus/input.ts";
import type { SignedRecord } from "../../ports.ts";
import { plainBytes } from "./plainBytes.ts";
import { decodeDurable, decodeMessage, encodeDurable, encodeMessage } from "./records.ts";
import { StoreError } from "./storeError.ts";

/** Kept for forensics (reference: votes of the last 1000 heights). Nothing below is ever signed again. */
export const SIGN_LOG_HEIGHTS_KEPT = 1000;

type Row = {
  readonly height: bigint;
  readonly round: bigint;
  readonly type: SignedRecord["type"];
  readonly sign_bytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly message: Uint8Array;
};

export type SignLog = {
  readonly durable: () => Durable | null;
  /** The messages of one height, by round and then in the order in which a round says them. */
  readonly signed: (height: number) => SignedRecord[];
  /** Inside the caller's transaction. Throws StoreError "doubleSign". */
  readonly save: (durable: Durable, record: SignedRecord, head: number) => void;
  readonly prune: (head: number) => void;
};

export function signLog(db: Database.Database): SignLog {
  const selectDurable = db
    .prepare<[], Uint8Array>("SELECT durable FROM consensus_state WHERE row = 1")
    .pluck();
  const selectHeight = db.prepare<[number], Row>(
    `SELECT * FROM sign_log WHERE height = ?
     ORDER BY round, CASE type WHEN 'proposal' THEN 0 WHEN 'prevote' THEN 1 ELSE 2 END`,
  );
  const prune = db.prepare("DELETE FROM sign_log WHERE height <= ?");
  return {
    durable: () => {
      const row = selectDurable.get();
      return row === undefined ? null : decodeDurable(plainBytes(row));
    },
    signed: (height) => selectHeight.all(height).map(record),
    save: saver(db),
    prune: (head) => void prune.run(head - SIGN_LOG_HEIGHTS_KEPT),
  };
}

function saver(db: Database.Database): SignLog["save"] {
  const select = db
    .prepare<[number, number, string], Uint8Array>(
      "SELECT sign_bytes FROM sign_log WHERE height = ? AND round = ? AND type = ?",
    )
    .pluck();
  const insert = db.prepare(
    `INSERT INTO sign_log (height, round, type, sign_bytes, signature, message)
     VALUES (@height, @round, @type, @signBytes, @signature, @message)`,
  );
  const upsertDurable = db.prepare(
    `INSERT INTO consensus_state (row, durable, checksum)
     VALUES (1, @durable, row_checksum(1, @durable))
     ON CONFLICT DO UPDATE SET durable = excluded.durable, checksum = excluded.checksum`,
  );
  return (durable, record, head) => {
    const { height, round, type, signBytes, message } = record;
    assert(describes(record), "a line of the sign log stands under its message's key");
    assert(durable.height === height, "a message is saved with the state of its own height");
    if (height <= head - SIGN_LOG_HEIGHTS_KEPT)
      throw doubleSign(record, "that height is long past");
    const known = select.get(height, round, type);
    if (known === undefined) insert.run({ ...record, message: encodeMessage(message) });
    else if (!sameBytes(known, signBytes)) throw doubleSign(record, "another is signed");
    upsertDurable.run({ durable: encodeDurable(durable) });
  };
}

function describes({ height, round, type, message }: SignedRecord): boolean {
  const said = message.type === "vote" ? message.vote : "proposal";
  return height === message.height && round === message.round && type === said;
}

function doubleSign({ height, round, type }: SignedRecord, why: string): StoreError {
  return new StoreError(
    "doubleSign",
    `Refused to sign a second ${type} for height ${height}, round ${round}: ${why}. Nothing was written; this agent must not vote at this height.`,
  );
}

function record({ height, round, type, sign_bytes, signature, message }: Row): SignedRecord {
  return {
    height: Number(height),
    round: Number(round),
    type,
    signBytes: plainBytes(sign_bytes),
    signature: plainBytes(signature),
    message: decodeMessage(plainBytes(message)),
  };
}
