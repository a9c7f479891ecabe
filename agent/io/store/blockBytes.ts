// Blocks and certificates as the disk holds them: small, and the same bytes when they are read again.
//
//   block        form 0: deflated whole
//                form 1: how many transactions (2 bytes), their signatures, then deflated the block without
//                        them and with an empty transactionsRoot, which follows from the transactions
//   certificate  form 0: deflated whole
//                form 1: round (4 bytes), how many signers (2 bytes), their signatures, then deflated their
//                        ids; block id and height are the block's
//
// Signatures are noise, which deflate would lengthen. Whatever form 1 would not give back to the byte has form 0.
// Each ends with the CRC-32 of all before it: a flipped bit is always found, even one that changes nothing, as
// in deflate's padding. Deflate (RFC 1951) gets a dictionary of what every block says again: the rules, with the
// validators' ids, and words.

import { constants, crc32, deflateRawSync, inflateRawSync } from "node:zlib";
import { sameBytes } from "../../core/codec/bytes.ts";
import { bytesToHex, hexToBytes } from "../../core/codec/hex.ts";
import type { Malformed } from "../../core/codec/shape.ts";
import {
  type Certificate,
  decodeCertificate,
  encodeCertificate,
  ROUND_MAX,
} from "../../core/consensus/message.ts";
import { SIGNATURE_BYTES, sha256 } from "../../core/crypto.ts";
import { blockId, decodeBlock, encodeBlock } from "../../core/ledger/block.ts";
import {
  BLOCK_BYTES_MAX,
  decodeRules,
  TRANSACTION_BYTES_MAX,
  VALIDATORS_MAX,
} from "../../core/ledger/rules.ts";
import { validatorsHash } from "../../core/ledger/validators.ts";
import { merkleRoot } from "../../core/merkle.ts";
import { accepted, type Result, refused } from "../../core/result.ts";
import { isMemberId, type MemberId } from "../../core/units/ids.ts";
import { plainBytes } from "./plainBytes.ts";

const CHECK_BYTES = 4;
const WHOLE = 0;
const SPLIT = 1;
const NOTHING = new Uint8Array();
const NO_ROOT = "00".repeat(32);
/** Deflate looks no further back. */
const DICTIONARY_BYTES_MAX = 32_768;
const SIGNERS_BYTES_MAX = 65_536;
/** The likeliest last, where distances are short. */
const WORDS =
  "registerMember registerPv receipt voidListing finishListing closeBidding createListing acceptOfferBroadcast";

/** The two belong together: a certificate is unpacked beside its block. */
export type BlockPacking = {
  readonly pack: (block: Uint8Array) => Uint8Array;
  /** Refuses bytes that `pack` did not write, and those that changed since. */
  readonly unpack: (packed: Uint8Array) => Result<Uint8Array, Malformed>;
  readonly packCertificate: (certificate: Uint8Array, block: Uint8Array) => Uint8Array;
  readonly unpackCertificate: (
    packed: Uint8Array,
    block: Uint8Array,
  ) => Result<Uint8Array, Malformed>;
};

/** `rules`: the community's in their canonical bytes; what was packed with others is not read again. */
export function blockPacking(rules: Uint8Array): BlockPacking {
  const dictionary = dictionaryOf(rules);
  const names = namesOf(rules);
  return {
    pack: (block) => checked(packBlock(block, dictionary)),
    unpack: (packed) => opened(packed, (body) => unpackBlock(body, dictionary)),
    packCertificate: (certificate, block) =>
      checked(packCertificate(certificate, { block, names })),
    unpackCertificate: (packed, block) =>
      opened(packed, (body) => unpackCertificate(body, { block, names })),
  };
}

/** Whether the packed bytes still have their check value: no bit of them has flipped. */
export function hasItsCheck(packed: Uint8Array): boolean {
  const at = packed.length - CHECK_BYTES;
  if (at < 1) return false;
  return (
    new DataView(packed.buffer, packed.byteOffset + at).getUint32(0) ===
    crc32(packed.subarray(0, at))
  );
}

function dictionaryOf(rules: Uint8Array): Uint8Array {
  const read = decodeRules(rules);
  const validators = read.ok ? hexToBytes(validatorsHash(read.value.validators)) : NOTHING;
  const parts = [rules, merkleRoot([]), text(WORDS), validators, sha256(rules)];
  return joinBytes(parts).slice(-DICTIONARY_BYTES_MAX);
}

function namesOf(rules: Uint8Array): Uint8Array {
  const read = decodeRules(rules);
  if (!read.ok) return NOTHING;
  const ids = read.value.validators.map(({ memberId }) => memberId);
  return text(joined(ids)).slice(-DICTIONARY_BYTES_MAX);
}

// ---------------------------------------------------------------------------------------- blocks

function packBlock(encoded: Uint8Array, dictionary: Uint8Array): Uint8Array {
  const split = splitBlock(encoded, dictionary);
  const back = split === null ? null : unpackBlock(split, dictionary);
  if (split !== null && back !== null && sameBytes(back, encoded)) return split;
  return joinBytes([[WHOLE], deflated(encoded, dictionary)]);
}

function splitBlock(encoded: Uint8Array, dictionary: Uint8Array): Uint8Array | null {
  const decoded = decodeBlock(encoded);
  if (!decoded.ok) return null;
  const { header, transactions } = decoded.value;
  // A transaction's signature is its last field.
  if (transactions.some(({ length }) => length <= SIGNATURE_BYTES)) return null;
  const rest = encodeBlock({
    header: { ...header, transactionsRoot: NO_ROOT },
    transactions: transactions.map((bytes) => bytes.subarray(0, -SIGNATURE_BYTES)),
  });
  return joinBytes([
    [SPLIT, transactions.length >> 8, transactions.length & 0xff],
    ...transactions.map((bytes) => bytes.subarray(-SIGNATURE_BYTES)),
    deflated(rest, dictionary),
  ]);
}

/** null: `packBlock` did not write this. */
function unpackBlock(body: Uint8Array, dictionary: Uint8Array): Uint8Array | null {
  const limits = { dictionary, bytesMax: BLOCK_BYTES_MAX };
  if (body[0] === WHOLE) return inflated(body.subarray(1), limits);
  if (body[0] !== SPLIT) return null;
  const parts = splitSignatures(body.subarray(1));
  const rest = parts === null ? null : inflated(parts.rest, limits);
  const decoded = rest === null ? null : decodeBlock(rest);
  if (parts === null || decoded?.ok !== true) return null;
  const { header, transactions } = decoded.value;
  if (transactions.length !== parts.signatures.length) return null;
  const whole = transactions.map((bytes, i) => joinBytes([bytes, parts.signatures[i] ?? NOTHING]));
  if (whole.some(({ length }) => length > TRANSACTION_BYTES_MAX)) return null;
  const transactionsRoot = bytesToHex(merkleRoot(whole));
  return encodeBlock({ header: { ...header, transactionsRoot }, transactions: whole });
}

// ----------------------------------------------------------------------------------- certificates

type Beside = { readonly block: Uint8Array; readonly names: Uint8Array };

function packCertificate(encoded: Uint8Array, beside: Beside): Uint8Array {
  const split = splitCertificate(encoded, beside);
  const back = split === null ? null : unpackCertificate(split, beside);
  if (split !== null && back !== null && sameBytes(back, encoded)) return split;
  return joinBytes([[WHOLE], deflated(encoded, beside.names)]);
}

function splitCertificate(encoded: Uint8Array, { names }: Beside): Uint8Array | null {
  const decoded = decodeCertificate(encoded);
  if (!decoded.ok) return null;
  const { round, signatures } = decoded.value;
  const head = new Uint8Array(7);
  const view = new DataView(head.buffer);
  view.setUint8(0, SPLIT);
  view.setUint32(1, round);
  view.setUint16(5, signatures.length);
  const ids = signatures.map(({ validator }) => validator);
  return joinBytes([
    head,
    ...signatures.map(({ signature }) => signature),
    deflated(text(joined(ids)), names),
  ]);
}

function unpackCertificate(body: Uint8Array, { block, names }: Beside): Uint8Array | null {
  if (body[0] === WHOLE) {
    return inflated(body.subarray(1), { dictionary: names, bytesMax: BLOCK_BYTES_MAX });
  }
  if (body[0] !== SPLIT || body.length < 7) return null;
  const round = new DataView(body.buffer, body.byteOffset).getUint32(1);
  const parts = splitSignatures(body.subarray(5));
  const limits = { dictionary: names, bytesMax: SIGNERS_BYTES_MAX };
  const ids = parts === null ? null : inflated(parts.rest, limits);
  const decoded = decodeBlock(block);
  if (parts === null || ids === null || !decoded.ok) return null;
  const validators = new TextDecoder().decode(ids).split(" ").filter(isMemberId);
  const { length } = parts.signatures;
  if (validators.length !== length || length > VALIDATORS_MAX || round > ROUND_MAX) return null;
  const { header } = decoded.value;
  const certificate: Certificate = {
    height: header.height,
    round,
    blockId: blockId(header),
    signatures: validators.map((validator, i) => ({
      validator,
      signature: parts.signatures[i] ?? NOTHING,
    })),
  };
  return encodeCertificate(certificate);
}

// ---------------------------------------------------------------------------------------- both

type Split = { readonly signatures: readonly Uint8Array[]; readonly rest: Uint8Array };

/** How many (2 bytes), the signatures, and what follows them. */
function splitSignatures(body: Uint8Array): Split | null {
  const [high = 0, low = 0] = body;
  const count = 256 * high + low;
  const end = 2 + count * SIGNATURE_BYTES;
  if (body.length < end) return null;
  const signatures = Array.from({ length: count }, (_, i) =>
    body.subarray(2 + i * SIGNATURE_BYTES, 2 + (i + 1) * SIGNATURE_BYTES),
  );
  return { signatures, rest: body.subarray(end) };
}

function checked(body: Uint8Array): Uint8Array {
  const check = new Uint8Array(CHECK_BYTES);
  new DataView(check.buffer).setUint32(0, crc32(body));
  return joinBytes([body, check]);
}

function opened(
  packed: Uint8Array,
  open: (body: Uint8Array) => Uint8Array | null,
): Result<Uint8Array, Malformed> {
  if (!hasItsCheck(packed)) return malformed("its check value does not fit: it was changed");
  const found = open(packed.subarray(0, -CHECK_BYTES));
  return found === null ? malformed("it cannot be unpacked") : accepted(found);
}

function malformed(problem: string): { readonly ok: false; readonly refusal: Malformed } {
  return refused({ code: "malformed", problem, offset: 0 });
}

function deflated(bytes: Uint8Array, dictionary: Uint8Array): Uint8Array {
  return deflateRawSync(bytes, {
    level: constants.Z_BEST_COMPRESSION,
    memLevel: 9,
    ...given(dictionary),
  });
}

type Limits = { readonly dictionary: Uint8Array; readonly bytesMax: number };

/** null: no deflated bytes, or more than they may be. */
function inflated(bytes: Uint8Array, { dictionary, bytesMax }: Limits): Uint8Array | null {
  try {
    return plainBytes(inflateRawSync(bytes, { maxOutputLength: bytesMax, ...given(dictionary) }));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : null;
    if (typeof code === "string" && /^(Z_|ERR_BUFFER_TOO_LARGE)/.test(code)) return null;
    throw error;
  }
}

/** zlib takes no empty dictionary. */
function given(dictionary: Uint8Array): { readonly dictionary?: Uint8Array } {
  return dictionary.length === 0 ? {} : { dictionary };
}

type Bytes = Uint8Array | readonly number[];

function joinBytes(parts: readonly Bytes[]): Uint8Array {
  return plainBytes(Buffer.concat(parts.map((part) => Uint8Array.from(part))));
}

function joined(ids: readonly MemberId[]): string {
  return ids.join(" ");
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
