// The CA gives tokens, in an hourly community the only way that tokens come to be after a registration; or takes
// back free ones.

import { accepted, type Result, refused } from "../result.ts";
import type { Draft } from "./draft.ts";
import { checkMint, type MintRefusal, mint } from "./mint.ts";
import { checkSequence, type StaleSequence } from "./openListing.ts";
import type { PayloadOf } from "./transaction.ts";

export type GrantRefusal =
  | StaleSequence
  | { readonly code: "unknownMember"; readonly memberId: string }
  | MintRefusal;

export function grant(draft: Draft, payload: PayloadOf<"grant">): Result<void, GrantRefusal> {
  const { sequence, memberId, amount } = payload;
  const fresh = checkSequence(draft.caSequence, sequence);
  if (!fresh.ok) return fresh;
  if (!draft.members.has(memberId)) return refused({ code: "unknownMember", memberId });
  const minted = checkMint(draft, { memberId, amount });
  if (!minted.ok) return minted;

  draft.caSequence = sequence;
  mint(draft, { memberId, amount, reason: "grant" });
  return accepted(undefined);
}
