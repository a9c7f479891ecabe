// Messages come twice: pushed and gossiped. The handler sees each once; the copy gets the first one's verdict,
// so that gossip still passes on what a push brought first.

import { createHash } from "node:crypto";
import type { Reception, Topic } from "../../ports.ts";

/** gossipsub's name for a message, too: the topic counts, or one could shadow the other. */
export const MESSAGE_ID_BYTES = 20;

/** First 20 bytes of SHA-256(topic || message). */
export function messageId(topic: string, message: Uint8Array): Uint8Array {
  const digest = createHash("sha256").update(topic).update(message).digest();
  return digest.subarray(0, MESSAGE_ID_BYTES);
}

type Verdict = { readonly reception: Reception; readonly until: number };

/** Bounded: the oldest is forgotten first. */
export class SeenMessages {
  readonly #verdicts = new Map<string, Verdict>();
  readonly #max: number;
  readonly #keptMs: number;
  readonly #ignoredMs: number;

  constructor(limits: { seenMax: number; seenMs: number; ignoredMs: number }) {
    this.#max = limits.seenMax;
    this.#keptMs = limits.seenMs;
    this.#ignoredMs = limits.ignoredMs;
  }

  get size(): number {
    return this.#verdicts.size;
  }

  /** The verdict on the same bytes, if it is still remembered at `now` (monotonic ms). */
  verdict(key: string, now: number): Reception | null {
    const known = this.#verdicts.get(key);
    if (known === undefined) return null;
    if (known.until > now) return known.reception;
    this.#verdicts.delete(key);
    return null;
  }

  remember(key: string, reception: Reception, now: number): void {
    this.#verdicts.delete(key);
    const oldest = this.#verdicts.keys().next().value;
    if (this.#verdicts.size >= this.#max && oldest !== undefined) this.#verdicts.delete(oldest);
    const kept = reception === "ignore" ? this.#ignoredMs : this.#keptMs;
    this.#verdicts.set(key, { reception, until: now + kept });
  }
}

/** The key under which SeenMessages knows a message. */
export function seenKey(topic: Topic, message: Uint8Array): string {
  return Buffer.from(messageId(topic, message)).toString("latin1");
}
