// One transaction and its place in the chain, as a proof carries it: the path to the root in its block's header,
// and the signatures of more than two thirds of the validators under that header.

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
import type { Rules, Validator } from "../ledger/rules.ts";
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
import { type Trusted, trustedAt } from "./trustChain.ts";

/** All bytes canonical. */
export type Placement = {
  readonly header: Uint8Array;
  readonly certificate: Uint8Array;
  readonly transaction: Uint8Array;
  /** The transaction's place in the block, and how many the block has. */
  readonly position: number;
  readonly transactions: number;
  /** From the transaction's sibling up. */
  readonly path: readonly Uint8Array[];
};

/** A transaction in a block that this home keeps, and the block's certificate. */
export type Placeable = {
  readonly block: Block;
  readonly certificate: Uint8Array;
  readonly position: number;
};

export function placementOf({ block, certificate, position }: Placeable): Placement {
  const transaction = block.transactions[position];
  assert(transaction !== undefined, "a transaction is proved at its own place");
  return {
    header: encodeHeader(block.header),
    certificate,
    transaction,
    position,
    transactions: block.transactions.length,
    path: inclusionProof(block.transactions, position),
  };
}

/** What a right placement shows. */
export type Placed = {
  readonly header: Header;
  readonly blockId: BlockId;
  readonly certificate: Certificate;
  /** Who voted on the block. */
  readonly validators: readonly Validator[];
  readonly transaction: Transaction;
  /** In the block, from 0. */
  readonly position: number;
};

export type PlacementRefusal =
  /** Not the bytes of what `part` should be. */
  | {
      readonly code: "malformed";
      readonly part: "rules" | "header" | "certificate" | "transaction";
      readonly problem: string;
      readonly offset: number;
    }
  /** The rules are not those of the community that the reader means, or header or transaction of another. */
  | { readonly code: "otherCommunity"; readonly part: string; readonly community: string }
  /** The header names other validators than the rules and the steps since. */
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

export type PlacementContext = {
  readonly rules: Rules;
  /** The rules' hash. */
  readonly community: CommunityId;
  /** Who votes from which height on; trustChain.ts. */
  readonly eras: readonly Trusted[];
  /** The author's certificate, X.509 DER; null where the rules or the transaction itself have its key. */
  readonly card: Uint8Array | null;
  readonly verifier: Verifier;
};

/** Accepts iff the transaction is signed by its author and in a block that the validators agreed on. */
export function checkPlacement(
  placement: Placement,
  context: PlacementContext,
): Result<Placed, PlacementRefusal> {
  const decodedHeader = decodeHeader(placement.header);
  if (!decodedHeader.ok) return refused({ ...decodedHeader.refusal, part: "header" });
  const decodedCertificate = decodeCertificate(placement.certificate);
  if (!decodedCertificate.ok)
    return refused({ ...decodedCertificate.refusal, part: "certificate" });
  const [header, certificate] = [decodedHeader.value, decodedCertificate.value];
  const trusted = trustedAt(context.eras, header.height);
  const certified = checkCertified({ header, certificate }, trusted, context);
  if (!certified.ok) return certified;
  const included = {
    ...{ leaf: placement.transaction, index: placement.position, size: placement.transactions },
    ...{ proof: placement.path, root: hexToBytes(header.transactionsRoot) },
  };
  if (placement.transactions > TRANSACTIONS_PER_BLOCK_MAX || !verifyInclusion(included)) {
    return refused({ code: "notIncluded" });
  }
  const { community } = context;
  const decoded = decodeTransaction(community, placement.transaction);
  if (!decoded.ok) {
    return decoded.refusal.code === "malformed"
      ? refused({ ...decoded.refusal, part: "transaction" })
      : refused({ code: "otherCommunity", part: "transaction", community });
  }
  const { validators } = trusted;
  const signed = checkAuthor(decoded.value, validators, context);
  if (!signed.ok) return signed;
  const { position } = placement;
  const id = blockId(header);
  const said = { transaction: decoded.value, position };
  return accepted({ header, blockId: id, certificate, validators, ...said });
}

function checkCertified(
  { header, certificate }: Pick<Placed, "header" | "certificate">,
  { validators, chain }: Trusted,
  { community, verifier }: PlacementContext,
): Result<void, PlacementRefusal> {
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
  const checked = checkCertificate(certificate, { community: chain, validators, verifier });
  return checked.ok
    ? checked
    : refused({ code: "notCertified", reason: JSON.stringify(checked.refusal) });
}

function checkAuthor(
  transaction: Transaction,
  validators: readonly Validator[],
  { community, rules, card, verifier }: PlacementContext,
): Result<void, PlacementRefusal> {
  const key = authorKey(transaction, { rules, validators, card, verifier });
  if (!key.ok) return key;
  const message = transactionSignBytes(community, transaction);
  const { signature, author } = transaction;
  return verifier.verify({ publicKey: key.value, message, signature })
    ? accepted(undefined)
    : refused({ code: "notSigned", author: author ?? "CA" });
}
