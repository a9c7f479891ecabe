import type { PeerId } from "@libp2p/interface";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Dialler } from "../../../../agent/io/p2p/dialler.ts";
import { DEFAULT_LIMITS } from "../../../../agent/io/p2p/limits.ts";
import { peerIdOfKey } from "../../../../agent/io/p2p/node.ts";

// Any 32 bytes will do for a peer id.
const peer = peerIdOfKey(new Uint8Array(32).fill(1));
const address = multiaddr("/ip4/127.0.0.1/tcp/4001");

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A dialler in fake time whose peer is reached when `answers` says so. */
function setUp({ random = 0.5, own = "1" } = {}) {
  const world = {
    answers: false,
    connected: false,
    denied: 0,
    dials: [] as { at: number; to: "book" | "address" }[],
    failures: 0,
    error: new Error("connection refused"),
  };
  const dialler = new Dialler({
    limits: { ...DEFAULT_LIMITS, dialTargetsMax: 2 },
    own: () => own,
    now: Date.now,
    random: () => random,
    dial: async (to: readonly Multiaddr[] | PeerId) => {
      world.dials.push({ at: Date.now() - start, to: "type" in to ? "book" : "address" });
      if (!world.answers) throw world.error;
      world.connected = true;
      return peer;
    },
    isConnected: () => world.connected,
    deniedFor: () => world.denied,
    failed: () => {
      world.failures += 1;
    },
  });
  const start = Date.now();
  const times = (): number[] => world.dials.map(({ at }) => at);
  return { dialler, world, times };
}

test("tries for ever, at pauses of a quarter of the absence, at most ten seconds, jittered", async () => {
  const { dialler, world, times } = setUp({ random: 0.999 });
  dialler.add({ peer: null, addresses: [address], isFound: false });
  await vi.advanceTimersByTimeAsync(3_600_000);
  const pauses = times().map((at, i, all) => at - (all[i - 1] ?? 0));
  expect(times()[0]).toBeLessThanOrEqual(100);
  expect(Math.max(...pauses.slice(0, 4))).toBeLessThanOrEqual(250);
  // After 40 s a quarter is 10 s: 3600 / 10 = 360 dials and the few early ones.
  expect(pauses.slice(-50).every((pause) => pause > 9_900 && pause <= 10_000)).toBe(true);
  expect(times().length).toBeGreaterThan(350);
  expect(times().length).toBeLessThan(400);
  expect(world.failures).toBe(times().length);
  dialler.stop();
});

test("half of each pause is chance", async () => {
  const { dialler, times } = setUp({ random: 0 });
  dialler.add({ peer: null, addresses: [address], isFound: false });
  await vi.advanceTimersByTimeAsync(3_600_000);
  // Without luck 5 s: 3600 / 5 = 720.
  expect(times().length).toBeGreaterThan(700);
  dialler.stop();
});

test("a lost neighbour is dialled at once, a peer that never became one by its absence", async () => {
  const { dialler, world, times } = setUp();
  world.answers = true;
  dialler.add({ peer, addresses: [address], isFound: false });
  await vi.advanceTimersByTimeAsync(100_000);
  expect(times().length).toBe(1);
  world.connected = false;
  dialler.lost(peer.toString(), { wasNeighbour: true });
  await vi.advanceTimersByTimeAsync(200);
  expect(times().length).toBe(2);

  // Refused each time at once: after 60 s the pauses are 10 s, so about 6 dials a minute.
  world.answers = false;
  world.connected = false;
  dialler.lost(peer.toString(), { wasNeighbour: true });
  await vi.advanceTimersByTimeAsync(60_000);
  const before = times().length;
  world.answers = true;
  for (let i = 0; i < 600; i += 1) {
    await vi.advanceTimersByTimeAsync(100);
    if (!world.connected) continue;
    world.connected = false;
    dialler.lost(peer.toString(), { wasNeighbour: false });
  }
  expect(times().length - before).toBeGreaterThan(4);
  expect(times().length - before).toBeLessThan(14);
  dialler.stop();
});

test("whose dial would not be kept gives the other a head start of 0.3 s", async () => {
  // Peer ids of Ed25519 keys start with "12D3": "1" is smaller, "2" is larger.
  for (const { own, first } of [
    { own: "1", first: 50 },
    { own: "2", first: 350 },
  ]) {
    const { dialler, times } = setUp({ own });
    dialler.add({ peer, addresses: [address], isFound: false });
    await vi.advanceTimersByTimeAsync(1_000);
    // Half of at most 100 ms by chance.
    expect(times()[0]).toBe(first);
    dialler.stop();
  }
});

test("asks the address book in turns with the addresses it was told", async () => {
  const { dialler, world } = setUp();
  dialler.add({ peer, addresses: [address], isFound: false });
  await vi.advanceTimersByTimeAsync(3_000);
  const ways = world.dials.map(({ to }) => to);
  expect(ways.slice(0, 4)).toEqual(["address", "book", "address", "book"]);
  dialler.stop();
});

test("a denied peer is left alone as long as it is denied", async () => {
  const { dialler, world, times } = setUp();
  world.denied = 30_000;
  dialler.add({ peer, addresses: [address], isFound: false });
  await vi.advanceTimersByTimeAsync(29_000);
  world.denied = 0;
  expect(times()).toEqual([]);
  await vi.advanceTimersByTimeAsync(2_000);
  expect(times().length).toBeGreaterThan(0);
  dialler.stop();
});

test("one found by mDNS is forgotten after ten minutes, our own address at once", async () => {
  const { dialler, world } = setUp();
  dialler.add({ peer, addresses: [address], isFound: true });
  await vi.advanceTimersByTimeAsync(590_000);
  expect(dialler.targets).toBe(1);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(dialler.targets).toBe(0);
  world.error = Object.assign(new Error("Can not dial self"), { name: "InvalidPeerIdError" });
  dialler.add({ peer: null, addresses: [address], isFound: false });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(dialler.targets).toBe(0);
});

test("bounded, and quiet after stop()", async () => {
  const { dialler, times } = setUp();
  for (const port of [1, 2, 3]) {
    const one = multiaddr(`/ip4/127.0.0.1/tcp/${port}`);
    dialler.add({ peer: null, addresses: [one], isFound: false });
  }
  expect(dialler.targets).toBe(2);
  dialler.stop();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(times()).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
});
