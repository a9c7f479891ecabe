// A consensus message on the wire. After a restart (core/ledger/restart.ts) it says which chain it is for:
// a home that has not heard of the restart, or one that goes on after it, can then tell a message of the other
// chain from a forged one, and blames nobody for it. Before any restart there is only the community's chain,
// and a message stands by itself.

import { sameBytes } from "../codec/bytes.ts";
import { hexToBytes } from "../codec/hex.ts";
import { bytes, decode, encode, type Malformed, struct } from "../codec/shape.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { CommunityId } from "../units/ids.ts";
import {
  CONSENSUS_MESSAGE_BYTES_MAX,
  type ConsensusMessage,
  decodeConsensusMessage,
  encodeConsensusMessage,
} from "./message.ts";

/** The first bytes of the chain's id: it only tells chains apart, for the signature covers the whole. */
const TAG_BYTES = 8;

/** The head of a CBOR byte string of TAG_BYTES. */
const BYTE_STRING_OF_TAG = 0x40 | TAG_BYTES;

const envelopeShape = struct({
  chain: bytes(TAG_BYTES),
  message: bytes(1, CONSENSUS_MESSAGE_BYTES_MAX),
});

export type Chains = {
  readonly community: CommunityId;
  /** Which messages are for; the community's id before the first restart. */
  readonly chain: CommunityId;
};

export type EnvelopeRefusal =
  | Malformed
  /** Of a time before or after a restart: its sender may be honest. */
  | { readonly code: "otherChain" };

export function sealMessage({ community, chain }: Chains, message: ConsensusMessage): Uint8Array {
  const encoded = encodeConsensusMessage(message);
  return chain === community
    ? encoded
    : encode(envelopeShape, { chain: tag(chain), message: encoded });
}

/** The message, if it is for this chain. */
export function openMessage(
  { community, chain }: Chains,
  encoded: Uint8Array,
): Result<ConsensusMessage, EnvelopeRefusal> {
  if (!isSealed(encoded)) {
    const message = decodeConsensusMessage(encoded);
    if (!message.ok || chain === community) return message;
    return refused({ code: "otherChain" });
  }
  const envelope = decode(envelopeShape, encoded, CONSENSUS_MESSAGE_BYTES_MAX);
  if (!envelope.ok) return envelope;
  const message = decodeConsensusMessage(envelope.value.message);
  if (!message.ok) return message;
  const isOurs = sameBytes(envelope.value.chain, tag(chain));
  return isOurs ? accepted(message.value) : refused({ code: "otherChain" });
}

/** Both are arrays: the first item of a message is its tag, a number, and that of an envelope a byte string. */
function isSealed(encoded: Uint8Array): boolean {
  return encoded[1] === BYTE_STRING_OF_TAG;
}

function tag(chain: CommunityId): Uint8Array {
  return hexToBytes(chain.slice(0, 2 * TAG_BYTES));
}
