// Who may say what, and with which key it must be signed.
//
//   registerMember                                   the member itself, with the key on its certificate,
//                                                    or the administrator
//   grant, revoke, validatorChange, restart          the CA (author null)
//   createListing, acceptOfferBroadcast, closeBidding   the administrator
//   receipt                                          who votes on the block, with the key of its vote
//   everything else                                  a registered member
//
// Nobody whose card was revoked says anything, the administrator included.

import { type BadCertificate, readCertificate } from "../certificate.ts";
import type { Verifier } from "../crypto.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { MemberId } from "../units/ids.ts";
import { communityId, type Rules, type Validator } from "./rules.ts";
import type { LedgerState, Member } from "./state.ts";
import { type PayloadOf, type Transaction, transactionSignBytes } from "./transaction.ts";

export type SignatureRefusal =
  /** The author is no member: it must register first. */
  | { readonly code: "unknownMember"; readonly memberId: string }
  /** The author's card was ended by the CA. */
  | { readonly code: "revoked"; readonly memberId: string }
  /** Another author must say this: `who`. */
  | { readonly code: "notAllowed"; readonly who: string }
  /** The certificate cannot be read, so that there is no key to check with. */
  | BadCertificate
  /** Forged or damaged: whoever passed it on is at fault, for it could have checked. */
  | { readonly code: "badSignature" };

/** Accepts iff the author may say this at all and its key signed it. */
export function checkSignature(
  state: Pick<LedgerState, "rules" | "members" | "validators">,
  transaction: Transaction,
  verifier: Verifier,
): Result<void, SignatureRefusal> {
  const { rules, members, validators } = state;
  const registry = { rules, members, validators, community: communityId(rules) };
  return checkSignatureAs(registry, transaction, verifier);
}

/** What `checkSignature` looks at; a draft is one. */
export type Registry = {
  readonly rules: Rules;
  readonly community: ReturnType<typeof communityId>;
  readonly members: { readonly get: (id: MemberId) => Member | undefined };
  /** Who votes on the block. */
  readonly validators: readonly Validator[];
};

/** `checkSignature` where the community's id is at hand, as it is once for a whole block. */
export function checkSignatureAs(
  registry: Registry,
  transaction: Transaction,
  verifier: Verifier,
): Result<void, SignatureRefusal> {
  const key = authorKey(registry, transaction);
  if (!key.ok) return key;
  const message = transactionSignBytes(registry.community, transaction);
  const { signature } = transaction;
  return verifier.verify({ publicKey: key.value, message, signature })
    ? accepted(undefined)
    : refused({ code: "badSignature" });
}

function authorKey(
  registry: Registry,
  { author, payload }: Transaction,
): Result<Uint8Array, SignatureRefusal> {
  switch (payload.type) {
    case "grant":
    case "revoke":
    case "validatorChange":
    case "restart":
      return author === null
        ? accepted(registry.rules.caPublicKey)
        : refused({ code: "notAllowed", who: "CA" });
    case "createListing":
    case "acceptOfferBroadcast":
    case "closeBidding":
      return (
        administratorKey(registry, author) ?? refused({ code: "notAllowed", who: "administrator" })
      );
    case "registerMember":
      return registrationKey(registry, author, payload);
    case "receipt":
      return validatorKey(registry, author);
    case "registerPv":
    case "pvOffer":
    case "buyOffer":
    case "meterReading":
    case "evidence":
      return author === null
        ? refused({ code: "notAllowed", who: "member" })
        : memberKey(registry, author);
  }
}

function validatorKey(
  { validators, members }: Registry,
  author: MemberId | null,
): Result<Uint8Array, SignatureRefusal> {
  const seat = validators.find(({ memberId }) => memberId === author);
  if (seat === undefined) return refused({ code: "notAllowed", who: "validator" });
  const { memberId, publicKey } = seat;
  return members.get(memberId)?.revoked === true
    ? refused({ code: "revoked", memberId })
    : accepted(publicKey);
}

function memberKey(registry: Registry, author: MemberId): Result<Uint8Array, SignatureRefusal> {
  const member = registry.members.get(author);
  if (member === undefined) return refused({ code: "unknownMember", memberId: author });
  if (member.revoked) return refused({ code: "revoked", memberId: author });
  return accepted(member.publicKey);
}

/** null: the author is not the administrator. Who is also a member is revoked like any other. */
function administratorKey(
  { rules: { administrator }, members }: Registry,
  author: MemberId | null,
): Result<Uint8Array, SignatureRefusal> | null {
  if (administrator === null || author !== administrator.memberId) return null;
  if (members.get(author)?.revoked === true) return refused({ code: "revoked", memberId: author });
  return accepted(administrator.publicKey);
}

function registrationKey(
  registry: Registry,
  author: MemberId | null,
  { memberId, certificate }: PayloadOf<"registerMember">,
): Result<Uint8Array, SignatureRefusal> {
  const byAdministrator = administratorKey(registry, author);
  if (byAdministrator !== null) return byAdministrator;
  if (author !== memberId) {
    return refused({ code: "notAllowed", who: "the member itself or the administrator" });
  }
  const read = readCertificate(certificate);
  return read.ok ? accepted(read.value.publicKey) : read;
}
