// Shapes: one description serves writing, reading and the bounds between.
//
// A struct is written as an array of its fields in the order of their declaration, a union as an array
// [tag, value]. Whoever changes a struct changes the format: add a version, never reorder.

import { assert, bug } from "../assert.ts";
import { accepted, type Result, refused } from "../result.ts";
import { CodecError, Reader, Writer } from "./cbor.ts";
import { bytesToHex, hexToBytes } from "./hex.ts";

export type Shape<T> = {
  readonly write: (writer: Writer, value: T) => void;
  readonly read: (reader: Reader) => T;
};

export type ShapeOf<S> = S extends Shape<infer T> ? T : never;

export type Malformed = {
  readonly code: "malformed";
  readonly problem: string;
  readonly offset: number;
};

export function encode<T>(shape: Shape<T>, value: T): Uint8Array {
  // Its buffer costs more than what most messages write into it. While it is taken, a shape that encodes by
  // itself makes another.
  const writer = spare ?? new Writer();
  spare = null;
  shape.write(writer, value);
  const encoded = writer.finish();
  spare = writer;
  return encoded;
}

let spare: Writer | null = null;

/**
 * The same bytes as `shape` writes, kept for each value as long as it lives: for values that never change and
 * are written again and again.
 */
export function kept<T extends object>(shape: Shape<T>): Shape<T> {
  const written = new WeakMap<T, Uint8Array>();
  return {
    read: shape.read,
    write: (writer, value) => {
      const known = written.get(value) ?? encode(shape, value);
      written.set(value, known);
      writer.raw(known);
    },
  };
}

/**
 * Reads exactly one value from `bytes`, which must be its only canonical form.
 * Refusal `malformed` names the problem and the offset; nothing is thrown for bad input.
 */
export function decode<T>(
  shape: Shape<T>,
  bytes: Uint8Array,
  bytesMax: number,
): Result<T, Malformed> {
  if (bytes.length > bytesMax) {
    const problem = `${bytes.length} bytes, at most ${bytesMax}`;
    return refused({ code: "malformed", problem, offset: bytesMax });
  }
  const reader = new Reader(bytes);
  try {
    const value = shape.read(reader);
    reader.end();
    return accepted(value);
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    return refused({ code: "malformed", problem: error.problem, offset: error.offset });
  }
}

/** A whole number from `min` to `max`, branded by whoever asks. */
export function integer<T extends number = number>(min: number, max: number): Shape<T> {
  return {
    write: (writer, value) => {
      if (value < min || value > max) bug(`${value} outside [${min}, ${max}]`);
      writer.integer(value);
    },
    read: (reader) => reader.integer(min, max) as T,
  };
}

/** A signed 64-bit integer as bigint. */
export function int64<T extends bigint = bigint>(): Shape<T> {
  const min = -(2n ** 63n);
  const max = 2n ** 63n - 1n;
  return {
    write: (writer, value) => {
      if (value < min || value > max) bug(`${value} beyond 64 bits`);
      writer.integer(value);
    },
    read: (reader) => reader.bigint(min, max) as T,
  };
}

export function bytes(min: number, max: number = min): Shape<Uint8Array> {
  return {
    write: (writer, value) => {
      if (value.length < min || value.length > max) bug(`${value.length} bytes out of bounds`);
      writer.bytes(value);
    },
    read: (reader) => reader.bytes(min, max),
  };
}

/** 32 bytes on the wire, 64 lower-case hex digits in the program. */
export function hash<T extends string = string>(): Shape<T> {
  return hex<T>(32);
}

/** `count` bytes on the wire, twice as many lower-case hex digits in the program. */
export function hex<T extends string = string>(count: number): Shape<T> {
  return {
    write: (writer, value) => {
      if (value.length !== 2 * count) bug(`${value.length} hex digits, not ${2 * count}`);
      writer.bytes(hexToBytes(value));
    },
    read: (reader) => bytesToHex(reader.bytes(count, count)) as T,
  };
}

/** Text of at most `max` UTF-8 bytes that `is` accepts. */
export function text<T extends string = string>(
  max: number,
  is: (value: string) => boolean = () => true,
): Shape<T> {
  return {
    write: (writer, value) => {
      if (!is(value)) bug(`text not of the wanted form: ${value}`);
      writer.text(value, max);
    },
    read: (reader) => {
      const at = reader.offset;
      const value = reader.text(max);
      if (!is(value)) throw new CodecError("text not of the wanted form", at);
      return value as T;
    },
  };
}

export const boolean: Shape<boolean> = {
  write: (writer, value) => writer.boolean(value),
  read: (reader) => reader.boolean(),
};

export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return {
    write: (writer, value) => (value === null ? writer.null() : shape.write(writer, value)),
    read: (reader) => (reader.nullNext() ? null : shape.read(reader)),
  };
}

export function array<T>(item: Shape<T>, max: number): Shape<readonly T[]> {
  return {
    write: (writer, values) => {
      if (values.length > max) bug(`${values.length} items, at most ${max}`);
      writer.array(values.length);
      for (const value of values) item.write(writer, value);
    },
    read: (reader) => {
      const values: T[] = [];
      const count = reader.array(0, max);
      for (let i = 0; i < count; i += 1) values.push(item.read(reader));
      return values;
    },
  };
}

/** Text keys in ascending UTF-8 order, each once. */
export function map<T>(item: Shape<T>, max: number, keyMax: number): Shape<ReadonlyMap<string, T>> {
  return {
    write: (writer, values) => {
      if (values.size > max) bug(`${values.size} entries, at most ${max}`);
      writer.map(values.size);
      for (const key of [...values.keys()].sort(compareUtf8)) {
        writer.text(key, keyMax);
        item.write(writer, values.get(key) as T);
      }
    },
    read: (reader) => {
      const values = new Map<string, T>();
      const count = reader.map(max);
      let previous: string | null = null;
      for (let i = 0; i < count; i += 1) {
        const at = reader.offset;
        const key = reader.text(keyMax);
        if (previous === key) throw new CodecError("duplicate key", at);
        if (previous !== null && compareUtf8(previous, key) > 0) {
          throw new CodecError("keys not in order", at);
        }
        previous = key;
        values.set(key, item.read(reader));
      }
      return values;
    },
  };
}

/** One of `values`, written as its place in the list. */
export function oneOf<const T extends string>(values: readonly T[]): Shape<T> {
  return {
    write: (writer, value) => {
      const index = values.indexOf(value);
      if (index < 0) bug(`${value} is none of ${values.join(", ")}`);
      writer.integer(index);
    },
    read: (reader) => values[reader.integer(0, values.length - 1)] as T,
  };
}

type StructOf<F> = { readonly [K in keyof F]: F[K] extends Shape<infer T> ? T : never };

/** Fields in the order of their declaration. */
// biome-ignore lint/suspicious/noExplicitAny: a struct holds shapes of any type; StructOf keeps each.
export function struct<const F extends { readonly [name: string]: Shape<any> }>(
  fields: F,
): Shape<StructOf<F>> {
  const entries = Object.entries(fields);
  return {
    write: (writer, value) => {
      writer.array(entries.length);
      const record = value as Record<string, unknown>;
      for (const [name, shape] of entries) shape.write(writer, record[name]);
    },
    read: (reader) => {
      reader.array(entries.length, entries.length);
      const record: Record<string, unknown> = {};
      for (const [name, shape] of entries) record[name] = shape.read(reader);
      return record as StructOf<F>;
    },
  };
}

type UnionOf<F> = {
  [K in keyof F]: F[K] extends Shape<infer T> ? { readonly type: K } & T : never;
}[keyof F];

/**
 * A closed union on the field `type`: each variant has a number that never changes.
 * The variants are structs without `type`; it is added when read.
 */
// biome-ignore lint/suspicious/noExplicitAny: as in struct.
export function union<const F extends { readonly [type: string]: Shape<any> }>(
  variants: F,
  tags: { readonly [K in keyof F]: number },
): Shape<UnionOf<F>> {
  const byTag = new Map(Object.entries(tags).map(([type, tag]) => [tag as number, type]));
  assert(byTag.size === Object.keys(variants).length, "each variant needs a tag of its own");
  return {
    write: (writer, value) => {
      const type = (value as { type: string }).type;
      const variant = variants[type];
      if (variant === undefined) bug(`no variant ${type}`);
      writer.array(2);
      writer.integer(tags[type] as number);
      variant.write(writer, value);
    },
    read: (reader) => {
      reader.array(2, 2);
      const at = reader.offset;
      const type = byTag.get(reader.integer(0, 255));
      const variant = type === undefined ? undefined : variants[type];
      if (type === undefined || variant === undefined) throw new CodecError("unknown type", at);
      return { type, ...variant.read(reader) } as UnionOf<F>;
    },
  };
}

/** Orders texts by their UTF-8 bytes, which is the order of code points. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return fixup(x) - fixup(y);
  }
  return a.length - b.length;
}

/** UTF-16 puts surrogates below U+E000..U+FFFF; UTF-8 puts them above. */
function fixup(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800;
  return unit >= 0xd800 ? unit + 0x2000 : unit;
}
