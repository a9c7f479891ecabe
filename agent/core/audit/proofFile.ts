// A proof of inclusion as a file: JSON that people can open, with one form only. What stands in it for
// reading is worked out again when the proof is checked, and every byte must be as `writeProof` has it.

import { bytesToHex, hexToBytes } from "../codec/hex.ts";
import { TRANSACTIONS_PER_BLOCK_MAX } from "../ledger/block.ts";
import { accepted, type Result, refused } from "../result.ts";
import { firstDifference } from "./bytes.ts";
import {
  checkInclusion,
  type Included,
  type InclusionContext,
  type InclusionProof,
  type InclusionRefusal,
} from "./inclusion.ts";

const FORMAT = "pvtrading proof of inclusion 1";
/** A block header with the most system steps has 130 kB, which are 260 k digits. */
const PROOF_LENGTH_MAX = 500_000;
const HEX = /^(?:[0-9a-f]{2})+$/;
const BYTES = ["transaction", "header", "certificate", "rules"] as const;

/** All but `notAProof` say that the file was altered, or made so. */
export type ProofFileRefusal =
  | InclusionRefusal
  /** Not such a file at all: the reader looks for the right one. */
  | { readonly code: "notAProof"; readonly problem: string }
  /** Right as far as it proves something, but not written like this: from byte `offset` on. */
  | { readonly code: "notAsWritten"; readonly offset: number };

/** The file's text. `included` is what checkInclusion says of the proof. */
export function writeProof(proof: InclusionProof, included: Included): string {
  const { community, transaction, header, blockId } = included;
  const file = {
    format: FORMAT,
    community,
    transactionId: transaction.id,
    author: transaction.author,
    height: header.height,
    blockId,
    blockTimeUnixMs: header.time,
    position: proof.position,
    transactions: proof.transactions,
    path: proof.path.map(bytesToHex),
    transaction: bytesToHex(proof.transaction),
    card: proof.card === null ? null : bytesToHex(proof.card),
    header: bytesToHex(proof.header),
    certificate: bytesToHex(proof.certificate),
    rules: bytesToHex(proof.rules),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** Accepts iff the proof is right and the file is to the byte what `writeProof` makes of it. */
export function readProof(
  text: string,
  context: InclusionContext,
): Result<Included, ProofFileRefusal> {
  const proof = parse(text);
  if (!proof.ok) return proof;
  const included = checkInclusion(proof.value, context);
  if (!included.ok) return included;
  const written = new TextEncoder().encode(writeProof(proof.value, included.value));
  const found = new TextEncoder().encode(text);
  const offset = firstDifference(written, found);
  if (offset < Math.max(written.length, found.length)) {
    return refused({ code: "notAsWritten", offset });
  }
  return included;
}

function parse(text: string): Result<InclusionProof, ProofFileRefusal> {
  if (text.length > PROOF_LENGTH_MAX) return notAProof(`longer than ${PROOF_LENGTH_MAX}`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // What JSON.parse says differs between versions; that it is no JSON is all there is to say.
    return notAProof("not JSON");
  }
  if (typeof json !== "object" || json === null) return notAProof("not a JSON object");
  const file = json as { readonly [field: string]: unknown };
  const { format, position, transactions, path, card } = file;
  if (format !== FORMAT) return notAProof(`its format is not "${FORMAT}"`);
  const isWrong = BYTES.find((field) => !isHexBytes(file[field]));
  if (isWrong !== undefined) return notAProof(`${isWrong} is not hex`);
  if (!isCount(position) || !isCount(transactions)) return notAProof("position is no number");
  if (!Array.isArray(path) || !path.every(isHexBytes)) return notAProof("path is not hex");
  if (card !== null && !isHexBytes(card)) return notAProof("card is not hex");
  const bytes = (field: (typeof BYTES)[number]) => hexToBytes(file[field] as string);
  return accepted({
    ...{ rules: bytes("rules"), header: bytes("header"), certificate: bytes("certificate") },
    ...{ transaction: bytes("transaction"), card: card === null ? null : hexToBytes(card) },
    ...{ position, transactions, path: path.map(hexToBytes) },
  });
}

function isHexBytes(value: unknown): value is string {
  return typeof value === "string" && HEX.test(value);
}

function isCount(value: unknown): value is number {
  return (
    Number.isInteger(value) && Number(value) >= 0 && Number(value) <= TRANSACTIONS_PER_BLOCK_MAX
  );
}

function notAProof(problem: string): { readonly ok: false; readonly refusal: ProofFileRefusal } {
  return refused({ code: "notAProof", problem });
}
