// The audit of a real database: right as it is, and every change is found and named.
//
// What no audit can find, for it says nothing: bytes that belong to no row (free space in and between pages,
// what a page held before) and fields of the file's header that nobody reads. The test tells them from the
// others by reading out all that the file says, before and after.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { voteSignBytes } from "../../../agent/core/consensus/message.ts";
import { Verifier } from "../../../agent/core/crypto.ts";
import { communityId, encodeRules, type Rules } from "../../../agent/core/ledger/rules.ts";
import type { LedgerState } from "../../../agent/core/ledger/state.ts";
import { memberId } from "../../../agent/core/units/ids.ts";
import {
  AUDITED_TABLES,
  type Audit,
  auditLedger,
} from "../../../agent/io/store/audit/auditLedger.ts";
import { checkState } from "../../../agent/io/store/audit/checkState.ts";
import {
  type Finding,
  findingSentence,
  WrongPlace,
} from "../../../agent/io/store/audit/finding.ts";
import { encodeMessage } from "../../../agent/io/store/records.ts";
import { openStore } from "../../../agent/io/store/store.ts";
import { StoreError } from "../../../agent/io/store/storeError.ts";
import {
  AUDITED_RULES,
  type AuditedHome,
  BUYER,
  LISTING,
  SELLER,
  writeAuditedHome,
} from "../../support/auditedHome.ts";
import { makeRules, testCard, tokens } from "../../support/ledger.ts";
import { silentLog } from "../../support/silentLog.ts";
import { codeOf, type Scratch, scratch } from "../store/fixtures.ts";

const FLIPS = 300;

const verifier = new Verifier();
let place: Scratch;
let dir: string;
let file: string;
let good: Buffer;
let home: AuditedHome;

beforeAll(() => {
  place = scratch();
  dir = join(place.fresh("home"), "data");
  file = join(dir, "ledger.db");
  home = writeAuditedHome(dir);
  good = readFileSync(file);
});
afterEach(() => write(good));
afterAll(() => place.remove());

/** The whole database, with nothing in its WAL. */
function write(bytes: Uint8Array): void {
  for (const end of ["-wal", "-shm"]) rmSync(`${file}${end}`, { force: true });
  writeFileSync(file, bytes);
}

function audit(rules: Rules | null = null): Audit {
  return auditLedger(dir, { rules, verifier });
}

/** The first finding after `sql` was run on the file by someone who minds no rule. */
function firstAfter(sql: string): Partial<Finding> | undefined {
  const db = new Database(file);
  db.pragma("foreign_keys = OFF");
  db.pragma("ignore_check_constraints = ON");
  db.exec(sql);
  db.close();
  return audit().findings[0];
}

describe("a ledger that is right", () => {
  // 3 members with 200 tokens and a grant of 5. Certificates: 8 blocks x 4; 15 transactions; the sign log
  // has a prevote and a precommit for each block, and a proposal: 32 + 15 + 17 = 64.
  const facts = {
    ...{ name: "test community", memberId: SELLER, height: 8, transactions: 15 },
    ...{ signatures: 64, members: 3, issued: 605_000_000n },
  };

  it("is told with its sums", () => {
    expect(audit()).toMatchObject({ findings: [], facts });
    expect(audit(AUDITED_RULES)).toMatchObject({ findings: [], facts });
  });

  it("is so while its agent runs, and the agent notices nothing", () => {
    const owner = { communityId: communityId(AUDITED_RULES), memberId: memberId(SELLER) };
    const options = { ...owner, rules: encodeRules(AUDITED_RULES), log: silentLog };
    const store = openStore(dir, options);
    expect(audit()).toMatchObject({ findings: [], facts });
    store.saveSamples([]);
    store.close();
    expect(audit().findings).toEqual([]);
  });

  it("may be empty", () => {
    const empty = join(place.fresh("empty"), "data");
    const owner = { communityId: communityId(AUDITED_RULES), memberId: memberId(SELLER) };
    openStore(empty, { ...owner, rules: encodeRules(AUDITED_RULES), log: silentLog }).close();
    const found = auditLedger(empty, { rules: null, verifier });
    expect(found).toMatchObject({ findings: [], facts: { height: 0, issued: 0n } });
  });

  it("has no table that the audit does not know", () => {
    const db = new Database(file, { readonly: true });
    const select = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    expect([...AUDITED_TABLES].sort()).toEqual(db.prepare(select).pluck().all());
    // What a restart or a snapshot leaves: test/integration/{restart,store/snapshot}.test.ts.
    const elsewhere = ["given_restart", "restart", "earlier_transaction"];
    for (const table of AUDITED_TABLES.filter((name) => !elsewhere.includes(name))) {
      const rows = Number(db.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
      expect([table, rows > 0]).toEqual([table, true]);
    }
    db.close();
  });
});

describe("a change is named by table, row and column:", () => {
  const ofListing = `listing_no = (SELECT listing_no FROM listing WHERE listing_id = '${LISTING}')`;
  const member = (set: string) => `UPDATE member SET ${set} WHERE card_no = 1`;
  const table = (name: string, row: string, column: string | null) => ({
    table: name,
    row,
    column,
  });

  it.each<readonly [string, Partial<Finding>]>([
    [
      member("balance_micro_tokens = balance_micro_tokens + 1"),
      table("member", "card_no 1 (buyer1@vt.edu)", "balance_micro_tokens"),
    ],
    [member("reserved_micro_tokens = 1"), { table: "member", column: "reserved_micro_tokens" }],
    [member("first_name = 'Bob'"), { table: "member", column: "first_name" }],
    [
      "UPDATE member SET revoke_reason = 'another' WHERE revoked = 1",
      { table: "member", column: "revoke_reason" },
    ],
    ["DELETE FROM member WHERE card_no = 3", { table: "member", column: null }],
    ["UPDATE card SET member_id = 'bob@vt.edu' WHERE card_no = 2", { table: "card" }],
    ["UPDATE pv SET capacity_w = 9999", table("pv", "pv_no 1 (seller1house)", "capacity_w")],
    [
      `UPDATE listing SET mcp_milli_tokens_per_kwh = 2999 WHERE ${ofListing}`,
      { table: "listing", column: "mcp_milli_tokens_per_kwh" },
    ],
    [
      `UPDATE listing SET finished = 0 WHERE ${ofListing}`,
      { table: "listing", column: "finished" },
    ],
    ["UPDATE posting SET height = 2 WHERE posting_no = 1", { table: "posting", column: "height" }],
    [
      "INSERT INTO posting SELECT 99, height, card_no, 0, reason, listing_no FROM posting LIMIT 1",
      { table: "posting", row: "posting_no 99", problem: "the blocks know of no such row" },
    ],
    ["UPDATE fill SET energy_wh = 3999", { table: "fill", column: "energy_wh" }],
    [
      "DELETE FROM fill",
      { table: "fill", problem: "the row is missing, or stands under another key" },
    ],
    [
      "UPDATE evidence SET subject = 'receipt 1'",
      {
        ...{ table: "evidence", row: "evidence_no 1", column: "subject" },
        problem: `it holds receipt 1, and by the blocks it must be ${LISTING} bid 9`,
      },
    ],
    [
      "UPDATE pv_offer SET stamp_time_ms = stamp_time_ms - 1",
      { table: "pv_offer", column: "stamp_time_ms" },
    ],
    ["UPDATE buy_offer SET energy_wh = 5", { table: "buy_offer", column: "energy_wh" }],
    [
      "UPDATE meter_reading SET transaction_no = transaction_no + 1",
      { table: "meter_reading", column: "transaction_no" },
    ],
    ["UPDATE hour_statement SET sold_wh = 1", { table: "hour_statement", column: "sold_wh" }],
    [
      "UPDATE block SET time_ms = time_ms + 1 WHERE height = 4",
      table("block", "height 4", "time_ms"),
    ],
    [
      "UPDATE block SET proposer_no = 3 WHERE height = 4",
      table("block", "height 4", "proposer_no"),
    ],
    [
      "UPDATE block SET packed = zeroblob(100) WHERE height = 4",
      table("block", "height 4", "packed"),
    ],
    [
      "UPDATE block SET packed = (SELECT packed FROM block WHERE height = 5) WHERE height = 4",
      // Whole by itself: what gives it away is that nobody signed it for this height.
      table("block", "height 4", "certificate"),
    ],
    ["DELETE FROM block WHERE height = 3", table("block", "height 3", "height")],
    [
      "UPDATE block SET certificate = (SELECT certificate FROM block WHERE height = 4) WHERE height = 3",
      {
        ...table("block", "height 3", "certificate"),
        problem: expect.stringMatching(/^the signature of \S+ is not for this block/),
      },
    ],
    [
      "UPDATE ledger_transaction SET id_head = id_head + 1 WHERE transaction_no = 3073",
      { table: "ledger_transaction", column: "id_head" },
    ],
    ["DELETE FROM ledger_transaction WHERE transaction_no = 3072", { table: "ledger_transaction" }],
    ["UPDATE checkpoint SET height = 5 WHERE height = 7", table("checkpoint", "height 5", "state")],
    ["UPDATE checkpoint SET height = 9 WHERE height = 7", table("checkpoint", "height 9", null)],
    ["DELETE FROM community", { table: "community", row: "row 1" }],
    ["UPDATE community SET row = 2", table("community", "row 1", "row")],
    ["UPDATE identity SET member_id = 'bob@vt.edu'", { table: "identity", row: "row 1" }],
    [
      "UPDATE register_sample SET produced_wh = 1",
      table("register_sample", "at_ms 1521655200000", null),
    ],
    ["UPDATE own_transaction SET own_no = 2", { table: "own_transaction", row: "own_no 2" }],
    ["UPDATE own_transaction SET id = zeroblob(32)", table("own_transaction", "own_no 1", "bytes")],
    [
      "UPDATE consensus_state SET durable = zeroblob(9)",
      table("consensus_state", "row 1", "durable"),
    ],
    [
      "UPDATE sign_log SET round = 1 WHERE height = 2 AND type = 'prevote'",
      table("sign_log", "height 2, round 1, prevote", null),
    ],
    [
      "UPDATE sign_log SET signature = zeroblob(64) WHERE height = 2 AND type = 'prevote'",
      table("sign_log", "height 2, round 0, prevote", "signature"),
    ],
    ["CREATE TABLE note (text)", table("sqlite_schema", "table note", null)],
    ["CREATE INDEX more ON fill (energy_wh)", table("sqlite_schema", "index more", null)],
    ["DROP TABLE fill", { table: "sqlite_schema", row: "table fill" }],
  ])("%s", (sql, expected) => {
    expect(firstAfter(sql)).toMatchObject(expected);
  });

  it("a checkpoint's first wrong byte", () => {
    const db = new Database(file);
    const state = db
      .prepare<[], Buffer>("SELECT state FROM checkpoint WHERE height = 7")
      .pluck()
      .get();
    if (state === undefined) throw new Error("the home has a checkpoint");
    state[300] = (state[300] ?? 0) ^ 1;
    db.prepare("UPDATE checkpoint SET state = ? WHERE height = 7").run(state);
    db.close();
    const [finding] = audit().findings;
    expect(finding).toMatchObject({ table: "checkpoint", column: "state", offset: 300 });
    expect(finding === undefined ? "" : findingSentence(finding)).toBe(
      "In table checkpoint, row height 7, column state, byte 300: it is not the state that the blocks lead to.",
    );
  });
});

it("a vote in the sign log that is not the one in the certificate is named: the card signed twice", () => {
  const { sign, memberId: validator } = testCard(SELLER);
  const at = { height: 2, round: 0, vote: "precommit", blockId: null } as const;
  const signBytes = voteSignBytes(communityId(AUDITED_RULES), at);
  const message = encodeMessage({ type: "vote", ...at, validator });
  const db = new Database(file);
  db.prepare(
    `UPDATE sign_log SET sign_bytes = ?, signature = ?, message = ?
     WHERE height = 2 AND type = 'precommit'`,
  ).run(signBytes, sign(signBytes), message);
  db.close();
  expect(audit().findings).toMatchObject([
    {
      ...{ table: "sign_log", row: "height 2, round 0, precommit", column: "message" },
      problem: "the block's certificate carries another vote of this card",
    },
  ]);
});

describe("the registries and the state", () => {
  // Were the code that writes tables wrong, the tables would agree with each other and not with the state.
  const outcome = (changed: Partial<LedgerState>, sql = "SELECT 1"): string => {
    const db = new Database(file);
    db.defaultSafeIntegers(true);
    db.pragma("foreign_keys = OFF");
    db.exec(sql);
    try {
      checkState(db, { ...home.state, ...changed });
      return "right";
    } catch (error) {
      if (error instanceof WrongPlace) return findingSentence(error.finding);
      throw error;
    } finally {
      db.close();
    }
  };

  it("agree about each balance, about who is a member, and about all tokens", () => {
    const { state } = home;
    const buyer = state.members.get(memberId(BUYER));
    if (buyer === undefined) throw new Error("the buyer is a member");
    const change = (more: Partial<typeof buyer>) =>
      outcome({ members: new Map([...state.members, [buyer.memberId, { ...buyer, ...more }]]) });
    expect(change({})).toBe("right");
    expect(change({ balance: tokens(194) })).toContain(
      "row buyer1@vt.edu: the state has a balance of 194",
    );
    expect(change({ reserved: tokens(1) })).toContain("1 of them reserved");
    expect(change({ revoked: true })).toContain("row buyer1@vt.edu");
    const members = new Map([...state.members].filter(([id]) => id !== buyer.memberId));
    expect(outcome({ members })).toContain("the state has 2 members");
    expect(outcome({ issued: tokens(606) })).toContain("605 tokens in balances, 606 issued");
  });

  it("agree with the rules that span rows", () => {
    const sql = "UPDATE posting SET amount_micro_tokens = 1 WHERE reason = 'grant'";
    expect(outcome({}, sql)).toContain("the rule tokensConserved does not hold");
  });
});

describe("the community's rules", () => {
  it("given from outside are compared with the file's", () => {
    const found = audit(makeRules());
    expect(found).toMatchObject({
      findings: [{ table: "community", column: "rules" }],
      facts: null,
    });
  });

  it("given from outside do where the file's are damaged, which is told", () => {
    const db = new Database(file);
    const rules = Buffer.from(encodeRules(AUDITED_RULES));
    rules[100] = (rules[100] ?? 0) ^ 4;
    db.prepare("UPDATE community SET rules = ?").run(rules);
    db.close();
    const damaged = { table: "community", column: "rules", offset: 100 };
    expect(audit()).toMatchObject({ findings: [damaged], facts: null });
    expect(audit(AUDITED_RULES)).toMatchObject({ findings: [damaged], facts: { height: 8 } });
  });
});

it("a directory without a ledger is no ledger", () => {
  const nothing = place.fresh("nothing");
  expect(codeOf(() => auditLedger(nothing, { rules: null, verifier }))).toBe("io");
});

// ---------------------------------------------------------------------------------- flipped bits

/** All that the file says; null: SQLite cannot read it to the end. */
function content(): string | null {
  const db = new Database(file, { readonly: true });
  try {
    db.defaultSafeIntegers(true);
    const schema = db
      .prepare<[], { type: string; name: string }>(
        "SELECT type, name, tbl_name, sql FROM sqlite_schema",
      )
      .all();
    const rows = schema
      .filter(({ type }) => type === "table")
      .map(({ name }) => db.prepare(`SELECT * FROM ${name} NOT INDEXED`).raw().all());
    const whose = [db.pragma("application_id"), db.pragma("user_version")];
    return JSON.stringify([schema, rows, whose], (_, value) =>
      typeof value === "bigint" ? `${value}n` : value,
    );
  } catch (error) {
    if (error instanceof Database.SqliteError) return null;
    throw error;
  } finally {
    db.close();
  }
}

/** What the audit says of the file; empty: all is right. */
function said(): string {
  try {
    return audit().findings.map(findingSentence).join(" ");
  } catch (error) {
    if (error instanceof StoreError) return error.message;
    throw error;
  }
}

/** The same numbers each time (Numerical Recipes' generator), from 0 to `n` - 1. */
function numbers(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

it(`${FLIPS} flipped bits: each that changes what the file says is found`, () => {
  const before = content();
  const below = numbers(20_181_121);
  // Half of the file is free space; two of three flips go where something was written.
  const written = [...good.keys()].filter((at) => good[at] !== 0);
  const tally = { changed: 0, unreadable: 0, harmless: 0, missed: [] as string[] };
  for (let i = 0; i < FLIPS; i += 1) {
    const at = i % 3 === 0 ? below(good.length) : (written[below(written.length)] ?? 0);
    const bit = below(8);
    write(good.with(at, (good[at] ?? 0) ^ (1 << bit)));
    const after = content();
    if (after === before) tally.harmless += 1;
    else if (said() === "") tally.missed.push(`bit ${bit} of byte ${at}`);
    else if (after === null) tally.unreadable += 1;
    else tally.changed += 1;
  }
  expect(tally.missed).toEqual([]);
  // The test means something only if there was much to find.
  expect(tally.changed).toBeGreaterThan(FLIPS / 4);
  expect(tally.unreadable).toBeGreaterThan(FLIPS / 20);
});

it("a bit of each of the file's first hundred bytes: found, or it says nothing", () => {
  const before = content();
  const missed: string[] = [];
  for (let at = 0; at < 100; at += 1) {
    write(good.with(at, (good[at] ?? 0) ^ (1 << (at % 8))));
    if (content() !== before && said() === "") missed.push(`byte ${at}`);
  }
  expect(missed).toEqual([]);
});
