// What the audit's commands print: lines for people or one JSON object, and an exit code.

import { formatProblem, readCommunity } from "../config.ts";
import type { Rules } from "../core/ledger/rules.ts";
import { StoreError } from "../io/store/storeError.ts";
import { jsonLine } from "../plain.ts";

/** 0 right, 1 wrong, 2 could not be read. */
export type Outcome = {
  readonly code: 0 | 1 | 2;
  readonly lines: readonly string[];
  /** The same for programs. */
  readonly json: { readonly [fact: string]: unknown };
};

export function tell({ code, lines, json }: Outcome, asJson: boolean): number {
  if (asJson) process.stdout.write(jsonLine(json));
  else for (const line of lines) (code === 0 ? process.stdout : process.stderr).write(`${line}\n`);
  return code;
}

export function cannotRead(...problems: readonly string[]): Outcome {
  return { code: 2, lines: problems, json: { ok: false, cannotRead: problems } };
}

/** Runs what reads files: what a person can mend is a sentence, bugs keep their stack. */
export function reading(work: () => Outcome): Outcome {
  try {
    return work();
  } catch (error) {
    if (error instanceof StoreError && error.code === "corrupt") {
      const findings = [error.message];
      return { code: 1, lines: [`wrong: ${error.message}`], json: { ok: false, findings } };
    }
    if (error instanceof StoreError) return cannotRead(error.message);
    if (error instanceof Error && "code" in error && /^E[A-Z]+$/.test(String(error.code))) {
      return cannotRead(error.message);
    }
    throw error;
  }
}

/** The community's file, if one is named; or why it cannot be used. */
export function namedRules(
  file: string | undefined,
):
  | { readonly ok: true; readonly rules: Rules | null }
  | { readonly ok: false; readonly outcome: Outcome } {
  if (file === undefined) return { ok: true, rules: null };
  const read = readCommunity(file);
  return read.ok
    ? { ok: true, rules: read.value }
    : { ok: false, outcome: cannotRead(...read.problems.map(formatProblem)) };
}
