// The lengths of what a broker sends, read along before anything is whole: the client behind it would collect a
// packet of 256 MB, which is more than a small computer has, and MQTT 3.1.1 cannot say what is too much.

import type { Readable } from "node:stream";
import { PAYLOAD_BYTES_MAX, TOPIC_LENGTH_MAX } from "../../../broker/topics.ts";

/** Nothing that is said here is larger; the 8 are a packet's lengths and its id. */
export const PACKET_BYTES_MAX: number = PAYLOAD_BYTES_MAX + TOPIC_LENGTH_MAX + 8;
/** MQTT 3.1.1 section 2.2.3. */
const LENGTH_BYTES_MAX = 4;

/** Reads a stream's pieces one by one: true once a packet of more than PACKET_BYTES_MAX begins. */
export function createLengths(): (chunk: Uint8Array) => boolean {
  let left = 0;
  let length = 0;
  /** 0: at a packet's first byte. */
  let place = 0;
  return (chunk) => {
    for (let i = 0; i < chunk.length; ) {
      if (left > 0) {
        const taken = Math.min(left, chunk.length - i);
        left -= taken;
        i += taken;
        continue;
      }
      const byte = chunk[i] ?? 0;
      i += 1;
      if (place === 0) {
        [place, length] = [1, 0];
        continue;
      }
      length += (byte & 0x7f) * 128 ** (place - 1);
      const isLast = (byte & 0x80) === 0;
      if (length > PACKET_BYTES_MAX || (!isLast && place === LENGTH_BYTES_MAX)) return true;
      place = isLast ? 0 : place + 1;
      if (isLast) left = length;
    }
    return false;
  };
}

/** Destroys the stream before such a packet is collected, and says so once. */
export function endTooLarge(stream: Readable, told: () => void): void {
  const isTooLarge = createLengths();
  const look = (chunk: Uint8Array): void => {
    if (!isTooLarge(chunk)) return;
    stream.off("data", look);
    told();
    stream.destroy();
  };
  stream.on("data", look);
}
