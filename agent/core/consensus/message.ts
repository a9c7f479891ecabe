// What validators say to each other, and the certificate that their precommits make.
// Blocks are opaque here: bytes with an id and a time; whether they are valid comes in as an input.

import {
  array,
  bytes,
  decode,
  encode,
  hash,
  integer,
  type Malformed,
  nullable,
  oneOf,
  type ShapeOf,
  struct,
  text,
  union,
} from "../codec/shape.ts";
import { SIGNATURE_BYTES } from "../crypto.ts";
import type { Result } from "../result.ts";
import { ROUND_MAX, VOTE_TYPES } from "../signBytes.ts";
import { type BlockId, isMemberId, MEMBER_ID_MAX, type MemberId } from "../units/ids.ts";
import type { UnixMs } from "../units/time.ts";

/** A proposal carries a whole block and the polka that lets locked validators follow it. */
export const BLOCK_IN_PROPOSAL_BYTES_MAX = 131_072;
export const CONSENSUS_MESSAGE_BYTES_MAX = 163_840;
const SIGNATURES_MAX = 21;

const validatorId = text<MemberId>(MEMBER_ID_MAX, isMemberId);
const height = integer(1, Number.MAX_SAFE_INTEGER);
const round = integer(0, ROUND_MAX);
const signature = bytes(SIGNATURE_BYTES);

const voteShape = struct({
  vote: oneOf(VOTE_TYPES),
  height,
  round,
  /** null is nil. */
  blockId: nullable(hash<BlockId>()),
  validator: validatorId,
  signature,
});

const proposalShape = struct({
  height,
  round,
  /** The round of the polka that this value already has; -1 for a fresh value. */
  polRound: integer(-1, ROUND_MAX),
  blockId: hash<BlockId>(),
  /** The block's time, as in its header. */
  time: integer<UnixMs>(1, Number.MAX_SAFE_INTEGER),
  block: bytes(1, BLOCK_IN_PROPOSAL_BYTES_MAX),
  proposer: validatorId,
  signature,
});

const certificateShape = struct({
  height,
  round,
  blockId: hash<BlockId>(),
  /** Precommits for this block in this round, sorted by validator, each once. */
  signatures: array(struct({ validator: validatorId, signature }), SIGNATURES_MAX),
});

const consensusMessageShape = union(
  { proposal: proposalShape, vote: voteShape },
  { proposal: 0, vote: 1 },
);

export type Vote = ShapeOf<typeof voteShape>;
export type Proposal = ShapeOf<typeof proposalShape>;
export type Certificate = ShapeOf<typeof certificateShape>;
export type ConsensusMessage = ShapeOf<typeof consensusMessageShape>;
export type UnsignedVote = Omit<Vote, "signature">;
export type UnsignedProposal = Omit<Proposal, "signature">;

export function encodeConsensusMessage(message: ConsensusMessage): Uint8Array {
  return encode(consensusMessageShape, message);
}

export function decodeConsensusMessage(encoded: Uint8Array): Result<ConsensusMessage, Malformed> {
  return decode(consensusMessageShape, encoded, CONSENSUS_MESSAGE_BYTES_MAX);
}

const CERTIFICATE_BYTES_MAX = 8192;

export function encodeCertificate(certificate: Certificate): Uint8Array {
  return encode(certificateShape, certificate);
}

export function decodeCertificate(encoded: Uint8Array): Result<Certificate, Malformed> {
  return decode(certificateShape, encoded, CERTIFICATE_BYTES_MAX);
}

export {
  proposalSignBytes,
  ROUND_MAX,
  VOTE_TYPES,
  type VoteSubject,
  type VoteType,
  voteSignBytes,
} from "../signBytes.ts";
export { certificateShape };
