// Disks that are full, read-only or damaged: a StoreError that says which, and nothing half-written.

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openDatabase } from "../../../agent/io/store/database.ts";
import { prepareLedgerFile } from "../../../agent/io/store/dataDirectory.ts";
import { openReader } from "../../../agent/io/store/reader.ts";
import { openStore, storeOn } from "../../../agent/io/store/store.ts";
import { StoreError, storeError } from "../../../agent/io/store/storeError.ts";
import {
  codeOf,
  committed,
  durable,
  options,
  proposal,
  type Scratch,
  scratch,
  silent,
  transaction,
  value,
} from "./fixtures.ts";

let place: Scratch;
const mounts: string[] = [];

beforeEach(() => {
  place = scratch();
});
afterEach(() => {
  for (const path of mounts.splice(0)) execFileSync("umount", ["-l", path]);
  place.remove();
});

/** A disk of its own of `size` bytes, or false and a printed reason: mounting needs root. */
function mountDisk(path: string, size: number): boolean {
  try {
    const how = ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", path];
    execFileSync("mount", how, { stdio: "ignore" });
    mounts.push(path);
    return true;
  } catch {
    process.stderr.write("skipped: this user may not mount a disk of its own\n");
    return false;
  }
}

/** A block of 100 transactions of 1 kB. */
function large(height: number): ReturnType<typeof committed> {
  const names = Array.from({ length: 100 }, (_, i) => `${height} ${i}`);
  const bytes = new Uint8Array(1000).fill(height);
  return committed(height, {
    transactions: names.map((name) => transaction(name, "pvOffer", bytes)),
  });
}

function commitUntilRefused(store: ReturnType<typeof openStore>): string {
  for (let height = 1; height <= 1000; height += 1) {
    const code = codeOf(() => store.commit(large(height)));
    if (code !== "nothing thrown") return code;
  }
  return "never full";
}

describe("a full disk", () => {
  it("refuses the block as a whole, and takes it when there is room again", () => {
    const dir = place.fresh("home");
    const db = openDatabase(prepareLedgerFile(dir), options, silent);
    // SQLite's own limit of pages behaves as a disk without room: SQLITE_FULL.
    const pages = Number(db.pragma("page_count", { simple: true }));
    db.pragma(`max_page_count = ${pages + 100}`);
    const store = storeOn(db, silent);
    expect(commitUntilRefused(store)).toBe("diskFull");
    const { height } = store.status();
    expect(height).toBeGreaterThan(0);
    expect(store.blocks(1, 1000)).toHaveLength(height);
    // Two blocks of 130 kB: more than the room that the refused 110 kB left.
    const locked = value("locked", 130_000);
    const state = durable(height + 1, { lockedRound: 0, locked });
    const signing = () => store.saveSigned(state, proposal(height + 1, value("own", 130_000)));
    expect(codeOf(signing)).toBe("diskFull");
    expect(store.signed(height + 1)).toEqual([]);
    expect(store.durable()).toBeNull();
    db.pragma(`max_page_count = ${pages + 1000}`);
    store.commit(large(height + 1));
    signing();
    expect(store.status().height).toBe(height + 1);
    expect(store.signed(height + 1)).toHaveLength(1);
    store.close();
  });

  it("is a StoreError on a real disk too, and loses nothing", (context) => {
    const dir = place.fresh("disk");
    if (!mountDisk(dir, 2 * 1024 * 1024)) return context.skip("needs root to mount a disk");
    const store = openStore(dir, options);
    expect(commitUntilRefused(store)).toBe("diskFull");
    const { height } = store.status();
    expect(height).toBeGreaterThan(0);
    store.close();
    execFileSync("mount", ["-o", `remount,size=${8 * 1024 * 1024}`, dir]);
    const again = openStore(dir, options);
    const wanted = Array.from({ length: height }, (_, i) => large(i + 1).block);
    expect(again.blocks(1, 1000).map(({ block }) => block)).toEqual(wanted);
    again.commit(large(height + 1));
    again.close();
    const reader = openReader(dir);
    expect(reader.discrepancies()).toEqual([]);
    reader.close();
  });
});

describe("a read-only disk", () => {
  it("is named when opening and when writing", (context) => {
    const dir = place.fresh("disk");
    if (!mountDisk(dir, 8 * 1024 * 1024)) return context.skip("needs root to mount a disk");
    openStore(dir, options).close();
    execFileSync("mount", ["-o", "remount,ro", dir]);
    expect(codeOf(() => openStore(dir, options))).toBe("readOnly");
    expect(codeOf(() => openStore(join(dir, "new"), options))).toBe("readOnly");
  });
});

describe("a damaged file", () => {
  function damaged(change: (bytes: Buffer) => Buffer): string {
    const dir = place.fresh("home");
    const store = openStore(dir, options);
    for (let height = 1; height <= 20; height += 1) store.commit(large(height));
    store.close();
    const file = join(dir, "ledger.db");
    writeFileSync(file, change(readFileSync(file)));
    return dir;
  }

  it("is refused at the start when a page is not a page", () => {
    const dir = damaged((bytes) => bytes.fill(0xa5, 8 * 4096, 12 * 4096));
    expect(codeOf(() => openStore(dir, options))).toBe("corrupt");
    expect(() => openStore(dir, options)).toThrow(/Move it away and start again/);
  });

  it("is refused when its end is missing", () => {
    const dir = damaged((bytes) => bytes.subarray(0, bytes.length - 3 * 4096));
    expect(codeOf(() => openStore(dir, options))).toBe("corrupt");
  });

  it("is refused when it is no SQLite file, or another program's, and left alone", () => {
    const noise = place.fresh("noise");
    writeFileSync(join(noise, "ledger.db"), "this is a shopping list, not a ledger".repeat(100));
    expect(codeOf(() => openStore(noise, options))).toBe("corrupt");
    const foreign = place.fresh("foreign");
    const db = new Database(join(foreign, "ledger.db"));
    db.exec("CREATE TABLE recipe (name TEXT)");
    db.close();
    const before = readFileSync(join(foreign, "ledger.db"));
    expect(codeOf(() => openStore(foreign, options))).toBe("corrupt");
    expect(readFileSync(join(foreign, "ledger.db"))).toEqual(before);
  });
});

describe("storeError", () => {
  const sqlite = (code: string) => storeError("f", new Database.SqliteError("said", code));
  const system = (code: string) => storeError("f", Object.assign(new Error("said"), { code }));
  const facts = (error: unknown) =>
    error instanceof StoreError ? [error.code, error.isRetryable] : error;

  it("knows the extended codes of SQLite and those of the system", () => {
    expect(facts(sqlite("SQLITE_FULL"))).toEqual(["diskFull", true]);
    expect(facts(sqlite("SQLITE_READONLY_DBMOVED"))).toEqual(["readOnly", false]);
    expect(facts(sqlite("SQLITE_CORRUPT_INDEX"))).toEqual(["corrupt", false]);
    expect(facts(sqlite("SQLITE_NOTADB"))).toEqual(["corrupt", false]);
    expect(facts(sqlite("SQLITE_BUSY_SNAPSHOT"))).toEqual(["locked", true]);
    expect(facts(sqlite("SQLITE_IOERR_FSYNC"))).toEqual(["io", true]);
    expect(facts(sqlite("SQLITE_CANTOPEN"))).toEqual(["io", true]);
    expect(facts(sqlite("SQLITE_CONSTRAINT_CHECK"))).toEqual(["invariant", false]);
    expect(facts(system("ENOSPC"))).toEqual(["diskFull", true]);
    expect(facts(system("EROFS"))).toEqual(["readOnly", false]);
    expect(facts(system("EACCES"))).toEqual(["readOnly", false]);
    expect(facts(system("EIO"))).toEqual(["io", true]);
  });

  it("leaves bugs as they are, and keeps the cause of the rest", () => {
    const bug = new Error("Bug: x");
    expect(storeError("f", bug)).toBe(bug);
    const cause = new Database.SqliteError("said", "SQLITE_FULL");
    expect((storeError("f", cause) as StoreError).cause).toBe(cause);
  });
});

describe("a directory that is no directory", () => {
  it("is a StoreError", () => {
    const dir = place.fresh("home");
    mkdirSync(join(dir, "ledger.db"));
    expect(codeOf(() => openStore(dir, options))).toBe("io");
    writeFileSync(join(dir, "file"), "x");
    expect(codeOf(() => openStore(join(dir, "file"), options))).toBe("io");
    expect(statSync(join(dir, "file")).size).toBe(1);
  });
});
