// The restart that this home was given by its operator. Once it is on the disk, nothing more is signed for
// the chain before it, at its height or above: that is why what was signed there may be forgotten with it.
// Its height is then decided by the restart's set, and no block without it is taken.

import type { Verifier } from "../core/crypto.ts";
import { baseOf, checkRestart, type RestartRefusal } from "../core/ledger/restart.ts";
import { communityId, type Validator } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import {
  decodeTransaction,
  type Transaction,
  type TransactionRefusal,
} from "../core/ledger/transaction.ts";
import { accepted, type Result, refused } from "../core/result.ts";
import type { CommunityId } from "../core/units/ids.ts";
import type { Store } from "../ports.ts";

/** Who votes on the block after the committed ones, and for which chain. */
export type Voting = {
  readonly validators: readonly Validator[];
  readonly nextValidators: readonly Validator[];
  readonly chain: CommunityId;
  /** What the block must begin with; null: nothing. */
  readonly restart: Transaction | null;
};

export type GivenRestartRefusal = RestartRefusal | TransactionRefusal;

export type RestartKeeper = {
  readonly votingOn: (state: LedgerState) => Voting;
  /** Keeps it, if it fits on `state`; the same one again is no other. */
  readonly accept: (state: LedgerState, encoded: Uint8Array) => Result<void, GivenRestartRefusal>;
};

export function openRestart(store: Store, verifier: Verifier): RestartKeeper {
  let kept = store.restart();
  let known: { readonly state: LedgerState; readonly voting: Voting } | null = null;

  /** The one on the disk, as long as it is for the block on top of `state`. */
  const pending = (state: LedgerState): Transaction | null => {
    const decoded = kept === null ? null : decodeTransaction(communityId(state.rules), kept);
    if (decoded === null || !decoded.ok) return null;
    return checkRestart(state, decoded.value, verifier).ok ? decoded.value : null;
  };

  const votingOn = (state: LedgerState): Voting => {
    if (known?.state === state) return known.voting;
    const restart = pending(state);
    const base = baseOf(state, restart ?? undefined, verifier).state;
    const { validators, nextValidators, chain } = base;
    const voting = { validators, nextValidators, chain, restart };
    known = { state, voting };
    return voting;
  };

  const accept: RestartKeeper["accept"] = (state, encoded) => {
    const decoded = decodeTransaction(communityId(state.rules), encoded);
    if (!decoded.ok) return decoded;
    const { value: transaction } = decoded;
    const before = pending(state);
    if (before?.id === transaction.id) return accepted(undefined);
    const checked = checkRestart(state, transaction, verifier);
    if (!checked.ok) return checked;
    const { sequence: got, height } = checked.value;
    // Of two for one height the later one counts, and there is no way back to the earlier.
    if (before?.payload.type === "restart" && before.payload.sequence >= got) {
      return refused({ code: "staleSequence", have: before.payload.sequence, got });
    }
    store.saveRestart(encoded, height);
    kept = encoded;
    known = null;
    return accepted(undefined);
  };

  return { votingOn, accept };
}

/** Whether a block may be taken while a restart is awaited: with this one or with a later one of the CA's. */
export function isAwaited({ restart }: Voting, first: Transaction | undefined): boolean {
  if (restart?.payload.type !== "restart") return true;
  return first?.payload.type === "restart" && first.payload.sequence >= restart.payload.sequence;
}
