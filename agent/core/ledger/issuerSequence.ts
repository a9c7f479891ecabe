// What the CA says, or by hand the administrator: each counts its own, and each number once.

import type { Result } from "../result.ts";
import type { MemberId } from "../units/ids.ts";
import type { Draft } from "./draft.ts";
import { checkSequence, type StaleSequence } from "./openListing.ts";

export type Issued = {
  /** null: the CA. */
  readonly author: MemberId | null;
  readonly sequence: number;
};

export function checkIssuerSequence(
  { caSequence, administratorSequence }: Draft,
  { author, sequence }: Issued,
): Result<void, StaleSequence> {
  return checkSequence(author === null ? caSequence : administratorSequence, sequence);
}

/** The number is used up. */
export function takeIssuerSequence(draft: Draft, { author, sequence }: Issued): void {
  if (author === null) draft.caSequence = sequence;
  else draft.administratorSequence = sequence;
}
