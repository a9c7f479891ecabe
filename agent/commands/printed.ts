// What a command prints: lines for stdout, or for stderr where its exit code is not 0.

import { KeyError } from "../io/keys.ts";

/** 0 done, 1 it could not be done, 2 an option is wrong. */
export type Printed = { readonly code: number; readonly lines: readonly string[] };

export function wrong(...problems: readonly string[]): Printed {
  return { code: 2, lines: problems };
}

/** What a person can mend is one sentence; bugs keep their stack. */
export async function guarded(
  work: () => readonly string[] | Promise<readonly string[]>,
): Promise<Printed> {
  try {
    return { code: 0, lines: await work() };
  } catch (error) {
    if (!(error instanceof KeyError)) throw error;
    return { code: 1, lines: [error.message] };
  }
}
