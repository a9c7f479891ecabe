// One line of the sign log: it must say what its message says, and the card must have signed just that.

import type { UnsignedMessage } from "../consensus/effect.ts";
import { proposalSignBytes, voteSignBytes } from "../consensus/message.ts";
import type { Verifier } from "../crypto.ts";
import { blockId, decodeBlock, hasItsTransactions } from "../ledger/block.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { CommunityId, MemberId } from "../units/ids.ts";
import { firstDifference } from "./bytes.ts";

export type SignedLine = {
  readonly height: number;
  readonly round: number;
  readonly type: string;
  readonly signBytes: Uint8Array;
  readonly signature: Uint8Array;
  readonly message: UnsignedMessage;
};

/** `part` is the field that is wrong, `offset` the byte of it, if that can be told. */
export type LineFault = {
  readonly code: "lineFault";
  readonly part: "key" | "message" | "signBytes" | "signature";
  readonly offset: number | null;
  readonly problem: string;
};

export type LineContext = {
  readonly community: CommunityId;
  /** Whose log it is. */
  readonly card: { readonly memberId: MemberId; readonly publicKey: Uint8Array };
  readonly verifier: Verifier;
};

export function checkSigned(
  line: SignedLine,
  { community, card, verifier }: LineContext,
): Result<void, LineFault> {
  const { message, signBytes, signature } = line;
  const isVote = message.type === "vote";
  const signed = isVote ? voteSignBytes(community, message) : proposalSignBytes(community, message);
  const offset = firstDifference(signed, signBytes);
  const { publicKey } = card;
  const isSigned = (bytes: Uint8Array) => verifier.verify({ publicKey, message: bytes, signature });
  if (offset < Math.max(signed.length, signBytes.length)) {
    return isSigned(signBytes)
      ? wrong("message", "the card signed something else")
      : wrong("signBytes", "they are not what the message says", offset);
  }
  if (!isSigned(signBytes)) return wrong("signature", `${card.memberId} did not sign this`, 0);
  const author = isVote ? message.validator : message.proposer;
  if (author !== card.memberId) return wrong("message", `it is said by ${author}`);
  if (!isVote && !isItsBlock(message)) return wrong("message", "the block is not the one it names");
  const type = isVote ? message.vote : "proposal";
  if (message.height !== line.height || message.round !== line.round || type !== line.type) {
    const where = `the ${type} of height ${message.height}, round ${message.round}`;
    return wrong("key", `it is ${where}`);
  }
  return accepted(undefined);
}

function wrong(
  part: LineFault["part"],
  problem: string,
  offset: number | null = null,
): { readonly ok: false; readonly refusal: LineFault } {
  return refused({ code: "lineFault", part, offset, problem });
}

function isItsBlock(message: Extract<UnsignedMessage, { readonly type: "proposal" }>): boolean {
  const block = decodeBlock(message.block);
  if (!block.ok) return false;
  const { header } = block.value;
  return (
    blockId(header) === message.blockId &&
    header.time === message.time &&
    hasItsTransactions(block.value)
  );
}
