// Request and response: one of each per stream, framed, bounded, and called back exactly once.

import type { Connection, Stream } from "@libp2p/interface";
import { assert } from "../../core/assert.ts";
import type { Log, NetworkHandlers, NetworkRequest, Protocol } from "../../ports.ts";
import type { Limits } from "./limits.ts";
import { type Admitted, isAdmitted, type Neighbour } from "./neighbours.ts";
import { closeWriting, letGo, readFrame, sendFrame } from "./streams.ts";
import type { Tally } from "./tally.ts";

export const PROTOCOLS: readonly Protocol[] = ["votes", "blocks", "transactions", "snapshot"];

export type RequestParts = {
  readonly limits: Limits;
  readonly tally: Tally;
  readonly log: Log;
  /** Monotonic ms. */
  readonly now: () => number;
  readonly protocolName: (protocol: Protocol) => string;
  readonly neighbourOf: (connection: Connection) => Neighbour | null;
  readonly handlers: () => NetworkHandlers | null;
};

type Answering = {
  readonly to: Neighbour;
  readonly stream: Stream;
  readonly signal: AbortSignal;
};

type Asked = { readonly to: Neighbour; readonly finish: (reply: Uint8Array | null) => void };

export class Requests {
  readonly #parts: RequestParts;
  readonly #asked = new Set<Asked>();
  readonly #answering = new Map<Neighbour, number>();
  /** Bytes of answers on their way: to all, and to each. */
  #responseBytes = 0;
  readonly #bytesTo = new Map<Neighbour, number>();
  #isClosed = false;

  constructor(parts: RequestParts) {
    this.#parts = parts;
  }

  /** Requests waiting for their answer. */
  get pending(): number {
    return this.#asked.size;
  }

  /** Asks; `to` is null when the member is not connected. Never calls back before it returns. */
  ask(request: NetworkRequest, to: Neighbour | null): void {
    const { limits, tally } = this.#parts;
    assert(request.body.length <= limits.requestBytesMax, "a request must be within its limit");
    const underWay = [...this.#asked].filter((asked) => asked.to === to).length;
    if (this.#isClosed || to === null || underWay >= limits.requestsOutMax) {
      tally.count(`request.out.${request.protocol}.${to === null ? "unanswered" : "busy"}`);
      queueMicrotask(() => this.#callBack(request, null));
      return;
    }
    const cancel = new AbortController();
    const timer = setTimeout(() => asked.finish(null), limits.requestMs);
    const asked: Asked = {
      to,
      finish: (reply) => {
        if (!this.#asked.delete(asked)) return;
        clearTimeout(timer);
        cancel.abort();
        tally.count(`request.out.${request.protocol}.${reply ? "answered" : "unanswered"}`);
        this.#callBack(request, reply);
      },
    };
    this.#asked.add(asked);
    void this.#exchange(request, to, cancel.signal).then((reply) => asked.finish(reply));
  }

  /** Answers one request on a stream of the neighbour's. */
  async serve(protocol: Protocol, stream: Stream, connection: Connection): Promise<void> {
    const { tally, limits, now, log } = this.#parts;
    const from = this.#parts.neighbourOf(connection);
    if (from === null || !isAdmitted(from)) return letGo(stream);
    const answering = this.#answering.get(from) ?? 0;
    if (answering >= limits.requestsInMax || !from.requests.take(now())) {
      tally.count(`request.in.${protocol}.limited`);
      return letGo(stream);
    }
    this.#answering.set(from, answering + 1);
    const cancel = new AbortController();
    const timer = setTimeout(() => cancel.abort(), limits.requestMs);
    try {
      const body = await this.#read(protocol, stream, cancel.signal);
      const reply = body && this.#reply(protocol, body, from);
      if (reply) await this.#send(reply, { to: from, stream, signal: cancel.signal });
      if (body) tally.count(`request.in.${protocol}.${reply ? "answered" : "unanswered"}`);
    } catch (error) {
      log.debug("answer not taken", { protocol, peer: from.key, error });
    } finally {
      clearTimeout(timer);
      letGo(stream);
      const left = (this.#answering.get(from) ?? 1) - 1;
      if (left > 0) this.#answering.set(from, left);
      else this.#answering.delete(from);
    }
  }

  /** The neighbour is gone: what it was asked stays unanswered. */
  drop(neighbour: Neighbour): void {
    for (const asked of [...this.#asked]) if (asked.to === neighbour) asked.finish(null);
  }

  /** Calls everyone back with null. */
  close(): void {
    this.#isClosed = true;
    for (const asked of [...this.#asked]) asked.finish(null);
  }

  async #exchange(
    request: NetworkRequest,
    to: Neighbour,
    signal: AbortSignal,
  ): Promise<Uint8Array | null> {
    let stream: Stream | null = null;
    try {
      const name = this.#parts.protocolName(request.protocol);
      stream = await to.connection.newStream(name, { signal });
      sendFrame(stream, request.body);
      closeWriting(stream, signal);
      return await readFrame(stream, { bytesMax: this.#parts.limits.responseBytesMax, signal });
    } catch (error) {
      this.#parts.log.debug("request unanswered", { protocol: request.protocol, error });
      return null;
    } finally {
      if (stream !== null) letGo(stream);
    }
  }

  async #read(protocol: Protocol, stream: Stream, signal: AbortSignal): Promise<Uint8Array | null> {
    try {
      return await readFrame(stream, { bytesMax: this.#parts.limits.requestBytesMax, signal });
    } catch (error) {
      this.#parts.tally.count(`request.in.${protocol}.malformed`);
      this.#parts.log.debug("request unreadable", { protocol, error });
      return null;
    }
  }

  #reply(protocol: Protocol, body: Uint8Array, from: Admitted): Uint8Array | null {
    const { limits, log, tally } = this.#parts;
    try {
      const reply = this.#parts.handlers()?.requested(protocol, body, from.card.memberId) ?? null;
      assert((reply?.length ?? 0) <= limits.responseBytesMax, "an answer must be within its limit");
      return reply;
    } catch (error) {
      tally.count("handler.threw");
      log.error("network handler threw", { handler: "requested", protocol, error });
      return null;
    }
  }

  /** Who does not take its answers holds up one answer's worth, not everyone's. */
  async #send(reply: Uint8Array, { to, stream, signal }: Answering): Promise<void> {
    const { limits } = this.#parts;
    const already = this.#bytesTo.get(to) ?? 0;
    if (
      already + reply.length > limits.responseBytesMax ||
      this.#responseBytes + reply.length > limits.responsesPendingBytesMax
    ) {
      throw new Error("too many answers on their way");
    }
    this.#account(to, reply.length);
    try {
      sendFrame(stream, reply);
      await stream.close({ signal });
    } finally {
      this.#account(to, -reply.length);
    }
  }

  #account(to: Neighbour, bytes: number): void {
    this.#responseBytes += bytes;
    const left = (this.#bytesTo.get(to) ?? 0) + bytes;
    if (left > 0) this.#bytesTo.set(to, left);
    else this.#bytesTo.delete(to);
  }

  #callBack(request: NetworkRequest, reply: Uint8Array | null): void {
    try {
      request.answered(reply);
    } catch (error) {
      this.#parts.tally.count("handler.threw");
      this.#parts.log.error("network handler threw", { handler: "answered", error });
    }
  }
}
