// A PV leaves: nothing more is offered from it. Its id stays its owner's, who alone may register it again, for
// what it sold stands under that id for ever.

import { accepted, type Result, refused } from "../result.ts";
import type { PvId } from "../units/ids.ts";
import type { Draft } from "./draft.ts";
import { pvsByOwner } from "./registerPv.ts";
import {
  checkRegistrySequence,
  REGISTRY_SEQUENCE_MAX,
  type RegistrySequenceRefusal,
} from "./registrySequence.ts";
import type { Listing } from "./state.ts";
import type { PayloadOf } from "./transaction.ts";

export type RemovePvRefusal =
  /** Never registered, or removed before. */
  | { readonly code: "pvUnknown"; readonly pv: string }
  | RegistrySequenceRefusal
  /** What is offered from it in an open listing must be cancelled first. */
  | { readonly code: "pvHasOffer"; readonly pv: string; readonly listingId: string };

export function removePv(
  draft: Draft,
  { pvId, sequence }: PayloadOf<"removePv">,
): Result<void, RemovePvRefusal> {
  const pv = draft.pvs.get(pvId);
  if (pv === undefined) return refused({ code: "pvUnknown", pv: pvId });
  const fresh = checkRegistrySequence(pv.sequence, sequence);
  if (!fresh.ok) return fresh;
  // The last number is for its return.
  const max = REGISTRY_SEQUENCE_MAX - 1;
  if (sequence > max) return refused({ code: "sequenceBeyondMax", got: sequence, max });
  const offered = listingWithOffer(draft, pvId);
  if (offered !== null) {
    return refused({ code: "pvHasOffer", pv: pvId, listingId: offered.listingId });
  }

  const counts = pvsByOwner(draft);
  counts.set(pv.owner, (counts.get(pv.owner) ?? 0) - 1);
  draft.pvs.delete(pvId);
  draft.removedPvs.set(pvId, { ...pv, sequence });
  draft.events.push({ type: "pvRemoved", pvId, sequence });
  return accepted(undefined);
}

function listingWithOffer(draft: Draft, pvId: PvId): Pick<Listing, "listingId"> | null {
  for (const held of draft.listings.values()) {
    const { state, pvOffers, listingId } = draft.opened.get(held.listingId) ?? held;
    const offer = state === "ACCEPT_OFFERS" ? pvOffers.get(pvId) : undefined;
    if (offer !== undefined && offer.energy > 0) return { listingId };
  }
  return null;
}
