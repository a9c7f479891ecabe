// Remembers what was read from a folder or file until another process changes it. What was changed only
// just now is read again next time: two changes within one tick of the file system's clock look like one.

import fs from "node:fs";

/** The coarsest clock of a file system in use has two seconds. */
const TICK_MAX_MS = 2000;

/** `read` again whenever `path` has changed since; what it returned before otherwise. */
export function rereadOnChange<T>(path: string, read: () => T): () => T {
  let last: { readonly stamp: string; readonly value: T } | null = null;
  return () => {
    // Taken before reading: a change meanwhile shows next time.
    const { stamp, isSettled } = stampOf(path);
    if (last !== null && last.stamp === stamp) return last.value;
    const value = read();
    last = isSettled ? { stamp, value } : null;
    return value;
  };
}

/** The same text for the same contents, as far as the file system tells. */
export function stampOf(path: string): { readonly stamp: string; readonly isSettled: boolean } {
  const stat = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return { stamp: "absent", isSettled: true };
  const { ino, size, mtimeNs, ctimeNs } = stat;
  return {
    stamp: `${ino} ${size} ${mtimeNs} ${ctimeNs}`,
    isSettled: Number(stat.ctimeMs) < Date.now() - TICK_MAX_MS,
  };
}
