// What a peer has done wrong. It outlives the connection, or hanging up would wash it clean.

import type { Limits } from "./limits.ts";

type Record = { points: number; at: number };
type Denial = { strikes: number; until: number };

/** Strikes are forgotten after so long without a new one. */
const STRIKES_FORGOTTEN_MS = 3_600_000;
/** Doublings beyond this exceed any longest denial. */
const STRIKES_MAX = 16;

/** Rejected messages and denials per peer; both lists are bounded, the oldest goes first. */
export class Standing {
  readonly #limits: Limits;
  readonly #rejects = new Map<string, Record>();
  readonly #denials = new Map<string, Denial>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Rejects not forgiven yet, with fractions. Times are monotonic ms. */
  rejects(peer: string, now: number): number {
    const record = this.#rejects.get(peer);
    if (record === undefined) return 0;
    return Math.max(0, record.points - (now - record.at) / this.#limits.rejectForgivenMs);
  }

  /** Counts one more; true when the peer has used up its credit. */
  reject(peer: string, now: number): boolean {
    const points = this.rejects(peer, now) + 1;
    put(this.#rejects, { key: peer, value: { points, at: now }, max: this.#limits.deniedMax });
    return points >= this.#limits.rejectsMax;
  }

  /** Denies the peer for twice as long as the last time; returns for how many ms. */
  deny(peer: string, now: number): number {
    const last = this.#denials.get(peer);
    const isRecent = last !== undefined && now - last.until < STRIKES_FORGOTTEN_MS;
    const strikes = isRecent ? Math.min(last.strikes + 1, STRIKES_MAX) : 1;
    const { denialFirstMs, denialMaxMs, deniedMax } = this.#limits;
    const length = Math.min(denialMaxMs, denialFirstMs * 2 ** (strikes - 1));
    put(this.#denials, { key: peer, value: { strikes, until: now + length }, max: deniedMax });
    this.#rejects.delete(peer);
    return length;
  }

  /** Milliseconds until the peer may come back; 0 when it may. */
  deniedFor(peer: string, now: number): number {
    const denial = this.#denials.get(peer);
    return denial === undefined ? 0 : Math.max(0, denial.until - now);
  }
}

function put<V>(map: Map<string, V>, entry: { key: string; value: V; max: number }): void {
  map.delete(entry.key);
  const oldest = map.keys().next().value;
  if (map.size >= entry.max && oldest !== undefined) map.delete(oldest);
  map.set(entry.key, entry.value);
}
