// What can go wrong between the agent and its disk, as one closed list. Never match on messages.

import Database from "better-sqlite3";

export type StoreErrorCode =
  /** Another agent holds the data directory. Stop it, or give this one a directory of its own. */
  | "locked"
  /** The file is damaged or not ours. A person moves it away; the ledger comes back from neighbours. */
  | "corrupt"
  /** The directory belongs to another community. A person gives the right directory. */
  | "otherCommunity"
  /** The directory belongs to another member's agent. A person gives the right directory or card. */
  | "otherMember"
  /** Written by a newer version of this program. A person updates it. */
  | "newerVersion"
  /** No room on the disk. A person frees some; the same call may then succeed. */
  | "diskFull"
  /** The disk or directory cannot be written. A person remounts it or corrects its owner. */
  | "readOnly"
  /** Anything else the disk or the system answered. Retry within bounds, then tell a person. */
  | "io"
  /** A second, different message for one (height, round, type). A bug, or a copied card: stop voting. */
  | "doubleSign"
  /** A block would break a rule of the tables. A bug: stop; nothing of the block was written. */
  | "invariant";

const RETRYABLE: ReadonlySet<StoreErrorCode> = new Set(["locked", "diskFull", "io"]);

/** The disk's answer, with who must act in `code` and what SQLite or the system said in `cause`. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;
  /** The same call may succeed later without a person's doing, or after freeing space. */
  readonly isRetryable: boolean;

  constructor(code: StoreErrorCode, sentence: string, cause?: unknown) {
    super(sentence, { cause });
    this.name = "StoreError";
    this.code = code;
    this.isRetryable = RETRYABLE.has(code);
  }
}

/** Runs `work` and turns what SQLite or the file system throws into a StoreError about `path`. */
export function storing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw storeError(path, error);
  }
}

/** Bugs of ours pass through unchanged: only the world's answers become a StoreError. */
export function storeError(path: string, error: unknown): unknown {
  const code = systemCode(error);
  if (error instanceof StoreError || code === null) return error;
  const known = fromCode(code);
  return new StoreError(
    known,
    sentence(known, path, `${code}: ${(error as Error).message}`),
    error,
  );
}

/** SQLITE_... of SQLite, E... of the file system; null for anything else. */
function systemCode(error: unknown): string | null {
  if (error instanceof Database.SqliteError) return error.code;
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : null;
}

/** Extended codes of SQLite begin with their primary code: SQLITE_IOERR_FSYNC, SQLITE_BUSY_SNAPSHOT. */
const CODES: readonly (readonly [RegExp, StoreErrorCode])[] = [
  [/^(?:SQLITE_FULL|ENOSPC$|EDQUOT$)/, "diskFull"],
  [/^(?:SQLITE_READONLY|SQLITE_PERM|EROFS$|EACCES$|EPERM$)/, "readOnly"],
  [/^(?:SQLITE_CORRUPT|SQLITE_NOTADB)/, "corrupt"],
  [/^(?:SQLITE_BUSY|SQLITE_LOCKED)/, "locked"],
  [/^SQLITE_CONSTRAINT/, "invariant"],
];

function fromCode(code: string): StoreErrorCode {
  return CODES.find(([pattern]) => pattern.test(code))?.[1] ?? "io";
}

function sentence(code: StoreErrorCode, path: string, said: string): string {
  switch (code) {
    case "diskFull":
      return `No room to write ${path} (${said}). Nothing was half-written; free some space.`;
    case "readOnly":
      return `${path} cannot be written (${said}). Check that the disk is mounted read-write and that this user owns the directory.`;
    case "corrupt":
      return `${path} is damaged or not a ledger (${said}). Move it away and start again: the ledger is fetched from the neighbours; do not restore an old copy.`;
    case "locked":
      return `${path} is in use by another program (${said}). Stop it and try again.`;
    case "invariant":
      return `A rule of ${path} would be broken (${said}). This is a bug; nothing of it was written.`;
    default:
      return `The disk refused to store ${path} (${said}). Check the disk and its cable or card.`;
  }
}
