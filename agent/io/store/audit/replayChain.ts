// Every block of the file from the first, checked and applied one after the other.

import type Database from "better-sqlite3";
import type { BlockFault } from "../../../core/audit/blockFault.ts";
import { firstDifference } from "../../../core/audit/bytes.ts";
import { checkBlock, type RecordedBlock } from "../../../core/audit/checkBlock.ts";
import { decodeCertificate } from "../../../core/consensus/message.ts";
import { sha256Hex, type Verifier } from "../../../core/crypto.ts";
import { blockId, encodeBlock, type Header } from "../../../core/ledger/block.ts";
import { encodeRules, type Rules } from "../../../core/ledger/rules.ts";
import { encodeState, genesis, type LedgerState } from "../../../core/ledger/state.ts";
import { decodeTransaction } from "../../../core/ledger/transaction.ts";
import type { CommunityId } from "../../../core/units/ids.ts";
import { type BlockPacking, blockPacking } from "../blockBytes.ts";
import { beginning } from "./beginning.ts";
import type { ExpectedLedger } from "./expectedLedger.ts";
import { WrongPlace } from "./finding.ts";
import { type RawRow, RowReader } from "./rawRow.ts";
import { unpackRow } from "./unpackRow.ts";

export type Replayed = {
  readonly state: LedgerState;
  /** 1, or where the ledger begins with a snapshot. */
  readonly firstHeight: number;
  readonly transactions: number;
  /** Of certificates and transactions. */
  readonly signatures: number;
  /** What votes are for, from which height on; ascending. */
  readonly chains: readonly ChainFrom[];
};

export type ChainFrom = { readonly from: number; readonly chain: CommunityId };

export type Replay = {
  readonly found: Database.Database;
  readonly expected: ExpectedLedger;
  readonly rules: Rules;
  readonly verifier: Verifier;
};

/** Throws WrongPlace at the first block that is not right. What it leads to is added to `expected`. */
export function replayChain(replay: Replay): Replayed {
  const { found, expected, rules, verifier } = replay;
  const blocks = found.prepare<[], RawRow>(
    "SELECT height, packed, certificate FROM block NOT INDEXED ORDER BY height",
  );
  const packing = blockPacking(encodeRules(rules));
  const checkpoints = checkpointReader(found);
  const base = beginning(replay);
  let state = base?.state ?? genesis(rules);
  let transactions = base?.snapshot.block.transactions.length ?? 0;
  let signatures = base?.snapshot.certificate.signatures.length ?? 0;
  if (base !== null) checkpoints.check(state, base.snapshot.block.header);
  const chains: ChainFrom[] = [{ from: base?.state.height ?? 1, chain: state.chain }];
  for (const row of blocks.iterate()) {
    const { height: stored } = row;
    if (base !== null && stored === BigInt(base.state.height)) continue;
    const height = checkedHeight(row, state.height + 1);
    const recorded = unpacked(row, height, packing);
    const checked = checkBlock(state, recorded, verifier);
    if (!checked.ok) throw wrongBlock(height, checked.refusal);
    expected.add(checked.value, recorded.certificate);
    state = checked.value.state;
    if (state.chain !== chains.at(-1)?.chain) chains.push({ from: height, chain: state.chain });
    checkpoints.check(state, checked.value.block.header);
    transactions += recorded.transactions.length;
    signatures += recorded.transactions.length + checked.value.certificate.signatures.length;
  }
  checkpoints.end();
  return { state, firstHeight: base?.state.height ?? 1, transactions, signatures, chains };
}

function checkedHeight(row: RawRow, wanted: number): number {
  const { height: found } = row;
  const reader = new RowReader(row, { table: "block", row: `height ${String(found)}` });
  const height = reader.integer("height");
  if (height === wanted) return height;
  throw new WrongPlace({
    ...{ table: "block", row: `height ${wanted}`, column: "height" },
    problem: `the block is missing; the next one's height is ${height}`,
  });
}

/**
 * The block's parts. Their ids stand nowhere beside them: what was changed with care is named by the
 * certificate or by a transaction's signature.
 */
function unpacked(row: RawRow, height: number, packing: BlockPacking): RecordedBlock {
  const reader = new RowReader(row, { table: "block", row: `height ${height}` });
  const { block, certificate } = unpackRow(reader, packing);
  const { header, transactions } = block;
  const signed = decodeCertificate(certificate);
  return {
    blockId: blockId(header),
    round: signed.ok ? signed.value.round : 0,
    header: encodeBlock({ header, transactions: [] }),
    certificate,
    transactions: transactions.map((one) => ({ id: idOf(header.community, one), bytes: one })),
  };
}

/** "" for what is no transaction. */
function idOf(community: CommunityId, bytes: Uint8Array): string {
  const decoded = decodeTransaction(community, bytes);
  return decoded.ok ? decoded.value.id : "";
}

/** Within the packed bytes no place can be told, but which transaction it is. */
function wrongBlock(height: number, { part, position, offset, problem }: BlockFault): WrongPlace {
  const place = { table: "block", row: `height ${height}` };
  if (part === "certificate") {
    return new WrongPlace({ ...place, column: part, problem: at(problem, offset) });
  }
  const named = position === null ? problem : `transaction ${position}: ${problem}`;
  return new WrongPlace({ ...place, column: "packed", problem: at(named, offset) });
}

function at(problem: string, offset: number | null): string {
  return offset === null ? problem : `${problem} (byte ${offset} when unpacked)`;
}

type Checkpoints = {
  /** If the file has a checkpoint of this height, it must be this state. */
  readonly check: (state: LedgerState, header: Header) => void;
  /** After the last block: no checkpoint may be left. */
  readonly end: () => void;
};

function checkpointReader(found: Database.Database): Checkpoints {
  const heights = new Set(
    found.prepare<[], bigint>("SELECT height FROM checkpoint").pluck().all().map(Number),
  );
  const select = found.prepare<[number], RawRow>(
    "SELECT state, validators FROM checkpoint WHERE height = ?",
  );
  const place = (height: number) => ({ table: "checkpoint", row: `height ${height}` });
  return {
    check: (state, { validatorsHash }) => {
      if (!heights.delete(state.height)) return;
      const row = select.get(state.height) ?? {};
      const reader = new RowReader(row, place(state.height));
      const { validators } = row;
      if (validators !== null && sha256Hex(reader.bytes("validators")) !== validatorsHash) {
        reader.wrong("validators", "they are not those who vote on the block");
      }
      const bytes = reader.bytes("state");
      const wanted = encodeState(state);
      const offset = firstDifference(wanted, bytes);
      if (offset === wanted.length && offset === bytes.length) return;
      reader.wrong("state", "it is not the state that the blocks lead to", offset);
    },
    end: () => {
      const [left] = heights;
      if (left === undefined) return;
      throw new WrongPlace({ ...place(left), problem: "there is no block of this height" });
    },
  };
}
