// With which key a transaction must be signed, told without a ledger: the rules name the CA's and the
// administrator's, the steps of trust name who voted on its block, and the CA's certificate names a member's.

import { checkCertificate, readCertificate } from "../certificate.ts";
import type { Verifier } from "../crypto.ts";
import { isByHand } from "../ledger/authority.ts";
import type { Rules, Validator } from "../ledger/rules.ts";
import type { Transaction } from "../ledger/transaction.ts";
import { accepted, type Result, refused } from "../result.ts";

/** No card, a needless one, or one that says nothing about the author. Who made the proof must act. */
export type UnknownAuthor = { readonly code: "unknownAuthor"; readonly reason: string };

export type AuthorContext = {
  readonly rules: Rules;
  /** Who voted on its block. */
  readonly validators: readonly Validator[];
  /** The author's certificate, X.509 DER; null where the rules or the transaction have its key. */
  readonly card: Uint8Array | null;
  readonly verifier: Verifier;
};

type Said = Pick<Transaction, "author" | "payload">;

/** Whether a proof must bring the author's card: its key stands neither in the rules nor in what is said. */
export function needsCard(said: Said, rules: Rules): boolean {
  const { type } = said.payload;
  if (said.author === null || isByHand(rules, said)) return false;
  return type !== "registerMember" && type !== "receipt";
}

/** A card counts whenever the CA signed it: whether it was valid was asked when its member joined. */
export function authorKey(
  said: Said,
  { rules, validators, card, verifier }: AuthorContext,
): Result<Uint8Array, UnknownAuthor> {
  const { author, payload } = said;
  const { administrator, caPublicKey } = rules;
  const isNeeded = needsCard(said, rules);
  if (isNeeded !== (card !== null)) return unknown(isNeeded ? "no card" : "a needless card");
  if (author === null) return accepted(caPublicKey);
  if (payload.type === "receipt") {
    const seat = validators.find(({ memberId }) => memberId === author);
    return seat === undefined ? unknown("no validator") : accepted(seat.publicKey);
  }
  if (administrator !== null && isByHand(rules, said)) return accepted(administrator.publicKey);
  const certificate = payload.type === "registerMember" ? payload.certificate : card;
  if (certificate === null) return unknown("only the administrator may say this");
  const read = readCertificate(certificate);
  if (!read.ok) return unknown(read.refusal.problem);
  const at = read.value.notBefore;
  const checked = checkCertificate(certificate, { caPublicKey, verifier, at });
  if (!checked.ok) return unknown(checked.refusal.code);
  const { memberId, publicKey } = checked.value;
  return memberId === author ? accepted(publicKey) : unknown(`a card of ${memberId}`);
}

function unknown(reason: string): { readonly ok: false; readonly refusal: UnknownAuthor } {
  return refused({ code: "unknownAuthor", reason });
}
