// Lies of a voter: two votes for one step, votes against its lock, votes of far rounds, signatures at the edge
// of what is one, and what was said long ago.

import { Point, utils } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import {
  type ConsensusMessage,
  decodeConsensusMessage,
  encodeConsensusMessage,
  ROUND_MAX,
  type UnsignedVote,
  voteSignBytes,
} from "../../../agent/core/consensus/message.ts";
import type { BlockId } from "../../../agent/core/units/ids.ts";
import { smallOrderPoints } from "../../support/edgeSignatures.ts";
import { testSecret } from "../../support/ledger.ts";
import { type Liar, type Lie, type Parcel, split, toAll } from "../liar.ts";

/** So many votes at once of rounds that nobody is in. */
const FAR_VOTES = 240;
const REPLAYED = 6;

export const VOTE_LIES: readonly Lie[] = [
  {
    name: "lie: two votes for one step",
    chance: 0.5,
    says: (liar, _topic, message) => {
      const vote = ownVote(message);
      if (vote === null) return null;
      const other = otherBlock(liar, vote);
      if (other === undefined) return null;
      return split(liar, "consensus", [message, signed(liar, { ...vote, blockId: other })]);
    },
  },
  {
    name: "lie: votes whatever its lock",
    chance: 0.7,
    says: (liar, _topic, message) => {
      const vote = ownVote(message);
      const newest = vote === null ? undefined : proposed(liar, vote).at(-1);
      if (vote === null || newest === undefined || newest === vote.blockId) return null;
      return [toAll("consensus", signed(liar, { ...vote, blockId: newest }))];
    },
  },
  {
    name: "lie: both copies of a card vote",
    chance: 0.5,
    mutters: (liar) => {
      const at = liar.proposals.at(-1);
      if (at === undefined) return [];
      const vote = liar.random.pick(["prevote", "precommit"] as const);
      const round = at.round + liar.random.integer(0, 1);
      const { height, blockId } = at;
      const subject = { vote, height, round, validator: liar.signer.memberId };
      const ids = [liar.random.pick(proposed(liar, at)), liar.random.pick([null, blockId])];
      return ids.map((id) => toAll("consensus", signed(liar, { ...subject, blockId: id ?? null })));
    },
  },
  {
    name: "lie: signatures at the edge",
    chance: 0.3,
    says: (liar, _topic, message) => {
      const vote = ownVote(message);
      if (vote === null) return null;
      const edge = liar.random.chance(0.7) ? torsioned : beyondTheOrder;
      const signature = edge(liar, voteSignBytes(liar.community, vote));
      return [toAll("consensus", encodeConsensusMessage({ type: "vote", ...vote, signature }))];
    },
  },
  {
    name: "lie: votes of far rounds and heights",
    chance: 0.3,
    mutters: (liar) => {
      const at = liar.proposals.at(-1);
      if (at === undefined) return [];
      return Array.from({ length: FAR_VOTES }, () => {
        const round =
          at.round + liar.random.integer(1, liar.random.pick([20, 1000, ROUND_MAX / 2]));
        const height = at.height + liar.random.pick([0, 0, 0, 0, 1, 2, 1000]);
        const vote = liar.random.pick(["prevote", "precommit"] as const);
        const { blockId } = at;
        const subject = { vote, height, round, blockId, validator: liar.signer.memberId };
        return toAll("consensus", signed(liar, subject));
      });
    },
  },
  {
    name: "lie: says again what was said long ago",
    chance: 0.5,
    mutters: ({ heard, random }) =>
      heard.length === 0
        ? []
        : Array.from({ length: REPLAYED }, () => {
            const { topic, message } = random.pick(heard);
            return toAll(topic, message);
          }),
  },
];

function ownVote(message: Uint8Array): Omit<Vote, "signature"> | null {
  const decoded = decodeConsensusMessage(message);
  if (!decoded.ok || decoded.value.type !== "vote") return null;
  const { type: _, signature: __, ...vote } = decoded.value;
  return vote;
}

type Vote = Omit<Extract<ConsensusMessage, { type: "vote" }>, "type">;

function proposed(
  { proposals }: Liar,
  { height }: { readonly height: number },
): readonly BlockId[] {
  return proposals.filter((one) => one.height === height).map(({ blockId }) => blockId);
}

/** Something else that could be voted for: nil, or another block; undefined: there is nothing else. */
function otherBlock(liar: Liar, vote: UnsignedVote): BlockId | null | undefined {
  const blocks = proposed(liar, vote).filter((id) => id !== vote.blockId);
  const choices = vote.blockId === null ? blocks : [null, ...blocks];
  return choices.length === 0 ? undefined : liar.random.pick(choices);
}

function signed({ signer, community }: Liar, vote: UnsignedVote): Parcel["message"] {
  const signature = signer.sign(voteSignBytes(community, vote));
  return encodeConsensusMessage({ type: "vote", ...vote, signature });
}

/** R with a part of order 8: valid by ZIP215, not by RFC 8032. */
function torsioned({ signer, random }: Liar, message: Uint8Array): Uint8Array {
  const { scalar } = utils.getExtendedPublicKey(testSecret(signer.memberId));
  const { n } = Point.CURVE();
  const nonce = BigInt(random.integer(1, 2 ** 32 - 1));
  const r = Point.BASE.multiply(nonce).add(random.pick(smallOrderPoints())).toBytes();
  const hashed = sha512(Uint8Array.from([...r, ...signer.publicKey, ...message]));
  const s = (nonce + (littleEndian(hashed) % n) * scalar) % n;
  return Uint8Array.from([...r, ...bytesOf(s)]);
}

/** S + L: the equation holds, and yet it is no signature. */
function beyondTheOrder({ signer }: Liar, message: Uint8Array): Uint8Array {
  const good = signer.sign(message);
  const s = littleEndian(good.subarray(32)) + Point.CURVE().n;
  return Uint8Array.from([...good.subarray(0, 32), ...bytesOf(s)]);
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function bytesOf(number: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((number >> BigInt(8 * i)) & 0xffn));
}
