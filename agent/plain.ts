// Facts as JSON: what logs, the line protocol on stdout and the lab's results all print.

import { bytesToHex } from "./core/codec/hex.ts";

/** bigint as decimal text, bytes as hex, a Map as an object; all else as it is. */
export function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Uint8Array) return bytesToHex(value);
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, item]) => [String(key), plain(item)]));
  }
  if (value instanceof Error) return { ...value, name: value.name, message: value.message };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/** One line of NDJSON, with its line break. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(plain(value))}\n`;
}

/** What `plain` and JSON make of a T: what a reader of the lines gets. */
export type Plain<T> = T extends bigint | Uint8Array
  ? string
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends ReadonlyMap<unknown, infer V>
      ? { readonly [key: string]: Plain<V> }
      : T extends readonly (infer I)[]
        ? readonly Plain<I>[]
        : { readonly [K in keyof T]: Plain<T[K]> };
