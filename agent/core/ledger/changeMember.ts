// A member changes its names. By hand the administrator changes anybody's, and the balance too: what that makes
// or takes is counted as issued, and what open bids reserve stays.

import { accepted, type Result, refused } from "../result.ts";
import type { MemberId } from "../units/ids.ts";
import type { MicroTokens } from "../units/money.ts";
import { isByHand } from "./authority.ts";
import { type Draft, memberOf } from "./draft.ts";
import { checkMint, type MintRefusal, mint } from "./mint.ts";
import { checkSequence } from "./openListing.ts";
import { checkRegistrySequence, type RegistrySequenceRefusal } from "./registrySequence.ts";
import type { Member } from "./state.ts";
import type { PayloadOf } from "./transaction.ts";

export type ChangeMemberRefusal =
  | { readonly code: "unknownMember"; readonly memberId: string }
  | RegistrySequenceRefusal
  /** A member does not say what it owns. */
  | { readonly code: "balanceNotAllowed" }
  | MintRefusal;

export type ChangeMember = {
  readonly author: MemberId;
  readonly payload: PayloadOf<"changeMember">;
};

export function changeMember(
  draft: Draft,
  { author, payload }: ChangeMember,
): Result<void, ChangeMemberRefusal> {
  const { sequence, memberId, firstName, lastName, balance } = payload;
  const member = draft.members.get(memberId);
  if (member === undefined) return refused({ code: "unknownMember", memberId });
  const byHand = isByHand(draft.rules, { author, payload });
  const fresh = byHand
    ? checkSequence(draft.administratorSequence, sequence)
    : checkRegistrySequence(member.sequence, sequence);
  if (!fresh.ok) return fresh;
  if (balance !== null && !byHand) return refused({ code: "balanceNotAllowed" });
  const amount = differenceTo(member, balance);
  const minted = checkMint(draft, { memberId, amount });
  if (!minted.ok) return minted;

  if (byHand) draft.administratorSequence = sequence;
  const changed = { firstName, lastName, sequence: byHand ? member.sequence : sequence };
  draft.members.set(memberId, { ...memberOf(draft, memberId), ...changed });
  draft.events.push({ type: "memberChanged", memberId, ...changed });
  if (amount !== 0n) mint(draft, { memberId, amount, reason: "change" });
  return accepted(undefined);
}

/** null: the balance stays. */
function differenceTo(member: Member, balance: MicroTokens | null): MicroTokens {
  // Perhaps beyond 64 bits: checkMint refuses it.
  return (balance === null ? 0n : balance - member.balance) as MicroTokens;
}
