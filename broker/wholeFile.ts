// Files that are whole or as before, whatever happens while they are written.

import { randomBytes } from "node:crypto";
import fs from "node:fs/promises";
import path from "node:path";

/** Replaces `file` (mode 0600), on the disk when this returns. Throws what the disk says. */
export async function writeWhole(file: string, content: string): Promise<void> {
  const filled = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const handle = await fs.open(filled, "wx", 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(filled, file);
  } catch (error) {
    await fs.rm(filled, { force: true });
    throw error;
  }
  const folder = await fs.open(path.dirname(file), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
