// Keeps dialling, for ever: libp2p's bootstrap dials once, and its reconnect queue gives up after five tries.
// A lost neighbour is dialled at once and then at pauses of a quarter of the time it has been away, jittered:
// one that restarts is back within a quarter of its absence, one that is gone costs a dial every ten seconds.

import type { PeerId } from "@libp2p/interface";
import type { Multiaddr } from "@multiformats/multiaddr";
import type { Limits } from "./limits.ts";

/** How long an address found by mDNS is tried after its peer was last seen. */
const FOUND_TRIED_MS = 600_000;
/** Of two that would dial each other at once, the one whose dial would not be kept (latestWins) waits so long. */
const HEAD_START_MS = 300;
/** A connected target is looked at again after so long; its loss is told, this is for what slips through. */
const LOOK_AGAIN_MS = 5_000;

export type DialTarget = {
  /** Null for a bare address, until somebody has answered there. */
  readonly peer: PeerId | null;
  /** May be empty for a known peer: then libp2p's address book is asked. */
  readonly addresses: readonly Multiaddr[];
  /** Forgotten when it does not answer for ten minutes. */
  readonly isFound: boolean;
};

export type DiallerParts = {
  readonly limits: Limits;
  /** Our own peer id as text. */
  readonly own: () => string;
  /** Monotonic ms. */
  readonly now: () => number;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Rejects when nobody answers. Returns the peer that did. */
  readonly dial: (to: readonly Multiaddr[] | PeerId) => Promise<PeerId>;
  readonly isConnected: (peer: string) => boolean;
  /** Milliseconds for which the peer is denied. */
  readonly deniedFor: (peer: string) => number;
  readonly failed: () => void;
};

type Tracked = {
  peer: PeerId | null;
  addresses: readonly Multiaddr[];
  readonly isFound: boolean;
  lostAt: number;
  attempts: number;
  isDialling: boolean;
  timer: NodeJS.Timeout | null;
};

export class Dialler {
  readonly #parts: DiallerParts;
  readonly #targets = new Map<string, Tracked>();
  #isStopped = false;

  constructor(parts: DiallerParts) {
    this.#parts = parts;
  }

  get targets(): number {
    return this.#targets.size;
  }

  /** Starts trying the target; a known peer gets the new addresses and is tried at once. */
  add(target: DialTarget): void {
    const name = target.peer?.toString() ?? target.addresses.join();
    const known = this.#targets.get(name);
    if (known !== undefined) {
      if (target.addresses.length > 0) known.addresses = target.addresses;
      if (!this.#isConnected(known)) this.#schedule(name, known, this.#soon(known));
      return;
    }
    if (this.#isStopped || this.#targets.size >= this.#parts.limits.dialTargetsMax) return;
    const lostAt = this.#parts.now();
    const tracked = { ...target, lostAt, attempts: 0, isDialling: false, timer: null };
    this.#targets.set(name, tracked);
    this.#schedule(name, tracked, this.#soon(tracked));
  }

  /** The peer has just been lost. One that never was a neighbour is tried again ever more rarely. */
  lost(peer: string, { wasNeighbour }: { readonly wasNeighbour: boolean }): void {
    for (const [name, target] of this.#targets) {
      if (target.peer?.toString() !== peer) continue;
      if (wasNeighbour) target.lostAt = this.#parts.now();
      this.#schedule(name, target, wasNeighbour ? this.#soon(target) : this.#pause(target));
    }
  }

  stop(): void {
    this.#isStopped = true;
    for (const { timer } of this.#targets.values()) if (timer !== null) clearTimeout(timer);
    this.#targets.clear();
  }

  #schedule(name: string, target: Tracked, delay: number): void {
    if (target.timer !== null) clearTimeout(target.timer);
    if (this.#targets.get(name) !== target) return;
    target.timer = setTimeout(() => void this.#step(name, target), delay);
  }

  async #step(name: string, target: Tracked): Promise<void> {
    if (target.isDialling) return;
    if (this.#isConnected(target)) {
      target.lostAt = this.#parts.now();
      target.attempts = 0;
      return this.#schedule(name, target, LOOK_AGAIN_MS);
    }
    const denied = target.peer === null ? 0 : this.#parts.deniedFor(target.peer.toString());
    if (denied > 0) return this.#schedule(name, target, denied);
    const away = this.#parts.now() - target.lostAt;
    if (target.isFound && away > FOUND_TRIED_MS) {
      this.#targets.delete(name);
      return;
    }
    await this.#dial(name, target);
    this.#schedule(name, target, this.#isConnected(target) ? LOOK_AGAIN_MS : this.#pause(target));
  }

  async #dial(name: string, target: Tracked): Promise<void> {
    target.isDialling = true;
    try {
      const { peer, addresses } = target;
      // In turns: what we were told, and what libp2p has learnt since.
      const useBook = addresses.length === 0 || target.attempts % 2 === 1;
      target.attempts += 1;
      target.peer = await this.#parts.dial(useBook && peer !== null ? peer : addresses);
    } catch (error) {
      this.#parts.failed();
      // Our own address in a list that everyone shares.
      if (error instanceof Error && error.name === "InvalidPeerIdError") this.#targets.delete(name);
    } finally {
      target.isDialling = false;
    }
  }

  #isConnected({ peer }: Tracked): boolean {
    return peer !== null && this.#parts.isConnected(peer.toString());
  }

  #pause(target: Tracked): number {
    const { dialPauseMinMs, dialPauseMaxMs } = this.#parts.limits;
    const quarter = (this.#parts.now() - target.lostAt) / 4;
    const pause = Math.min(dialPauseMaxMs, Math.max(dialPauseMinMs, quarter));
    return pause / 2 + this.#jitter(pause / 2);
  }

  #soon({ peer }: Tracked): number {
    const yields = peer !== null && peer.toString() < this.#parts.own();
    return this.#jitter(this.#parts.limits.dialPauseMinMs / 2) + (yields ? HEAD_START_MS : 0);
  }

  #jitter(max: number): number {
    return this.#parts.random() * max;
  }
}
