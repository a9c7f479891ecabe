// The bytes: a deterministic subset of CBOR (RFC 8949 section 4.2.1). One value has one form.
//
// Read: unsigned and negative integers (64 bits), byte strings, text, arrays, maps, false, true, null.
// Refused while reading: any other item, longer heads than needed, indefinite lengths, lengths beyond
// the input, text that is not UTF-8. No allocation is larger than the input justifies.

import { assert, bug } from "../assert.ts";

/** A reason why bytes are not what they must be, with the offset where that shows. */
export class CodecError extends Error {
  readonly problem: string;
  readonly offset: number;
  constructor(problem: string, offset: number) {
    super(`${problem} at byte ${offset}`);
    this.problem = problem;
    this.offset = offset;
  }
}

const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const ARRAY = 4;
const MAP = 5;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A buffer that has grown beyond this is not kept for what is written next. */
const KEPT_BUFFER_MAX = 65_536;

/** Appends canonical items to a growing buffer; `finish` hands the bytes over and begins anew. */
export class Writer {
  #buffer: Uint8Array = new Uint8Array(512);
  #length = 0;

  integer(value: number | bigint): void {
    if (typeof value === "number") {
      if (!Number.isSafeInteger(value)) bug(`not a safe integer: ${value}`);
      if (value >= 0) this.#head(UNSIGNED, value);
      else this.#head(NEGATIVE, -1 - value);
      return;
    }
    const [major, magnitude] = value >= 0n ? [UNSIGNED, value] : [NEGATIVE, -1n - value];
    if (magnitude >= 2n ** 64n) bug(`integer beyond 64 bits: ${value}`);
    if (magnitude <= BigInt(Number.MAX_SAFE_INTEGER)) {
      this.#head(major, Number(magnitude));
      return;
    }
    this.#reserve(9);
    this.#buffer[this.#length++] = (major << 5) | 27;
    for (let shift = 56n; shift >= 0n; shift -= 8n) {
      this.#buffer[this.#length++] = Number((magnitude >> shift) & 0xffn);
    }
  }

  bytes(value: Uint8Array): void {
    this.#head(BYTES, value.length);
    this.#append(value);
  }

  /** Text of at most `max` UTF-8 bytes: what a reader with the same limit takes. */
  text(value: string, max: number = Number.POSITIVE_INFINITY): void {
    if (value.length > max) bug(`text of ${value.length} characters, at most ${max} bytes`);
    if (this.#asciiText(value)) return;
    assert(value.isWellFormed(), "text with a lone surrogate has no UTF-8 form");
    const encoded = utf8Encoder.encode(value);
    if (encoded.length > max) bug(`text of ${encoded.length} bytes, at most ${max}`);
    this.#head(TEXT, encoded.length);
    this.#append(encoded);
  }

  /** Ids and codes are ASCII, and most of what is written: a byte a character. */
  #asciiText(value: string): boolean {
    const start = this.#length;
    this.#head(TEXT, value.length);
    this.#reserve(value.length);
    for (let i = 0; i < value.length; i += 1) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) {
        this.#length = start;
        return false;
      }
      this.#buffer[this.#length++] = code;
    }
    return true;
  }

  array(length: number): void {
    this.#head(ARRAY, length);
  }

  map(length: number): void {
    this.#head(MAP, length);
  }

  boolean(value: boolean): void {
    this.#byte(value ? TRUE : FALSE);
  }

  null(): void {
    this.#byte(NULL);
  }

  /** Bytes that are already canonical items, as they are. */
  raw(items: Uint8Array): void {
    this.#append(items);
  }

  finish(): Uint8Array {
    const bytes = this.#buffer.slice(0, this.#length);
    this.#length = 0;
    if (this.#buffer.length > KEPT_BUFFER_MAX) this.#buffer = new Uint8Array(512);
    return bytes;
  }

  #byte(value: number): void {
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
  }

  #head(major: number, value: number): void {
    this.#reserve(9);
    const top = major << 5;
    const b = this.#buffer;
    if (value < 24) {
      b[this.#length++] = top | value;
    } else if (value < 0x100) {
      b[this.#length++] = top | 24;
      b[this.#length++] = value;
    } else if (value < 0x10000) {
      b[this.#length++] = top | 25;
      b[this.#length++] = value >>> 8;
      b[this.#length++] = value & 0xff;
    } else if (value < 0x100000000) {
      b[this.#length++] = top | 26;
      this.#word(value);
    } else {
      b[this.#length++] = top | 27;
      this.#word(Math.floor(value / 0x100000000));
      this.#word(value >>> 0);
    }
  }

  #word(value: number): void {
    const b = this.#buffer;
    b[this.#length++] = value >>> 24;
    b[this.#length++] = (value >>> 16) & 0xff;
    b[this.#length++] = (value >>> 8) & 0xff;
    b[this.#length++] = value & 0xff;
  }

  #append(items: Uint8Array): void {
    this.#reserve(items.length);
    this.#buffer.set(items, this.#length);
    this.#length += items.length;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

/** Takes canonical items from the front of `bytes`; each method throws CodecError on anything else. */
export class Reader {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get offset(): number {
    return this.#offset;
  }

  /** An integer from `min` to `max`, both safe numbers. */
  integer(min: number, max: number): number {
    const at = this.#offset;
    const major = this.#peek() >>> 5;
    if (major !== UNSIGNED && major !== NEGATIVE) throw new CodecError("integer expected", at);
    const magnitude = Number(this.#head());
    const value = major === UNSIGNED ? magnitude : -1 - magnitude;
    if (value < min || value > max) throw new CodecError(`integer outside [${min}, ${max}]`, at);
    return value;
  }

  bigint(min: bigint, max: bigint): bigint {
    const at = this.#offset;
    const major = this.#peek() >>> 5;
    if (major !== UNSIGNED && major !== NEGATIVE) throw new CodecError("integer expected", at);
    const magnitude = this.#head();
    const value = major === UNSIGNED ? BigInt(magnitude) : -1n - BigInt(magnitude);
    if (value < min || value > max) {
      throw new CodecError(`integer outside [${min}, ${max}]`, at);
    }
    return value;
  }

  /** A byte string of `min` to `max` bytes; a copy, so the message it came in can be freed. */
  bytes(min: number, max: number): Uint8Array {
    return this.#string(BYTES, "byte string", min, max).slice();
  }

  /** UTF-8 text of at most `max` bytes. */
  text(max: number): string {
    const at = this.#offset;
    const encoded = this.#string(TEXT, "text", 0, max);
    try {
      return utf8Decoder.decode(encoded);
    } catch {
      throw new CodecError("text is not UTF-8", at);
    }
  }

  array(min: number, max: number): number {
    return this.#count(ARRAY, "array", min, max);
  }

  map(max: number): number {
    return this.#count(MAP, "map", 0, max);
  }

  boolean(): boolean {
    const at = this.#offset;
    const byte = this.#take();
    if (byte === TRUE) return true;
    if (byte === FALSE) return false;
    throw new CodecError("boolean expected", at);
  }

  /** Takes a null if one is next. */
  nullNext(): boolean {
    if (this.#peek() !== NULL) return false;
    this.#offset += 1;
    return true;
  }

  /** Everything must have been read. */
  end(): void {
    if (this.#offset !== this.#bytes.length) throw new CodecError("trailing bytes", this.#offset);
  }

  #count(major: number, what: string, min: number, max: number): number {
    const at = this.#offset;
    if (this.#peek() >>> 5 !== major) throw new CodecError(`${what} expected`, at);
    const count = this.#head();
    if (count < min || count > max) {
      throw new CodecError(`${what} of ${count} items, allowed ${min} to ${max}`, at);
    }
    return Number(count);
  }

  #string(major: number, what: string, min: number, max: number): Uint8Array {
    const at = this.#offset;
    if (this.#peek() >>> 5 !== major) throw new CodecError(`${what} expected`, at);
    const length = this.#head();
    if (length < min || length > max) {
      throw new CodecError(`${what} of ${length} bytes, allowed ${min} to ${max}`, at);
    }
    const end = this.#offset + Number(length);
    if (end > this.#bytes.length) throw new CodecError("truncated", this.#bytes.length);
    const found = this.#bytes.subarray(this.#offset, end);
    this.#offset = end;
    return found;
  }

  #head(): number | bigint {
    const at = this.#offset;
    const additional = this.#take() & 0x1f;
    if (additional < 24) return additional;
    if (additional === 24) return this.#argument(1, 24, at);
    if (additional === 25) return this.#argument(2, 0x100, at);
    if (additional === 26) return this.#argument(4, 0x10000, at);
    if (additional === 27) return this.#longArgument(at);
    throw new CodecError("indefinite or reserved length", at);
  }

  #argument(size: number, least: number, at: number): number {
    let value = 0;
    for (let i = 0; i < size; i += 1) value = value * 0x100 + this.#take();
    if (value < least) throw new CodecError("longer head than needed", at);
    return value;
  }

  #longArgument(at: number): number | bigint {
    let value = 0n;
    for (let i = 0; i < 8; i += 1) value = (value << 8n) | BigInt(this.#take());
    if (value < 0x100000000n) throw new CodecError("longer head than needed", at);
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
  }

  #peek(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) throw new CodecError("truncated", this.#offset);
    return byte;
  }

  #take(): number {
    const byte = this.#peek();
    this.#offset += 1;
    return byte;
  }
}
