// The directory of one agent, and the lock that keeps a second agent out of it: two agents with one card
// would sign twice. The kernel holds the lock, so it is gone with the process, however that ended.
//
// POSIX drops a process's locks on a file as soon as the process closes any handle of that file, so nothing
// in this process may open ledger.db or agent.lock but SQLite, which knows. That goes for backups too.

import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
} from "node:fs";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import { syncFolder } from "../syncFolder.ts";
import { StoreError, storing } from "./storeError.ts";

export const LEDGER_FILE = "ledger.db";
const LOCK_FILE = "agent.lock";
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;

export type DirectoryLock = { readonly release: () => void };

/** A lock to which nobody refers any more would be collected, and so released. */
const held = new Set<Database.Database>();

/**
 * Makes the directory (0700) where it is missing.
 * An existing directory keeps its mode: it may be shared with other things.
 */
export function prepareDirectory(dir: string): void {
  storing(dir, () => {
    const isNew = !existsSync(dir);
    // A parent may be missing too, and then mkdir hides why it could not be made.
    if (isNew && existsSync(dirname(dir))) accessSync(dirname(dir), constants.W_OK);
    mkdirSync(dir, { recursive: true, mode: DIRECTORY_MODE });
    accessSync(dir, constants.W_OK);
    if (isNew) syncFolder(dirname(dir));
  });
}

/**
 * Takes the directory for the life of this process, at once or not at all.
 * Throws StoreError "locked" while another agent, in this process or any other, has it.
 * Not to be trusted on a network share.
 */
export function lockDirectory(dir: string): DirectoryLock {
  const path = join(dir, LOCK_FILE);
  return storing(path, () => {
    const lock = new Database(path, { timeout: 0 });
    try {
      lock.exec("BEGIN EXCLUSIVE");
      chmodSync(path, FILE_MODE);
    } catch (error) {
      lock.close();
      if (!isBusy(error)) throw error;
      const advice = "Stop it first, or give this agent a data directory of its own.";
      throw new StoreError("locked", `Another agent is running on ${dir}. ${advice}`, error);
    }
    held.add(lock);
    const release = (): void => {
      held.delete(lock);
      lock.close();
    };
    return { release };
  });
}

/** Makes the empty ledger file (0600) if it is missing. The caller holds the lock. */
export function prepareLedgerFile(dir: string): string {
  const path = join(dir, LEDGER_FILE);
  storing(path, () => {
    // SQLite gives its -wal and -shm files the mode of the file they belong to.
    if (existsSync(path)) chmodSync(path, FILE_MODE);
    else closeSync(openSync(path, "wx", FILE_MODE));
    syncFolder(dir);
  });
  return path;
}

function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY");
}
