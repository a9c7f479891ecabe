// Where a ledger begins: with block 1, or with the snapshot by which its home joined. Then the snapshot's state
// stands beside its block, and the block's certificate is for that state; what was before is not here.

import type Database from "better-sqlite3";
import {
  type CheckedSnapshot,
  checkSnapshotProof,
  checkSnapshotState,
} from "../../../core/audit/checkSnapshot.ts";
import { sha256Hex } from "../../../core/crypto.ts";
import { encodeRules } from "../../../core/ledger/rules.ts";
import { decodeState, type LedgerState } from "../../../core/ledger/state.ts";
import type { Refusal } from "../../../core/result.ts";
import { blockPacking } from "../blockBytes.ts";
import { type RawRow, RowReader } from "./rawRow.ts";
import type { Replay } from "./replayChain.ts";
import { unpackRow } from "./unpackRow.ts";

export type Beginning = { readonly snapshot: CheckedSnapshot; readonly state: LedgerState };

/** Null: with block 1. The snapshot is added to `expected`. Throws WrongPlace if it is not right. */
export function beginning(replay: Replay): Beginning | null {
  const { found, expected, rules } = replay;
  const first = firstRow(found);
  if (first === null) return null;
  const { height, row } = first;
  const select = "SELECT state, validators FROM checkpoint WHERE height = ? AND validators NOTNULL";
  const kept = found.prepare<[number], RawRow>(select).get(height);
  // Nothing to begin with: then block 1 is what is missing.
  if (kept === undefined) return null;
  const checkpoint = new RowReader(kept, { table: "checkpoint", row: `height ${height}` });
  const block = new RowReader(row, { table: "block", row: `height ${height}` });
  const unpacked = unpackRow(block, blockPacking(encodeRules(rules)));
  const { header } = unpacked.block;
  const encoded = checkpoint.bytes("state");
  const decoded = decodeState(rules, encoded, null);
  if (sha256Hex(encoded) !== header.stateRoot || !decoded.ok) {
    return checkpoint.wrong("state", "it is not the state that its block names");
  }
  const validators = checkpoint.bytes("validators");
  if (sha256Hex(validators) !== header.validatorsHash) {
    return checkpoint.wrong("validators", "they are not those who vote on the block");
  }
  const { bytes, certificate } = unpacked;
  const proof = { block: bytes, certificate, validators, chain: decoded.value.chain };
  const snapshot = checkSnapshotProof(proof, replay);
  if (!snapshot.ok) return wrongProof(snapshot.refusal, block);
  if (snapshot.value.block.header.height !== height) {
    return block.wrong("height", "the block's own height is another");
  }
  const state = checkSnapshotState(snapshot.value, encoded, rules);
  if (!state.ok) {
    const problem = `it is not the state that the block's certificate is for (${state.refusal.code})`;
    return checkpoint.wrong("state", problem);
  }
  expected.begin(snapshot.value, state.value);
  return { snapshot: snapshot.value, state: state.value };
}

function firstRow(found: Database.Database): { height: number; row: RawRow } | null {
  const row = found
    .prepare<[], RawRow>(
      "SELECT height, packed, certificate FROM block NOT INDEXED ORDER BY height LIMIT 1",
    )
    .get();
  if (row === undefined) return null;
  const { height: first } = row;
  const height = Number(first);
  return height <= 1 ? null : { height, row };
}

function wrongProof(refusal: Refusal, block: RowReader): never {
  const problem = `the snapshot with which this ledger begins is not proved (${JSON.stringify(refusal)})`;
  const isOfBlock = refusal.code === "otherCommunity" || refusal.code === "wrongTransactionsRoot";
  return block.wrong(isOfBlock ? "packed" : "certificate", problem);
}
