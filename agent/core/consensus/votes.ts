// The vote keeper of one height: who said what in which round, and which thresholds that meets.
//
// - A validator's first vote for a (round, type) counts. The same again is ignored (its signature may
//   differ: several are valid). A different one is evidence, named once, and does not count.
// - One exception, without which a lying validator could stop the market for good (a "hidden lock"): it
//   prevotes v to some, who lock v, and nil to the others, who then never see the polka they need at L28.
//   The paper counts every message, so there they would. Here a second prevote counts towards a block
//   once the rightful proposer of a later round has claimed a polka for that block in that round
//   (`claimPolka`). Safe: that validator did sign it, it counts once per block, and the argument that two
//   polkas of a round share an honest validator only needs honest validators to vote once.
// - Who is no validator never counts.
// - Bounded: votes more than ROUNDS_AHEAD_MAX rounds ahead are dropped, but the greatest round heard from
//   each validator is kept: more than a third of them at a round or beyond it open that round (L55).

import type { BlockId, MemberId } from "../units/ids.ts";
import type { Evidence } from "./effect.ts";
import type { Certificate, Vote, VoteType } from "./message.ts";
import { isQuorum, isSkip } from "./quorum.ts";

/** A validator further ahead than this is only remembered, not counted. */
export const ROUNDS_AHEAD_MAX = 10;

type Ballot = ReadonlyMap<MemberId, Vote>;

type RoundVotes = {
  readonly prevote: Ballot;
  readonly precommit: Ballot;
  /** Second prevotes that count, by block: one entry for each claimed polka. */
  readonly claimed: ReadonlyMap<BlockId, Ballot>;
};

export type Votes = {
  readonly height: number;
  /** Sorted by id; equal weight. */
  readonly validators: readonly MemberId[];
  readonly rounds: ReadonlyMap<number, RoundVotes>;
  /** The greatest round in which each validator was heard, by a vote or as its proposer. */
  readonly heard: ReadonlyMap<MemberId, number>;
  /** "round type validator" of each double vote already reported. */
  readonly reported: ReadonlySet<string>;
};

export type VoteAdded = {
  /** The very same object if the vote changed nothing. */
  readonly votes: Votes;
  /** The first time that this validator contradicts itself in this (round, type). */
  readonly evidence: Extract<Evidence, { type: "doubleVote" }> | null;
};

const EMPTY: RoundVotes = { prevote: new Map(), precommit: new Map(), claimed: new Map() };

export function newVotes(height: number, validators: readonly MemberId[]): Votes {
  return { height, validators, rounds: new Map(), heard: new Map(), reported: new Set() };
}

/** Counts a vote whose signature was checked. `current` is our round, 0 before the first. */
export function addVote(votes: Votes, vote: Vote, current: number): VoteAdded {
  const { round, validator } = vote;
  if (vote.height !== votes.height || !votes.validators.includes(validator)) {
    return { votes, evidence: null };
  }
  const heard = hear(votes, validator, round);
  if (!isWithinReach(heard, round, current)) return { votes: heard, evidence: null };
  const ofRound = heard.rounds.get(round) ?? EMPTY;
  const first = ofRound[vote.vote].get(validator);
  if (first === undefined) {
    const ballot = new Map(ofRound[vote.vote]).set(validator, vote);
    return { votes: withRound(heard, round, { ...ofRound, [vote.vote]: ballot }), evidence: null };
  }
  if (first.blockId === vote.blockId) return { votes: heard, evidence: null };
  return contradict(heard, first, vote);
}

/** Notes that `validator` is in `round` (it proposed there), for round skips. */
export function hear(votes: Votes, validator: MemberId, round: number): Votes {
  if (!votes.validators.includes(validator)) return votes;
  const before = votes.heard.get(validator);
  if (before !== undefined && before >= round) return votes;
  return { ...votes, heard: new Map(votes.heard).set(validator, round) };
}

/**
 * From now on second prevotes for `blockId` in `round` count towards its polka.
 * To be called for the polRound of a rightful proposer's proposal: one claim for each proposal.
 */
export function claimPolka(votes: Votes, round: number, blockId: BlockId): Votes {
  const ofRound = votes.rounds.get(round) ?? EMPTY;
  if (ofRound.claimed.has(blockId)) return votes;
  const claimed = new Map(ofRound.claimed).set(blockId, new Map());
  return withRound(votes, round, { ...ofRound, claimed });
}

/** Whether a message of `round` is kept: not far ahead, or more than a third are there already. */
export function isWithinReach(votes: Votes, round: number, current: number): boolean {
  return round <= Math.max(current + ROUNDS_AHEAD_MAX, skipRound(votes, current) ?? 0);
}

/**
 * L55: the greatest round beyond `current` which more than a third of the validators have reached, or
 * null. Prevotes, precommits and proposals count, each validator once, by its greatest round: the paper
 * asks for one and the same round, but whoever has gone on further has left our round behind as well.
 */
export function skipRound(votes: Votes, current: number): number | null {
  const ahead = [...votes.heard.values()].filter((round) => round > current).sort((a, b) => b - a);
  return ahead.find((_, index) => isSkip(index + 1, votes.validators.length)) ?? null;
}

/** L34, L47: more than two thirds voted in this round, whatever they said. */
export function hasQuorum(votes: Votes, type: VoteType, round: number): boolean {
  return isQuorum(votes.rounds.get(round)?.[type].size ?? 0, votes.validators.length);
}

/** L28, L36, L44, L49: more than two thirds voted for one and the same; null is nil. */
export function hasQuorumFor(votes: Votes, vote: VoteFor): boolean {
  // Who votes for one thing has voted: without the weaker quorum there is no need to count.
  if (!hasQuorum(votes, vote.type, vote.round)) return false;
  return isQuorum(votesFor(votes, vote).length, votes.validators.length);
}

/** One (round, type) and what was voted for; null is nil. */
export type VoteFor = {
  readonly type: VoteType;
  readonly round: number;
  readonly blockId: BlockId | null;
};

/** The block with a polka in this round, else null. */
export function polkaIn(votes: Votes, round: number): BlockId | null {
  return blockWithQuorum(votes, "prevote", round);
}

/** The block with a quorum of precommits in this round, else null. */
export function committedIn(votes: Votes, round: number): BlockId | null {
  return blockWithQuorum(votes, "precommit", round);
}

/** All counted votes for one and the same, sorted by validator. */
export function votesFor(votes: Votes, { type, round, blockId }: VoteFor): readonly Vote[] {
  const ofRound = votes.rounds.get(round) ?? EMPTY;
  const first = [...ofRound[type].values()].filter((vote) => vote.blockId === blockId);
  const isClaimable = type === "prevote" && blockId !== null;
  const second = isClaimable ? [...(ofRound.claimed.get(blockId)?.values() ?? [])] : [];
  return [...first, ...second].sort(byValidator);
}

/** All votes known of one round: prevotes, then precommits, each sorted by validator. */
export function votesIn(votes: Votes, round: number): readonly Vote[] {
  const ofRound = votes.rounds.get(round) ?? EMPTY;
  const second = [...ofRound.claimed.values()].flatMap((ballot) => [...ballot.values()]);
  const prevotes = [...ofRound.prevote.values(), ...second].sort(byValidator);
  return [...prevotes, ...[...ofRound.precommit.values()].sort(byValidator)];
}

/** All precommits collected for the block in `round`, sorted by validator; null without a quorum. */
export function certificateFor(votes: Votes, round: number, blockId: BlockId): Certificate | null {
  const precommit: VoteFor = { type: "precommit", round, blockId };
  if (!hasQuorumFor(votes, precommit)) return null;
  const signatures = votesFor(votes, precommit).map(({ validator, signature }) => ({
    validator,
    signature,
  }));
  return { height: votes.height, round, blockId, signatures };
}

function contradict(votes: Votes, first: Vote, second: Vote): VoteAdded {
  const counted = countClaimed(votes, second);
  const key = `${second.round} ${second.vote} ${second.validator}`;
  if (counted.reported.has(key)) return { votes: counted, evidence: null };
  return {
    votes: { ...counted, reported: new Set(counted.reported).add(key) },
    evidence: { type: "doubleVote", validator: second.validator, a: first, b: second },
  };
}

function countClaimed(votes: Votes, { vote: type, round, blockId, ...rest }: Vote): Votes {
  const ofRound = votes.rounds.get(round);
  if (type !== "prevote" || blockId === null || ofRound === undefined) return votes;
  const ballot = ofRound.claimed.get(blockId);
  if (ballot === undefined || ballot.has(rest.validator)) return votes;
  const added = new Map(ballot).set(rest.validator, { vote: type, round, blockId, ...rest });
  const claimed = new Map(ofRound.claimed).set(blockId, added);
  return withRound(votes, round, { ...ofRound, claimed });
}

function blockWithQuorum(votes: Votes, type: VoteType, round: number): BlockId | null {
  if (!hasQuorum(votes, type, round)) return null;
  const ofRound = votes.rounds.get(round) ?? EMPTY;
  const named = [...ofRound[type].values()].map(({ blockId }) => blockId);
  const candidates = new Set([...named, ...ofRound.claimed.keys()]);
  for (const blockId of candidates) {
    if (blockId !== null && hasQuorumFor(votes, { type, round, blockId })) return blockId;
  }
  return null;
}

function withRound(votes: Votes, round: number, ofRound: RoundVotes): Votes {
  return { ...votes, rounds: new Map(votes.rounds).set(round, ofRound) };
}

function byValidator(a: Vote, b: Vote): number {
  if (a.validator === b.validator) return 0;
  return a.validator < b.validator ? -1 : 1;
}
