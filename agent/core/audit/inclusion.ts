// A resident's proof that something was said and when: a transaction, the path from it to the root in its
// block's header, and the signatures of more than two thirds of the validators under that header. It needs
// no ledger: the rules name the validators and the CA, and their hash is the community's id.
//
//   transaction -- signed by --> author's key -- on --> card (the CA's certificate) -- CA's key --> rules
//        | path
//   header.transactionsRoot; header -- hash --> block id -- certificate --> validators' keys --> rules

import { assert } from "../assert.ts";
import { hexToBytes } from "../codec/hex.ts";
import { checkCertificate } from "../consensus/certificate.ts";
import { type Certificate, decodeCertificate } from "../consensus/message.ts";
import type { Verifier } from "../crypto.ts";
import {
  type Block,
  blockId,
  decodeHeader,
  encodeHeader,
  type Header,
  TRANSACTIONS_PER_BLOCK_MAX,
} from "../ledger/block.ts";
import { communityId, decodeRules, encodeRules, type Rules } from "../ledger/rules.ts";
import {
  decodeTransaction,
  type Transaction,
  transactionSignBytes,
} from "../ledger/transaction.ts";
import { validatorsHash } from "../ledger/validators.ts";
import { inclusionProof, verifyInclusion } from "../merkle.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { BlockId, CommunityId } from "../units/ids.ts";
import { authorKey, type UnknownAuthor } from "./authorKey.ts";

/** All bytes canonical. */
export type InclusionProof = {
  readonly rules: Uint8Array;
  readonly header: Uint8Array;
  readonly certificate: Uint8Array;
  readonly transaction: Uint8Array;
  /** The author's certificate, X.509 DER; null where the rules or the transaction itself have its key. */
  readonly card: Uint8Array | null;
  /** The transaction's place in the block, and how many the block has. */
  readonly position: number;
  readonly transactions: number;
  /** From the transaction's sibling up. */
  readonly path: readonly Uint8Array[];
};

export type Provable = {
  readonly rules: Rules;
  readonly block: Block;
  readonly certificate: Uint8Array;
  readonly position: number;
  readonly card: Uint8Array | null;
};

/** The block and its certificate come from a ledger that this home keeps. */
export function proveInclusion(provable: Provable): InclusionProof {
  const { rules, block, certificate, position, card } = provable;
  const transaction = block.transactions[position];
  assert(transaction !== undefined, "a transaction is proved at its own place");
  return {
    rules: encodeRules(rules),
    header: encodeHeader(block.header),
    certificate,
    transaction,
    card,
    position,
    transactions: block.transactions.length,
    path: inclusionProof(block.transactions, position),
  };
}

/** What a right proof shows. */
export type Included = {
  readonly community: CommunityId;
  readonly rules: Rules;
  readonly header: Header;
  readonly blockId: BlockId;
  readonly certificate: Certificate;
  readonly transaction: Transaction;
};

/** All of these say that the proof proves nothing; whoever made or altered it must act. */
export type InclusionRefusal =
  /** Not the bytes of what `part` should be. */
  | {
      readonly code: "malformed";
      readonly part: "rules" | "header" | "certificate" | "transaction";
      readonly problem: string;
      readonly offset: number;
    }
  /** The rules are not those of the community that the reader means, or header or transaction of another. */
  | { readonly code: "otherCommunity"; readonly part: string; readonly community: string }
  /** The header names other validators than the rules. */
  | { readonly code: "otherValidators" }
  /** The certificate is not the header's. */
  | { readonly code: "otherBlock"; readonly certified: string; readonly header: string }
  /** `reason`: see CertificateRefusal. */
  | { readonly code: "notCertified"; readonly reason: string }
  /** The path does not lead from the transaction to the header's root. */
  | { readonly code: "notIncluded" }
  | UnknownAuthor
  /** The author's key did not sign it. */
  | { readonly code: "notSigned"; readonly author: string };

export type InclusionContext = {
  /** The community that the reader means; null: whichever the proof is of. */
  readonly community: CommunityId | null;
  readonly verifier: Verifier;
};

/** Accepts iff everything in the head of this file holds. Card and transaction are judged at block time. */
export function checkInclusion(
  proof: InclusionProof,
  { community: meant, verifier }: InclusionContext,
): Result<Included, InclusionRefusal> {
  const read = readParts(proof);
  if (!read.ok) return read;
  const { rules, header, certificate, community } = read.value;
  if (meant !== null && community !== meant) {
    return refused({ code: "otherCommunity", part: "rules", community });
  }
  const certified = checkCertified(read.value, verifier);
  if (!certified.ok) return certified;
  const included = {
    ...{ leaf: proof.transaction, index: proof.position, size: proof.transactions },
    ...{ proof: proof.path, root: hexToBytes(header.transactionsRoot) },
  };
  if (proof.transactions > TRANSACTIONS_PER_BLOCK_MAX || !verifyInclusion(included)) {
    return refused({ code: "notIncluded" });
  }
  const decoded = decodeTransaction(community, proof.transaction);
  if (!decoded.ok) {
    return decoded.refusal.code === "malformed"
      ? refused({ ...decoded.refusal, part: "transaction" })
      : refused({ code: "otherCommunity", part: "transaction", community });
  }
  const transaction = decoded.value;
  const signed = checkAuthor({ ...read.value, transaction, card: proof.card }, verifier);
  if (!signed.ok) return signed;
  const id = blockId(header);
  return accepted({ community, rules, header, blockId: id, certificate, transaction });
}

type Parts = Pick<Included, "community" | "rules" | "header" | "certificate">;

function readParts(proof: InclusionProof): Result<Parts, InclusionRefusal> {
  const rules = decodeRules(proof.rules);
  if (!rules.ok) return refused({ ...rules.refusal, part: "rules" });
  const header = decodeHeader(proof.header);
  if (!header.ok) return refused({ ...header.refusal, part: "header" });
  const certificate = decodeCertificate(proof.certificate);
  if (!certificate.ok) return refused({ ...certificate.refusal, part: "certificate" });
  const community = communityId(rules.value);
  return accepted({
    ...{ community, rules: rules.value, header: header.value, certificate: certificate.value },
  });
}

/** The set of validators never changes yet: it is the rules'. */
function checkCertified(
  { community, rules: { validators }, header, certificate }: Parts,
  verifier: Verifier,
): Result<void, InclusionRefusal> {
  if (header.community !== community) {
    return refused({ code: "otherCommunity", part: "header", community: header.community });
  }
  if (header.validatorsHash !== validatorsHash(validators)) {
    return refused({ code: "otherValidators" });
  }
  const id = blockId(header);
  if (certificate.blockId !== id || certificate.height !== header.height) {
    return refused({ code: "otherBlock", certified: certificate.blockId, header: id });
  }
  const checked = checkCertificate(certificate, { community, validators, verifier });
  return checked.ok
    ? checked
    : refused({ code: "notCertified", reason: JSON.stringify(checked.refusal) });
}

type Authored = Parts & { readonly transaction: Transaction; readonly card: Uint8Array | null };

function checkAuthor(authored: Authored, verifier: Verifier): Result<void, InclusionRefusal> {
  const { community, transaction, rules, card } = authored;
  const key = authorKey(transaction, { rules, card, verifier });
  if (!key.ok) return key;
  const message = transactionSignBytes(community, transaction);
  const { signature, author } = transaction;
  return verifier.verify({ publicKey: key.value, message, signature })
    ? accepted(undefined)
    : refused({ code: "notSigned", author: author ?? "CA" });
}
