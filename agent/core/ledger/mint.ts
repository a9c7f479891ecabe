// Tokens come to be, or (negative) cease to be: the member's free ones, and all there are with them.

import { type Result, refused } from "../result.ts";
import type { MemberId } from "../units/ids.ts";
import { addMoney, formatTokens, type MicroTokens } from "../units/money.ts";
import { freeBalance, post } from "./accounts.ts";
import { type Draft, memberOf } from "./draft.ts";
import type { Posting } from "./event.ts";
import { checkIssued, type IssuedBeyondMax } from "./registerMember.ts";

export type MintRefusal =
  /** More is taken than is free, tokens; what open bids reserve stays. */
  | { readonly code: "insufficientFunds"; readonly free: string; readonly need: string }
  | IssuedBeyondMax;

export type Mint = { readonly memberId: MemberId; readonly amount: MicroTokens };

/** `memberId`: known to be a member's. */
export function checkMint(draft: Draft, { memberId, amount }: Mint): Result<void, MintRefusal> {
  const free = freeBalance(memberOf(draft, memberId));
  if (free + amount >= 0n) return checkIssued(draft, amount);
  const need = -amount as MicroTokens;
  const [freeTokens, needTokens] = [formatTokens(free), formatTokens(need)];
  return refused({ code: "insufficientFunds", free: freeTokens, need: needTokens });
}

/** What `checkMint` accepts. */
export function mint(
  draft: Draft,
  { memberId, amount, reason }: Mint & Pick<Posting, "reason">,
): void {
  draft.issued = addMoney(draft.issued, amount);
  post(draft, { memberId, amount, reason, listingId: null });
}
