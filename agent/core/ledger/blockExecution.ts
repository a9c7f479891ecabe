// How a block changes the ledger, for whoever builds one and for whoever checks one: first what is due by its
// time, then its transactions in order, and last the closing of the bidding, so that the receipts in the
// closing block count too.

import type { BlockId, MemberId } from "../units/ids.ts";
import { balanceChanges } from "./accounts.ts";
import type { SystemStep } from "./block.ts";
import { type Draft, draftOf, finishDraft } from "./draft.ts";
import { closeDueListings, doDueSteps } from "./due.ts";
import type { LedgerEvent } from "./event.ts";
import { hearAgain } from "./heard.ts";
import type { BlockAt } from "./seal.ts";
import { type LedgerState, stateRoot } from "./state.ts";
import { endSetChanges } from "./validatorSet.ts";

export type Begun = { readonly draft: Draft; readonly systemSteps: readonly SystemStep[] };

/** `restart`: what the block begins with, if it is one that fits, which `state` then knows (restart.ts). */
export function beginBlock(
  state: LedgerState,
  block: BlockAt,
  restart: Draft["restart"] = null,
): Begun {
  const draft = draftOf(state, block.time);
  draft.restart = restart;
  return { draft, systemSteps: doDueSteps(draft, state, block) };
}

/** A state whose block still lacks its id, for the id covers the state's root. */
export type Ended = {
  readonly stateRoot: string;
  readonly events: readonly LedgerEvent[];
  readonly stateAfter: (blockId: BlockId, proposer: MemberId) => LedgerState;
};

export function endBlock({ draft, systemSteps }: Begun): Ended {
  closeDueListings(draft, systemSteps);
  if (draft.nextValidators !== draft.validators) hearAgain(draft, draft.nextValidators);
  endSetChanges(draft);
  const state = finishDraft(draft);
  return {
    stateRoot: stateRoot({ ...state, lastBlock: null }),
    events: [...draft.events, ...balanceChanges(draft)],
    stateAfter: (blockId, proposer) => ({ ...state, lastBlock: { blockId, proposer } }),
  };
}
