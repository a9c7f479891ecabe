// Asks one of the machine's own tools.

import { execFile } from "node:child_process";

const TOOL_TIMEOUT_MS = 5000;

/** What a tool prints in the C locale, null if it is not there, fails or hangs. */
export function toolOutput(tool: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const env = { ...process.env, LC_ALL: "C" };
    execFile(tool, args, { timeout: TOOL_TIMEOUT_MS, env }, (error, stdout) => {
      resolve(error === null ? stdout.trim() : null);
    });
  });
}
