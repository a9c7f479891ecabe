// A block named from outside: its height and its id. Who knows one block for certain knows every block before
// it, for each header holds the id of the one before.

import { accepted, type Refusal, type Result, refused } from "../result.ts";
import { type BlockId, isHash } from "../units/ids.ts";
import { blockId, decodeHeader, type Header } from "./block.ts";

export type BlockReference = { readonly height: number; readonly blockId: BlockId };

/** "HEIGHT:BLOCKID", as people copy it from a neighbour's home. */
export function formatReference({ height, blockId: id }: BlockReference): string {
  return `${height}:${id}`;
}

/** null: not of that form; a height is from 1 on, an id 64 lower-case hex digits. */
export function parseReference(text: string): BlockReference | null {
  const [, digits = "", id = ""] = /^([1-9][0-9]{0,15}):([0-9a-f]+)$/.exec(text) ?? [];
  const height = Number(digits);
  if (!isHash(id) || !Number.isSafeInteger(height)) return null;
  return { height, blockId: id as BlockId };
}

/** The header of the block that is named, if these are its bytes; whoever sent others did not have it. */
export function headerOf(
  encoded: Uint8Array,
  named: BlockReference,
): Result<Header, Refusal<"otherHeader">> {
  const decoded = decodeHeader(encoded);
  const isIts =
    decoded.ok && blockId(decoded.value) === named.blockId && decoded.value.height === named.height;
  return isIts ? accepted(decoded.value) : refused({ code: "otherHeader", height: named.height });
}
