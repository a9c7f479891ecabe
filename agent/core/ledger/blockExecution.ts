// How a block changes the ledger, for whoever builds one and for whoever checks one: first what is due by its
// time, so that an offer at or after the cut-off finds its listing closed, then its transactions in order.

import type { BlockId, MemberId } from "../units/ids.ts";
import type { UnixMs } from "../units/time.ts";
import { balanceChanges } from "./accounts.ts";
import type { SystemStep } from "./block.ts";
import { type Draft, draftOf, finishDraft } from "./draft.ts";
import { doDueSteps } from "./due.ts";
import type { LedgerEvent } from "./event.ts";
import { type LedgerState, stateRoot } from "./state.ts";

export type Begun = { readonly draft: Draft; readonly systemSteps: readonly SystemStep[] };

export function beginBlock(state: LedgerState, time: UnixMs): Begun {
  const draft = draftOf(state, time);
  return { draft, systemSteps: doDueSteps(draft, state) };
}

/** A state whose block still lacks its id, for the id covers the state's root. */
export type Ended = {
  readonly stateRoot: string;
  readonly events: readonly LedgerEvent[];
  readonly stateAfter: (blockId: BlockId, proposer: MemberId) => LedgerState;
};

export function endBlock(draft: Draft): Ended {
  const state = finishDraft(draft);
  return {
    stateRoot: stateRoot({ ...state, lastBlock: null }),
    events: [...draft.events, ...balanceChanges(draft)],
    stateAfter: (blockId, proposer) => ({ ...state, lastBlock: { blockId, proposer } }),
  };
}
