// A damaged ledger file makes room for a new one: the ledger is replicated, so it is fetched again, and the
// damaged file is kept for whoever wants to look at it. Whether the card may sign then is another matter:
// core/consensus/quarantine.ts.

import { closeSync, existsSync, openSync, readSync, renameSync } from "node:fs";
import { join } from "node:path";
import { decodeCertificate } from "../../core/consensus/message.ts";
import { blockId, decodeBlock, hasItsTransactions } from "../../core/ledger/block.ts";
import type { Log, StoredBlock } from "../../ports.ts";
import { syncFolder } from "../syncFolder.ts";
import { LEDGER_FILE, lockDirectory } from "./dataDirectory.ts";
import { APPLICATION_ID } from "./schema.ts";
import { type OpenStore, openStore, type StoreOptions } from "./store.ts";
import { StoreError, storing } from "./storeError.ts";

/** More damage than this is the disk's fault: a person replaces it. */
export const DAMAGED_KEPT_MAX = 3;

/** As many as a start replays from its newest checkpoint, or a few more. */
const BLOCKS_AT_A_TIME = 64;
const SQLITE_MAGIC = "SQLite format 3\0";
/** Where a SQLite file says which program it belongs to: file format, "application ID", 4 bytes. */
const APPLICATION_AT = 68;

export type OpenedStore = {
  readonly store: OpenStore;
  /** The name under which the damaged file is kept; null: it was not damaged. */
  readonly keptAs: string | null;
};

/**
 * As `openStore`; a file of ours that is damaged is renamed and an empty one opened in its place. Throws
 * StoreError as `openStore` does; "corrupt" only for another program's file, and where DAMAGED_KEPT_MAX
 * damaged ones are kept already.
 */
export function openStoreOrSetAside(dir: string, options: StoreOptions): OpenedStore {
  try {
    return { store: openWhole(dir, options), keptAs: null };
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "corrupt") throw error;
    const keptAs = setAside(dir, error, options.log);
    return { store: openStore(dir, options), keptAs };
  }
}

/** Pages have no checksums, so what a start reads is looked at before anybody builds on it. */
function openWhole(dir: string, options: StoreOptions): OpenStore {
  const store = openStore(dir, options);
  try {
    const from = Math.max(1, store.checkpoint()?.height ?? 1);
    store.durable();
    for (let height = from; ; height += BLOCKS_AT_A_TIME) {
      const stored = store.blocks(height, BLOCKS_AT_A_TIME);
      const damaged = stored.find((each) => !isWhole(each));
      if (damaged !== undefined) throw unreadable(dir, `block ${damaged.height}`);
      if (stored.length < BLOCKS_AT_A_TIME) return store;
    }
  } catch (error) {
    store.close();
    if (error instanceof StoreError) throw error;
    throw unreadable(dir, String(error));
  }
}

/** The header is the one that was certified, and the transactions are the header's. */
function isWhole(stored: StoredBlock): boolean {
  const block = decodeBlock(stored.block);
  const certificate = decodeCertificate(stored.certificate);
  if (!block.ok || !certificate.ok) return false;
  const { header } = block.value;
  return blockId(header) === certificate.value.blockId && hasItsTransactions(block.value);
}

function unreadable(dir: string, what: string): StoreError {
  return new StoreError("corrupt", `${join(dir, LEDGER_FILE)} is damaged: ${what} is not readable`);
}

function setAside(dir: string, damage: StoreError, log: Log): string {
  const path = join(dir, LEDGER_FILE);
  return storing(path, () => {
    const lock = lockDirectory(dir);
    try {
      if (isForeign(path)) throw damage;
      const keptAs = freeName(path);
      if (keptAs === null) throw tooOften(path, damage);
      // The WAL first: what is left of a power cut in between is still a damaged file.
      for (const part of ["-wal", "-shm", ""]) {
        if (existsSync(path + part)) renameSync(path + part, keptAs + part);
      }
      syncFolder(dir);
      log.error("the ledger file was damaged and is set aside, fetching the ledger again", {
        keptAs,
        problem: damage.message,
        advice: "check the disk or card; delete the damaged file when nobody needs it any more",
      });
      return keptAs;
    } finally {
      lock.release();
    }
  });
}

/** A readable SQLite file of another program: whoever gave us this directory was mistaken. */
function isForeign(path: string): boolean {
  const head = Buffer.alloc(100);
  const handle = openSync(path, "r");
  try {
    readSync(handle, head, 0, head.length, 0);
  } finally {
    closeSync(handle);
  }
  const isSqlite = head.toString("latin1", 0, SQLITE_MAGIC.length) === SQLITE_MAGIC;
  return isSqlite && head.readUInt32BE(APPLICATION_AT) !== APPLICATION_ID;
}

function freeName(path: string): string | null {
  for (let n = 1; n <= DAMAGED_KEPT_MAX; n += 1) {
    const name = `${path}.damaged-${n}`;
    if (!existsSync(name)) return name;
  }
  return null;
}

function tooOften(path: string, damage: StoreError): StoreError {
  return new StoreError(
    "corrupt",
    `${path} is damaged, and ${DAMAGED_KEPT_MAX} damaged ones before it are kept beside it: replace the disk or card, or delete them. (${damage.message})`,
    damage,
  );
}
