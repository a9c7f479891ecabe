// What makes a block final for those who did not vote: more than two thirds of the validators signed a
// precommit for it in one round.

import type { SignedBytes } from "../crypto.ts";
import { accepted, type Refusal, type Result, refused } from "../result.ts";
import type { CommunityId, MemberId } from "../units/ids.ts";
import { type Certificate, voteSignBytes } from "./message.ts";
import { isQuorum } from "./quorum.ts";

/** Each refusal is the fault of whoever passed the certificate on. */
export type CertificateRefusal =
  /** Signed by someone who is no validator. */
  | (Refusal<"notAMember"> & { readonly validator: string })
  /** One validator's signature stands there twice. */
  | (Refusal<"duplicateSigner"> & { readonly validator: string })
  /** Signers are not in the order of their ids: not the one canonical form. */
  | (Refusal<"notSorted"> & { readonly validator: string })
  /** `have` signatures where `need` are the fewest that suffice. */
  | (Refusal<"notEnough"> & { readonly have: number; readonly need: number })
  | (Refusal<"badSignature"> & { readonly validator: string });

export type CertificateContext = {
  readonly community: CommunityId;
  /** Who votes at the certificate's height. */
  readonly validators: readonly { readonly memberId: MemberId; readonly publicKey: Uint8Array }[];
  readonly verifier: { readonly verify: (signed: SignedBytes) => boolean };
};

/**
 * Accepts iff all signers are validators, sorted by id, each once, more than two thirds of all, and
 * every signature is a valid precommit for the certificate's block. The cheap checks come first.
 */
export function checkCertificate(
  certificate: Certificate,
  { community, validators, verifier }: CertificateContext,
): Result<void, CertificateRefusal> {
  const { height, round, blockId, signatures } = certificate;
  const order = checkSigners(certificate, validators);
  if (!order.ok) return order;
  const have = signatures.length;
  if (!isQuorum(have, validators.length)) {
    const need = Math.floor((2 * validators.length) / 3) + 1;
    return refused({ code: "notEnough", have, need });
  }
  const message = voteSignBytes(community, { vote: "precommit", height, round, blockId });
  const keys = new Map(validators.map(({ memberId, publicKey }) => [memberId, publicKey]));
  for (const { validator, signature } of signatures) {
    const publicKey = keys.get(validator);
    if (publicKey === undefined || !verifier.verify({ publicKey, message, signature })) {
      return refused({ code: "badSignature", validator });
    }
  }
  return accepted(undefined);
}

function checkSigners(
  { signatures }: Certificate,
  validators: CertificateContext["validators"],
): Result<void, CertificateRefusal> {
  const members = new Set(validators.map(({ memberId }) => memberId));
  const seen = new Set<MemberId>();
  let last: MemberId | null = null;
  for (const { validator } of signatures) {
    if (!members.has(validator)) return refused({ code: "notAMember", validator });
    if (seen.has(validator)) return refused({ code: "duplicateSigner", validator });
    if (last !== null && validator < last) return refused({ code: "notSorted", validator });
    seen.add(validator);
    last = validator;
  }
  return accepted(undefined);
}
