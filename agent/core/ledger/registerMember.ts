// A homeowner joins: its certificate gives it a key, and the community its first tokens.

import { type CertificateRefusal, checkCertificate } from "../certificate.ts";
import { bytesToHex } from "../codec/hex.ts";
import type { Verifier } from "../crypto.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { MemberId } from "../units/ids.ts";
import { addMoney, formatTokens, type MicroTokens } from "../units/money.ts";
import { ISSUED_MAX, post } from "./accounts.ts";
import type { Draft } from "./draft.ts";
import type { PayloadOf } from "./transaction.ts";

export type RegisterMemberRefusal =
  /** Its author claims tokens that the community does not give; only the CA's grants do. */
  | { readonly code: "balanceNotInitial"; readonly claimed: string; readonly initial: string }
  /** Registered before; nothing to do. */
  | { readonly code: "memberExists"; readonly memberId: string }
  /** One card, one member: the CA must issue a card with a key of its own. */
  | { readonly code: "keyInUse" }
  | { readonly code: "membersMax"; readonly max: number }
  /** More tokens than can be; tokens must be within 0 and `max` in all. */
  | IssuedBeyondMax
  /** The certificate names another member. */
  | { readonly code: "certificateOfOther"; readonly memberId: string; readonly certified: string }
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
  const key = certifiedKey(draft, payload, verifier);
  if (!key.ok) return key;
  const keyName = bytesToHex(key.value);
  if (keysInUse(draft).has(keyName)) return refused({ code: "keyInUse" });

  keysInUse(draft).add(keyName);
  const nothing = 0n as MicroTokens;
  const member = {
    memberId,
    firstName,
    lastName,
    publicKey: key.value,
    balance: nothing,
    reserved: nothing,
    revoked: false,
  };
  members.set(memberId, member);
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
  const { initialBalance: initial, administrator, schedule } = draft.rules;
  const claimed = payload.balance ?? initial;
  // The laboratory of the paper, done by hand; in an hourly community only a Grant of the CA mints.
  const isLaboratory = schedule === "manual" && administrator !== null;
  const byAdministrator = isLaboratory && author === administrator.memberId;
  if ((claimed !== initial && !byAdministrator) || claimed < 0n) {
    return refused({
      code: "balanceNotInitial",
      claimed: formatTokens(claimed),
      initial: formatTokens(initial),
    });
  }
  const issued = checkIssued(draft, claimed);
  return issued.ok ? accepted(claimed) : issued;
}

/** The key on the certificate, if this community's CA gave it to this member and it is valid now. */
function certifiedKey(
  { rules, time }: Draft,
  { memberId, certificate }: PayloadOf<"registerMember">,
  verifier: Verifier,
): Result<Uint8Array, RegisterMemberRefusal> {
  const { caPublicKey } = rules;
  const checked = checkCertificate(certificate, { caPublicKey, verifier, at: time });
  if (!checked.ok) return checked;
  const { memberId: certified, publicKey } = checked.value;
  if (certified !== memberId) return refused({ code: "certificateOfOther", memberId, certified });
  return accepted(publicKey);
}

function keysInUse(draft: Draft): Set<string> {
  if (draft.keysInUse === null) {
    draft.keysInUse = new Set();
    for (const { publicKey } of draft.members.values()) {
      draft.keysInUse.add(bytesToHex(publicKey));
    }
  }
  return draft.keysInUse;
}
