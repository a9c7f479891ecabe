// What a validator's key signs in the agreement, byte for byte. It stands beside both rooms that need it: the
// agreement checks what it hears with it, and the ledger checks what somebody is accused of.

import { encode, hash, integer, nullable, oneOf, struct, text } from "./codec/shape.ts";
import type { BlockId, CommunityId } from "./units/ids.ts";
import type { UnixMs } from "./units/time.ts";

export const ROUND_MAX = 100_000;

export const VOTE_TYPES = ["prevote", "precommit"] as const;
export type VoteType = (typeof VOTE_TYPES)[number];

/** A vote without its author and signature; `blockId` null is nil. */
export type VoteSubject = {
  readonly vote: VoteType;
  readonly height: number;
  readonly round: number;
  readonly blockId: BlockId | null;
};

/** A proposal without its block, author and signature: the block is covered by its id. */
export type ProposalSubject = {
  readonly height: number;
  readonly round: number;
  readonly polRound: number;
  readonly blockId: BlockId;
  readonly time: UnixMs;
};

const height = integer(1, Number.MAX_SAFE_INTEGER);
const round = integer(0, ROUND_MAX);

const voteSignShape = struct({
  purpose: text(32),
  community: hash<CommunityId>(),
  vote: oneOf(VOTE_TYPES),
  height,
  round,
  blockId: nullable(hash<BlockId>()),
});

const proposalSignShape = struct({
  purpose: text(32),
  community: hash<CommunityId>(),
  height,
  round,
  polRound: integer(-1, ROUND_MAX),
  blockId: hash<BlockId>(),
  time: integer<UnixMs>(1, Number.MAX_SAFE_INTEGER),
});

/** The bytes that a validator's key signs for a vote. */
export function voteSignBytes(community: CommunityId, vote: VoteSubject): Uint8Array {
  const { vote: type, height, round, blockId } = vote;
  const purpose = "pvtrading/vote/1";
  return encode(voteSignShape, { purpose, community, vote: type, height, round, blockId });
}

/** The bytes that a proposer's key signs; the block is covered by its id. */
export function proposalSignBytes(community: CommunityId, proposal: ProposalSubject): Uint8Array {
  const { height, round, polRound, blockId, time } = proposal;
  const purpose = "pvtrading/proposal/1";
  return encode(proposalSignShape, { purpose, community, height, round, polRound, blockId, time });
}
