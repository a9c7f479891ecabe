// A block's row, unpacked: what it holds is looked at elsewhere.

import { findFlippedBit } from "../../../core/audit/bytes.ts";
import type { Malformed } from "../../../core/codec/shape.ts";
import { type Block, decodeBlock } from "../../../core/ledger/block.ts";
import type { Result } from "../../../core/result.ts";
import { type BlockPacking, hasItsCheck } from "../blockBytes.ts";
import type { RowReader } from "./rawRow.ts";

export type UnpackedRow = {
  readonly block: Block;
  /** The block's and the certificate's canonical bytes. */
  readonly bytes: Uint8Array;
  readonly certificate: Uint8Array;
};

/** Of the columns `packed` and `certificate`. Throws WrongPlace if they are not as they were written. */
export function unpackRow(reader: RowReader, packing: BlockPacking): UnpackedRow {
  const bytes = opened(reader, "packed", packing.unpack);
  const block = decodeBlock(bytes);
  if (!block.ok) return reader.wrong("packed", block.refusal.problem);
  const certificate = opened(reader, "certificate", (packed) =>
    packing.unpackCertificate(packed, bytes),
  );
  return { block: block.value, bytes, certificate };
}

function opened(
  reader: RowReader,
  column: string,
  open: (packed: Uint8Array) => Result<Uint8Array, Malformed>,
): Uint8Array {
  const packed = reader.bytes(column);
  const found = open(packed);
  if (found.ok) return found.value;
  const offset = hasItsCheck(packed) ? null : findFlippedBit(packed, hasItsCheck);
  return reader.wrong(column, found.refusal.problem, offset);
}
