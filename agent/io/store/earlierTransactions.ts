// Transactions that a snapshot's state names and whose blocks are not here: offers, bids and readings of hours
// that are not finished. Only their ids are known. They have numbers below 0, so that the registries can refer
// to them as to others.

import type Database from "better-sqlite3";
import { bytesToHex, hexToBytes } from "../../core/codec/hex.ts";
import type { TransactionId } from "../../core/units/ids.ts";

/** Writes those that are not among `here`, inside the caller's transaction; gives the number of each. */
export type EarlierWriter = (
  named: readonly TransactionId[],
  here: ReadonlySet<TransactionId>,
) => ReadonlyMap<TransactionId, number>;

export function earlierWriter(db: Database.Database): EarlierWriter {
  const insert = db.prepare("INSERT INTO earlier_transaction (transaction_no, id) VALUES (?, ?)");
  return (named, here) => {
    const numbers = new Map<TransactionId, number>();
    for (const id of named) if (!here.has(id)) numbers.set(id, -1 - numbers.size);
    for (const [id, number] of numbers) insert.run(number, hexToBytes(id));
    return numbers;
  };
}

/** The id under a number; null: it is none of these. */
export function earlierReader(db: Database.Database): (number: number) => TransactionId | null {
  const select = db
    .prepare<[number], Uint8Array>("SELECT id FROM earlier_transaction WHERE transaction_no = ?")
    .pluck();
  return (number) => {
    const id = number < 0 ? select.get(number) : undefined;
    return id === undefined ? null : (bytesToHex(id) as TransactionId);
  };
}
