// A block: [header, transactions]. Its id is the hash of the header, and the header has the root of a Merkle tree over
// the transactions' bytes (RFC 6962 section 2.1).

import { join } from "./bytes.ts";
import { readItem } from "./cbor.ts";
import { bytesIn, fieldsOf, itemsIn, type PlainFields } from "./layout.ts";
import { HEADER } from "./layouts.ts";
import { sha256 } from "./signature.ts";

export type ReadBlock = {
  readonly header: PlainFields;
  readonly headerBytes: Uint8Array;
  readonly transactions: readonly Uint8Array[];
};

/** Throws Unreadable where the bytes are no block. */
export function readBlockBytes(bytes: Uint8Array): ReadBlock {
  const [header, transactions] = itemsIn(readItem(bytes), 2);
  if (header === undefined || transactions === undefined) throw new Error("a list of two has two");
  return {
    header: fieldsOf(HEADER, header),
    headerBytes: header.raw,
    transactions: itemsIn(transactions).map(bytesIn),
  };
}

const [LEAF, NODE] = [Uint8Array.of(0), Uint8Array.of(1)];

export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves;
  if (first === undefined) return sha256(new Uint8Array());
  if (leaves.length === 1) return sha256(join(LEAF, first));
  let half = 1;
  while (half * 2 < leaves.length) half *= 2;
  return sha256(join(NODE, merkleRoot(leaves.slice(0, half)), merkleRoot(leaves.slice(half))));
}
