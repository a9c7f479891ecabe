// Who votes is part of the ledger's state, and so the same for all who have the same blocks.
//
//   block h     is voted on by      its header names                      what it changes
//   h           state(h-1).validators  this set, and nextValidators: the one for h+1   the set for h+2
//
// Two blocks ahead, so that whoever votes on a block knows from blocks that have their certificate who votes
// with it, and messages of the height after the one under way can be told from forgeries.

import type { MemberId } from "../units/ids.ts";
import type { Draft } from "./draft.ts";
import type { LedgerEvent } from "./event.ts";
import type { Validator } from "./rules.ts";
import { hasSeat } from "./validators.ts";

/** Changes by the CA are counted over this many blocks. */
export const SET_CHANGE_BLOCKS = 100;

/**
 * Takes the member out of the set that votes on the block after the next one (h+2). Nothing happens when it
 * is not in that set, or when it is its last one: a set is never left empty, for nobody could then change it.
 * Not counted as a change of the CA's: who must go goes at once, and can be replaced at once.
 */
export function suspendValidator(draft: Draft, memberId: MemberId): void {
  const left = draft.laterValidators.filter((validator) => validator.memberId !== memberId);
  if (left.length === 0 || left.length === draft.laterValidators.length) return;
  draft.laterValidators = left;
}

/** After a block's transactions: tells what they changed; and what was long ago counts no more. */
export function endSetChanges(draft: Draft): void {
  const { setChanges, height, nextValidators, laterValidators } = draft;
  if (setChanges.length > 0) {
    draft.setChanges = setChanges.filter((at) => at > height + 1 - SET_CHANGE_BLOCKS);
  }
  const changed = setChange({
    before: nextValidators,
    after: laterValidators,
    fromHeight: height + 2,
  });
  if (changed !== null) draft.events.push(changed);
}

export type SetChange = {
  readonly before: readonly Validator[];
  readonly after: readonly Validator[];
  readonly fromHeight: number;
};

/** Who has come with another key than before has left and joined. null: nothing has changed. */
export function setChange({ before, after, fromHeight }: SetChange): LedgerEvent | null {
  if (before === after) return null;
  const added = after.filter((validator) => !hasSeat(before, validator));
  const left = before.filter((validator) => !hasSeat(after, validator));
  if (added.length + left.length === 0) return null;
  const removed = left.map(({ memberId }) => memberId);
  return { type: "validatorsChanged", fromHeight, added, removed };
}
