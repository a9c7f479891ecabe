// The few things all our protocols do with a libp2p stream: write a frame, read one, let go.

import type { Stream } from "@libp2p/interface";
import { FrameReader, toFrame } from "./frames.ts";

/** Writes one frame; what the peer cannot take yet waits in the stream. Throws on a closed stream. */
export function sendFrame(stream: Stream, body: Uint8Array): void {
  stream.send(toFrame(body));
}

/**
 * The one frame the other side sends. Rejects when it is too large, when more follows it at once, when the
 * stream ends before it is whole, and when `signal` aborts. Leaves no listener behind.
 */
export function readFrame(
  stream: Stream,
  { bytesMax, signal }: { readonly bytesMax: number; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const reader = new FrameReader(bytesMax);
    const settle = (finish: () => void): void => {
      stream.removeEventListener("message", onMessage);
      stream.removeEventListener("end", onEnd);
      stream.removeEventListener("close", onEnd);
      signal.removeEventListener("abort", onAbort);
      finish();
    };
    const fail = (reason: string): void => settle(() => reject(new Error(reason)));
    const onEnd = (): void => fail("the stream ended before its frame");
    const onAbort = (): void => fail("no frame in time");
    const onMessage = (event: StreamEvent): void => {
      const read = reader.push(event.data.subarray());
      const [body, ...more] = read.ok ? read.value : [];
      if (!read.ok) fail(`a frame of ${read.refusal.size} bytes`);
      else if (more.length > 0 || (body && reader.isPartial)) fail("more than one frame");
      else if (body !== undefined) settle(() => resolve(body));
    };
    stream.addEventListener("message", onMessage);
    stream.addEventListener("end", onEnd);
    stream.addEventListener("close", onEnd);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    else if (stream.readableEnded || stream.status !== "open") onEnd();
  });
}

/** Ends a stream whatever its state: resets it unless both sides have closed it already. */
export function letGo(stream: Stream): void {
  if (stream.status === "open" || stream.status === "closing") stream.abort(new Error("done"));
}

/** Closes our writing end once everything is sent; a stream that cannot be closed in time is reset. */
export function closeWriting(stream: Stream, signal: AbortSignal): void {
  stream.close({ signal }).catch(() => letGo(stream));
}

type StreamEvent = { readonly data: { subarray(): Uint8Array } };
