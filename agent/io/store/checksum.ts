// A checksum for rows that nothing else proves: what only this home knows. It finds what a failing card
// changed; against people it is no protection, for anyone can work it out.

import { crc32 } from "node:zlib";
import type Database from "better-sqlite3";

/**
 * Makes `row_checksum(column, ...)` known to the connection: CRC-32 of the values with their types and
 * lengths, so that every single flipped bit and every change within four bytes shows.
 */
export function defineChecksum(db: Database.Database): void {
  db.function("row_checksum", { deterministic: true, varargs: true }, (...values: unknown[]) =>
    BigInt(values.reduce<number>(add, 0)),
  );
}

function add(sum: number, value: unknown): number {
  if (value instanceof Uint8Array) return crc32(value, crc32(`blob ${value.length}:`, sum));
  // A number on its way into the file is a JavaScript number, one read from it a bigint.
  const type = value === null ? "null" : typeof value === "string" ? "text" : "number";
  const text = String(value);
  return crc32(`${type} ${text.length}:${text}`, sum);
}
