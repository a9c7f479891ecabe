// Whether two messages contradict each other: the same author, height, round and kind, but something else
// signed. Heights that are over, or not begun, have no driver that would notice.

import type { DriverState } from "./driver.ts";
import type { Evidence } from "./effect.ts";
import type { ConsensusMessage, Proposal, Vote } from "./message.ts";
import { votesIn } from "./votes.ts";

/** Nobody asks for the block of a height that is over. */
const NO_BLOCK: Uint8Array = new Uint8Array();

/** Null: they agree, or have nothing to do with each other. Signatures are not looked at. */
export function contradiction(a: ConsensusMessage, b: ConsensusMessage): Evidence | null {
  if (messageKey(a) !== messageKey(b) || a.height !== b.height) return null;
  if (a.type === "vote" && b.type === "vote") {
    return a.blockId === b.blockId ? null : { type: "doubleVote", validator: a.validator, a, b };
  }
  if (a.type === "proposal" && b.type === "proposal") {
    const isSame = a.blockId === b.blockId && a.polRound === b.polRound && a.time === b.time;
    return isSame ? null : { type: "doubleProposal", validator: a.proposer, a, b };
  }
  return null;
}

/** What an author may say once in a height. */
export function messageKey(message: ConsensusMessage): string {
  return message.type === "vote"
    ? `${message.round} ${message.vote} ${message.validator}`
    : `${message.round} proposal ${message.proposer}`;
}

/** The first message of each author, round and kind that a height knows, proposals without their blocks. */
export function firstMessages(state: DriverState): Map<string, ConsensusMessage> {
  const first = new Map<string, ConsensusMessage>();
  const add = (message: ConsensusMessage): void => {
    const key = messageKey(message);
    if (!first.has(key)) first.set(key, message);
  };
  for (const round of state.votes.rounds.keys()) {
    for (const vote of votesIn(state.votes, round)) add({ type: "vote", ...vote });
  }
  for (const { proposal } of state.proposals.values()) add(withoutBlock(proposal));
  return first;
}

export function withoutBlock(message: Proposal): Proposal & { readonly type: "proposal" };
export function withoutBlock(message: ConsensusMessage): ConsensusMessage;
export function withoutBlock(message: Proposal | (Vote & { type: "vote" })): ConsensusMessage {
  return "vote" in message ? message : { ...message, type: "proposal", block: NO_BLOCK };
}
