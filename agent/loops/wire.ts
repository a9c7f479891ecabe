// What neighbours ask each other when gossip has lost something: pending transactions, votes of the
// height under way, and certified blocks. Each answer also tells the height of who answers.

import {
  array,
  bytes,
  decode,
  encode,
  integer,
  type Malformed,
  type Shape,
  type ShapeOf,
  struct,
} from "../core/codec/shape.ts";
import { CONSENSUS_MESSAGE_BYTES_MAX } from "../core/consensus/message.ts";
import { BLOCK_BYTES_MAX, TRANSACTION_BYTES_MAX } from "../core/ledger/rules.ts";
import type { Result } from "../core/result.ts";

/** Blocks in one answer; the reference asks for no more at a time. */
export const BLOCKS_PER_REPLY_MAX = 32;
/** Pending transactions named or carried in one exchange. */
export const PENDING_PER_EXCHANGE_MAX = 512;
/** Messages of a height in one answer. */
export const MESSAGES_PER_REPLY_MAX = 256;
const CERTIFICATE_BYTES_MAX = 8192;

export const REQUEST_BYTES_MAX = 65_536;
export const REPLY_BYTES_MAX = 6_291_456;

/** The first bytes of a transaction's id: enough to tell pending ones apart. */
export const ID_PREFIX_BYTES = 8;

const height = integer(0, Number.MAX_SAFE_INTEGER);

const transactionsRequestShape = struct({
  height,
  /** Prefixes of the ids that the asker has pending. */
  known: array(bytes(ID_PREFIX_BYTES), PENDING_PER_EXCHANGE_MAX),
  /** The asker's own transactions that are not on the ledger yet. */
  offered: array(bytes(1, TRANSACTION_BYTES_MAX), PENDING_PER_EXCHANGE_MAX),
});

const transactionsReplyShape = struct({
  height,
  transactions: array(bytes(1, TRANSACTION_BYTES_MAX), PENDING_PER_EXCHANGE_MAX),
});

const votesRequestShape = struct({ height });

const votesReplyShape = struct({
  height,
  messages: array(bytes(1, CONSENSUS_MESSAGE_BYTES_MAX), MESSAGES_PER_REPLY_MAX),
});

const blocksRequestShape = struct({ from: integer(1, Number.MAX_SAFE_INTEGER) });

const blocksReplyShape = struct({
  height,
  blocks: array(
    struct({ block: bytes(1, BLOCK_BYTES_MAX), certificate: bytes(1, CERTIFICATE_BYTES_MAX) }),
    BLOCKS_PER_REPLY_MAX,
  ),
});

export type TransactionsRequest = ShapeOf<typeof transactionsRequestShape>;
export type TransactionsReply = ShapeOf<typeof transactionsReplyShape>;
export type VotesRequest = ShapeOf<typeof votesRequestShape>;
export type VotesReply = ShapeOf<typeof votesReplyShape>;
export type BlocksRequest = ShapeOf<typeof blocksRequestShape>;
export type BlocksReply = ShapeOf<typeof blocksReplyShape>;

type Form<T> = {
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (encoded: Uint8Array) => Result<T, Malformed>;
};

export const transactionsRequest: Form<TransactionsRequest> = form(
  transactionsRequestShape,
  REQUEST_BYTES_MAX,
);
export const transactionsReply: Form<TransactionsReply> = form(
  transactionsReplyShape,
  REPLY_BYTES_MAX,
);
export const votesRequest: Form<VotesRequest> = form(votesRequestShape, REQUEST_BYTES_MAX);
export const votesReply: Form<VotesReply> = form(votesReplyShape, REPLY_BYTES_MAX);
export const blocksRequest: Form<BlocksRequest> = form(blocksRequestShape, REQUEST_BYTES_MAX);
export const blocksReply: Form<BlocksReply> = form(blocksReplyShape, REPLY_BYTES_MAX);

function form<T>(shape: Shape<T>, bytesMax: number): Form<T> {
  return {
    encode: (value) => encode(shape, value),
    decode: (encoded) => decode(shape, encoded, bytesMax),
  };
}
