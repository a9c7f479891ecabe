// Numbers of what members say of themselves and their PVs: each counts once, so that nobody can say again for
// them what they said before.

import { type Result, refused } from "../result.ts";
import { checkSequence, type StaleSequence } from "./openListing.ts";

/**
 * They end here, for each member and each PV. Changes cost nothing and every home keeps them for ever: without
 * an end one member could fill all disks.
 */
export const REGISTRY_SEQUENCE_MAX = 255;

export type RegistrySequenceRefusal =
  | StaleSequence
  /** It was changed often enough. */
  | { readonly code: "sequenceBeyondMax"; readonly got: number; readonly max: number };

/** `have` is the sequence on the ledger, undefined before the first. */
export function checkRegistrySequence(
  have: number | undefined,
  got: number,
): Result<void, RegistrySequenceRefusal> {
  if (got <= REGISTRY_SEQUENCE_MAX) return checkSequence(have, got);
  return refused({ code: "sequenceBeyondMax", got, max: REGISTRY_SEQUENCE_MAX });
}
