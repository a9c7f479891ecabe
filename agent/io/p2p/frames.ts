// Length-prefixed frames on a byte stream: four bytes, big-endian, then so many bytes of body.

import { accepted, type Refusal, type Result, refused } from "../../core/result.ts";

const HEADER_BYTES = 4;
/** What is set aside for a body before any of it has come: a length alone must not cost us memory. */
const FIRST_BYTES = 4096;

/** Sizes in bytes. */
export type FrameRefusal = Refusal<"frameTooLarge"> & {
  readonly size: number;
  readonly max: number;
};

/** The frame around `body`. */
export function toFrame(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + body.length);
  new DataView(frame.buffer).setUint32(0, body.length);
  frame.set(body, HEADER_BYTES);
  return frame;
}

/** Cuts a stream of chunks into bodies; holds at most twice what has arrived of one body. */
export class FrameReader {
  readonly #bytesMax: number;
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerFilled = 0;
  #body = new Uint8Array(0);
  #filled = 0;
  /** Length of the body being read; null while its header is incomplete. */
  #length: number | null = null;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** True in the middle of a frame. */
  get isPartial(): boolean {
    return this.#headerFilled > 0;
  }

  /** The bodies completed by `chunk`, in order. Refuses a length above the limit; then read no further. */
  push(chunk: Uint8Array): Result<readonly Uint8Array[], FrameRefusal> {
    const bodies: Uint8Array[] = [];
    let rest = chunk;
    for (;;) {
      if (this.#length === null) {
        rest = this.#readHeader(rest);
        if (this.#length === null) return accepted(bodies);
        if (this.#length > this.#bytesMax) {
          return refused({ code: "frameTooLarge", size: this.#length, max: this.#bytesMax });
        }
      }
      rest = this.#readBody(rest, this.#length);
      if (this.#filled < this.#length) return accepted(bodies);
      bodies.push(this.#body);
      this.#reset();
    }
  }

  #readHeader(chunk: Uint8Array): Uint8Array {
    const taken = chunk.subarray(0, HEADER_BYTES - this.#headerFilled);
    this.#header.set(taken, this.#headerFilled);
    this.#headerFilled += taken.length;
    if (this.#headerFilled === HEADER_BYTES) {
      this.#length = new DataView(this.#header.buffer).getUint32(0);
      this.#body = new Uint8Array(Math.min(this.#length, FIRST_BYTES));
    }
    return chunk.subarray(taken.length);
  }

  #readBody(chunk: Uint8Array, length: number): Uint8Array {
    const taken = chunk.subarray(0, length - this.#filled);
    this.#grow(this.#filled + taken.length, length);
    this.#body.set(taken, this.#filled);
    this.#filled += taken.length;
    return chunk.subarray(taken.length);
  }

  #grow(needed: number, length: number): void {
    if (needed <= this.#body.length) return;
    const larger = new Uint8Array(Math.min(length, Math.max(needed, 2 * this.#body.length)));
    larger.set(this.#body.subarray(0, this.#filled));
    this.#body = larger;
  }

  #reset(): void {
    this.#headerFilled = 0;
    this.#length = null;
    this.#body = new Uint8Array(0);
    this.#filled = 0;
  }
}
