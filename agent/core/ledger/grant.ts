// The CA gives tokens, the only way that tokens come to be after a registration; or takes back free ones.

import { accepted, type Result, refused } from "../result.ts";
import { addMoney, formatTokens, type MicroTokens } from "../units/money.ts";
import { freeBalance, post } from "./accounts.ts";
import type { Draft } from "./draft.ts";
import { checkSequence, type StaleSequence } from "./openListing.ts";
import { checkIssued, type IssuedBeyondMax } from "./registerMember.ts";
import type { PayloadOf } from "./transaction.ts";

export type GrantRefusal =
  | StaleSequence
  | { readonly code: "unknownMember"; readonly memberId: string }
  /** More is taken than is free, tokens; what open bids reserve stays. */
  | { readonly code: "insufficientFunds"; readonly free: string; readonly need: string }
  | IssuedBeyondMax;

export function grant(draft: Draft, payload: PayloadOf<"grant">): Result<void, GrantRefusal> {
  const { sequence, memberId, amount } = payload;
  const fresh = checkSequence(draft.caSequence, sequence);
  if (!fresh.ok) return fresh;
  const member = draft.members.get(memberId);
  if (member === undefined) return refused({ code: "unknownMember", memberId });
  const free = freeBalance(member);
  if (free + amount < 0n) {
    const need = -amount as MicroTokens;
    const [freeTokens, needTokens] = [formatTokens(free), formatTokens(need)];
    return refused({ code: "insufficientFunds", free: freeTokens, need: needTokens });
  }
  const issued = checkIssued(draft, amount);
  if (!issued.ok) return issued;

  draft.caSequence = sequence;
  draft.issued = addMoney(draft.issued, amount);
  post(draft, { memberId, amount, reason: "grant", listingId: null });
  return accepted(undefined);
}
