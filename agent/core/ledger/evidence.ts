// Evidence: a member shows that a card signed two different things where it may sign one. Checked from what the
// accusation carries and the keys of those who vote or are members; nobody's word is needed.
//
//   whose two            what follows, beside the card being named
//   votes, proposals     no seat in the validator set from two blocks later on
//   receipts             the same
//   offers, bids         nothing more: only the first of one sequence counts anyway
//
// Whether the card had a vote at that height is not asked: a card that signs twice is to be named.
//
// What is remembered, so that nobody is accused twice of one thing, has three ends:
//   votes, proposals     EVIDENCE_HEIGHTS_MAX blocks     receipts   EVIDENCE_RECEIPTS_MAX numbers
//   offers, bids         as long as the listing is on the ledger
// and a card without a seat can lose none: EVIDENCE_PER_CARD_MAX such accusations are enough to name it. Else
// whoever signs nonsense with a card of its own could fill all disks.

import { sameBytes } from "../codec/bytes.ts";
import type { Verifier } from "../crypto.ts";
import { accepted, type Result, refused } from "../result.ts";
import { proposalSignBytes, voteSignBytes } from "../signBytes.ts";
import type { CommunityId, MemberId } from "../units/ids.ts";
import { type Accusation, accusationKey, keyOf, subjectOf } from "./accusation.ts";
import type { Draft } from "./draft.ts";
import type { Accused } from "./state.ts";
import { type PayloadOf, receiptSignBytes, transactionSignBytes } from "./transaction.ts";
import { suspendValidator } from "./validatorSet.ts";
import { hasSeat } from "./validators.ts";

/** The sign log is kept as long (reference: votes of the last 1000 heights). */
export const EVIDENCE_HEIGHTS_MAX = 1000;
/** As many of a validator's receipts before its last, and after it. */
export const EVIDENCE_RECEIPTS_MAX = 1000;
/** Remembered accusations of one card that has nothing to lose by them. */
export const EVIDENCE_PER_CARD_MAX = 16;

export type EvidenceRefusal =
  /** Somebody has shown this already: nobody needs to act. */
  | { readonly code: "evidenceKnown"; readonly subject: string }
  /** It happened too long ago; `oldest` is the first height or receipt that counts. */
  | { readonly code: "evidenceTooOld"; readonly oldest: number; readonly got: number }
  /** The ledger is not there yet: it applies later. `newest` likewise. */
  | { readonly code: "evidenceEarly"; readonly newest: number; readonly got: number }
  /** Never opened, or long over. */
  | { readonly code: "listingUnknown"; readonly listingId: string }
  /** The card was named often enough. */
  | { readonly code: "evidenceEnough"; readonly offender: string; readonly max: number }
  /** The same twice, or the greater one first: nobody honest reports that. */
  | { readonly code: "evidenceNotTwo" }
  /** Neither a validator nor a member. */
  | { readonly code: "unknownOffender"; readonly offender: string }
  /** The card did not sign both. */
  | { readonly code: "evidenceUnproven"; readonly offender: string };

export type EvidenceSaid = {
  readonly author: MemberId;
  readonly payload: PayloadOf<"evidence">;
};

export function evidence(
  draft: Draft,
  { author, payload }: EvidenceSaid,
  verifier: Verifier,
): Result<void, EvidenceRefusal> {
  const { accusation } = payload;
  const { type: kind, offender } = accusation;
  const subject = subjectOf(accusation);
  const key = keyOf(accusation);
  // What costs nothing comes first: signatures are dear.
  if (draft.evidence.has(key)) return refused({ code: "evidenceKnown", subject });
  const inTime = checkAge(draft, accusation);
  if (!inTime.ok) return inTime;
  if (isNamedEnough(draft, accusation)) {
    return refused({ code: "evidenceEnough", offender, max: EVIDENCE_PER_CARD_MAX });
  }
  const proven = checkProof(draft, accusation, verifier);
  if (!proven.ok) return proven;
  // An old card of the member's loses it nothing: it says so at most as often as who has no seat.
  const seat = { memberId: offender, publicKey: proven.value };
  const losesSeat = suspends(accusation) && hasSeat(draft.laterValidators, seat);
  if (!losesSeat && isNamedOften(draft, offender)) {
    return refused({ code: "evidenceEnough", offender, max: EVIDENCE_PER_CARD_MAX });
  }

  for (const old of [...draft.evidence.values()]) {
    if (isOver(draft, old)) draft.evidence.delete(accusationKey(old));
  }
  draft.evidence.set(key, { kind, offender, subject, ...placeOf(accusation) });
  const { height } = draft;
  draft.events.push({ type: "evidence", kind, offender, reporter: author, subject, height });
  if (losesSeat) suspendValidator(draft, offender);
  return accepted(undefined);
}

/** The accusation with the smaller of the two first, as the ledger takes it. */
export function inOrder(community: CommunityId, accusation: Accusation): Accusation {
  const [first, second] = signedBytes(community, accusation);
  if (compareBytes(first.message, second.message) <= 0) return accusation;
  return { ...accusation, a: accusation.b, b: accusation.a } as Accusation;
}

function checkAge(draft: Draft, accusation: Accusation): Result<void, EvidenceRefusal> {
  const { at, listingId } = placeOf(accusation);
  if (listingId !== null) {
    return draft.listings.has(listingId)
      ? accepted(undefined)
      : refused({ code: "listingUnknown", listingId });
  }
  const { oldest, newest } = reach(draft, { kind: accusation.type, offender: accusation.offender });
  if (at < oldest) return refused({ code: "evidenceTooOld", oldest, got: at });
  if (at > newest) return refused({ code: "evidenceEarly", newest, got: at });
  return accepted(undefined);
}

/** Heights, or numbers of receipts, of which somebody may be accused. */
function reach(
  { height, receipts }: Draft,
  { kind, offender }: Pick<Accused, "kind" | "offender">,
): { readonly oldest: number; readonly newest: number } {
  if (kind === "doubleReceipt") {
    const last = receipts.get(offender)?.sequence ?? 0;
    return { oldest: last - EVIDENCE_RECEIPTS_MAX, newest: last + EVIDENCE_RECEIPTS_MAX };
  }
  return { oldest: height - EVIDENCE_HEIGHTS_MAX, newest: height };
}

/** Whether the same accusation would be refused as too old: then it need not be remembered. */
function isOver(draft: Draft, accused: Accused): boolean {
  const { at, listingId } = accused;
  return listingId === null ? at < reach(draft, accused).oldest : !draft.listings.has(listingId);
}

function isNamedEnough(draft: Draft, accusation: Accusation): boolean {
  const { laterValidators } = draft;
  const { offender } = accusation;
  const losesSeat =
    suspends(accusation) &&
    laterValidators.length > 1 &&
    laterValidators.some(({ memberId }) => memberId === offender);
  return !losesSeat && isNamedOften(draft, offender);
}

function isNamedOften(draft: Draft, offender: MemberId): boolean {
  let named = 0;
  for (const accused of draft.evidence.values()) {
    if (accused.offender === offender && !isOver(draft, accused)) named += 1;
  }
  return named >= EVIDENCE_PER_CARD_MAX;
}

function suspends({ type }: Accusation): boolean {
  return type === "doubleVote" || type === "doubleProposal" || type === "doubleReceipt";
}

function placeOf(accusation: Accusation): Pick<Accused, "at" | "listingId"> {
  switch (accusation.type) {
    case "doubleVote":
    case "doubleProposal":
      return { at: accusation.height, listingId: null };
    case "doubleReceipt":
      return { at: accusation.sequence, listingId: null };
    case "doublePvOffer":
    case "doubleBuyOffer":
      return { at: accusation.sequence, listingId: accusation.listingId };
  }
}

function checkProof(
  draft: Draft,
  accusation: Accusation,
  verifier: Verifier,
): Result<Uint8Array, EvidenceRefusal> {
  const { type } = accusation;
  // Votes are for a chain, and a restart begins another; all else is for the community.
  const isAgreement = type === "doubleVote" || type === "doubleProposal";
  const [a, b] = signedBytes(isAgreement ? draft.chain : draft.community, accusation);
  // Equal bytes under two signatures are one message: several signatures are valid for one.
  if (compareBytes(a.message, b.message) >= 0) return refused({ code: "evidenceNotTwo" });
  const { offender } = accusation;
  const keys = keysOf(draft, offender);
  if (keys.length === 0) return refused({ code: "unknownOffender", offender });
  const key = keys.find(
    (publicKey) => verifier.verify({ publicKey, ...a }) && verifier.verify({ publicKey, ...b }),
  );
  return key === undefined ? refused({ code: "evidenceUnproven", offender }) : accepted(key);
}

/** Mostly one: as a validator, now or when the community began, and as a member. */
function keysOf(draft: Draft, offender: MemberId): readonly Uint8Array[] {
  const { validators, nextValidators, rules, members } = draft;
  const seats = [...validators, ...nextValidators, ...rules.validators];
  const cards = seats.filter(({ memberId }) => memberId === offender);
  const all = [...cards, members.get(offender)].flatMap((card) => card?.publicKey ?? []);
  return all.filter((key, i) => all.findIndex((other) => sameBytes(other, key)) === i);
}

export type Signed = { readonly message: Uint8Array; readonly signature: Uint8Array };

/** What the card signed, twice. `community`: of votes and proposals the chain that they are for. */
export function signedBytes(
  community: CommunityId,
  accusation: Accusation,
): readonly [Signed, Signed] {
  const { a, b } = accusation;
  const [first, second] = messages(community, accusation);
  return [
    { message: first, signature: a.signature },
    { message: second, signature: b.signature },
  ];
}

function messages(
  community: CommunityId,
  accusation: Accusation,
): readonly [Uint8Array, Uint8Array] {
  const { offender } = accusation;
  switch (accusation.type) {
    case "doubleVote": {
      const { a, b, vote, height, round } = accusation;
      const one = ({ blockId }: typeof a) =>
        voteSignBytes(community, { vote, height, round, blockId });
      return [one(a), one(b)];
    }
    case "doubleProposal": {
      const { a, b, height, round } = accusation;
      const one = (said: typeof a) => proposalSignBytes(community, { ...said, height, round });
      return [one(a), one(b)];
    }
    case "doubleReceipt": {
      const { a, b, sequence } = accusation;
      const one = (said: typeof a) => receiptSignBytes(community, offender, { ...said, sequence });
      return [one(a), one(b)];
    }
    case "doublePvOffer": {
      const { a, b, listingId, pvId, sequence } = accusation;
      const one = ({ energy, reservePrice }: typeof a) => {
        const offer = { listingId, pvId, sequence, energy, reservePrice };
        return transactionSignBytes(community, {
          author: offender,
          payload: { type: "pvOffer", ...offer },
        });
      };
      return [one(a), one(b)];
    }
    case "doubleBuyOffer": {
      const { a, b, listingId, sequence } = accusation;
      const one = ({ energy, bidPrice }: typeof a) => {
        const bid = { listingId, sequence, energy, bidPrice };
        return transactionSignBytes(community, {
          author: offender,
          payload: { type: "buyOffer", ...bid },
        });
      };
      return [one(a), one(b)];
    }
  }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}
