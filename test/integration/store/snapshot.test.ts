// A ledger that begins with a snapshot, on a real disk: its tables say what a replaying home's say, further
// blocks fit, the audit knows where it begins, and a power cut leaves all of it or nothing.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { prove } from "../../../agent/commands/prove.ts";
import { verify } from "../../../agent/commands/verify.ts";
import { Verifier } from "../../../agent/core/crypto.ts";
import { blockId, encodeBlock } from "../../../agent/core/ledger/block.ts";
import { communityId, encodeRules } from "../../../agent/core/ledger/rules.ts";
import { stateRoot } from "../../../agent/core/ledger/state.ts";
import { mustBeAccepted } from "../../../agent/core/result.ts";
import { listingId, memberId } from "../../../agent/core/units/ids.ts";
import { auditLedger } from "../../../agent/io/store/audit/auditLedger.ts";
import { transactionReader } from "../../../agent/io/store/blockTable.ts";
import { openReadOnly } from "../../../agent/io/store/database.ts";
import { openReader } from "../../../agent/io/store/reader.ts";
import { type OpenStore, openStore } from "../../../agent/io/store/store.ts";
import { openLedger } from "../../../agent/loops/ledger.ts";
import { certificateFor } from "../../support/certificate.ts";
import type { TestChain } from "../../support/ledger.ts";
import { ledgerTransactions } from "../../support/ledgerTransactions.ts";
import {
  BUYER,
  HOUR_12,
  HOUR_13,
  HOUR_14,
  HOUR_15,
  SELLER,
  SNAPSHOT_AT,
  snapshotChain,
  snapshotOf,
} from "../../support/snapshotChain.ts";
import {
  codeOf,
  committed,
  MANY_MEMBERS,
  options,
  registrations,
  type Scratch,
  scratch,
  silent,
} from "./fixtures.ts";

const { chain, at10 } = snapshotChain();
const { rules } = chain;
const owner = {
  ...{ communityId: communityId(rules), memberId: memberId(SELLER) },
  ...{ rules: encodeRules(rules), log: silent },
};
const verifier = new Verifier();

let place: Scratch;
beforeEach(() => {
  place = scratch();
});
afterEach(() => place.remove());

function follow(store: OpenStore, blocks: TestChain["blocks"], snapshotEvery = 1000) {
  const ledger = openLedger({ rules, store, verifier, snapshotEvery });
  for (const block of blocks) {
    const executed = mustBeAccepted(ledger.execute(encodeBlock(block)), "the block follows");
    const id = blockId(block.header);
    ledger.commit(executed, certificateFor(rules, block.header.height, id));
  }
  return ledger;
}

/** A home that replayed the first `height` blocks. */
function replayed(height: number, snapshotEvery?: number): string {
  const dir = place.fresh(`replayed ${height}`);
  const store = openStore(dir, owner);
  follow(store, chain.blocks.slice(0, height), snapshotEvery);
  store.close();
  return dir;
}

/** A home that began with the snapshot and followed up to `height`. */
function joined(height: number): string {
  const dir = place.fresh(`joined ${height}`);
  const store = openStore(dir, owner);
  const { snapshot, state } = snapshotOf(at10);
  const ledger = openLedger({ rules, store, verifier });
  mustBeAccepted(ledger.install(snapshot, state), "the snapshot is right");
  const after = follow(store, chain.blocks.slice(SNAPSHOT_AT, height));
  if (height === chain.state.height) expect(after.root()).toBe(stateRoot(chain.state));
  store.close();
  return dir;
}

/** What the tables say of hours that are not over at the snapshot. */
function said(dir: string) {
  const reader = openReader(dir);
  const hours = [HOUR_13, HOUR_14, HOUR_15].map(listingId);
  const all = {
    head: reader.head(),
    members: reader.members(),
    pvs: reader.pvs(),
    listings: reader.listings(100).filter((row) => hours.includes(row.listingId)),
    hours: hours.map((hour) => ({
      pvOffers: reader.pvOffers(hour),
      buyOffers: reader.buyOffers(hour),
      fills: reader.fills(hour),
      statements: reader.statements(hour),
    })),
    readings: readings(dir),
    discrepancies: reader.discrepancies(),
  };
  reader.close();
  return all;
}

const READINGS = `
  SELECT listing_id, member_id, transaction_no AS number
  FROM meter_reading JOIN listing USING (listing_no) JOIN card USING (card_no)
  WHERE listing_id <> '${HOUR_12}' ORDER BY listing_id, member_id`;

function readings(dir: string): unknown[] {
  const db = openReadOnly(join(dir, "ledger.db"));
  try {
    const { idOf } = transactionReader(db, owner.communityId);
    return db
      .prepare<[], { number: bigint }>(READINGS)
      .all()
      .map(({ number, ...rest }) => ({ ...rest, id: idOf(Number(number)) }));
  } finally {
    db.close();
  }
}

function rows(dir: string, sql: string): unknown[] {
  const db = new Database(join(dir, "ledger.db"), { readonly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
}

describe("the tables of a home that began with a snapshot", () => {
  it.each([10, 11, 12, 13, 14, 15])("say after block %i what a replaying home's say", (height) => {
    const mine = said(joined(height));
    expect(mine).toEqual(said(replayed(height)));
    expect(mine.discrepancies).toEqual([]);
    // So that the test is about something.
    expect(mine.listings.map(({ listingId: id }) => id)).toContain(HOUR_13);
    expect(mine.hours[0]?.fills).toHaveLength(1);
    expect(mine.hours[2]?.pvOffers).toHaveLength(1);
    expect(mine.readings.length).toBeGreaterThan(0);
  });

  it("begin each member's postings with what it had", () => {
    const reader = openReader(joined(15));
    // 200 + 5 granted, less 4 kWh at 3 tokens in two hours; then the same once more.
    expect(
      reader.postings(memberId(BUYER), 10).map(({ amount, reason }) => [amount, reason]),
    ).toEqual([
      [-12_000_000n, "fill"],
      [181_000_000n, "snapshot"],
    ]);
    reader.close();
  });
});

describe("the store", () => {
  it("keeps the last two snapshots, the last two checkpoints, and the one at its first block", () => {
    const dir = replayed(14, 3);
    expect(rows(dir, "SELECT height FROM checkpoint WHERE validators NOT NULL")).toEqual([
      { height: 9 },
      { height: 12 },
    ]);
    const home = joined(10);
    const store = openStore(home, owner);
    follow(store, chain.blocks.slice(SNAPSHOT_AT), 1);
    expect(store.snapshots().map(({ height }) => height)).toEqual([15, 14, 10]);
    expect(store.snapshots()[2]?.blockId).toBe(blockId(at10.blocks[9]!.header));
    expect(store.snapshot(10)?.state).toEqual(snapshotOf(at10).state);
    expect(store.snapshot(11)).toBeNull();
    expect(store.blocks(1, 2).map(({ height }) => height)).toEqual([10, 11]);
    store.close();
  });

  it("refuses a snapshot on top of blocks, and keeps nothing of one that breaks a rule", () => {
    const store = openStore(replayed(1), owner);
    expect(codeOf(() => store.install(committed(8), []))).toBe("invariant");
    store.close();
    const dir = place.fresh("empty");
    const empty = openStore(dir, owner);
    const [first, ...others] = registrations;
    if (first === undefined) throw new Error("there are registrations");
    const twice = committed(8, { events: [first, ...others, first] });
    expect(codeOf(() => empty.install(twice, []))).toBe("invariant");
    expect(empty.status().height).toBe(0);
    empty.close();
    for (const table of [
      "block",
      "card",
      "member",
      "posting",
      "ledger_transaction",
      "earlier_transaction",
    ]) {
      expect(rows(dir, `SELECT count(*) AS n FROM ${table}`)).toEqual([{ n: 0 }]);
    }
  });
});

describe("verify", () => {
  const audit = (dir: string) => auditLedger(dir, { rules, verifier });

  it("checks a home from its snapshot on", () => {
    const dir = joined(15);
    expect(audit(dir)).toMatchObject({
      findings: [],
      facts: { height: 15, firstHeight: 10, stateRoot: stateRoot(chain.state) },
    });
    const { code, lines, json } = verify({ data: dir }, () => 1);
    expect(code).toBe(0);
    expect(json).toMatchObject({ ok: true, blocks: 6, firstHeight: 10 });
    const last = blockId(chain.last.block.header);
    expect(lines).toContain(`last block  15:${last}`);
    expect(lines).toContain(
      "begins      with the snapshot at 10; what was before is not in this home",
    );
  });

  it("checks a home that keeps snapshots", () => {
    expect(audit(replayed(14, 3))).toMatchObject({ findings: [], facts: { firstHeight: 1 } });
  });

  it.each([
    [
      "UPDATE checkpoint SET state = CAST(replace(state, 'buyer1', 'buyer2') AS BLOB)",
      "checkpoint",
      "state",
    ],
    ["UPDATE checkpoint SET validators = zeroblob(9)", "checkpoint", "validators"],
    ["UPDATE block SET certificate = zeroblob(99) WHERE height = 10", "block", "certificate"],
    ["UPDATE block SET packed = zeroblob(99) WHERE height = 10", "block", "packed"],
    ["UPDATE block SET time_ms = time_ms + 1 WHERE height = 10", "block", "time_ms"],
    ["DELETE FROM checkpoint", "block", "height"],
    ["DELETE FROM block WHERE height = 11", "block", "height"],
    [
      "UPDATE earlier_transaction SET id = zeroblob(32) WHERE transaction_no = -1",
      "earlier_transaction",
      "id",
    ],
    ["UPDATE pv_offer SET transaction_no = -1", "pv_offer", "transaction_no"],
    ["UPDATE meter_reading SET transaction_no = -1", "meter_reading", "transaction_no"],
    [
      "UPDATE posting SET amount_micro_tokens = 1 WHERE posting_no = 1",
      "posting",
      "amount_micro_tokens",
    ],
    [
      "UPDATE member SET balance_micro_tokens = 1 WHERE card_no = 1",
      "member",
      "balance_micro_tokens",
    ],
    ["UPDATE fill SET energy_wh = 1", "fill", "energy_wh"],
  ])("names what was changed: %s", (sql, table, column) => {
    const dir = joined(12);
    const db = new Database(join(dir, "ledger.db"));
    db.pragma("foreign_keys = OFF");
    db.pragma("ignore_check_constraints = ON");
    expect(db.prepare(sql).run().changes).toBeGreaterThan(0);
    db.close();
    expect(audit(dir).findings[0]).toMatchObject({ table, column });
  });

  it("of a snapshot for others: who voted", () => {
    const dir = replayed(14, 3);
    const db = new Database(join(dir, "ledger.db"));
    db.prepare("UPDATE checkpoint SET validators = zeroblob(3) WHERE height = 12").run();
    db.close();
    expect(audit(dir).findings[0]).toMatchObject({ table: "checkpoint", column: "validators" });
  });
});

it("prove says which transactions this home does not have", () => {
  const data = joined(12);
  const [old] = rows(data, "SELECT lower(hex(id)) AS id FROM earlier_transaction") as {
    id: string;
  }[];
  const own = ledgerTransactions(data).find(
    ({ transaction }) => transaction.payload.type === "buyOffer",
  );
  const tryIt = (id: string | undefined) =>
    prove({ data, transaction: id ?? "", out: join(data, "proof") });
  expect(tryIt(old?.id)).toMatchObject({ code: 1 });
  expect(tryIt(old?.id).lines[0]).toMatch(
    /It begins with the snapshot at 10: a home with older blocks/,
  );
  // The buyer's card was on the ledger before.
  expect(tryIt(own?.transaction.id).lines[0]).toMatch(/^wrong: Who signed cannot be told/);
});

/** The last process is left alone. */
const ROUNDS = 5;
const KILLS_WITHIN_MS = 120_000;

it(
  "kill -9 at any moment leaves an empty ledger or a whole one",
  async () => {
    const counts = new Map<number, number>();
    for (let i = 0; i <= ROUNDS; i += 1) {
      const dir = place.fresh(`killed ${i}`);
      const child = spawn(process.execPath, [join(import.meta.dirname, "installChild.ts"), dir], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      // Listened for from the start: it may have ended before it is killed.
      const exited = once(child, "exit");
      // It says so once before and once after.
      await once(child.stdout, "data");
      if (i < ROUNDS) {
        await pause(20 * i);
        child.kill("SIGKILL");
      }
      await exited;
      const store = openStore(dir, options);
      const { height } = store.status();
      store.close();
      const [{ n }] = rows(dir, "SELECT count(*) AS n FROM member") as [{ n: number }];
      expect([height, n]).toEqual(height === 0 ? [0, 0] : [8, MANY_MEMBERS]);
      const [checkpoint] = rows(dir, "SELECT count(*) AS n FROM checkpoint") as [{ n: number }];
      expect(checkpoint.n).toBe(height === 0 ? 0 : 1);
      counts.set(height, (counts.get(height) ?? 0) + 1);
    }
    expect(counts.get(0)).toBeGreaterThan(0);
    expect(counts.get(8)).toBeGreaterThan(0);
  },
  KILLS_WITHIN_MS,
);
