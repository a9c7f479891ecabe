// The recorder's file: what was heard survives the page's server. Small and bounded, written as a whole now and then
// and at the end; a file that cannot be read is not fatal, for nothing but charts rests on it.

import { readFileSync, renameSync, statSync } from "node:fs";
import { writeWhole } from "../wholeFile.ts";
import type { PageLog } from "./server.ts";

/** As many homes with as many devices as are recorded fill less. */
export const RECORD_BYTES_MAX: number = 32 * 1024 * 1024;
/** Written no more often: what a power cut takes from the charts, and an SD card that lasts. */
export const RECORD_EVERY_MS: number = 3 * 60_000;

/** What was kept, as JSON text; null: nothing yet, or nothing that can be read, which is said. */
export function readRecord(file: string, log: PageLog): unknown {
  try {
    const { size } = statSync(file);
    if (size > RECORD_BYTES_MAX) throw new Error(`${size} bytes are too many`);
    return JSON.parse(readFileSync(file, "utf8")) as unknown;
  } catch (error) {
    if (isMissing(error)) return null;
    tellUnreadable(log, file, error);
    return null;
  }
}

/** And puts it aside: it may be a newer version's, or another's that was named by mistake. */
export function tellUnreadable(log: PageLog, file: string, error: unknown): void {
  const aside = setAside(file);
  log("warn", "the charts' history is unreadable, a new one begins", {
    ...{ file, aside, what: error instanceof Error ? error.message : String(error) },
  });
}

/** Where it is now; null: where it was. */
function setAside(file: string): string | null {
  try {
    if (!statSync(file).isFile()) return null;
    const aside = `${file}.unreadable`;
    renameSync(file, aside);
    return aside;
  } catch {
    // What cannot be moved cannot be replaced either, which is told then.
    return null;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

export type RecordKeeper = {
  /** Writes what has changed, and then never again. */
  readonly close: () => Promise<void>;
};

export type RecordKeeping = {
  readonly file: string;
  /** The text to keep; null: nothing has changed since it was asked for. */
  readonly text: () => string | null;
  readonly log: PageLog;
  /** RECORD_EVERY_MS unless told otherwise. */
  readonly everyMs?: number;
};

/** Keeps the file while the recorder listens. A disk that fails is said once, until it is well again. */
export function keepRecord(keeping: RecordKeeping): RecordKeeper {
  const { file, text, log, everyMs = RECORD_EVERY_MS } = keeping;
  let [isFailing, isClosed] = [false, false];
  /** What the disk did not take. */
  let unwritten: string | null = null;
  let writing: Promise<void> = Promise.resolve();
  const write = async (): Promise<void> => {
    const content = text() ?? unwritten;
    if (content === null) return;
    try {
      unwritten = content;
      await writeWhole(file, content);
      unwritten = null;
      isFailing = false;
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      if (!isFailing) log("error", "the charts' history cannot be kept", { file, what });
      isFailing = true;
    }
  };
  const next = (): Promise<void> => {
    writing = writing.then(write);
    return writing;
  };
  const timer = setInterval(() => void next(), everyMs);
  timer.unref();
  return {
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      clearInterval(timer);
      await next();
    },
  };
}
