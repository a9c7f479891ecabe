// MQTT's framing (3.1.1, section 2.2), read along before anything is kept: the parser behind it collects a
// packet whole, whatever its length claims, up to 256 MB.

import type { Duplex } from "node:stream";

/** `notMqtt`: it does not begin with CONNECT. `badLength`: a length of more than four bytes. */
export type FrameFault = "notMqtt" | "badLength" | "tooLarge";

export type FrameLimits = {
  readonly connectBytesMax: number;
  readonly packetBytesMax: number;
  readonly packetsAtOnceMax: number;
};

const CONNECT = 0x10;
const LENGTH_BYTES_MAX = 4;

export class Framing {
  readonly #limits: FrameLimits;
  #isFirst = true;
  /** Of the packet under way: its body's bytes still to come. */
  #left = 0;
  #inLength = false;
  #length = 0;
  #lengthBytes = 0;
  #packets = 0;

  constructor(limits: FrameLimits) {
    this.#limits = limits;
  }

  /**
   * Reads on, up to the end of the packetsAtOnceMax-th packet: how many bytes those are, or what is wrong. After a
   * fault the stream must end.
   */
  read(chunk: Uint8Array): number | FrameFault {
    this.#packets = 0;
    for (let i = 0; i < chunk.length; ) {
      if (this.#packets === this.#limits.packetsAtOnceMax) return i;
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.length - i);
        this.#left -= taken;
        i += taken;
        if (this.#left === 0) this.#packets += 1;
        continue;
      }
      const fault = this.#readHeader(chunk[i] ?? 0);
      if (fault !== null) return fault;
      i += 1;
    }
    return chunk.length;
  }

  #readHeader(byte: number): FrameFault | null {
    if (!this.#inLength) {
      if (this.#isFirst && byte !== CONNECT) return "notMqtt";
      [this.#inLength, this.#length, this.#lengthBytes] = [true, 0, 0];
      return null;
    }
    this.#length += (byte & 0x7f) * 128 ** this.#lengthBytes;
    this.#lengthBytes += 1;
    if ((byte & 0x80) !== 0) return this.#lengthBytes === LENGTH_BYTES_MAX ? "badLength" : null;
    const { connectBytesMax, packetBytesMax } = this.#limits;
    if (this.#length > (this.#isFirst ? connectBytesMax : packetBytesMax)) return "tooLarge";
    [this.#inLength, this.#isFirst, this.#left] = [false, false, this.#length];
    if (this.#length === 0) this.#packets += 1;
    return null;
  }
}

/**
 * From now on `stream` gives nothing that breaks `limits`: it is told to `onFault` once, and destroyed. Of many
 * packets it gives a few at a time: all that come out of one reading are worked on at once, and their answers wait
 * for a client that does not read.
 */
export function watchFraming(
  stream: Duplex,
  limits: FrameLimits,
  onFault: (fault: FrameFault) => void,
): void {
  const framing = new Framing(limits);
  const read = stream.read.bind(stream);
  stream.read = (size?: number): unknown => {
    const chunk: unknown = read(size);
    if (!(chunk instanceof Uint8Array)) return chunk;
    const taken = framing.read(chunk);
    if (typeof taken === "number") {
      if (taken === chunk.length) return chunk;
      stream.unshift(chunk.subarray(taken));
      return chunk.subarray(0, taken);
    }
    if (!stream.destroyed) onFault(taken);
    stream.destroy();
    return null;
  };
}
