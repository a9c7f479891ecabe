// Captures and recordings lie beside the checkout, not in it; tests that need them say so when they are absent.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The folder `name` beside this checkout, or null after having printed what is skipped. */
export function sharedFolder(name: string, wanted: string): string | null {
  const folder = fileURLToPath(new URL(`../../../shared/${name}`, import.meta.url));
  if (existsSync(folder)) return folder;
  process.stderr.write(`skipped: ${wanted}, for there is no ../shared/${name}\n`);
  return null;
}
