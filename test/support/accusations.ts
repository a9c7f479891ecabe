// Accusations for tests: what a card signed twice, signed with its test key.

import type { Accusation, AccusationOf } from "../../agent/core/ledger/accusation.ts";
import { inOrder } from "../../agent/core/ledger/evidence.ts";
import { communityId, type Rules } from "../../agent/core/ledger/rules.ts";
import { type Payload, type PayloadOf, receiptHead } from "../../agent/core/ledger/transaction.ts";
import { proposalSignBytes, voteSignBytes } from "../../agent/core/signBytes.ts";
import { type BlockId, memberId } from "../../agent/core/units/ids.ts";
import { unixMs } from "../../agent/core/units/time.ts";
import { kwh, perKwh, say, signed, testKey } from "./ledger.ts";

const block = (digit: string): BlockId => digit.repeat(64) as BlockId;

export type DoubleVoteOf = {
  readonly height?: number;
  readonly round?: number;
  readonly vote?: "prevote" | "precommit";
  /** Hex digits that fill the ids of the two blocks; null is nil. */
  readonly blocks?: readonly [string | null, string | null];
  /** Whose key signs instead. */
  readonly signer?: string;
};

/** In the order in which the ledger takes it. */
export function doubleVote(
  rules: Rules,
  name: string,
  of: DoubleVoteOf = {},
): AccusationOf<"doubleVote"> {
  const { height = 1, round = 0, vote = "prevote", blocks = ["a", null], signer = name } = of;
  const community = communityId(rules);
  const one = (digit: string | null) => {
    const blockId = digit === null ? null : block(digit);
    const message = voteSignBytes(community, { vote, height, round, blockId });
    return { blockId, signature: testKey(signer).sign(message) };
  };
  const [a, b] = [one(blocks[0]), one(blocks[1])];
  const accusation = {
    type: "doubleVote",
    offender: memberId(name),
    vote,
    height,
    round,
    a,
    b,
  } as const;
  return inOrder(community, accusation) as AccusationOf<"doubleVote">;
}

/** The same block proposed with two times. */
export function doubleProposal(rules: Rules, name: string, height = 1): Accusation {
  const community = communityId(rules);
  const one = (time: number) => {
    const said = { polRound: -1, blockId: block("a"), time: unixMs(time) };
    const message = proposalSignBytes(community, { ...said, height, round: 0 });
    return { ...said, signature: testKey(name).sign(message) };
  };
  const [a, b] = [one(1000), one(1001)];
  return inOrder(community, {
    type: "doubleProposal",
    offender: memberId(name),
    height,
    round: 0,
    a,
    b,
  });
}

/** Two receipts of one number: `receipt`, and the same with a later end. */
export function doubleReceipt(
  rules: Rules,
  name: string,
  receipt: PayloadOf<"receipt">,
): Accusation {
  const { sequence } = receipt;
  const one = (payload: PayloadOf<"receipt">) => {
    const { signature } = signed(rules, name, payload);
    return { ...receiptHead(payload), signature };
  };
  const [a, b] = [one(receipt), one({ ...receipt, to: unixMs(receipt.to + 1) })];
  const offender = memberId(name);
  return inOrder(communityId(rules), { type: "doubleReceipt", offender, sequence, a, b });
}

export function doublePvOffer(rules: Rules, name: string, listing: string, pv: string): Accusation {
  const one = (energy: number) => {
    const payload = say.pvOffer(listing, pv, { energy: kwh(energy), reserve: perKwh(1) });
    const { signature } = signed(rules, name, payload);
    return { ...(payload as PayloadOf<"pvOffer">), signature };
  };
  const [a, b] = [one(1), one(2)];
  const { listingId, pvId, sequence } = a;
  const place = { offender: memberId(name), listingId, pvId, sequence };
  return inOrder(communityId(rules), { type: "doublePvOffer", ...place, a, b });
}

export function doubleBuyOffer(
  rules: Rules,
  name: string,
  listing: string,
  sequence = 0,
): Accusation {
  const one = (energy: number) => {
    const payload = say.buyOffer(listing, { energy: kwh(energy), price: perKwh(1), sequence });
    const { signature } = signed(rules, name, payload);
    return { ...(payload as PayloadOf<"buyOffer">), signature };
  };
  const [a, b] = [one(1), one(2)];
  const place = { offender: memberId(name), listingId: a.listingId, sequence };
  return inOrder(communityId(rules), { type: "doubleBuyOffer", ...place, a, b });
}

export function report(accusation: Accusation): Payload {
  return { type: "evidence", accusation };
}
