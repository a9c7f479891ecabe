// One SunSpec point from its registers: types, what means "not implemented", scale factors.
// Source: SunSpec Device Information Model Specification; big-endian bytes and words.

import { shiftDecimal } from "../plausible.ts";

export type PointType =
  | "int16"
  | "uint16"
  | "enum16"
  | "sunssf"
  | "uint32"
  | "acc32"
  | "bitfield32"
  | "uint64"
  | "float32"
  | "string";

/** A value as it stands in the registers; null: not implemented (or NaN, or not counted yet). */
export type RawValue = bigint | number | string | null;

/** Registers per point; a string's is its own. */
export const POINT_LENGTHS: { readonly [T in Exclude<PointType, "string">]: number } = {
  int16: 1,
  uint16: 1,
  enum16: 1,
  sunssf: 1,
  uint32: 2,
  acc32: 2,
  bitfield32: 2,
  float32: 2,
  uint64: 4,
};

/** Scale factors are 10^-10 to 10^10; anything else is a device's mistake. */
const SCALE_MAX = 10;

/** 0x7FC00000 (NaN) as an integer that was then encoded as a float: images made by some tools have it. */
const ENCODED_NAN = 0x7fc00000;

/** The point's value; `registers` are its own, as many as its type has. */
export function decodePoint(type: PointType, registers: readonly number[]): RawValue {
  switch (type) {
    case "int16":
    case "sunssf":
      return unless(0x8000, registers[0] ?? 0x8000, (word) => word - ((word & 0x8000) << 1));
    case "uint16":
    case "enum16":
      return unless(0xffff, registers[0] ?? 0xffff, (word) => word);
    case "uint32":
    case "bitfield32":
      return unless(0xffffffff, unsigned32(registers), (value) => value);
    case "acc32":
      // By the specification an accumulator of 0 does not exist; countedEnergy() knows better.
      return unless(0, unsigned32(registers), (value) => value);
    case "uint64":
      return unless(0xffff_ffff_ffff_ffffn, unsigned64(registers), (value) => value);
    case "float32":
      return decodeFloat(registers);
    case "string":
      return decodeString(registers);
  }
}

/** raw x 10^scale, correctly rounded to a float; null where either is not implemented. */
export function scaleValue(raw: RawValue, scale: number | null): number | null {
  if (raw === null || typeof raw === "string") return null;
  if (scale === null || Math.abs(scale) > SCALE_MAX) return null;
  return shiftDecimal(Number(raw), scale);
}

/** floor(raw x 10^scale) without a float between; null where the scale factor is not implemented. */
export function scaleWhole(raw: bigint, scale: number | null): bigint | null {
  if (scale === null || Math.abs(scale) > SCALE_MAX || raw < 0n) return null;
  return scale >= 0 ? raw * 10n ** BigInt(scale) : raw / 10n ** BigInt(-scale);
}

export function unsigned32(registers: readonly number[]): number {
  return (registers[0] ?? 0) * 0x10000 + (registers[1] ?? 0);
}

function unsigned64(registers: readonly number[]): bigint {
  return (BigInt(unsigned32(registers)) << 32n) | BigInt(unsigned32(registers.slice(2)));
}

function unless<T extends number | bigint>(none: T, value: T, decode: (value: T) => T): T | null {
  return value === none ? null : decode(value);
}

function decodeFloat(registers: readonly number[]): number | null {
  const bits = new DataView(new ArrayBuffer(4));
  bits.setUint32(0, unsigned32(registers));
  const value = bits.getFloat32(0);
  return Number.isFinite(value) && value !== Math.fround(ENCODED_NAN) ? value : null;
}

/** Padded with NULs or blanks; empty is not implemented. */
function decodeString(registers: readonly number[]): string | null {
  const bytes = registers.flatMap((word) => [word >> 8, word & 0xff]);
  const end = bytes.indexOf(0);
  const used = Uint8Array.from(end === -1 ? bytes : bytes.slice(0, end));
  const text = new TextDecoder("utf-8").decode(used).trim();
  return text === "" ? null : text;
}
