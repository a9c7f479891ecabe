// With which key something on the ledger was signed, found for whoever wants to check it: the ledger's state has
// each member's last key alone, and what was said before it was given another one was signed with the one before.

import { readCertificate } from "../certificate.ts";
import type { Verifier } from "../crypto.ts";
import type { Accusation } from "../ledger/accusation.ts";
import { isByHand } from "../ledger/authority.ts";
import { type Signed, signedBytes } from "../ledger/evidence.ts";
import { communityId, type Rules, type Validator } from "../ledger/rules.ts";
import { type Transaction, transactionSignBytes } from "../ledger/transaction.ts";
import type { CommunityId, MemberId } from "../units/ids.ts";
import { authorKey, needsCard } from "./authorKey.ts";

export type SignedWith = {
  readonly publicKey: Uint8Array;
  /** What says that the key is the author's. `ledger`: the state alone, for its card is in no block here. */
  readonly from: "ca" | "administrator" | "validators" | "card" | "ledger";
  /** The author's card, X.509 DER; null where another than the CA says whose the key is. */
  readonly certificate: Uint8Array | null;
};

export type KeySources = {
  readonly rules: Rules;
  /** Who votes on its block; null: not known. */
  readonly validators: readonly Validator[] | null;
  /** Certificates that a member was given. */
  readonly cards: (member: MemberId) => readonly Uint8Array[];
  /** The member's key now. */
  readonly keyNow: (member: MemberId) => Uint8Array | null;
  readonly verifier: Verifier;
};

/** null: no key that is known here made the signature. */
export function signedWith(transaction: Transaction, sources: KeySources): SignedWith | null {
  const { rules, verifier, cards, keyNow } = sources;
  const { author, payload, signature } = transaction;
  const message = transactionSignBytes(communityId(rules), transaction);
  const isKey = (publicKey: Uint8Array): boolean =>
    verifier.verify({ publicKey, message, signature });
  const given = author === null || !needsCard(transaction, rules) ? [] : cards(author);
  const card = given.find((certificate) => isKey(keyOn(certificate))) ?? null;
  const validators = sources.validators ?? [];
  const found = authorKey(transaction, { rules, validators, card, verifier });
  if (found.ok && isKey(found.value)) {
    const publicKey = found.value;
    if (author === null) return { publicKey, from: "ca", certificate: null };
    if (payload.type === "receipt") return { publicKey, from: "validators", certificate: null };
    if (isByHand(rules, transaction))
      return { publicKey, from: "administrator", certificate: null };
    const certificate = payload.type === "registerMember" ? payload.certificate : card;
    return { publicKey, from: "card", certificate };
  }
  const now = author === null ? null : keyNow(author);
  return now !== null && isKey(now) ? { publicKey: now, from: "ledger", certificate: null } : null;
}

export type Contradiction = SignedWith & { readonly first: Signed; readonly second: Signed };

/** `chain`: what votes are for at its block. null: no key that is known here signed both. */
export function accusedWith(
  accusation: Accusation,
  { chain, ...sources }: KeySources & { readonly chain: CommunityId },
): Contradiction | null {
  const { rules, verifier, cards, keyNow } = sources;
  const { type, offender } = accusation;
  const isAgreement = type === "doubleVote" || type === "doubleProposal";
  const [first, second] = signedBytes(isAgreement ? chain : communityId(rules), accusation);
  const signsBoth = (publicKey: Uint8Array): boolean =>
    [first, second].every((signed) => verifier.verify({ publicKey, ...signed }));
  const both = { first, second };
  for (const certificate of cards(offender)) {
    const publicKey = keyOn(certificate);
    if (signsBoth(publicKey)) return { publicKey, from: "card", certificate, ...both };
  }
  const seats = [...(sources.validators ?? []), ...rules.validators];
  const seat = seats.find(
    ({ memberId, publicKey }) => memberId === offender && signsBoth(publicKey),
  );
  if (seat !== undefined) {
    return { publicKey: seat.publicKey, from: "validators", certificate: null, ...both };
  }
  const now = keyNow(offender);
  return now !== null && signsBoth(now)
    ? { publicKey: now, from: "ledger", certificate: null, ...both }
    : null;
}

/** Nobody's where it cannot be read. */
function keyOn(certificate: Uint8Array): Uint8Array {
  const read = readCertificate(certificate);
  return read.ok ? read.value.publicKey : new Uint8Array();
}
