// A homeowner joins: its certificate gives it a key, and the community its first tokens. By hand somebody can
// be registered who has no card yet.

import { type CertificateRefusal, checkCertificate } from "../certificate.ts";
import { bytesToHex } from "../codec/hex.ts";
import type { Verifier } from "../crypto.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { MemberId } from "../units/ids.ts";
import { addMoney, formatTokens, type MicroTokens } from "../units/money.ts";
import { ISSUED_MAX, post } from "./accounts.ts";
import { isByHand } from "./authority.ts";
import type { Draft } from "./draft.ts";
import type { Member } from "./state.ts";
import type { PayloadOf } from "./transaction.ts";

export type RegisterMemberRefusal =
  /** Its author claims tokens that the community does not give; only the CA's grants do. */
  | { readonly code: "balanceNotInitial"; readonly claimed: string; readonly initial: string }
  /** Registered before; nothing to do. */
  | { readonly code: "memberExists"; readonly memberId: string }
  | { readonly code: "membersMax"; readonly max: number }
  /** More tokens than can be; tokens must be within 0 and `max` in all. */
  | IssuedBeyondMax
  | CardRefusal;

/** Why a member does not get the key on a certificate. */
export type CardRefusal =
  /** The certificate names another member. */
  | { readonly code: "certificateOfOther"; readonly memberId: string; readonly certified: string }
  /** One card, one member: the CA must issue a card with a key of its own. */
  | { readonly code: "keyInUse" }
  | CertificateRefusal;

export type IssuedBeyondMax = {
  readonly code: "issuedBeyondMax";
  readonly amount: string;
  readonly issued: string;
  readonly max: string;
};

export type RegisterMember = {
  readonly author: MemberId | null;
  readonly payload: PayloadOf<"registerMember">;
};

export function registerMember(
  draft: Draft,
  { author, payload }: RegisterMember,
  verifier: Verifier,
): Result<void, RegisterMemberRefusal> {
  const { memberId, firstName, lastName } = payload;
  const { rules, members } = draft;
  if (members.has(memberId)) return refused({ code: "memberExists", memberId });
  if (members.size >= rules.membersMax) {
    return refused({ code: "membersMax", max: rules.membersMax });
  }
  const balance = firstBalance(draft, { author, payload });
  if (!balance.ok) return balance;
  const key = firstKey(draft, payload, verifier);
  if (!key.ok) return key;

  const nothing = 0n as MicroTokens;
  const member = {
    memberId,
    firstName,
    lastName,
    publicKey: key.value,
    sequence: 0,
    balance: nothing,
    reserved: nothing,
    revoked: false,
  };
  putKey(draft, member);
  draft.issued = addMoney(draft.issued, balance.value);
  draft.events.push({ type: "memberRegistered", member: { ...member, balance: balance.value } });
  post(draft, { memberId, amount: balance.value, reason: "registration", listingId: null });
  return accepted(undefined);
}

/** Refuses an amount that would leave the bounds of all tokens there may be. */
export function checkIssued(draft: Draft, amount: MicroTokens): Result<void, IssuedBeyondMax> {
  const sum = draft.issued + amount;
  if (sum >= 0n && sum <= ISSUED_MAX) return accepted(undefined);
  return refused({
    code: "issuedBeyondMax",
    amount: formatTokens(amount),
    issued: formatTokens(draft.issued),
    max: formatTokens(ISSUED_MAX),
  });
}

/** The initial balance, or what the administrator of the community says. */
function firstBalance(
  draft: Draft,
  { author, payload }: RegisterMember,
): Result<MicroTokens, RegisterMemberRefusal> {
  const { initialBalance: initial } = draft.rules;
  const claimed = payload.balance ?? initial;
  // The laboratory of the paper, done by hand; in an hourly community only a Grant of the CA mints.
  if ((claimed !== initial && !isByHand(draft.rules, { author, payload })) || claimed < 0n) {
    return refused({
      code: "balanceNotInitial",
      claimed: formatTokens(claimed),
      initial: formatTokens(initial),
    });
  }
  const issued = checkIssued(draft, claimed);
  return issued.ok ? accepted(claimed) : issued;
}

/** null: nobody but the administrator says so, as checkSignature.ts sees to. */
function firstKey(
  draft: Draft,
  { memberId, certificate }: PayloadOf<"registerMember">,
  verifier: Verifier,
): Result<Uint8Array | null, CardRefusal> {
  return certificate === null
    ? accepted(null)
    : certifiedKey(draft, { memberId, certificate }, verifier);
}

export type CertifiedMember = { readonly memberId: MemberId; readonly certificate: Uint8Array };

/** The key on the certificate, if this community's CA gave it to this member alone and it is valid now. */
export function certifiedKey(
  draft: Draft,
  { memberId, certificate }: CertifiedMember,
  verifier: Verifier,
): Result<Uint8Array, CardRefusal> {
  const { rules, time } = draft;
  const { caPublicKey } = rules;
  const checked = checkCertificate(certificate, { caPublicKey, verifier, at: time });
  if (!checked.ok) return checked;
  const { memberId: certified, publicKey } = checked.value;
  if (certified !== memberId) return refused({ code: "certificateOfOther", memberId, certified });
  const user = keysInUse(draft).get(bytesToHex(publicKey));
  return user === undefined || user === memberId
    ? accepted(publicKey)
    : refused({ code: "keyInUse" });
}

/** Puts a member with a new key, or none, in its place. */
export function putKey(draft: Draft, member: Member): void {
  const { memberId, publicKey } = member;
  const before = draft.members.get(memberId)?.publicKey ?? null;
  if (before !== null) keysInUse(draft).delete(bytesToHex(before));
  if (publicKey !== null) keysInUse(draft).set(bytesToHex(publicKey), memberId);
  draft.members.set(memberId, member);
}

function keysInUse(draft: Draft): Map<string, MemberId> {
  if (draft.keysInUse === null) {
    draft.keysInUse = new Map();
    for (const { memberId, publicKey } of draft.members.values()) {
      if (publicKey !== null) draft.keysInUse.set(bytesToHex(publicKey), memberId);
    }
  }
  return draft.keysInUse;
}
