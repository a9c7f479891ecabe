// The CA (or by hand the administrator) gives a card to a member that has none, or whose card was ended: from
// now on its key speaks for the member, and the member trades again. Its balance and its PVs are what they were.

import { sameBytes } from "../codec/bytes.ts";
import type { Verifier } from "../crypto.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { MemberId } from "../units/ids.ts";
import type { Draft } from "./draft.ts";
import { checkIssuerSequence, takeIssuerSequence } from "./issuerSequence.ts";
import type { StaleSequence } from "./openListing.ts";
import { type CardRefusal, certifiedKey, putKey } from "./registerMember.ts";
import type { PayloadOf } from "./transaction.ts";
import { hasSeat } from "./validators.ts";

export type BindIdentityRefusal =
  | StaleSequence
  | { readonly code: "unknownMember"; readonly memberId: string }
  /** Its card must be revoked first. */
  | { readonly code: "hasIdentity"; readonly memberId: string }
  /** The member votes with another key: the CA must take that seat away first. */
  | { readonly code: "seatHeld"; readonly memberId: string }
  /** The rules name this card's key as the administrator's: another would bring the ended one back. */
  | { readonly code: "administratorHeld"; readonly memberId: string }
  | CardRefusal;

export type BindIdentity = {
  /** null: the CA. */
  readonly author: MemberId | null;
  readonly payload: PayloadOf<"bindIdentity">;
};

export function bindIdentity(
  draft: Draft,
  { author, payload }: BindIdentity,
  verifier: Verifier,
): Result<void, BindIdentityRefusal> {
  const { sequence, memberId } = payload;
  const fresh = checkIssuerSequence(draft, { author, sequence });
  if (!fresh.ok) return fresh;
  const member = draft.members.get(memberId);
  if (member === undefined) return refused({ code: "unknownMember", memberId });
  if (member.publicKey !== null && !member.revoked) {
    return refused({ code: "hasIdentity", memberId });
  }
  const key = certifiedKey(draft, payload, verifier);
  if (!key.ok) return key;
  const publicKey = key.value;
  const isSeated = draft.laterValidators.some((seat) => seat.memberId === memberId);
  if (isSeated && !hasSeat(draft.laterValidators, { memberId, publicKey })) {
    return refused({ code: "seatHeld", memberId });
  }

  const { administrator } = draft.rules;
  const isAdministrator = administrator?.memberId === memberId;
  if (isAdministrator && !sameBytes(administrator.publicKey, publicKey)) {
    return refused({ code: "administratorHeld", memberId });
  }

  takeIssuerSequence(draft, { author, sequence });
  endReceipts(draft, memberId);
  putKey(draft, { ...member, publicKey, revoked: false });
  draft.events.push({ type: "identityBound", memberId, publicKey });
  return accepted(undefined);
}

/** Where the old card's chain of receipts ends in times to come, the new card could not go on from it. */
function endReceipts(draft: Draft, memberId: MemberId): void {
  const last = draft.receipts.get(memberId);
  if (last === undefined || last.to <= draft.time) return;
  draft.receipts.set(memberId, { ...last, to: draft.time });
}
