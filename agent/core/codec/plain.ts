// What was decoded, as JSON: bytes in hex, 64-bit integers as decimal text, everything else as it is.

import { bytesToHex } from "./hex.ts";

export type Plain =
  | string
  | number
  | boolean
  | null
  | readonly Plain[]
  | { readonly [name: string]: Plain };

/** `value`: of a shape (shape.ts), without maps. */
export function plainOf(value: unknown): Plain {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return bytesToHex(value);
  if (Array.isArray(value)) return value.map(plainOf);
  return Object.fromEntries(Object.entries(value as object).map(([k, v]) => [k, plainOf(v)]));
}
