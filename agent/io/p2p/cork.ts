// Sends what one turn of the event loop has to say to one neighbour as one piece.
//
// A vote for thirty neighbours, a receipt behind it, what others said passed on to the same four: each is a frame,
// and each frame on its own is enciphered, written, read and deciphered on its own, which costs more than what is in
// it. A busy home hears more in one turn and so says more at once: the cost falls when it matters.

/** What a connection's frames go through; `send` is as libp2p's: false when the connection is full. */
export type Corked = {
  send(data: Bytes): boolean;
  close(options?: object): Promise<void>;
  abort(error: Error): void;
};

/** As libp2p has them: one array, or a list of some. */
type Bytes = { readonly byteLength: number; subarray(): Uint8Array };

/** One noise packet; to gather more gains nothing, and a slow neighbour should be felt. */
export const CORKED_BYTES_MAX = 65_000;

/** Makes this muxer gather its frames until the turn ends; returns it. What is said while it ends goes out at once. */
export function cork<M extends Corked>(muxer: M): M {
  const send = muxer.send.bind(muxer);
  const close = muxer.close.bind(muxer);
  const abort = muxer.abort.bind(muxer);
  let frames: Uint8Array[] = [];
  let bytes = 0;
  let isEnding = false;
  const flush = (): boolean => {
    const gathered = frames;
    frames = [];
    bytes = 0;
    const [first] = gathered;
    if (first === undefined) return true;
    return send(gathered.length === 1 ? first : Buffer.concat(gathered));
  };
  const flushLater = (): void => {
    try {
      flush();
    } catch (error) {
      // Whoever said it is not here any more to catch it.
      abort(error instanceof Error ? error : new Error("not sent"));
    }
  };
  const end = (): void => {
    isEnding = true;
    flushLater();
  };
  muxer.send = (data) => {
    if (frames.length === 0 && !isEnding) setImmediate(flushLater);
    frames.push(data.subarray());
    bytes += data.byteLength;
    return isEnding || bytes >= CORKED_BYTES_MAX ? flush() : true;
  };
  muxer.close = (options) => {
    end();
    return close(options);
  };
  muxer.abort = (error) => {
    end();
    abort(error);
  };
  return muxer;
}
