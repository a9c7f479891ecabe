// Consensus messages straight to each connected validator, beside gossip: one long-lived stream per neighbour.
// A slow reader loses its oldest messages, a stuck one its stream; nobody else waits for it.

import type { Connection, Stream } from "@libp2p/interface";
import type { Log } from "../../ports.ts";
import { FrameReader, toFrame } from "./frames.ts";
import type { Limits } from "./limits.ts";
import { type Admitted, isAdmitted, type Neighbour } from "./neighbours.ts";
import { letGo } from "./streams.ts";
import type { Tally } from "./tally.ts";

/** Inbound streams of one neighbour: the current one, and one being replaced. */
export const PUSH_STREAMS_MAX = 2;

export type PushParts = {
  /** The protocol's full name. */
  readonly protocol: string;
  readonly limits: Limits;
  readonly tally: Tally;
  readonly log: Log;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly neighbourOf: (connection: Connection) => Neighbour | null;
  readonly received: (from: Admitted, message: Uint8Array) => void;
  /** It sent a frame that is none. */
  readonly malformed: (from: Admitted) => void;
};

type Outbox = {
  readonly neighbour: Neighbour;
  readonly frames: Uint8Array[];
  bytes: number;
  stream: Stream | null;
  opening: AbortController | null;
  /** When a frame last left, or the queue was last empty; monotonic ms. */
  movedAt: number;
};

export class Pushes {
  readonly #parts: PushParts;
  readonly #outboxes = new Map<Neighbour, Outbox>();

  constructor(parts: PushParts) {
    this.#parts = parts;
  }

  /** Queues the message for the neighbour and sends as much as it takes now. */
  send(to: Neighbour, message: Uint8Array): void {
    const outbox = this.#outboxes.get(to) ?? this.#newOutbox(to);
    if (outbox.frames.length === 0) outbox.movedAt = this.#parts.now();
    const frame = toFrame(message);
    outbox.frames.push(frame);
    outbox.bytes += frame.length;
    this.#trim(outbox);
    this.#flush(outbox);
  }

  /** Resets streams that do not move; called about once a second. */
  tick(): void {
    const { limits, now, tally } = this.#parts;
    for (const outbox of this.#outboxes.values()) {
      if (outbox.frames.length === 0 || now() - outbox.movedAt < limits.pushStallMs) continue;
      tally.count("push.reset");
      tally.count("push.dropped", outbox.frames.length);
      this.#empty(outbox);
    }
  }

  /** The neighbour is gone. */
  drop(neighbour: Neighbour): void {
    const outbox = this.#outboxes.get(neighbour);
    if (outbox === undefined) return;
    this.#outboxes.delete(neighbour);
    this.#empty(outbox);
  }

  /** Serves a neighbour's push stream until it ends. */
  serve(stream: Stream, connection: Connection): void {
    const from = this.#parts.neighbourOf(connection);
    if (from === null || !isAdmitted(from)) {
      stream.abort(new Error("no push before the card"));
      return;
    }
    const reader = new FrameReader(this.#parts.limits.messageBytesMax);
    stream.addEventListener("message", (event) => {
      const read = reader.push(event.data.subarray());
      if (!read.ok) {
        this.#parts.tally.count("push.malformed");
        stream.abort(new Error(read.refusal.code));
        this.#parts.malformed(from);
        return;
      }
      for (const message of read.value) this.#parts.received(from, message);
    });
    stream.addEventListener("end", () => letGo(stream));
  }

  #newOutbox(neighbour: Neighbour): Outbox {
    const movedAt = this.#parts.now();
    const outbox = { neighbour, frames: [], bytes: 0, stream: null, opening: null, movedAt };
    this.#outboxes.set(neighbour, outbox);
    return outbox;
  }

  #trim(outbox: Outbox): void {
    const { pushFramesMax, pushBytesMax } = this.#parts.limits;
    while (outbox.frames.length > pushFramesMax || outbox.bytes > pushBytesMax) {
      const oldest = outbox.frames.shift();
      if (oldest === undefined) return;
      outbox.bytes -= oldest.length;
      this.#parts.tally.count("push.dropped");
    }
  }

  #flush(outbox: Outbox): void {
    const { stream } = outbox;
    if (stream === null) {
      if (outbox.frames.length > 0) this.#open(outbox);
      return;
    }
    while (isWritable(stream)) {
      const frame = outbox.frames.shift();
      if (frame === undefined) return;
      outbox.bytes -= frame.length;
      outbox.movedAt = this.#parts.now();
      if (!this.#write(outbox, stream, frame)) return;
    }
  }

  #write(outbox: Outbox, stream: Stream, frame: Uint8Array): boolean {
    try {
      stream.send(frame);
      this.#parts.tally.count("push.out.consensus");
      return true;
    } catch (error) {
      // The connection ended under it; the neighbour's end is noticed elsewhere.
      this.#parts.log.debug("push not sent", { peer: outbox.neighbour.key, error });
      this.#parts.tally.count("push.dropped", 1 + outbox.frames.length);
      this.#empty(outbox);
      return false;
    }
  }

  #open(outbox: Outbox): void {
    if (outbox.opening !== null) return;
    const opening = new AbortController();
    outbox.opening = opening;
    const timer = setTimeout(() => opening.abort(), this.#parts.limits.requestMs);
    outbox.neighbour.connection
      .newStream(this.#parts.protocol, { signal: opening.signal })
      .then((stream) => this.#opened(outbox, stream))
      .catch((error: unknown) => {
        this.#parts.log.debug("push stream refused", { peer: outbox.neighbour.key, error });
        this.#parts.tally.count("push.dropped", outbox.frames.length);
        if (outbox.opening === opening) this.#empty(outbox);
      })
      .finally(() => {
        clearTimeout(timer);
        if (outbox.opening === opening) outbox.opening = null;
      });
  }

  #opened(outbox: Outbox, stream: Stream): void {
    if (this.#outboxes.get(outbox.neighbour) !== outbox || outbox.stream !== null) {
      letGo(stream);
      return;
    }
    outbox.stream = stream;
    // The stream moves its own buffer first, in a microtask of its own.
    const flushSoon = (): void => queueMicrotask(() => this.#flush(outbox));
    stream.addEventListener("drain", flushSoon);
    stream.addEventListener("idle", flushSoon);
    stream.addEventListener("close", () => {
      if (outbox.stream === stream) outbox.stream = null;
    });
    this.#flush(outbox);
  }

  #empty(outbox: Outbox): void {
    outbox.frames.length = 0;
    outbox.bytes = 0;
    outbox.opening?.abort();
    outbox.opening = null;
    const { stream } = outbox;
    outbox.stream = null;
    if (stream !== null) letGo(stream);
  }
}

/** Only one frame at a time waits inside libp2p; the rest waits with us, where it can be dropped. */
function isWritable(stream: Stream): boolean {
  const isOpen = stream.status === "open" && stream.writeStatus === "writable";
  return isOpen && !stream.writableNeedsDrain && stream.writeBufferLength === 0;
}
