// Tells a stream's sender how much it may send on only now and then.
//
// yamux says so after each frame that it has read, so every vote is answered by a frame of its own: to be
// enciphered, written, read and deciphered, it costs as much as the vote. The sender needs to know before its window
// is used up, no sooner: half a window is early enough, as other yamuxes do it.

import { StreamState, type YamuxStream } from "@libp2p/yamux/stream";

/** Half of what a sender may have sent before it is told more. */
export const UNTOLD_BYTES_MAX = 131_072;

/** Of the stream only what is touched here. */
export type WindowedStream = Pick<YamuxStream, "state" | "handleData" | "sendWindowUpdate">;

/** Makes this stream tell its window only when half of it is used; returns it. */
export function tellWindowRarely<S extends WindowedStream>(stream: S): S {
  const handleData = stream.handleData.bind(stream);
  const sendWindowUpdate = stream.sendWindowUpdate.bind(stream);
  let untold = 0;
  stream.handleData = (frame) => {
    untold += frame.header.length;
    handleData(frame);
  };
  stream.sendWindowUpdate = () => {
    // While it is being opened the update carries the flags that open it; a paused one says nothing by itself.
    if (stream.state === StreamState.Established) {
      if (untold < UNTOLD_BYTES_MAX) return;
      untold = 0;
    }
    sendWindowUpdate();
  };
  return stream;
}
