// Which rules have their messages together. A rule may be completed by its last vote or by a late
// proposal, for this round or an earlier one, so all are looked at again after everything that happens.
//
// | messages known                                              | event             | line |
// | ----------------------------------------------------------- | ----------------- | ---- |
// | precommits > 2/3 for a known valid block, any round         | precommitValue    | L49  |
// | this round's proposal, polRound -1                          | proposal          | L22  |
// | this round's proposal, prevotes(polRound) > 2/3 for it      | proposalWithPolka | L28  |
// | this round's proposal, prevotes(this round) > 2/3 for it    | polkaCurrent      | L36  |
// | prevotes(this round) > 2/3 for nil                          | polkaNil          | L44  |
// | prevotes(this round) > 2/3 for anything                     | polkaAny          | L34  |
// | precommits(this round) > 2/3 for anything                   | precommitAny      | L47  |
// | > 1/3 of the validators in a greater round                  | roundSkip         | L55  |
//
// The list is in the order in which they are tried: decide before all else, finish this round before
// leaving it. Steps and locks are the transition's business (round.ts): an event out of place changes nothing.
//
// L49 asks for the proposal of the same round as the precommits. Here any known valid block with that id
// will do (another round's proposal, or the locked or valid value after a restart): the precommits alone
// decide the value, the proposal only brings its bytes.

import type { BlockId } from "../units/ids.ts";
import type { Value } from "./input.ts";
import { type KeptProposal, type Proposals, proposedValue } from "./proposals.ts";
import type { RoundEvent, RoundState } from "./round.ts";
import { committedIn, hasQuorum, hasQuorumFor, skipRound, type Votes } from "./votes.ts";

/** All that one validator knows of a height. */
export type Known = {
  readonly roundState: RoundState;
  readonly votes: Votes;
  readonly proposals: Proposals;
};

/** The events whose messages are complete, in the order of the table. */
export function* completeEvents(known: Known): Generator<RoundEvent> {
  const { votes, roundState } = known;
  yield* decisions(known);
  const { round } = roundState;
  const current = known.proposals.get(round);
  if (current !== undefined) yield* ofProposal(votes, round, current);
  if (hasQuorumFor(votes, { type: "prevote", round, blockId: null })) yield { type: "polkaNil" };
  if (hasQuorum(votes, "prevote", round)) yield { type: "polkaAny" };
  if (hasQuorum(votes, "precommit", round)) yield { type: "precommitAny" };
  const skip = skipRound(votes, round);
  if (skip !== null) yield { type: "roundSkip", round: skip };
}

function* decisions(known: Known): Generator<RoundEvent> {
  for (const round of known.votes.rounds.keys()) {
    const blockId = committedIn(known.votes, round);
    const value = blockId === null ? null : knownValue(known, blockId);
    if (value !== null) yield { type: "precommitValue", round, value, valid: true };
  }
}

function* ofProposal(votes: Votes, round: number, kept: KeptProposal): Generator<RoundEvent> {
  const { blockId, polRound } = kept.proposal;
  const { valid, timely } = kept.verdict;
  const value = proposedValue(kept.proposal);
  if (polRound === -1) {
    yield { type: "proposal", value, valid, timely };
  } else if (hasQuorumFor(votes, { type: "prevote", round: polRound, blockId })) {
    yield { type: "proposalWithPolka", value, polRound, valid };
  }
  if (hasQuorumFor(votes, { type: "prevote", round, blockId })) {
    yield { type: "polkaCurrent", value, valid };
  }
}

/** The block with this id, if it was found valid: proposed in any round, locked, or valid. */
function knownValue({ roundState, proposals }: Known, blockId: BlockId): Value | null {
  for (const { proposal, verdict } of proposals.values()) {
    if (verdict.valid && proposal.blockId === blockId) return proposedValue(proposal);
  }
  for (const held of [roundState.locked, roundState.valid]) {
    if (held !== null && held.value.blockId === blockId) return held.value;
  }
  return null;
}
