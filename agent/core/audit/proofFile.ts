// A proof of inclusion as a file: JSON that people can open, with one form only. What stands in it for
// reading is worked out again when the proof is checked, and every byte must be as `writeProof` has it.

import { bytesToHex, hexToBytes } from "../codec/hex.ts";
import { TRANSACTIONS_PER_BLOCK_MAX } from "../ledger/block.ts";
import { VALIDATORS_MAX } from "../ledger/rules.ts";
import { accepted, type Result, refused } from "../result.ts";
import { firstDifference } from "./bytes.ts";
import {
  checkInclusion,
  type Included,
  type InclusionContext,
  type InclusionProof,
  type InclusionRefusal,
} from "./inclusion.ts";
import type { Placement } from "./placement.ts";
import { trustFromJson, trustJson } from "./trustChain.ts";

const FORMAT = "pvtrading proof of inclusion 1";
/**
 * The offer and 13 receipts (2f+1 of 21 validators), each with a header of at most 130 kB, which are 260 k digits,
 * a certificate of 16 k digits and a transaction of 8 k: 14 x 284 k, and the rules; a change of who votes has 8 k.
 * With four validators it is 9 k.
 */
const PROOF_LENGTH_MAX = 4_200_000;
const HEX = /^(?:[0-9a-f]{2})+$/;
const PLACED = ["transaction", "header", "certificate"] as const;

/** All but `notAProof` say that the file was altered, or made so. */
export type ProofFileRefusal =
  | InclusionRefusal
  /** Not such a file at all: the reader looks for the right one. */
  | { readonly code: "notAProof"; readonly problem: string }
  /** Right as far as it proves something, but not written like this: from byte `offset` on. */
  | { readonly code: "notAsWritten"; readonly offset: number };

/** The file's text. `included` is what checkInclusion says of the proof. */
export function writeProof(proof: InclusionProof, included: Included): string {
  const { community, transaction, header, blockId, stamp } = included;
  const file = {
    format: FORMAT,
    community,
    transactionId: transaction.id,
    author: transaction.author,
    height: header.height,
    blockId,
    blockTimeUnixMs: header.time,
    stampUnixMs: stamp === null ? null : stamp.time,
    ...placementText(proof),
    card: proof.card === null ? null : bytesToHex(proof.card),
    trust: trustJson(proof.trust),
    rules: bytesToHex(proof.rules),
    receipts: proof.receipts.map((receipt, i) => ({
      validator: stamp?.heard[i]?.validator,
      heardUnixMs: stamp?.heard[i]?.at,
      height: stamp?.heard[i]?.height,
      ...placementText(receipt),
    })),
  };
  return `${JSON.stringify(file, null, 2)}\n`;
}

function placementText(placement: Placement): Record<string, unknown> {
  return {
    position: placement.position,
    transactions: placement.transactions,
    path: placement.path.map(bytesToHex),
    transaction: bytesToHex(placement.transaction),
    header: bytesToHex(placement.header),
    certificate: bytesToHex(placement.certificate),
  };
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
  if (!isObject(json)) return notAProof("not a JSON object");
  const { format, card, rules, receipts, trust: steps } = json;
  if (format !== FORMAT) return notAProof(`its format is not "${FORMAT}"`);
  if (!isHexBytes(rules)) return notAProof("rules is not hex");
  if (card !== null && !isHexBytes(card)) return notAProof("card is not hex");
  if (!Array.isArray(receipts) || receipts.length > VALIDATORS_MAX) {
    return notAProof("receipts is no list of receipts");
  }
  const trust = trustFromJson(steps);
  if (trust === null) return notAProof("trust is no list of steps");
  const placement = parsePlacement(json);
  if (!placement.ok) return placement;
  const parsed: Placement[] = [];
  for (const one of receipts) {
    const receipt = isObject(one) ? parsePlacement(one) : notAProof("a receipt is no object");
    if (!receipt.ok) return receipt;
    parsed.push(receipt.value);
  }
  return accepted({
    ...{ ...placement.value, rules: hexToBytes(rules), receipts: parsed, trust },
    card: card === null ? null : hexToBytes(card),
  });
}

type Fields = { readonly [field: string]: unknown };

function parsePlacement(file: Fields): Result<Placement, ProofFileRefusal> {
  const { position, transactions, path } = file;
  const isWrong = PLACED.find((field) => !isHexBytes(file[field]));
  if (isWrong !== undefined) return notAProof(`${isWrong} is not hex`);
  if (!isCount(position) || !isCount(transactions)) return notAProof("position is no number");
  if (!Array.isArray(path) || !path.every(isHexBytes)) return notAProof("path is not hex");
  const bytes = (field: (typeof PLACED)[number]) => hexToBytes(file[field] as string);
  return accepted({
    ...{ header: bytes("header"), certificate: bytes("certificate") },
    ...{ transaction: bytes("transaction"), position, transactions, path: path.map(hexToBytes) },
  });
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
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
