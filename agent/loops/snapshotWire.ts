// What a home that joins asks its neighbours: which snapshots they keep, what proves one, its chunks, and
// headers from a block that it trusts down to the snapshot's.

import {
  array,
  bytes,
  decode,
  encode,
  hash,
  integer,
  type Malformed,
  type Shape,
  type ShapeOf,
  struct,
  union,
} from "../core/codec/shape.ts";
import { BLOCK_BYTES_MAX } from "../core/ledger/rules.ts";
import { CHUNK_BYTES, CHUNKS_MAX, SNAPSHOT_BYTES_MAX } from "../core/ledger/snapshot.ts";
import { VALIDATORS_BYTES_MAX } from "../core/ledger/validators.ts";
import type { Result } from "../core/result.ts";
import type { BlockId, CommunityId } from "../core/units/ids.ts";
import { REPLY_BYTES_MAX } from "./wire.ts";

/** Two for neighbours, and the one with which the answerer's own ledger begins. */
export const SNAPSHOTS_LISTED_MAX = 3;
/** Headers in one answer; they have some 600 bytes each. */
export const HEADERS_PER_REPLY_MAX = 128;
const CERTIFICATE_BYTES_MAX = 8192;
const REQUEST_BYTES_MAX = 64;

const height = integer(1, Number.MAX_SAFE_INTEGER);

const requestShape = union(
  {
    list: struct({}),
    manifest: struct({ height }),
    chunk: struct({ height, index: integer(0, CHUNKS_MAX - 1) }),
    /** Of the block at `to` and those below it, downwards. */
    headers: struct({ to: height, count: integer(1, HEADERS_PER_REPLY_MAX) }),
  },
  { list: 0, manifest: 1, chunk: 2, headers: 3 },
);

const listShape = struct({
  /** Of the answerer's ledger. */
  height: integer(0, Number.MAX_SAFE_INTEGER),
  snapshots: array(struct({ height, blockId: hash<BlockId>() }), SNAPSHOTS_LISTED_MAX),
});

const manifestShape = struct({
  block: bytes(1, BLOCK_BYTES_MAX),
  certificate: bytes(1, CERTIFICATE_BYTES_MAX),
  validators: bytes(1, VALIDATORS_BYTES_MAX),
  chain: hash<CommunityId>(),
  size: integer(1, SNAPSHOT_BYTES_MAX),
  hashes: array(hash(), CHUNKS_MAX),
});

const chunkShape = struct({ bytes: bytes(1, CHUNK_BYTES) });
const headersShape = struct({ headers: array(bytes(1, BLOCK_BYTES_MAX), HEADERS_PER_REPLY_MAX) });

export type SnapshotRequest = ShapeOf<typeof requestShape>;
export type SnapshotList = ShapeOf<typeof listShape>;
export type SnapshotManifest = ShapeOf<typeof manifestShape>;

type Form<T> = {
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (encoded: Uint8Array) => Result<T, Malformed>;
};

export const snapshotRequest: Form<SnapshotRequest> = form(requestShape, REQUEST_BYTES_MAX);
export const snapshotList: Form<SnapshotList> = form(listShape, REPLY_BYTES_MAX);
export const snapshotManifest: Form<SnapshotManifest> = form(manifestShape, REPLY_BYTES_MAX);
export const snapshotChunk: Form<ShapeOf<typeof chunkShape>> = form(chunkShape, REPLY_BYTES_MAX);
export const snapshotHeaders: Form<ShapeOf<typeof headersShape>> = form(
  headersShape,
  REPLY_BYTES_MAX,
);

function form<T>(shape: Shape<T>, bytesMax: number): Form<T> {
  return {
    encode: (value) => encode(shape, value),
    decode: (encoded) => decode(shape, encoded, bytesMax),
  };
}
