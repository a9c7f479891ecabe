// A restart as a file: JSON that people can open, made by the CA and given to each home. What stands in it for
// reading must be what the transaction says, so that nobody agrees to something else than is read.

import { bytesToHex, hexToBytes } from "../core/codec/hex.ts";
import {
  decodeTransaction,
  encodeTransaction,
  type Transaction,
} from "../core/ledger/transaction.ts";
import { accepted, type Result, refused } from "../core/result.ts";
import type { CommunityId } from "../core/units/ids.ts";

const FORMAT = "pvtrading restart 1";
/** A transaction has 4096 bytes at most, and the set stands there once more for people. */
const FILE_LENGTH_MAX = 32_768;
const HEX = /^(?:[0-9a-f]{2})+$/;

/** The operator must get the right file. */
export type RestartFileRefusal = { readonly code: "noRestartFile"; readonly problem: string };

/** `transaction`: a restart. */
export function writeRestartFile(community: CommunityId, transaction: Transaction): string {
  const { payload } = transaction;
  const { sequence, height, blockId, validators } =
    payload.type === "restart" ? payload : { ...NOTHING, validators: [] };
  const file = {
    format: FORMAT,
    community,
    restartId: transaction.id,
    sequence,
    height,
    blockId,
    validators: validators.map(({ memberId, publicKey }) => {
      return { memberId, publicKey: bytesToHex(publicKey) };
    }),
    transaction: bytesToHex(encodeTransaction(community, transaction)),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

const NOTHING = { sequence: 0, height: 0, blockId: "" };

/** The transaction's bytes. Says nothing yet about its signature, or whether it fits. */
export function readRestartFile(
  text: string,
  community: CommunityId,
): Result<Uint8Array, RestartFileRefusal> {
  if (text.length > FILE_LENGTH_MAX) return none(`longer than ${FILE_LENGTH_MAX}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // What JSON.parse says differs between versions; that it is no JSON is all there is to say.
    return none("not JSON");
  }
  const { format, transaction } = (json ?? {}) as { readonly [field: string]: unknown };
  if (format !== FORMAT) return none(`its format is not "${FORMAT}"`);
  if (typeof transaction !== "string" || !HEX.test(transaction)) return none("no transaction");
  const bytes = hexToBytes(transaction);
  const decoded = decodeTransaction(community, bytes);
  if (!decoded.ok) return none(`the transaction: ${decoded.refusal.code}`);
  if (decoded.value.payload.type !== "restart") return none("the transaction is no restart");
  const isAsRead = writeRestartFile(community, decoded.value) === text;
  return isAsRead ? accepted(bytes) : none("it was altered, or not written by this program");
}

function none(problem: string): { readonly ok: false; readonly refusal: RestartFileRefusal } {
  return refused({ code: "noRestartFile", problem });
}
