// Who may say what, and with which key it must be signed.
//
//   grant, validatorChange, restart   the CA (author null)
//   bindIdentity, revoke              the CA, or who may by the permission table
//   receipt                           who votes on the block, with the key of its vote
//   evidence                          any member
//   everything else                   who may by the permission table (core/access/permissions.ts)
//
// The administrator signs with the key in the rules, who registers itself with the one on its certificate,
// any other member with the ledger's. Nobody whose card was revoked says anything, the administrator included.

import { PERMISSIONS, permits } from "../access/permissions.ts";
import { type BadCertificate, readCertificate } from "../certificate.ts";
import { sameBytes } from "../codec/bytes.ts";
import type { Verifier } from "../crypto.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { MemberId, PvId } from "../units/ids.ts";
import { isByHand, LINES, type Line, ownerOf } from "./authority.ts";
import { communityId, type Rules, type Validator } from "./rules.ts";
import type { LedgerState, Member, Pv } from "./state.ts";
import {
  type PayloadOf,
  type Transaction,
  transactionSignBytes,
  type Unsigned,
} from "./transaction.ts";

export type SignatureRefusal =
  /** The author is no member: it must register first. */
  | { readonly code: "unknownMember"; readonly memberId: string }
  /** The author's card was ended. */
  | { readonly code: "revoked"; readonly memberId: string }
  /** The author has no card yet: the CA, or by hand the administrator, must bind one to it. */
  | { readonly code: "noIdentity"; readonly memberId: string }
  /** In this community it follows from block time: nobody does it by hand. */
  | { readonly code: "notManual" }
  /** Someone else's PV. */
  | { readonly code: "notOwner"; readonly pv: string; readonly owner: string }
  /** Another author must say this: `who`. */
  | { readonly code: "notAllowed"; readonly who: string }
  /** The certificate cannot be read, so that there is no key to check with. */
  | BadCertificate
  /** Forged or damaged: whoever passed it on is at fault, for it could have checked. */
  | { readonly code: "badSignature" };

/** Accepts iff the author may say this at all and its key signed it. */
export function checkSignature(
  state: Pick<LedgerState, "rules" | "members" | "pvs" | "validators">,
  transaction: Transaction,
  verifier: Verifier,
): Result<void, SignatureRefusal> {
  const { rules, members, pvs, validators } = state;
  const registry = { rules, members, pvs, validators, community: communityId(rules) };
  return checkSignatureAs(registry, transaction, verifier);
}

/** What `checkSignature` looks at; a draft is one. */
export type Registry = {
  readonly rules: Rules;
  readonly community: ReturnType<typeof communityId>;
  readonly members: { readonly get: (id: MemberId) => Member | undefined };
  readonly pvs: { readonly get: (id: PvId) => Pv | undefined };
  /** Who votes on the block. */
  readonly validators: readonly Validator[];
};

/** `checkSignature` where the community's id is at hand, as it is once for a whole block. */
export function checkSignatureAs(
  registry: Registry,
  transaction: Transaction,
  verifier: Verifier,
): Result<void, SignatureRefusal> {
  const key = signingKey(registry, transaction);
  if (!key.ok) return key;
  const message = transactionSignBytes(registry.community, transaction);
  const { signature } = transaction;
  return verifier.verify({ publicKey: key.value, message, signature })
    ? accepted(undefined)
    : refused({ code: "badSignature" });
}

type Key = Result<Uint8Array, SignatureRefusal>;

/** The key with which the author must sign this, if it may say it at all. */
export function signingKey(registry: Registry, said: Unsigned): Key {
  const { author, payload } = said;
  switch (payload.type) {
    case "grant":
    case "validatorChange":
    case "restart":
      return author === null
        ? accepted(registry.rules.caPublicKey)
        : refused({ code: "notAllowed", who: "CA" });
    case "receipt":
      return validatorKey(registry, author);
    case "evidence":
      return author === null
        ? refused({ code: "notAllowed", who: "member" })
        : memberKey(registry, author);
    case "bindIdentity":
    case "revoke":
      if (author === null) return accepted(registry.rules.caPublicKey);
      return permittedKey(registry, said, LINES[payload.type]);
    default:
      return permittedKey(registry, said, LINES[payload.type]);
  }
}

function validatorKey({ validators, members }: Registry, author: MemberId | null): Key {
  const seat = validators.find(({ memberId }) => memberId === author);
  if (seat === undefined) return refused({ code: "notAllowed", who: "validator" });
  const { memberId, publicKey } = seat;
  const member = members.get(memberId);
  if (member?.revoked === true) return refused({ code: "revoked", memberId });
  // Its seat ends in a block or two; the member has another card by now.
  const isOld = !sameBytes(member?.publicKey ?? publicKey, publicKey);
  return isOld ? refused({ code: "notAllowed", who: "validator" }) : accepted(publicKey);
}

function memberKey({ members }: Registry, author: MemberId): Key {
  const member = members.get(author);
  if (member === undefined) return refused({ code: "unknownMember", memberId: author });
  const { publicKey } = member;
  if (member.revoked) return refused({ code: "revoked", memberId: author });
  if (publicKey === null) return refused({ code: "noIdentity", memberId: author });
  return accepted(publicKey);
}

/** The key of whoever the table lets say this. Nobody but the CA says anything without an author. */
function permittedKey(registry: Registry, said: Unsigned, line: Line): Key {
  const { rules, members, pvs } = registry;
  const { author, payload } = said;
  if (author === null) return denied(registry, said, line);
  if (members.get(author)?.revoked === true) return refused({ code: "revoked", memberId: author });
  if (rules.administrator !== null && isByHand(rules, said)) {
    return accepted(rules.administrator.publicKey);
  }
  const role = author === ownerOf(said, pvs) ? "owner" : "member";
  if (!permits(rules.schedule, role, line.operation, line.resource)) {
    return denied(registry, said, line);
  }
  return payload.type === "registerMember" ? certifiedKey(payload) : memberKey(registry, author);
}

function certifiedKey({ certificate }: PayloadOf<"registerMember">): Key {
  if (certificate === null) return refused({ code: "notAllowed", who: "administrator" });
  const read = readCertificate(certificate);
  return read.ok ? accepted(read.value.publicKey) : read;
}

function denied(
  { rules, pvs }: Registry,
  { author, payload }: Unsigned,
  { operation, resource }: Line,
): Key {
  const { owner = "no", administrator = "no" } = PERMISSIONS[resource][operation] ?? {};
  const isAdministrator = author !== null && author === rules.administrator?.memberId;
  if (isAdministrator && administrator === "byHand") return refused({ code: "notManual" });
  if (author !== null && "pvId" in payload) {
    const pv = pvs.get(payload.pvId);
    if (pv !== undefined) return refused({ code: "notOwner", pv: pv.pvId, owner: pv.owner });
  }
  const who = [
    ...(resource === "Identity" ? ["CA"] : []),
    ...(owner === "no" ? [] : ["owner"]),
    ...(administrator === "no" ? [] : ["administrator"]),
  ];
  return refused({ code: "notAllowed", who: who.join(" or ") });
}
