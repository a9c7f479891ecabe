// What only this home knows, and no block proves: the sign log by its signatures, the rest by checksums.

import type Database from "better-sqlite3";
import { assert } from "../../../core/assert.ts";
import { checkSigned, type LineContext } from "../../../core/audit/checkSigned.ts";
import { bytesToHex } from "../../../core/codec/hex.ts";
import type { Malformed } from "../../../core/codec/shape.ts";
import { decodeCertificate } from "../../../core/consensus/message.ts";
import type { Verifier } from "../../../core/crypto.ts";
import { baseOf } from "../../../core/ledger/restart.ts";
import { communityId, encodeRules } from "../../../core/ledger/rules.ts";
import type { LedgerState } from "../../../core/ledger/state.ts";
import { decodeTransaction } from "../../../core/ledger/transaction.ts";
import type { CommunityId, MemberId } from "../../../core/units/ids.ts";
import { blockPacking } from "../blockBytes.ts";
import { blockReader } from "../blockTable.ts";
import { plainBytes } from "../plainBytes.ts";
import { decodeMessage, durableFault, messageFault } from "../records.ts";
import { WrongPlace } from "./finding.ts";
import { type RawRow, RowReader } from "./rawRow.ts";
import type { ChainFrom } from "./replayChain.ts";

/** Tables with a checksum, and the columns that it covers, in their order; the first is the key. */
const SUMMED: { readonly [table: string]: readonly string[] } = {
  identity: ["row", "community_id", "member_id"],
  consensus_state: ["row", "durable"],
  given_restart: ["row", "bytes"],
  own_transaction: ["own_no", "id", "bytes"],
  register_sample: ["at_ms", "produced_wh", "imported_wh", "exported_wh"],
};

/** Throws WrongPlace at the first row, by key, whose checksum is not that of its other columns. */
export function checkChecksums(found: Database.Database): void {
  for (const [table, columns] of Object.entries(SUMMED)) {
    const [key = "row"] = columns;
    const wrong = found
      .prepare<[], unknown>(
        `SELECT ${key} FROM ${table} NOT INDEXED
         WHERE checksum IS NOT row_checksum(${columns.join(", ")}) ORDER BY ${key} LIMIT 1`,
      )
      .pluck()
      .get();
    if (wrong === undefined) continue;
    const problem = "its checksum does not fit: one of its columns was changed";
    throw new WrongPlace({ table, row: `${key} ${String(wrong)}`, problem });
  }
}

export type Home = {
  readonly found: Database.Database;
  /** Whose file it is. */
  readonly memberId: MemberId;
  /** After the last block. */
  readonly state: LedgerState;
  readonly chains: readonly ChainFrom[];
  readonly verifier: Verifier;
};

/** Each line says what its message says, is signed by this home's card, and agrees with the blocks. */
export function checkSignLog(home: Home): { signatures: number } {
  const { found, memberId, state, verifier } = home;
  const rows = found.prepare<[], RawRow>("SELECT * FROM sign_log ORDER BY height, round, type");
  const { blocks } = blockReader(found, blockPacking(encodeRules(state.rules)));
  const publicKey = keyOf(memberId, state);
  const chains = [...home.chains, ...awaitedChain(home)];
  let signatures = 0;
  for (const row of rows.iterate()) {
    const { height, round, type } = row;
    const name = `height ${String(height)}, round ${String(round)}, ${String(type)}`;
    const reader = new RowReader(row, { table: "sign_log", row: name });
    if (publicKey === null) return reader.wrong(null, `no key of ${memberId} is known`);
    const card = { memberId, publicKey };
    const community = chainAt(chains, Number(height));
    const line = checkLine(reader, { community, card, verifier });
    signatures += 1;
    const [block] = line.type === "precommit" ? blocks(line.height, 1) : [];
    const certificate = block?.height === line.height ? decodeCertificate(block.certificate) : null;
    if (certificate === null || !certificate.ok) continue;
    const isOwn = certificate.value.signatures.some(({ validator }) => validator === memberId);
    const isSame = certificate.value.blockId === line.message.blockId;
    if (isOwn && !isSame && certificate.value.round === line.round) {
      reader.wrong("message", "the block's certificate carries another vote of this card");
    }
  }
  return { signatures };
}

/** Of the restart that this home was given, while no block has it. */
function awaitedChain({ found, state, verifier }: Home): readonly ChainFrom[] {
  const bytes = found.prepare<[], Uint8Array>("SELECT bytes FROM given_restart").pluck().get();
  const read = bytes && decodeTransaction(communityId(state.rules), plainBytes(bytes));
  if (!read?.ok) return [];
  const { chain } = baseOf(state, read.value, verifier).state;
  return [{ from: state.height + 1, chain }];
}

function chainAt(chains: readonly ChainFrom[], height: number): CommunityId {
  const found = chains.findLast(({ from }) => from <= height) ?? chains[0];
  assert(found !== undefined, "a ledger has a chain");
  return found.chain;
}

function checkLine(reader: RowReader, context: LineContext) {
  const bytes = reader.bytes("message");
  const unreadable = messageFault(bytes);
  if (unreadable !== null) reader.wrong("message", unreadable.problem, unreadable.offset);
  const line = {
    height: reader.integer("height"),
    round: reader.integer("round"),
    type: reader.text("type"),
    signBytes: reader.bytes("sign_bytes"),
    signature: reader.bytes("signature"),
    message: decodeMessage(bytes),
  };
  const checked = checkSigned(line, context);
  if (checked.ok) return line;
  const { part, offset, problem } = checked.refusal;
  const columns = {
    key: null,
    message: "message",
    signBytes: "sign_bytes",
    signature: "signature",
  };
  return reader.wrong(columns[part], problem, offset);
}

/** A validator's key is in the rules, another member's in the state. */
function keyOf(memberId: MemberId, { rules, members }: LedgerState): Uint8Array | null {
  const validator = rules.validators.find((one) => one.memberId === memberId);
  return validator?.publicKey ?? members.get(memberId)?.publicKey ?? null;
}

/** The lock and the home's unsaid transactions: whether their bytes can be read as what they are. */
export function checkUnfinished({ found, state }: Home): void {
  const durable = found.prepare<[], RawRow>("SELECT * FROM consensus_state").get();
  if (durable !== undefined) {
    const reader = new RowReader(durable, { table: "consensus_state", row: "row 1" });
    mustBeWhole(reader, "durable", durableFault(reader.bytes("durable")));
  }
  const community = communityId(state.rules);
  const own = found.prepare<[], RawRow>("SELECT * FROM own_transaction ORDER BY own_no");
  for (const row of own.iterate()) {
    const { own_no: number } = row;
    const place = { table: "own_transaction", row: `own_no ${String(number)}` };
    const reader = new RowReader(row, place);
    const decoded = decodeTransaction(community, reader.bytes("bytes"));
    if (!decoded.ok) {
      const { refusal } = decoded;
      if (refusal.code === "malformed") mustBeWhole(reader, "bytes", refusal);
      reader.wrong("bytes", "it is another community's");
    } else if (decoded.value.id !== bytesToHex(reader.bytes("id"))) {
      reader.wrong("bytes", "their hash is not the row's id");
    }
  }
}

function mustBeWhole(reader: RowReader, column: string, fault: Malformed | null): void {
  if (fault !== null) reader.wrong(column, fault.problem, fault.offset);
}
