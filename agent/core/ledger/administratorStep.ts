// What the administrator's three steps have in common: a manual community, and each said once.

import { type Result, refused } from "../result.ts";
import type { Draft } from "./draft.ts";
import { checkSequence, type StaleSequence } from "./openListing.ts";

export type AdministratorRefusal =
  /** The community's listings follow from block time; nobody may do it by hand. */
  { readonly code: "notManual" } | StaleSequence;

export type WrongListingState = {
  readonly code: "wrongListingState";
  readonly listingId: string;
  readonly state: string;
  readonly needed: string;
};

export function checkAdministratorStep(
  { rules, administratorSequence }: Draft,
  { sequence }: { readonly sequence: number },
): Result<void, AdministratorRefusal> {
  if (rules.schedule !== "manual") return refused({ code: "notManual" });
  return checkSequence(administratorSequence, sequence);
}
