// A resident's proof that something was said and when: a transaction, the path from it to the root in its
// block's header, and the signatures of more than two thirds of the validators under that header. It needs
// no ledger: the rules name the first validators and the CA, their hash is the community's id, and who came
// to vote since then is told step by step (trustChain.ts). An offer's proof carries in the same way the receipts
// that stamp it.
//
//   transaction -- signed by --> author's key -- on --> card (the CA's certificate) -- CA's key --> rules
//        | path
//   header.transactionsRoot; header -- hash --> block id -- certificate --> validators' keys --> steps --> rules

import type { Verifier } from "../crypto.ts";
import { communityId, decodeRules, encodeRules, type Rules } from "../ledger/rules.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { CommunityId } from "../units/ids.ts";
import {
  checkPlacement,
  type Placeable,
  type Placed,
  type Placement,
  type PlacementRefusal,
  placementOf,
} from "./placement.ts";
import { type ShownStamp, shownStamp, type WrongReceipts } from "./shownStamp.ts";
import { followTrust, type TrustRefusal, type TrustStep } from "./trustChain.ts";

/** All bytes canonical. */
export type InclusionProof = Placement & {
  readonly rules: Uint8Array;
  /** The author's certificate, X.509 DER; null where the rules or the transaction itself have its key. */
  readonly card: Uint8Array | null;
  /** Those that stamp an offer, in the order of the chain; none where it has no stamp, or the block is it. */
  readonly receipts: readonly Placement[];
  /** Each change of who votes up to this block, from the rules on. */
  readonly trust: readonly TrustStep[];
};

export type Provable = Placeable & {
  readonly rules: Rules;
  readonly card: Uint8Array | null;
  readonly receipts: readonly Placeable[];
  /** Left out: nobody else has come to vote since the rules. */
  readonly trust?: readonly TrustStep[];
};

/** The blocks and their certificates come from a ledger that this home keeps. */
export function proveInclusion(provable: Provable): InclusionProof {
  const { rules, card, receipts, trust = [] } = provable;
  return {
    ...placementOf(provable),
    rules: encodeRules(rules),
    card,
    receipts: receipts.map(placementOf),
    trust,
  };
}

/** What a right proof shows. */
export type Included = Placed & {
  readonly community: CommunityId;
  readonly rules: Rules;
  /** null: it is no offer, or the proof shows no stamp of it. */
  readonly stamp: ShownStamp | null;
};

/** All of these say that the proof proves nothing; whoever made or altered it must act. */
export type InclusionRefusal = PlacementRefusal | TrustRefusal | WrongReceipts;

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
  const decoded = decodeRules(proof.rules);
  if (!decoded.ok) return refused({ ...decoded.refusal, part: "rules" });
  const rules = decoded.value;
  const community = communityId(rules);
  if (meant !== null && community !== meant) {
    return refused({ code: "otherCommunity", part: "rules", community });
  }
  const eras = followTrust(rules, proof.trust, verifier);
  if (!eras.ok) return eras;
  const context = { rules, community, eras: eras.value, verifier };
  const placed = checkPlacement(proof, { ...context, card: proof.card });
  if (!placed.ok) return placed;
  const receipts: Placed[] = [];
  for (const [at, placement] of proof.receipts.entries()) {
    const receipt = checkPlacement(placement, { ...context, card: null });
    if (!receipt.ok) {
      return refused({ code: "wrongReceipts", at, reason: JSON.stringify(receipt.refusal) });
    }
    receipts.push(receipt.value);
  }
  const stamp = shownStamp(rules, placed.value, receipts);
  if (!stamp.ok) return stamp;
  return accepted({ ...placed.value, community, rules, stamp: stamp.value });
}
