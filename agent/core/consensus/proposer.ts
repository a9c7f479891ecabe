// Whose turn it is. The turn passes on from the proposer of the last block, not from a fixed place,
// so that f silent validators in a row delay a block by f rounds at most.

import { assert } from "../assert.ts";
import type { MemberId } from "../units/ids.ts";

/**
 * The proposer of `round` at the height after the block that `lastProposer` proposed:
 * validators[(index(lastProposer) + 1 + round) mod n].
 * Before the first block (null) the count starts at the first validator; when the last proposer is no
 * longer a validator, at the next id after it.
 * `validators` is sorted by id and not empty; `round` counts from 0.
 */
export function proposer(
  validators: readonly MemberId[],
  lastProposer: MemberId | null,
  round: number,
): MemberId {
  assert(Number.isSafeInteger(round) && round >= 0, `a round counts from 0, not ${round}`);
  // In a sorted list this is index + 1 for a validator, and the next one's index for any other id.
  const first =
    lastProposer === null ? 0 : validators.filter((validator) => validator <= lastProposer).length;
  const chosen = validators[(first + round) % validators.length];
  assert(chosen !== undefined, "there is at least one validator");
  return chosen;
}
