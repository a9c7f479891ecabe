// A restart as a file: JSON that people can open, made by the CA and given to each home. What stands in it for
// reading must be what the transaction says, so that nobody agrees to something else than is read.

import { bytesToHex } from "../core/codec/hex.ts";
import { encodeTransaction, type Transaction } from "../core/ledger/transaction.ts";
import { accepted, type Result, refused } from "../core/result.ts";
import type { CommunityId } from "../core/units/ids.ts";
import { parseSignedFile, transactionIn } from "./signedFile.ts";

const FORMAT = "pvtrading restart 1";

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
  const json = parseSignedFile(text);
  if (!json.ok) return none(json.problem);
  const read = transactionIn(json.value, { format: FORMAT, community });
  if (!read.ok) return none(read.problem);
  const { transaction, encoded } = read.value;
  if (transaction.payload.type !== "restart") return none("the transaction is no restart");
  const isAsRead = writeRestartFile(community, transaction) === text;
  return isAsRead ? accepted(encoded) : none("it was altered, or not written by this program");
}

function none(problem: string): { readonly ok: false; readonly refusal: RestartFileRefusal } {
  return refused({ code: "noRestartFile", problem });
}
