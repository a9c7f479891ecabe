// One SQLite connection that keeps its promises: what a commit returned from is on the disk.

import { existsSync, statSync } from "node:fs";
import Database from "better-sqlite3";
import { assert } from "../../core/assert.ts";
import { sha256Hex } from "../../core/crypto.ts";
import type { Log } from "../../ports.ts";
import { defineChecksum } from "./checksum.ts";
import { APPLICATION_ID, MIGRATIONS } from "./schema.ts";
import { StoreError, storing } from "./storeError.ts";

/** Others may read (doors, backups); we wait this long for them. */
const BUSY_TIMEOUT_MS = 5000;
/** The WAL's file is cut back to this after a checkpoint. */
const WAL_BYTES_MAX = 4 * 1024 * 1024;
/** Small, for a block's row of a few kB leaves half of its last page empty. */
const PAGE_BYTES = 512;
/** A larger file is not read through at every start, only the tables that cannot be fetched again. */
const QUICK_CHECK_BYTES_MAX = 256 * 1024 * 1024;
const IRREPLACEABLE_TABLES = ["identity", "sign_log", "consensus_state", "own_transaction"];
/** PRAGMA synchronous as it reads back: FULL. */
const SYNCHRONOUS_FULL = 2;

export type Owner = { readonly communityId: string; readonly memberId: string };

/** `rules`: the community's, in their canonical bytes; kept in the file, so that it can be audited alone. */
export type Claim = Owner & { readonly rules: Uint8Array };

/**
 * Opens the ledger file for writing, brings its tables up to date and makes sure whose it is.
 * Throws StoreError: corrupt, newerVersion, otherCommunity, otherMember, readOnly, diskFull, io, locked.
 * The caller holds the directory's lock.
 */
export function openDatabase(path: string, owner: Claim, log: Log): Database.Database {
  return storing(path, () => {
    const db = new Database(path, { timeout: BUSY_TIMEOUT_MS });
    try {
      db.defaultSafeIntegers(true);
      defineChecksum(db);
      // First, for what follows would change a file that is not ours.
      schemaVersion(db, path);
      configure(db);
      checkPages(db, path, log);
      migrate(db, path);
      claim(db, path, owner);
      // SQLite may lower it when it first uses the WAL, so it is read back last.
      assertSynchronous(db, path);
      return db;
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/** A connection that only reads, beside the agent's own. Its tables must be up to date. */
export function openReadOnly(path: string): Database.Database {
  return storing(path, () => {
    if (!existsSync(path)) {
      throw new StoreError(
        "io",
        `There is no ledger at ${path}: name the data directory of a home.`,
      );
    }
    const db = new Database(path, {
      readonly: true,
      fileMustExist: true,
      timeout: BUSY_TIMEOUT_MS,
    });
    try {
      db.defaultSafeIntegers(true);
      defineChecksum(db);
      db.pragma("trusted_schema = OFF");
      const version = schemaVersion(db, path);
      if (version === MIGRATIONS.length) return db;
      throw new StoreError("io", `${path} has no tables yet: start its agent once, then read.`);
    } catch (error) {
      db.close();
      throw error;
    }
  });
}

/** How the connection syncs: 2 is FULL, each commit is on the disk before it returns. */
export function synchronous(db: Database.Database): number {
  return Number(db.pragma("synchronous", { simple: true }));
}

function configure(db: Database.Database): void {
  db.pragma("trusted_schema = OFF");
  // Of a new file only.
  db.pragma(`page_size = ${PAGE_BYTES}`);
  db.pragma("journal_mode = WAL");
  // better-sqlite3 is built with NORMAL for WAL: a vote could be forgotten when the power fails.
  db.pragma("synchronous = FULL");
  db.pragma("foreign_keys = ON");
  db.pragma(`journal_size_limit = ${WAL_BYTES_MAX}`);
  // The store does it, so that a failing checkpoint is seen and never taken for a failing commit.
  db.pragma("wal_autocheckpoint = 0");
}

function checkPages(db: Database.Database, path: string, log: Log): void {
  const { size } = statSync(path);
  const isSmall = size <= QUICK_CHECK_BYTES_MAX;
  if (!isSmall) log.info("large ledger: only its irreplaceable tables are checked", { size });
  const present = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all();
  const tables = IRREPLACEABLE_TABLES.filter((table) => present.includes(table));
  const checks = isSmall ? ["quick_check(1)"] : tables.map((table) => `quick_check(${table})`);
  for (const check of checks) {
    const found = db.pragma(check, { simple: true });
    if (found !== "ok") throw corrupt(path, String(found));
  }
}

function migrate(db: Database.Database, path: string): void {
  const version = schemaVersion(db, path);
  if (version === MIGRATIONS.length) return;
  db.transaction(() => {
    for (const migration of MIGRATIONS.slice(version)) db.exec(migration);
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${MIGRATIONS.length}`);
  }).immediate();
}

function schemaVersion(db: Database.Database, path: string): number {
  const application = Number(db.pragma("application_id", { simple: true }));
  const version = Number(db.pragma("user_version", { simple: true }));
  const tables = Number(db.prepare("SELECT count(*) FROM sqlite_schema").pluck().get());
  const isNew = application === 0 && version === 0 && tables === 0;
  if (!isNew && application !== APPLICATION_ID) throw corrupt(path, "another program's file");
  if (version <= MIGRATIONS.length) return version;
  throw new StoreError(
    "newerVersion",
    `${path} was written by a newer version (format ${version}, this one knows ${MIGRATIONS.length}). Update the program; do not delete the file.`,
  );
}

function claim(db: Database.Database, path: string, owner: Claim): void {
  const { communityId, memberId } = owner;
  if (readOwner(db) === null) writeOwner(db, owner);
  const found = readOwner(db);
  assert(found !== null, "the identity row was just written");
  if (found.communityId !== communityId) {
    throw new StoreError(
      "otherCommunity",
      `${path} belongs to the community ${found.communityId.slice(0, 16)}, this agent to ${communityId.slice(0, 16)}. Give it the directory of its own community, or an empty one.`,
    );
  }
  if (found.memberId !== memberId) {
    throw new StoreError(
      "otherMember",
      `${path} belongs to ${found.memberId}, the card to ${memberId}. Give the agent its own data directory, or an empty one.`,
    );
  }
}

function writeOwner(db: Database.Database, { communityId, memberId, rules }: Claim): void {
  assert(sha256Hex(rules) === communityId, "a community's id is the hash of its rules");
  const insertIdentity = db.prepare(
    `INSERT INTO identity (row, community_id, member_id, checksum)
     VALUES (1, @communityId, @memberId, row_checksum(1, @communityId, @memberId))`,
  );
  const insertRules = db.prepare("INSERT INTO community (row, rules) VALUES (1, ?)");
  db.transaction(() => {
    insertIdentity.run({ communityId, memberId });
    insertRules.run(rules);
  }).immediate();
}

/** Whose file it is; null before its first opening by an agent. */
export function readOwner(db: Database.Database): Owner | null {
  const select = "SELECT community_id AS communityId, member_id AS memberId FROM identity";
  return db.prepare<[], Owner>(select).get() ?? null;
}

function assertSynchronous(db: Database.Database, path: string): void {
  const found = synchronous(db);
  if (found === SYNCHRONOUS_FULL) return;
  throw new StoreError("io", `SQLite will not sync ${path}: synchronous reads ${found}, not 2.`);
}

function corrupt(path: string, said: string): StoreError {
  return new StoreError(
    "corrupt",
    `${path} is damaged or not a ledger (${said}). Move it away and start again: the ledger is fetched from the neighbours; do not restore an old copy.`,
  );
}
