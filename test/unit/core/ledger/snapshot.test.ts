import { describe, expect, it } from "vitest";
import { sha256Hex } from "../../../../agent/core/crypto.ts";
import {
  CHUNK_BYTES,
  ChunkAssembly,
  chunkAt,
  chunksOf,
  SNAPSHOT_BYTES_MAX,
} from "../../../../agent/core/ledger/snapshot.ts";
import { mustBeAccepted } from "../../../../agent/core/result.ts";

/** Bytes that differ everywhere. */
function stateOf(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) % 251);
}
const STATE = stateOf(2 * 65_536 + 5);

function assemblyOf(state: Uint8Array): ChunkAssembly {
  return mustBeAccepted(ChunkAssembly.of(chunksOf(state)), "a right list");
}

describe("chunks", () => {
  it("are 64 KiB each, the last one what is left", () => {
    const { size, hashes } = chunksOf(STATE);
    expect([size, hashes.length]).toEqual([131_077, 3]);
    expect(hashes[2]).toBe(sha256Hex(STATE.subarray(131_072)));
    expect([0, 1, 2, 3].map((i) => chunkAt(STATE, i).length)).toEqual([65_536, 65_536, 5, 0]);
  });

  it.each([1, 65_535, 65_536, 65_537, 131_072])("of %i bytes come together again", (size) => {
    const state = stateOf(size);
    const assembly = assemblyOf(state);
    for (let index = assembly.wanted; index !== null; index = assembly.wanted) {
      expect(assembly.add(chunkAt(state, index)).ok).toBe(true);
    }
    expect(assembly.bytes()).toEqual(state);
  });

  it("are taken in order only, and a wrong one changes nothing", () => {
    const assembly = assemblyOf(STATE);
    const refusal = { ok: false, refusal: { code: "otherChunk", index: 0 } };
    const flipped = Uint8Array.from(chunkAt(STATE, 0));
    flipped[7] = 255;
    for (const wrong of [chunkAt(STATE, 1), flipped, new Uint8Array(0), STATE]) {
      expect(assembly.add(wrong)).toEqual(refusal);
    }
    expect(assembly.wanted).toBe(0);
    expect(() => assembly.bytes()).toThrow("whole");
    for (const i of [0, 1, 2]) expect(assembly.add(chunkAt(STATE, i)).ok).toBe(true);
    expect(assembly.bytes()).toEqual(STATE);
    expect(() => assembly.add(chunkAt(STATE, 0))).toThrow("no more chunks");
  });

  it("that fit their hash but not their place are no chunks", () => {
    // A list that promises one byte and names the hash of two.
    const hashes = [sha256Hex(Uint8Array.of(1, 2))];
    const assembly = mustBeAccepted(ChunkAssembly.of({ size: 1, hashes }), "plausible");
    expect(assembly.add(Uint8Array.of(1, 2))).toMatchObject({ refusal: { code: "otherChunk" } });
  });

  it.each([
    [0, 0],
    [1, 0],
    [1, 2],
    [CHUNK_BYTES + 1, 1],
    [SNAPSHOT_BYTES_MAX + 1, 513],
  ])("a list of %i bytes in %i chunks is refused", (size, count) => {
    const hashes = Array.from({ length: count }, () => "00".repeat(32));
    expect(ChunkAssembly.of({ size, hashes })).toEqual({
      ok: false,
      refusal: { code: "badChunkList", size, chunks: count },
    });
  });
});
