// A block: one header that everyone signs for, and the transactions in their order.

import { bytesToHex } from "../codec/hex.ts";
import {
  array,
  bytes,
  decode,
  encode,
  hash,
  integer,
  type Malformed,
  nullable,
  oneOf,
  type ShapeOf,
  struct,
  text,
} from "../codec/shape.ts";
import { sha256Hex } from "../crypto.ts";
import { merkleRoot } from "../merkle.ts";
import type { Result } from "../result.ts";
import {
  type BlockId,
  type CommunityId,
  isListingId,
  isMemberId,
  LISTING_ID_MAX,
  type ListingId,
  MEMBER_ID_MAX,
  type MemberId,
} from "../units/ids.ts";
import type { UnixMs } from "../units/time.ts";
import { BLOCK_BYTES_MAX, TRANSACTION_BYTES_MAX } from "./rules.ts";

/** Few kinds of transactions are so small that a block's bytes would hold more. */
export const TRANSACTIONS_PER_BLOCK_MAX = 1000;
/** A month of missed hours; older ones are not listed at all. */
export const SYSTEM_STEPS_MAX = 4000;

/** What follows from block time alone, in the order in which it is done. */
const systemStepShape = struct({
  step: oneOf([
    "createListing",
    "acceptOfferBroadcast",
    "closeBidding",
    "voidListing",
    "finishListing",
  ]),
  listingId: text<ListingId>(LISTING_ID_MAX, isListingId),
});

const headerShape = struct({
  version: integer(1, 1),
  community: hash<CommunityId>(),
  height: integer(1, Number.MAX_SAFE_INTEGER),
  time: integer<UnixMs>(1, Number.MAX_SAFE_INTEGER),
  /** null for the first block. */
  previous: nullable(hash<BlockId>()),
  /** Who built it, which need not be who proposes it in a later round. */
  proposer: text<MemberId>(MEMBER_ID_MAX, isMemberId),
  /** Merkle root over the transactions' bytes (RFC 6962). */
  transactionsRoot: hash(),
  systemSteps: array(systemStepShape, SYSTEM_STEPS_MAX),
  /** SHA-256 of the validator set that signs this block, and of the next one's. */
  validatorsHash: hash(),
  nextValidatorsHash: hash(),
  /** The state after this block. */
  stateRoot: hash(),
});

const blockShape = struct({
  header: headerShape,
  transactions: array(bytes(1, TRANSACTION_BYTES_MAX), TRANSACTIONS_PER_BLOCK_MAX),
});

export type SystemStep = ShapeOf<typeof systemStepShape>;
export type Header = ShapeOf<typeof headerShape>;
/** Transactions are kept as bytes: their order and form are what was agreed on. */
export type Block = ShapeOf<typeof blockShape>;

export function blockId(header: Header): BlockId {
  return sha256Hex(encodeHeader(header)) as BlockId;
}

/** The header's canonical bytes, whose SHA-256 is the block's id. */
export function encodeHeader(header: Header): Uint8Array {
  return encode(headerShape, header);
}

/** Reads a header by itself, as a proof of inclusion carries it. */
export function decodeHeader(encoded: Uint8Array): Result<Header, Malformed> {
  return decode(headerShape, encoded, BLOCK_BYTES_MAX);
}

export function encodeBlock(block: Block): Uint8Array {
  return encode(blockShape, block);
}

export function decodeBlock(encoded: Uint8Array): Result<Block, Malformed> {
  return decode(blockShape, encoded, BLOCK_BYTES_MAX);
}

/** Whether these are the transactions that the header names: only then is the id the whole block's. */
export function hasItsTransactions({ header, transactions }: Block): boolean {
  return bytesToHex(merkleRoot(transactions)) === header.transactionsRoot;
}
