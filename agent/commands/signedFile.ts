// What the files that the CA gives to homes have in common: JSON that says its format, and has a transaction
// in hex. What else stands in it is for people, and its own file compares it with the transaction.

import { hexToBytes } from "../core/codec/hex.ts";
import { decodeTransaction, type Transaction } from "../core/ledger/transaction.ts";
import type { CommunityId } from "../core/units/ids.ts";

/** A transaction has 4096 bytes at most, and what it says stands there once more for people. */
export const FILE_LENGTH_MAX = 32_768;
const HEX = /^(?:[0-9a-f]{2})+$/;

export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

export type SignedTransaction = {
  readonly transaction: Transaction;
  readonly encoded: Uint8Array;
};

/** The JSON of a file that is not too long. */
export function parseSignedFile(text: string): Read<unknown> {
  if (text.length > FILE_LENGTH_MAX) return none(`longer than ${FILE_LENGTH_MAX}`);
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch {
    // What JSON.parse says differs between versions; that it is no JSON is all there is to say.
    return none("not JSON");
  }
}

/** The transaction in it. Says nothing yet about its signature, or whether the rest says the same. */
export function transactionIn(
  json: unknown,
  wanted: { readonly format: string; readonly community: CommunityId },
): Read<SignedTransaction> {
  const { format, transaction } = (json ?? {}) as { readonly [field: string]: unknown };
  if (format !== wanted.format) return none(`its format is not "${wanted.format}"`);
  if (typeof transaction !== "string" || transaction.length > FILE_LENGTH_MAX) {
    return none("no transaction");
  }
  if (!HEX.test(transaction)) return none("no transaction");
  const encoded = hexToBytes(transaction);
  const decoded = decodeTransaction(wanted.community, encoded);
  if (!decoded.ok) return none(`the transaction: ${decoded.refusal.code}`);
  return { ok: true, value: { transaction: decoded.value, encoded } };
}

export function none(problem: string): { readonly ok: false; readonly problem: string } {
  return { ok: false, problem };
}
