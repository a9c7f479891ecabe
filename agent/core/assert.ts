// Bugs stop the process: a supervisor restarts it and the ledger is replayed.

/** Throws when `condition` is false: a bug of ours, never a neighbour's bad input. */
export function assert(condition: boolean, sentence: string): asserts condition {
  if (!condition) throw new Error(`Bug: ${sentence}`);
}
