// Which build this is, for dashboards and logs.

import { readFileSync } from "node:fs";
import { join } from "node:path";

/** As package.json has it. */
export function agentVersion(): string {
  const file = join(import.meta.dirname, "../../package.json");
  const { version } = JSON.parse(readFileSync(file, "utf8")) as { readonly version?: unknown };
  return typeof version === "string" ? version : "unknown";
}
