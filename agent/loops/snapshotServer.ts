// Answers homes that join. An answer costs reading from the card, so all of them together get a share.

import { decodeBlock, encodeHeader } from "../core/ledger/block.ts";
import type { Rules } from "../core/ledger/rules.ts";
import { chunkAt, chunksOf, SNAPSHOT_BYTES_MAX } from "../core/ledger/snapshot.ts";
import { decodeState } from "../core/ledger/state.ts";
import { SECOND_MS } from "../core/units/time.ts";
import type { Clock, Store } from "../ports.ts";
import {
  SNAPSHOTS_LISTED_MAX,
  type SnapshotRequest,
  snapshotChunk,
  snapshotHeaders,
  snapshotList,
  snapshotManifest,
  snapshotRequest,
} from "./snapshotWire.ts";
import { REPLY_BYTES_MAX } from "./wire.ts";

/** What an answer costs; a chunk of 64 KiB is 1. */
const COSTS = { list: 1, manifest: 4, chunk: 1, headers: 8 } as const;
/** To all neighbours together: 2 MiB of chunks a second, and twice that at once. */
const COSTS_PER_SECOND_MAX = 32;
const COSTS_AT_ONCE_MAX = 64;
/** Room for the codec's heads around headers in an answer. */
const HEADERS_BYTES_MAX = REPLY_BYTES_MAX - 65_536;

export type SnapshotServer = {
  /** null: not understood, not here, or too much asked lately. */
  readonly answer: (body: Uint8Array) => Uint8Array | null;
};

export type SnapshotServerDependencies = {
  readonly rules: Rules;
  readonly store: Store;
  readonly clock: Clock;
  /** Of the ledger. */
  readonly height: () => number;
};

export function createSnapshotServer(dependencies: SnapshotServerDependencies): SnapshotServer {
  const { rules, store, clock, height } = dependencies;
  let budget = COSTS_AT_ONCE_MAX;
  let countedAt = clock.monotonic();

  /** False if all of it is spent. */
  function spend(cost: number): boolean {
    const now = clock.monotonic();
    const earned = ((now - countedAt) / SECOND_MS) * COSTS_PER_SECOND_MAX;
    budget = Math.min(COSTS_AT_ONCE_MAX, budget + earned);
    countedAt = now;
    if (budget < cost) return false;
    budget -= cost;
    return true;
  }

  function manifest(at: number): Uint8Array | null {
    const snapshot = store.snapshot(at);
    if (snapshot === null || snapshot.state.length > SNAPSHOT_BYTES_MAX) return null;
    const { state, block, certificate, validators } = snapshot;
    const decoded = decodeState(rules, state, null);
    if (!decoded.ok) return null;
    const { chain } = decoded.value;
    return snapshotManifest.encode({ block, certificate, validators, chain, ...chunksOf(state) });
  }

  function chunk(at: number, index: number): Uint8Array | null {
    const bytes = chunkAt(store.snapshot(at)?.state ?? NOTHING, index);
    return bytes.length === 0 ? null : snapshotChunk.encode({ bytes });
  }

  function headers(to: number, count: number): Uint8Array | null {
    const from = Math.max(1, to - count + 1);
    const found = store.blocks(from, to - from + 1).filter((stored) => stored.height <= to);
    const encoded = found.map(({ block }) => headerIn(block)).reverse();
    if (found.at(-1)?.height !== to) return null;
    let total = 0;
    const fitting = encoded.filter((header) => {
      total += header.length;
      return total <= HEADERS_BYTES_MAX;
    });
    return snapshotHeaders.encode({ headers: fitting });
  }

  function answerTo(request: SnapshotRequest): Uint8Array | null {
    switch (request.type) {
      case "list":
        return snapshotList.encode({
          height: height(),
          snapshots: store.snapshots().slice(0, SNAPSHOTS_LISTED_MAX),
        });
      case "manifest":
        return manifest(request.height);
      case "chunk":
        return chunk(request.height, request.index);
      case "headers":
        return headers(request.to, request.count);
    }
  }

  return {
    answer: (body) => {
      const request = snapshotRequest.decode(body);
      if (!request.ok || !spend(COSTS[request.value.type])) return null;
      return answerTo(request.value);
    },
  };
}

const NOTHING = new Uint8Array();

function headerIn(block: Uint8Array): Uint8Array {
  const decoded = decodeBlock(block);
  return decoded.ok ? encodeHeader(decoded.value.header) : NOTHING;
}
