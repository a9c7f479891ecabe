// A snapshot: the state after a block, so that a new home joins without the blocks before it. The state's
// SHA-256 is in the block's header, which more than two thirds of the validators signed. It travels in
// chunks; their hashes tell at once which neighbour sent something else.

import { assert } from "../assert.ts";
import { sha256Hex } from "../crypto.ts";
import { accepted, type Refusal, type Result, refused } from "../result.ts";

/** A snapshot is kept at each height that this divides: every other day or so. */
export const SNAPSHOT_EVERY = 1000;
export const CHUNK_BYTES = 65_536;
/** Held in memory by who joins. A community of 40 homes has a state of some 100 kB. */
export const SNAPSHOT_BYTES_MAX = 32 * 1024 * 1024;
export const CHUNKS_MAX: number = SNAPSHOT_BYTES_MAX / CHUNK_BYTES;

/** How a state is cut: all chunks but the last have CHUNK_BYTES. Hashes are SHA-256, hex. */
export type ChunkList = { readonly size: number; readonly hashes: readonly string[] };

export function chunksOf(state: Uint8Array): ChunkList {
  const count = Math.ceil(state.length / CHUNK_BYTES);
  const hashes = Array.from({ length: count }, (_, i) => sha256Hex(chunkAt(state, i)));
  return { size: state.length, hashes };
}

/** The bytes of chunk `index`; empty beyond the last. */
export function chunkAt(state: Uint8Array, index: number): Uint8Array {
  return state.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES);
}

export type ChunkRefusal =
  /** As many hashes as chunks, and no more bytes than a home will hold: else the list is a lie. */
  | (Refusal<"badChunkList"> & { readonly size: number; readonly chunks: number })
  /** Not the chunk of the list: one of the two who sent list and chunk lies. */
  | (Refusal<"otherChunk"> & { readonly index: number });

/** A state that is being put together again. */
export class ChunkAssembly {
  readonly #list: ChunkList;
  readonly #bytes: Uint8Array;
  #next = 0;

  private constructor(list: ChunkList) {
    this.#list = list;
    this.#bytes = new Uint8Array(list.size);
  }

  static of(list: ChunkList): Result<ChunkAssembly, ChunkRefusal> {
    const { size, hashes } = list;
    const isPlausible =
      size > 0 && size <= SNAPSHOT_BYTES_MAX && hashes.length === Math.ceil(size / CHUNK_BYTES);
    if (isPlausible) return accepted(new ChunkAssembly(list));
    return refused({ code: "badChunkList", size, chunks: hashes.length });
  }

  /** The chunk that is wanted next; null when all are there. */
  get wanted(): number | null {
    return this.#next < this.#list.hashes.length ? this.#next : null;
  }

  add(chunk: Uint8Array): Result<void, ChunkRefusal> {
    const index = this.#next;
    assert(this.wanted !== null, "a whole state takes no more chunks");
    if (sha256Hex(chunk) !== this.#list.hashes[index] || !this.#fits(chunk)) {
      return refused({ code: "otherChunk", index });
    }
    this.#bytes.set(chunk, index * CHUNK_BYTES);
    this.#next += 1;
    return accepted(undefined);
  }

  bytes(): Uint8Array {
    assert(this.wanted === null, "a state is read when it is whole");
    return this.#bytes;
  }

  #fits(chunk: Uint8Array): boolean {
    return chunk.length === Math.min(CHUNK_BYTES, this.#list.size - this.#next * CHUNK_BYTES);
  }
}
