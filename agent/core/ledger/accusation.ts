// An accusation: two different things that one card signed where it may sign only one. It carries what the
// card signed and no more, so that anybody can check it without having seen anything else.
//
//   kind             one only for each                      what is left out
//   doubleVote       height, round and type
//   doubleProposal   height and round                       the blocks: their ids are signed
//   doubleReceipt    number in the validator's chain        the entries: their hash is signed
//   doublePvOffer    listing, PV and sequence
//   doubleBuyOffer   listing and sequence

import {
  bytes,
  hash,
  integer,
  nullable,
  oneOf,
  type ShapeOf,
  struct,
  union,
} from "../codec/shape.ts";
import { SIGNATURE_BYTES } from "../crypto.ts";
import { ROUND_MAX, VOTE_TYPES } from "../signBytes.ts";
import type { BlockId, TransactionId } from "../units/ids.ts";
import type { UnixMs } from "../units/time.ts";
import {
  bidPriceField,
  energyField,
  listingField,
  memberField,
  pvField,
  reservePriceField,
  sequenceField,
  timeField,
} from "./fields.ts";

export const ACCUSATION_KINDS = [
  "doubleVote",
  "doubleProposal",
  "doubleReceipt",
  "doublePvOffer",
  "doubleBuyOffer",
] as const;
export type AccusationKind = (typeof ACCUSATION_KINDS)[number];

const height = integer(1, Number.MAX_SAFE_INTEGER);
const round = integer(0, ROUND_MAX);
const signature = bytes(SIGNATURE_BYTES);

const saidVote = struct({ blockId: nullable(hash<BlockId>()), signature });
const saidProposal = struct({
  polRound: integer(-1, ROUND_MAX),
  blockId: hash<BlockId>(),
  time: integer<UnixMs>(1, Number.MAX_SAFE_INTEGER),
  signature,
});
const saidReceipt = struct({
  previous: nullable(hash<TransactionId>()),
  from: timeField,
  to: timeField,
  entriesHash: hash(),
  signature,
});
const saidPvOffer = struct({ energy: energyField, reservePrice: reservePriceField, signature });
const saidBuyOffer = struct({ energy: energyField, bidPrice: bidPriceField, signature });

/** `a` is the one whose signed bytes are smaller: the same two make the same accusation. */
export const accusationShape = union(
  {
    doubleVote: struct({
      offender: memberField,
      vote: oneOf(VOTE_TYPES),
      height,
      round,
      a: saidVote,
      b: saidVote,
    }),
    doubleProposal: struct({
      offender: memberField,
      height,
      round,
      a: saidProposal,
      b: saidProposal,
    }),
    doubleReceipt: struct({
      offender: memberField,
      sequence: sequenceField,
      a: saidReceipt,
      b: saidReceipt,
    }),
    doublePvOffer: struct({
      offender: memberField,
      listingId: listingField,
      pvId: pvField,
      sequence: sequenceField,
      a: saidPvOffer,
      b: saidPvOffer,
    }),
    doubleBuyOffer: struct({
      offender: memberField,
      listingId: listingField,
      sequence: sequenceField,
      a: saidBuyOffer,
      b: saidBuyOffer,
    }),
  },
  { doubleVote: 0, doubleProposal: 1, doubleReceipt: 2, doublePvOffer: 3, doubleBuyOffer: 4 },
);

export type Accusation = ShapeOf<typeof accusationShape>;
export type AccusationOf<K extends AccusationKind> = Extract<Accusation, { readonly type: K }>;

/** More than the longest of `subjectOf`. */
export const SUBJECT_MAX = 160;

/** What was said twice, for people and for telling accusations apart: "prevote 12/0", "receipt 17" */
export function subjectOf(accusation: Accusation): string {
  switch (accusation.type) {
    case "doubleVote":
      return `${accusation.vote} ${accusation.height}/${accusation.round}`;
    case "doubleProposal":
      return `proposal ${accusation.height}/${accusation.round}`;
    case "doubleReceipt":
      return `receipt ${accusation.sequence}`;
    case "doublePvOffer":
      return `${accusation.listingId} ${accusation.pvId} ${accusation.sequence}`;
    case "doubleBuyOffer":
      return `${accusation.listingId} bid ${accusation.sequence}`;
  }
}

/** One accusation for each of these, whoever makes it and in whichever order. */
export function accusationKey(named: {
  readonly kind: AccusationKind;
  readonly offender: string;
  readonly subject: string;
}): string {
  return `${named.kind} ${named.offender} ${named.subject}`;
}

/** `accusationKey` of an accusation. */
export function keyOf(accusation: Accusation): string {
  const { type: kind, offender } = accusation;
  return accusationKey({ kind, offender, subject: subjectOf(accusation) });
}
