// DER as X.690 section 10 wants it, read only as far as certificates need: definite lengths in their
// shortest form and tags of one byte. Nothing is copied but what the caller takes away.

/** A reason why bytes are not the DER wanted, with the offset where that shows. */
export class DerError extends Error {
  readonly problem: string;
  readonly offset: number;
  constructor(problem: string, offset: number) {
    super(`${problem} at byte ${offset}`);
    this.problem = problem;
    this.offset = offset;
  }
}

export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** [n] EXPLICIT or a constructed [n]; n from 0 to 30. */
export function constructedTag(n: number): number {
  return 0xa0 | n;
}

/** [n] IMPLICIT of a primitive type; n from 0 to 30. */
export function primitiveTag(n: number): number {
  return 0x80 | n;
}

/** Takes elements from the front of `bytes`; each method throws DerError on anything else. */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #offset: number;

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#offset = start;
    this.#end = end;
  }

  get offset(): number {
    return this.#offset;
  }

  get isAtEnd(): boolean {
    return this.#offset === this.#end;
  }

  /** The tag that is next, null at the end. */
  peek(): number | null {
    return this.isAtEnd ? null : (this.#bytes[this.#offset] ?? null);
  }

  /** The content of the next element, as a reader of its own. */
  enter(tag: number, what: string): DerReader {
    const at = this.#offset;
    if (this.#take() !== tag) throw new DerError(`${what} expected`, at);
    return this.#content();
  }

  /** Steps over the next element, whatever it is. */
  skip(): void {
    const at = this.#offset;
    if ((this.#take() & 0x1f) === 0x1f) throw new DerError("tag of several bytes", at);
    this.#content();
  }

  /** A copy of the next element's content. */
  content(tag: number, what: string): Uint8Array {
    return this.enter(tag, what).rest();
  }

  /** A copy of the next element, tag and length included; it is not stepped over. */
  whole(tag: number, what: string): Uint8Array {
    const at = this.#offset;
    this.enter(tag, what);
    const found = this.#bytes.slice(at, this.#offset);
    this.#offset = at;
    return found;
  }

  /** A copy of what has not been read yet. */
  rest(): Uint8Array {
    const found = this.#bytes.slice(this.#offset, this.#end);
    this.#offset = this.#end;
    return found;
  }

  /** A bit string of whole bytes. */
  bitString(what: string): Uint8Array {
    const content = this.enter(DER.bitString, what);
    const at = content.offset;
    if (content.#take() !== 0) throw new DerError(`${what} is not whole bytes`, at);
    return content.rest();
  }

  /** Everything must have been read. */
  end(what: string): void {
    if (!this.isAtEnd) throw new DerError(`trailing bytes in ${what}`, this.#offset);
  }

  #content(): DerReader {
    const at = this.#offset;
    const length = this.#length();
    const start = this.#offset;
    if (length > this.#end - start) throw new DerError("truncated", at);
    this.#offset = start + length;
    return new DerReader(this.#bytes, start, start + length);
  }

  /** Two length bytes reach 65535, which is more than any certificate here. */
  #length(): number {
    const at = this.#offset;
    const first = this.#take();
    if (first < 0x80) return first;
    if (first !== 0x81 && first !== 0x82) throw new DerError("indefinite or huge length", at);
    const low = this.#take();
    const length = first === 0x81 ? low : low * 0x100 + this.#take();
    if (length < (first === 0x81 ? 0x80 : 0x100)) {
      throw new DerError("longer length than needed", at);
    }
    return length;
  }

  #take(): number {
    const byte = this.#offset < this.#end ? this.#bytes[this.#offset] : undefined;
    if (byte === undefined) throw new DerError("truncated", this.#offset);
    this.#offset += 1;
    return byte;
  }
}
