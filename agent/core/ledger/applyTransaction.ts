// One transaction on a draft: its signature, then the one rule for its type. Refused means untouched.

import { assert } from "../assert.ts";
import type { Verifier } from "../crypto.ts";
import type { Result } from "../result.ts";
import type { MemberId } from "../units/ids.ts";
import { acceptOfferBroadcastByHand } from "./acceptOfferBroadcast.ts";
import type { ListingStepRefusal } from "./administratorStep.ts";
import { type BindIdentityRefusal, bindIdentity } from "./bindIdentity.ts";
import { type BuyOfferRefusal, buyOffer } from "./buyOffer.ts";
import { type ChangeMemberRefusal, changeMember } from "./changeMember.ts";
import { checkSignatureAs, type SignatureRefusal, signingKey } from "./checkSignature.ts";
import { closeBiddingByHand } from "./closeBidding.ts";
import { type CreateListingRefusal, createListingByHand } from "./createListing.ts";
import type { Draft } from "./draft.ts";
import { type EvidenceRefusal, evidence } from "./evidence.ts";
import { type GrantRefusal, grant } from "./grant.ts";
import { type MeterReadingRefusal, meterReading } from "./meterReading.ts";
import { type PvOfferRefusal, pvOffer } from "./pvOffer.ts";
import { type ReceiptRefusal, receipt } from "./receipt.ts";
import { type RegisterMemberRefusal, registerMember } from "./registerMember.ts";
import { type RegisterPvRefusal, registerPv } from "./registerPv.ts";
import { type RemovePvRefusal, removePv } from "./removePv.ts";
import { type RestartMisplaced, restart } from "./restart.ts";
import { type RevokeRefusal, revoke } from "./revoke.ts";
import { type Transaction, transactionId, type Unsigned } from "./transaction.ts";
import { type ValidatorChangeRefusal, validatorChange } from "./validatorChange.ts";

/** Why a well-formed transaction does not apply; each code is explained where its rule stands. */
export type RuleRefusal =
  | SignatureRefusal
  | RegisterMemberRefusal
  | RegisterPvRefusal
  | PvOfferRefusal
  | BuyOfferRefusal
  | MeterReadingRefusal
  | GrantRefusal
  | RevokeRefusal
  | CreateListingRefusal
  | ListingStepRefusal
  | ReceiptRefusal
  | ValidatorChangeRefusal
  | RestartMisplaced
  | EvidenceRefusal
  | BindIdentityRefusal
  | ChangeMemberRefusal
  | RemovePvRefusal;

export function applyTransaction(
  draft: Draft,
  transaction: Transaction,
  verifier: Verifier,
): Result<void, RuleRefusal> {
  const signed = checkSignatureAs(draft, transaction, verifier);
  return signed.ok ? applyRule(draft, transaction, verifier) : signed;
}

/** `applyTransaction` of what nobody has signed yet: would it apply, if its author signed it? */
export function applyUnsigned(
  draft: Draft,
  unsigned: Unsigned,
  verifier: Verifier,
): Result<void, RuleRefusal> {
  const key = signingKey(draft, unsigned);
  if (!key.ok) return key;
  return applyRule(draft, { ...unsigned, id: transactionId(draft.community, unsigned) }, verifier);
}

function applyRule(
  draft: Draft,
  { id, author, payload }: Omit<Transaction, "signature">,
  verifier: Verifier,
): Result<void, RuleRefusal> {
  switch (payload.type) {
    case "registerMember":
      return registerMember(draft, { author, payload }, verifier);
    case "registerPv":
      return registerPv(draft, payload);
    case "pvOffer":
      return pvOffer(draft, { id, author: memberAuthor(author), payload });
    case "buyOffer":
      return buyOffer(draft, { id, author: memberAuthor(author), payload });
    case "meterReading":
      return meterReading(draft, { id, author: memberAuthor(author), payload });
    case "grant":
      return grant(draft, payload);
    case "revoke":
      return revoke(draft, { author, payload });
    case "createListing":
      return createListingByHand(draft, payload);
    case "acceptOfferBroadcast":
      return acceptOfferBroadcastByHand(draft, payload);
    case "closeBidding":
      return closeBiddingByHand(draft, payload);
    case "receipt":
      return receipt(draft, { id, author: memberAuthor(author), payload });
    case "validatorChange":
      return validatorChange(draft, payload);
    case "restart":
      return restart(draft, { id, payload });
    case "evidence":
      return evidence(draft, { author: memberAuthor(author), payload }, verifier);
    case "bindIdentity":
      return bindIdentity(draft, { author, payload }, verifier);
    case "changeMember":
      return changeMember(draft, { author: memberAuthor(author), payload });
    case "removePv":
      return removePv(draft, payload);
  }
}

function memberAuthor(author: MemberId | null): MemberId {
  assert(author !== null, "the CA's signature was taken for a member's");
  return author;
}
