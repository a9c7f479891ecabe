// The WebSocket door, at any path as in Composer: each event as one text frame, and nothing before the first.
// Heartbeats are ping frames; what clients send is not read. Frames go out in slices after the block is
// done, so that a thousand readers do not hold up the agreement; a reader that does not keep up is dropped.

import { type IncomingMessage, type Server, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { ComposerError } from "../../core/composer/context.ts";
import type { Log } from "../../ports.ts";
import type { RestLimits } from "./limits.ts";
import { INTERNAL } from "./restError.ts";

/** What a reader may hear now; "nothing": it is not to stay. */
export type Hearing = "all" | "public" | "nothing";

/** A frame as text, one for readers of everything and one for the others; null: not for them. */
export type Frame = { readonly all: string; readonly public: string | null };

export type Sockets = {
  /** To every reader, soon, in this order. */
  readonly send: (frame: Frame) => void;
  /** Looks at each reader's right again. */
  readonly review: () => void;
  readonly count: () => number;
  readonly close: () => void;
};

export type SocketDependencies = {
  readonly server: Server;
  /** Whether a request may listen, and what: asked again now and then, for tokens end and cards are revoked. */
  readonly admit: (request: IncomingMessage) => Admitted;
  readonly limits: RestLimits;
  readonly log: Log;
};

/** `value` throws where a disk fails. */
export type Admitted = { readonly ok: true; readonly value: () => Hearing } | Refused;

type Refused = { readonly ok: false; readonly refusal: ComposerError };

type Reader = {
  readonly socket: WebSocket;
  readonly raw: Duplex;
  readonly hears: () => Hearing;
  hearing: Hearing;
  isAnswering: boolean;
  /** Frames that it has sent since the last ping. */
  sent: number;
};

/** Readers served in one go, before other work has its turn. */
const SLICE = 64;

// RFC 6455 section 7.4.1
const GOING_AWAY = 1001;
const POLICY = 1008;

export function openSockets({ server, admit, limits, log }: SocketDependencies): Sockets {
  const acceptor = new WebSocketServer({
    ...{ noServer: true, clientTracking: false, perMessageDeflate: false },
    maxPayload: limits.webSocketFrameBytesMax,
  });
  const readers = new Set<Reader>();
  let waiting: Encoded[] = [];
  let isSending = false;

  const onUpgrade = (request: IncomingMessage, raw: Duplex, head: Buffer): void => {
    raw.on("error", () => raw.destroy());
    const admitted = readers.size < limits.webSocketsMax ? tryAdmit(request) : TOO_MANY;
    if (!admitted.ok) {
      refuse(raw, admitted.refusal);
      return;
    }
    acceptor.handleUpgrade(request, raw, head, (socket) => {
      listen({ socket, raw, hears: admitted.value });
    });
  };

  const tryAdmit = (request: IncomingMessage): Admitted => {
    try {
      return admit(request);
    } catch (error) {
      log.error("a websocket failed, and it was not the client's fault", { what: String(error) });
      return { ok: false, refusal: INTERNAL };
    }
  };

  const listen = ({ socket, raw, hears }: Pick<Reader, "socket" | "raw" | "hears">): void => {
    const state: Pick<Reader, "hearing" | "isAnswering" | "sent"> = {
      ...{ hearing: "nothing", isAnswering: true, sent: 0 },
    };
    const reader: Reader = { socket, raw, hears, ...state };
    reader.hearing = hearingOf(reader);
    readers.add(reader);
    const count = (): void => {
      reader.sent += 1;
      if (reader.sent > limits.webSocketFramesMax) drop(reader, "too many frames");
    };
    socket.on("message", count);
    socket.on("ping", count);
    socket.on("pong", () => {
      reader.isAnswering = true;
      count();
    });
    // A frame that is too large or malformed: ws closes by itself and tells here.
    socket.on("error", (error) => log.debug("websocket failed", { what: error.message }));
    socket.on("close", () => readers.delete(reader));
  };

  /** A wallet that cannot be read just now: what the reader heard so far. */
  const hearingOf = (reader: Reader): Hearing => {
    try {
      return reader.hears();
    } catch (error) {
      log.error("a websocket's right cannot be looked up", { what: String(error) });
      return reader.hearing;
    }
  };

  const drop = (reader: Reader, why: string): void => {
    if (!readers.delete(reader)) return;
    log.debug("websocket dropped", { why });
    reader.socket.terminate();
  };

  const review = (): void => {
    for (const reader of readers) {
      reader.hearing = hearingOf(reader);
      if (reader.hearing !== "nothing") continue;
      readers.delete(reader);
      reader.socket.close(POLICY, "the token or its card has ended");
    }
  };

  const beat = (): void => {
    review();
    for (const reader of readers) {
      if (!reader.isAnswering) {
        drop(reader, "no answer to a ping");
        continue;
      }
      reader.isAnswering = false;
      reader.sent = 0;
      reader.socket.ping();
    }
  };

  const send: Sockets["send"] = (frame) => {
    if (readers.size === 0) return;
    waiting.push({ all: Buffer.from(frame.all), public: encoded(frame.public) });
    if (isSending) return;
    isSending = true;
    setImmediate(sendWaiting);
  };

  const sendWaiting = (): void => {
    const frames = waiting;
    waiting = [];
    const all = [...readers];
    const serve = (from: number): void => {
      for (const reader of all.slice(from, from + SLICE)) {
        if (!tell(reader, frames, limits.webSocketBufferBytesMax)) drop(reader, "reads too slowly");
      }
      if (from + SLICE < all.length) setImmediate(serve, from + SLICE);
      else if (waiting.length > 0) setImmediate(sendWaiting);
      else isSending = false;
    };
    serve(0);
  };

  server.on("upgrade", onUpgrade);
  const heart = setInterval(beat, limits.pingEveryMs);
  heart.unref();
  return {
    ...{ send, review },
    count: () => readers.size,
    close: () => {
      clearInterval(heart);
      server.off("upgrade", onUpgrade);
      for (const { socket } of readers) socket.close(GOING_AWAY, "the agent ends");
      // Who does not say goodbye at once is not waited for.
      for (const { socket } of readers) setTimeout(() => socket.terminate(), 500).unref();
    },
  };
}

type Encoded = { readonly all: Buffer; readonly public: Buffer | null };

function encoded(text: string | null): Buffer | null {
  return text === null ? null : Buffer.from(text);
}

/** False: so much is waiting for this reader already that it is to be dropped. */
function tell(reader: Reader, frames: readonly Encoded[], bufferMax: number): boolean {
  const { socket, raw, hearing } = reader;
  if (socket.readyState !== socket.OPEN) return true;
  if (socket.bufferedAmount > bufferMax) return false;
  // One write for all frames of a block.
  raw.cork();
  for (const frame of frames) {
    const bytes = hearing === "all" ? frame.all : frame.public;
    if (bytes !== null) socket.send(bytes, { binary: false });
  }
  raw.uncork();
  return true;
}

const TOO_MANY: Refused = {
  ok: false,
  refusal: { statusCode: 503, name: "Error", message: "Too many WebSockets are open here" },
};

function refuse(raw: Duplex, error: ComposerError): void {
  const body = JSON.stringify({ error });
  const lines = [
    `HTTP/1.1 ${error.statusCode} ${STATUS_CODES[error.statusCode]}`,
    "Connection: close",
    "Content-Type: application/json; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "",
    body,
  ];
  raw.end(lines.join("\r\n"), () => raw.destroy());
}
