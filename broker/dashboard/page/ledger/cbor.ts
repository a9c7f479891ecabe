// The ledger's bytes, read by a reader of the page's own: that it comes to the same as the agents' is a check of both.
// Deterministic CBOR (RFC 8949 section 4.2) of integers, byte strings, text, arrays, booleans and null; each value
// has one form, so that nobody can say one thing in bytes that hash differently.

/** These bytes are not what they should be, from `offset` on. */
export class Unreadable extends Error {
  readonly offset: number;
  constructor(problem: string, offset: number) {
    super(`${problem} at byte ${offset}`);
    this.offset = offset;
  }
}

type Value =
  | { readonly kind: "integer"; readonly value: bigint }
  | { readonly kind: "bytes"; readonly value: Uint8Array }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "list"; readonly items: readonly Item[] }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "null" };

/** A value, and the bytes that it was read from. */
export type Item = Value & { readonly at: number; readonly raw: Uint8Array };

/** Ours have eight. */
const DEPTH_MAX = 16;

/** The one value in `bytes`. Throws Unreadable for anything else. */
export function readItem(bytes: Uint8Array): Item {
  const item = itemAt(bytes, 0, 0);
  if (item.raw.length !== bytes.length)
    throw new Unreadable("more than one value", item.raw.length);
  return item;
}

const [FALSE, TRUE, NULL] = [0xf4, 0xf5, 0xf6];

function itemAt(bytes: Uint8Array, at: number, depth: number): Item {
  if (depth > DEPTH_MAX) throw new Unreadable("too deep", at);
  const first = bytes[at];
  if (first === undefined) throw new Unreadable("cut off", at);
  const done = <V extends Value>(value: V, end: number): Item => {
    if (end > bytes.length) throw new Unreadable("cut off", bytes.length);
    return { ...value, at, raw: bytes.subarray(at, end) };
  };
  if (first === NULL) return done({ kind: "null" }, at + 1);
  if (first === FALSE || first === TRUE) {
    return done({ kind: "boolean", value: first === TRUE }, at + 1);
  }
  const { argument, next } = headAt(bytes, at);
  switch (first >>> 5) {
    case 0:
      return done({ kind: "integer", value: argument }, next);
    case 1:
      return done({ kind: "integer", value: -1n - argument }, next);
    case 2:
    case 3: {
      const end = next + lengthOf(argument, bytes, next);
      const value = bytes.subarray(next, end);
      if (first >>> 5 === 2) return done({ kind: "bytes", value }, end);
      return done({ kind: "text", value: textOf(value, next) }, end);
    }
    case 4: {
      const items: Item[] = [];
      let end = next;
      for (let left = lengthOf(argument, bytes, next); left > 0; left -= 1) {
        const item = itemAt(bytes, end, depth + 1);
        items.push(item);
        end = item.at + item.raw.length;
      }
      return done({ kind: "list", items }, end);
    }
    default:
      throw new Unreadable("a value of no known kind", at);
  }
}

/** A number below 24 stands in the head, others follow it in as few bytes as they need. */
function headAt(
  bytes: Uint8Array,
  at: number,
): { readonly argument: bigint; readonly next: number } {
  const low = (bytes[at] ?? 0) & 0x1f;
  if (low < 24) return { argument: BigInt(low), next: at + 1 };
  if (low > 27) throw new Unreadable("a length of no known kind", at);
  const size = 2 ** (low - 24);
  if (at + 1 + size > bytes.length) throw new Unreadable("cut off", bytes.length);
  let argument = 0n;
  for (let i = 1; i <= size; i += 1) argument = (argument << 8n) | BigInt(bytes[at + i] ?? 0);
  const least = size === 1 ? 24n : 1n << BigInt(4 * size);
  if (argument < least) throw new Unreadable("a number longer than needed", at);
  return { argument, next: at + 1 + size };
}

/** No more than there are bytes left: each item has one at least. */
function lengthOf(argument: bigint, bytes: Uint8Array, at: number): number {
  if (argument > BigInt(bytes.length - at)) throw new Unreadable("cut off", bytes.length);
  return Number(argument);
}

function textOf(bytes: Uint8Array, at: number): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Unreadable("text that is not UTF-8", at);
  }
}
