// Files that hold keys: readable by their owner alone, and whole or not there after a power cut.

import { randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { syncFolder } from "./syncFolder.ts";

/** No file of a key's has more. */
export const FILE_BYTES_MAX = 65_536;
const OTHERS = 0o077;
const UNFINISHED = ".tmp";

export type KeyErrorCode =
  /** A file is missing: the operator names the right folder or imports the card. */
  | "notFound"
  /** Others may read the key: the operator runs chmod 600, and a new card is wise. */
  | "tooOpen"
  /** A file is not what it must be: the operator fetches the card again. */
  | "malformed"
  /** The key is not the certificate's: the operator fetches the card again. */
  | "mismatch"
  /** The folder is there already: the operator removes it or names another. */
  | "exists"
  /** The disk refuses: the operator looks at its space and rights. */
  | "unwritable"
  /** The passphrase is missing or wrong: the operator names its file. */
  | "locked"
  /** As many as there may be: somebody deletes some. */
  | "full"
  /** Several are called so: the operator says whose. */
  | "ambiguous";

/** What went wrong with a key's files. Its message names the file and what to do, never a content. */
export class KeyError extends Error {
  readonly code: KeyErrorCode;
  readonly path: string;
  /** The message without the path: for who must not see this machine's folders. */
  readonly sentence: string;
  readonly isRetryable = false;
  constructor(code: KeyErrorCode, at: { path: string; sentence: string; cause?: unknown }) {
    super(`${at.path}: ${at.sentence}`, at.cause === undefined ? {} : { cause: at.cause });
    this.name = "KeyError";
    this.code = code;
    this.path = at.path;
    this.sentence = at.sentence;
  }
}

/** Reads a file of at most 64 KiB that nobody but its owner may open. */
export function readPrivateFile(file: string): string {
  return read(file, (mode) => {
    if ((mode & OTHERS) === 0) return;
    const octal = (mode & 0o777).toString(8).padStart(4, "0");
    const sentence = `others may read this key (mode ${octal}): run chmod 600 on it`;
    throw new KeyError("tooOpen", { path: file, sentence });
  });
}

/** Reads a file of at most 64 KiB that is no secret. */
export function readPublicFile(file: string): string {
  return read(file, () => undefined);
}

function read(file: string, check: (mode: number) => void): string {
  let descriptor: number;
  try {
    descriptor = fs.openSync(file, "r");
  } catch (cause) {
    throw new KeyError("notFound", { path: file, sentence: "cannot be opened", cause });
  }
  try {
    // The mode of what was opened, not of what the name points to a moment later.
    const stat = fs.fstatSync(descriptor);
    check(stat.mode);
    if (!stat.isFile() || stat.size > FILE_BYTES_MAX) {
      throw new KeyError("malformed", { path: file, sentence: "not a file of a few kilobytes" });
    }
    return fs.readFileSync(descriptor, "utf8");
  } finally {
    fs.closeSync(descriptor);
  }
}

/**
 * Writes a folder (0700) of files (0600, names relative to it) that is there whole or not at all: it is
 * filled under another name, brought to the disk, and renamed. An existing folder is never overwritten.
 */
export function writePrivateFolder(dir: string, files: ReadonlyMap<string, string>): void {
  const filled = `${dir}.tmp`;
  try {
    fs.rmSync(filled, { recursive: true, force: true });
    fs.mkdirSync(path.dirname(dir), { recursive: true, mode: 0o700 });
    fs.mkdirSync(filled, { mode: 0o700 });
    const folders = new Set([filled]);
    for (const [name, content] of files) {
      const file = path.join(filled, name);
      folders.add(path.dirname(file));
      fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
      writeDurably(file, content);
    }
    for (const folder of folders) syncFolder(folder);
    renameToNew(filled, dir);
    syncFolder(path.dirname(dir));
  } catch (cause) {
    fs.rmSync(filled, { recursive: true, force: true });
    if (cause instanceof KeyError) throw cause;
    throw new KeyError("unwritable", { path: dir, sentence: "cannot be written", cause });
  }
}

/** Makes a folder for its owner alone (0700), or refuses (`tooOpen`) one that others may enter. */
export function ownPrivateFolder(dir: string): void {
  try {
    fs.mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new KeyError("unwritable", { path: dir, sentence: "cannot be made", cause });
  }
  const mode = fs.statSync(dir).mode & 0o777;
  if ((mode & OTHERS) === 0) return;
  const octal = mode.toString(8).padStart(4, "0");
  const sentence = `others may enter this folder (mode ${octal}): run chmod 700 on it`;
  throw new KeyError("tooOpen", { path: dir, sentence });
}

/**
 * Writes one file (0600), whole or not at all, in place of the one that was there; with `isNew` an existing
 * one is refused (`exists`). Several processes may write the same file: one of them wins.
 */
export function writePrivateFile(file: string, content: string | Uint8Array, isNew = false): void {
  const filled = `${file}.${randomBytes(6).toString("hex")}${UNFINISHED}`;
  try {
    writeDurably(filled, content);
    if (isNew) fs.linkSync(filled, file);
    else fs.renameSync(filled, file);
    if (isNew) fs.rmSync(filled);
    syncFolder(path.dirname(file));
  } catch (cause) {
    fs.rmSync(filled, { force: true });
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST") {
      throw new KeyError("exists", { path: file, sentence: "is there already", cause });
    }
    throw new KeyError("unwritable", { path: file, sentence: "cannot be written", cause });
  }
}

/** Removes a file, and is sure of it; false: there was none. */
export function removePrivateFile(file: string): boolean {
  try {
    fs.unlinkSync(file);
    syncFolder(path.dirname(file));
    return true;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return false;
    throw new KeyError("unwritable", { path: file, sentence: "cannot be removed", cause });
  }
}

/** Removes what an interrupted `writePrivateFile` left in a folder; what is younger may be under way. */
export function removeUnfinished(dir: string, olderThanMs = 60_000): void {
  for (const name of fs.readdirSync(dir)) {
    const file = path.join(dir, name);
    const stat = name.endsWith(UNFINISHED) ? fs.statSync(file, { throwIfNoEntry: false }) : null;
    if (stat && Date.now() - stat.mtimeMs > olderThanMs) fs.rmSync(file, { force: true });
  }
}

/** rename(2) replaces a folder only while it is empty, which decides without a race. */
function renameToNew(filled: string, dir: string): void {
  try {
    fs.renameSync(filled, dir);
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : null;
    if (code !== "ENOTEMPTY" && code !== "EEXIST" && code !== "ENOTDIR") throw cause;
    const sentence = "is there already, and keys are never overwritten: remove it or name another";
    throw new KeyError("exists", { path: dir, sentence, cause });
  }
}

function writeDurably(file: string, content: string | Uint8Array): void {
  const descriptor = fs.openSync(file, "wx", 0o600);
  try {
    fs.writeFileSync(descriptor, content);
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}
