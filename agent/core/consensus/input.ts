// All that can happen to the driver of one height. Signatures are checked before; see loops/consensus.ts.

import type { BlockId, MemberId } from "../units/ids.ts";
import type { UnixMs } from "../units/time.ts";
import type { Proposal, Vote } from "./message.ts";

export type Step = "newHeight" | "propose" | "prevote" | "precommit";
export type TimeoutKind = "propose" | "prevote" | "precommit";

/** A block as the agreement sees it. */
export type Value = {
  readonly blockId: BlockId;
  readonly time: UnixMs;
  readonly block: Uint8Array;
};

/** What the ledger and the clock say of a proposed block; computed outside, once, on arrival. */
export type Verdict = {
  readonly valid: boolean;
  /** Proposer-based timestamps; only looked at for a fresh value (polRound -1). */
  readonly timely: boolean;
};

export type Input =
  /** There is something to say (or someone else says it): leave newHeight, start round 0. */
  | { readonly type: "start" }
  | { readonly type: "proposal"; readonly proposal: Proposal; readonly verdict: Verdict }
  | { readonly type: "vote"; readonly vote: Vote }
  | {
      readonly type: "timeout";
      readonly kind: TimeoutKind;
      readonly height: number;
      readonly round: number;
    }
  /** The answer to `getValue`. */
  | {
      readonly type: "value";
      readonly height: number;
      readonly round: number;
      readonly value: Value;
    };

/** What must survive a crash: the lock, the valid value and where we are. Rounds are -1 when unset. */
export type Durable = {
  readonly height: number;
  readonly round: number;
  readonly step: Step;
  readonly lockedRound: number;
  readonly locked: Value | null;
  readonly validRound: number;
  readonly valid: Value | null;
  /**
   * The prevotes of validRound for the valid value, sorted by validator; absent where there is none.
   * Without them a value locked before a power cut could never be proposed again: only its polka lets
   * the others follow it, and nobody else may have kept it.
   */
  readonly polka?: readonly Vote[];
};

/** A height begins: who votes, and whose turn it was last. */
export type HeightStart = {
  readonly height: number;
  /** Sorted by id; equal weight. */
  readonly validators: readonly MemberId[];
  /** Proposer of the last block; null before the first. */
  readonly lastProposer: MemberId | null;
  /** null: this home follows and does not vote. */
  readonly self: MemberId | null;
};
