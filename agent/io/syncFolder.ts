// A file's new name is only on the disk once its folder is.

import fs from "node:fs";

/** Returns when the folder's entries are on the disk. Throws what the system says. */
export function syncFolder(folder: string): void {
  const descriptor = fs.openSync(folder, "r");
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}
