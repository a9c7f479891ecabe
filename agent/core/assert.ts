// Bugs stop the process: a supervisor restarts it and the ledger is replayed.

/** Throws when `condition` is false: a bug of ours, never a neighbour's bad input. */
export function assert(condition: boolean, sentence: string): asserts condition {
  if (!condition) bug(sentence);
}

/** The other half of `assert`, for hot paths: the sentence is only made when it is needed. */
export function bug(sentence: string): never {
  throw new Error(`Bug: ${sentence}`);
}
