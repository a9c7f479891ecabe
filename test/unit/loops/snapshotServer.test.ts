import { expect, it } from "vitest";
import { decodeHeader } from "../../../agent/core/ledger/block.ts";
import { mustBeAccepted } from "../../../agent/core/result.ts";
import { createSnapshotServer } from "../../../agent/loops/snapshotServer.ts";
import {
  type SnapshotRequest,
  snapshotHeaders,
  snapshotList,
  snapshotManifest,
  snapshotRequest,
} from "../../../agent/loops/snapshotWire.ts";
import { createFakeClock, createMemoryStore } from "../../support/fakes.ts";
import { snapshotChain } from "../../support/snapshotChain.ts";
import { storeChain } from "../../support/voices.ts";

const { chain } = snapshotChain();

function serve() {
  const clock = createFakeClock(0);
  const store = createMemoryStore();
  storeChain(store, chain, 5);
  const server = createSnapshotServer({
    rules: chain.rules,
    store,
    clock,
    height: () => chain.state.height,
  });
  const ask = (request: SnapshotRequest) => server.answer(snapshotRequest.encode(request));
  return { clock, store, server, ask };
}

it("lists its newest two snapshots and its height", () => {
  const list = mustBeAccepted(snapshotList.decode(serve().ask({ type: "list" })!), "readable");
  expect(list.height).toBe(15);
  expect(list.snapshots.map(({ height }) => height)).toEqual([15, 10]);
});

it("sends headers downwards, as many as there are", () => {
  const { ask } = serve();
  const heights = (to: number, count: number) => {
    const reply = ask({ type: "headers", to, count });
    if (reply === null) return null;
    const { headers } = mustBeAccepted(snapshotHeaders.decode(reply), "readable");
    return headers.map((header) => mustBeAccepted(decodeHeader(header), "a header").height);
  };
  expect(heights(12, 3)).toEqual([12, 11, 10]);
  expect(heights(2, 5)).toEqual([2, 1]);
  expect(heights(16, 2)).toBeNull();
});

it("does not answer what it does not have, nor what is no question", () => {
  const { ask, server } = serve();
  expect(ask({ type: "manifest", height: 11 })).toBeNull();
  expect(ask({ type: "chunk", height: 11, index: 0 })).toBeNull();
  expect(ask({ type: "chunk", height: 10, index: 1 })).toBeNull();
  expect(ask({ type: "chunk", height: 10, index: 0 })).not.toBeNull();
  const manifest = mustBeAccepted(
    snapshotManifest.decode(ask({ type: "manifest", height: 10 })!),
    "readable",
  );
  expect(manifest.hashes).toHaveLength(1);
  expect(server.answer(Uint8Array.of(0xff))).toBeNull();
  expect(server.answer(new Uint8Array(100))).toBeNull();
});

it("answers 64 cheap questions at once and 32 a second, whoever asks", () => {
  const { ask, clock } = serve();
  const many = (count: number) =>
    Array.from({ length: count }, () => ask({ type: "chunk", height: 10, index: 0 })).filter(
      (reply) => reply !== null,
    ).length;
  expect(many(100)).toBe(64);
  clock.advance(500);
  expect(many(100)).toBe(16);
  // Headers cost eight times as much.
  clock.advance(1000);
  const headers = Array.from({ length: 9 }, () => ask({ type: "headers", to: 2, count: 1 }));
  expect(headers.filter((reply) => reply !== null)).toHaveLength(4);
  clock.advance(60_000);
  expect(many(100)).toBe(64);
});

it("does not offer a state that no joiner would hold", () => {
  const { store, clock } = serve();
  const huge = { ...store, snapshot: () => ({ ...store.snapshot(10)!, state: HUGE }) };
  const server = createSnapshotServer({ rules: chain.rules, store: huge, clock, height: () => 15 });
  expect(server.answer(snapshotRequest.encode({ type: "manifest", height: 10 }))).toBeNull();
});

const HUGE = new Uint8Array(32 * 1024 * 1024 + 1);
