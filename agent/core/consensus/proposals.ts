// The proposals of one height, by round: the first of the round's proposer counts, a second different one
// is evidence. Blocks are large, so rounds long gone keep theirs only where it may still be needed.

import type { MemberId } from "../units/ids.ts";
import type { Evidence } from "./effect.ts";
import type { Value, Verdict } from "./input.ts";
import type { Proposal } from "./message.ts";
import { committedIn, polkaIn, type Votes } from "./votes.ts";

/** Older proposals are dropped unless a polka or a quorum of precommits speaks for them. */
export const ROUNDS_BEHIND_MAX = 10;

export type KeptProposal = {
  readonly proposal: Proposal;
  readonly verdict: Verdict;
  /** A second different one was seen, and reported once. */
  readonly isContradicted: boolean;
};

export type Proposals = ReadonlyMap<number, KeptProposal>;

export type ProposalAdded = {
  /** The very same object if the proposal changed nothing. */
  readonly proposals: Proposals;
  readonly evidence: Extract<Evidence, { type: "doubleProposal" }> | null;
};

/** Keeps a proposal of its round's rightful proposer, signature checked. */
export function addProposal(
  proposals: Proposals,
  proposal: Proposal,
  verdict: Verdict,
): ProposalAdded {
  const { round } = proposal;
  const first = proposals.get(round);
  if (first === undefined) {
    const kept: KeptProposal = { proposal, verdict, isContradicted: false };
    return { proposals: new Map(proposals).set(round, kept), evidence: null };
  }
  if (first.isContradicted || saysTheSame(first.proposal, proposal)) {
    return { proposals, evidence: null };
  }
  const validator: MemberId = proposal.proposer;
  return {
    proposals: new Map(proposals).set(round, { ...first, isContradicted: true }),
    evidence: { type: "doubleProposal", validator, a: first.proposal, b: proposal },
  };
}

/** Whether a proposal of `round` can still matter to a validator in round `current`. */
export function isWanted(votes: Votes, round: number, current: number): boolean {
  return (
    round >= current - ROUNDS_BEHIND_MAX ||
    polkaIn(votes, round) !== null ||
    committedIn(votes, round) !== null
  );
}

/** Drops what nobody wants any more; called when a round begins. */
export function prune(proposals: Proposals, votes: Votes, current: number): Proposals {
  return new Map([...proposals].filter(([round]) => isWanted(votes, round, current)));
}

export function proposedValue({ blockId, time, block }: Proposal): Value {
  return { blockId, time, block };
}

/** What is signed decides: the block's bytes are covered by its id. */
function saysTheSame(a: Proposal, b: Proposal): boolean {
  return a.blockId === b.blockId && a.polRound === b.polRound && a.time === b.time;
}
