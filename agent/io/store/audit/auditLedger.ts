// The audit of one home's database: everything in it, from the first block on, checked again. Read-only and
// beside a running agent: it sees the blocks that were there when it began.
//
//   pages      SQLite's own check of the file
//   schema     the tables that this program makes, and no others
//   owner      the rules' bytes have the community's id as their hash
//   blocks     each one's bytes, link, certificate, signatures; applied: the same state root; checkpoints;
//              where the ledger begins with a snapshot: its state by the root in its certified block
//   registries every row of every table is what the blocks make of it, and the sums agree
//   home       sign log, lock, own transactions, samples
//
// Each part tells the first wrong place that it finds; a part that needs an earlier one is left out with it.

import { join } from "node:path";
import type Database from "better-sqlite3";
import { findFlippedBit, firstDifference } from "../../../core/audit/bytes.ts";
import { sha256Hex, type Verifier } from "../../../core/crypto.ts";
import { communityId, decodeRules, encodeRules, type Rules } from "../../../core/ledger/rules.ts";
import { type LedgerState, stateRoot } from "../../../core/ledger/state.ts";
import type { BlockId, CommunityId, MemberId } from "../../../core/units/ids.ts";
import type { MicroTokens } from "../../../core/units/money.ts";
import { openReadOnly, readOwner } from "../database.ts";
import { LEDGER_FILE } from "../dataDirectory.ts";
import { StoreError, storeError, storing } from "../storeError.ts";
import { checkPages, checkSchema } from "./checkFile.ts";
import { checkChecksums, checkSignLog, checkUnfinished } from "./checkHome.ts";
import { checkState } from "./checkState.ts";
import { compareTable } from "./compareTables.ts";
import { type ExpectedLedger, expectedLedger } from "./expectedLedger.ts";
import { type Finding, WrongPlace } from "./finding.ts";
import { type RawRow, RowReader } from "./rawRow.ts";
import { type Replayed, replayChain } from "./replayChain.ts";

/** Tables that follow from the blocks alone, in the order in which they are compared. */
const FROM_BLOCKS = [
  ...[
    "card",
    "block",
    "ledger_transaction",
    "earlier_transaction",
    "member",
    "member_card",
    "pv",
    "listing",
    "posting",
  ],
  ...["pv_offer", "buy_offer", "fill", "meter_reading", "hour_statement", "evidence"],
  ...["validator_change", "restart"],
] as const;

/** Tables that are checked in other ways, above. */
const OTHERS = [
  ...["identity", "community", "checkpoint"],
  ...["sign_log", "consensus_state", "given_restart", "own_transaction", "register_sample"],
] as const;

/** Every table of the schema: a new one must find its way into the audit. */
export const AUDITED_TABLES: readonly string[] = [...FROM_BLOCKS, ...OTHERS];

export type AuditOptions = {
  /** The community's rules as the reader knows them; null: as the file has them. */
  readonly rules: Rules | null;
  readonly verifier: Verifier;
};

/** `facts` is null when the blocks could not be replayed to the end. */
export type Audit = {
  /** Empty: everything is right. */
  readonly findings: readonly Finding[];
  readonly facts: AuditFacts | null;
  /** After the last block; null as `facts`. */
  readonly state: LedgerState | null;
};

export type AuditFacts = {
  readonly community: CommunityId;
  readonly name: string;
  /** Whose home it is. */
  readonly memberId: MemberId;
  readonly height: number;
  /** Of the last block; null before the first. */
  readonly blockId: BlockId | null;
  /** 1, or the height of the snapshot with which this home's ledger begins. */
  readonly firstHeight: number;
  readonly transactions: number;
  /** Of certificates, transactions and the sign log. */
  readonly signatures: number;
  readonly members: number;
  readonly issued: MicroTokens;
  readonly stateRoot: string;
};

/** Throws StoreError when there is no file that could be read. */
export function auditLedger(dir: string, options: AuditOptions): Audit {
  const path = join(dir, LEDGER_FILE);
  const found = openReadOnly(path);
  const expected = expectedLedger();
  try {
    // One view of the file, however much the agent writes meanwhile.
    found.exec("BEGIN");
    return storing(path, () => audit({ found, expected, path }, options));
  } finally {
    expected.close();
    found.close();
  }
}

type Opened = {
  readonly found: Database.Database;
  readonly expected: ExpectedLedger;
  readonly path: string;
};

function audit({ found, expected, path }: Opened, options: AuditOptions): Audit {
  const findings: Finding[] = [];
  const part = <T>(work: () => T, table: string | null = null): T | null => {
    try {
      return work();
    } catch (error) {
      findings.push(findingOf(error, { path, table }));
      return null;
    }
  };
  const { verifier } = options;
  part(() => checkPages(found));
  const before = findings.length;
  part(() => checkSchema(found, expected.db));
  if (findings.length > before) return unread(findings);
  part(() => checkChecksums(found));
  const named = part(() => checkOwner(found, options.rules));
  const rules = options.rules ?? named;
  const isItsOwn = rules !== null && communityId(rules) === readOwner(found)?.communityId;
  const replayed = isItsOwn
    ? part(() => replayChain({ found, expected, rules, verifier }), "block")
    : null;
  if (replayed === null) return unread(findings);
  const { state, chains } = replayed;
  for (const table of FROM_BLOCKS) {
    part(() => compareTable(table, { expected: expected.db, found }), table);
  }
  // Where a table differs anyway, its sums say nothing more.
  if (findings.length === 0) part(() => checkState(found, state));
  const memberId = (readOwner(found)?.memberId ?? "") as MemberId;
  const home = { found, memberId, state, chains, verifier };
  const signed = part(() => checkSignLog(home), "sign_log")?.signatures ?? 0;
  part(() => checkUnfinished(home));
  const facts = factsOf(replayed, { memberId, signed });
  return { findings: preciseFirst(findings), facts, state };
}

function unread(findings: readonly Finding[]): Audit {
  return { findings: preciseFirst(findings), facts: null, state: null };
}

/** The rules of the file, whose hash is the id in `identity`; and those given, if any, are the same. */
function checkOwner(found: Database.Database, given: Rules | null): Rules {
  const owner = onlyRow(found, "identity");
  const community = onlyRow(found, "community");
  const id = owner.text("community_id");
  const bytes = community.bytes("rules");
  const isRight = (tried: Uint8Array) => sha256Hex(tried) === id;
  if (!isRight(bytes)) {
    const problem = "the hash of the rules is not the community's id";
    community.wrong("rules", problem, findFlippedBit(bytes, isRight));
  }
  const decoded = decodeRules(bytes);
  if (!decoded.ok) return community.wrong("rules", decoded.refusal.problem, decoded.refusal.offset);
  if (given !== null && communityId(given) !== id) {
    const offset = firstDifference(encodeRules(given), bytes);
    community.wrong("rules", `they are not those of community ${communityId(given)}`, offset);
  }
  return decoded.value;
}

function onlyRow(found: Database.Database, table: string): RowReader {
  const rows = found.prepare<[], RawRow>(`SELECT * FROM ${table} NOT INDEXED`).all();
  const reader = new RowReader(rows[0] ?? {}, { table, row: "row 1" });
  // SQLite's own check passes over a CHECK on the key.
  if (rows.length !== 1 || reader.integer("row") !== 1) {
    reader.wrong("row", "the table has one row, and its number is 1");
  }
  return reader;
}

type Attempt = { readonly path: string; readonly table: string | null };

function findingOf(error: unknown, { path, table }: Attempt): Finding {
  if (error instanceof WrongPlace) return error.finding;
  const known = storeError(path, error);
  if (!(known instanceof StoreError) || known.code !== "corrupt") throw known;
  const said = error instanceof Error ? error.message : String(error);
  const problem = `SQLite cannot read on (${said})`;
  return { table, row: null, column: null, offset: null, problem };
}

/** A column says more than a row, and that more than a table or a page. */
function preciseFirst(findings: readonly Finding[]): readonly Finding[] {
  const vague = ({ table, row, column }: Finding): number =>
    [table, row, column].filter((part) => part === null).length;
  return [...findings].sort((a, b) => vague(a) - vague(b));
}

type HomeFacts = { readonly memberId: MemberId; readonly signed: number };

function factsOf(replayed: Replayed, { memberId, signed }: HomeFacts): AuditFacts {
  const { state, firstHeight, transactions, signatures } = replayed;
  return {
    community: communityId(state.rules),
    name: state.rules.name,
    memberId,
    height: state.height,
    blockId: state.lastBlock?.blockId ?? null,
    firstHeight,
    transactions,
    signatures: signatures + signed,
    members: state.members.size,
    issued: state.issued,
    stateRoot: stateRoot(state),
  };
}
