// A PV joins under its owner's name, or comes back to it. Its capacity caps what it may offer in an hour.

import { accepted, type Result, refused } from "../result.ts";
import type { MemberId } from "../units/ids.ts";
import type { Draft } from "./draft.ts";
import { checkRegistrySequence, type RegistrySequenceRefusal } from "./registrySequence.ts";
import type { PayloadOf } from "./transaction.ts";

/** Ids that one member may ever take: each stays in the state for ever. */
export const PVS_EVER_MAX = 64;

export type RegisterPvRefusal =
  /** The id is taken, perhaps by the owner itself before; also one that was removed stays its owner's. */
  | { readonly code: "pvExists"; readonly pv: string; readonly owner: string }
  | RegistrySequenceRefusal
  | { readonly code: "pvsPerMemberMax"; readonly max: number }
  /** The owner has had too many: it may register one of those again. */
  | { readonly code: "pvsEverMax"; readonly max: number }
  /** Larger than the community takes, W. */
  | { readonly code: "pvCapacityMax"; readonly capacity: number; readonly max: number }
  /** By hand: the owner is no member, or its card was ended. */
  | { readonly code: "unknownMember"; readonly memberId: string }
  | { readonly code: "revoked"; readonly memberId: string };

export function registerPv(
  draft: Draft,
  { sequence, pvId, owner, capacity }: PayloadOf<"registerPv">,
): Result<void, RegisterPvRefusal> {
  const { pvCapacityMax, pvsPerMemberMax } = draft.rules;
  const member = draft.members.get(owner);
  if (member === undefined) return refused({ code: "unknownMember", memberId: owner });
  if (member.revoked) return refused({ code: "revoked", memberId: owner });
  const removed = draft.removedPvs.get(pvId);
  const known = draft.pvs.get(pvId) ?? removed;
  if (known !== undefined && !(known === removed && known.owner === owner)) {
    return refused({ code: "pvExists", pv: pvId, owner: known.owner });
  }
  const fresh = checkRegistrySequence(removed?.sequence, sequence);
  if (!fresh.ok) return fresh;
  const counts = pvsByOwner(draft);
  const count = counts.get(owner) ?? 0;
  if (count >= pvsPerMemberMax) return refused({ code: "pvsPerMemberMax", max: pvsPerMemberMax });
  if (removed === undefined && count + removedOf(draft, owner) >= PVS_EVER_MAX) {
    return refused({ code: "pvsEverMax", max: PVS_EVER_MAX });
  }
  if (capacity > pvCapacityMax) {
    return refused({ code: "pvCapacityMax", capacity, max: pvCapacityMax });
  }

  const pv = { pvId, owner, sequence, capacity };
  counts.set(owner, count + 1);
  draft.removedPvs.delete(pvId);
  draft.pvs.set(pvId, pv);
  draft.events.push({ type: "pvRegistered", pv });
  return accepted(undefined);
}

function removedOf({ removedPvs }: Draft, owner: MemberId): number {
  let count = 0;
  for (const pv of removedPvs.values()) if (pv.owner === owner) count += 1;
  return count;
}

/** How many PVs each member has now. */
export function pvsByOwner(draft: Draft): Map<MemberId, number> {
  if (draft.pvsByOwner === null) {
    draft.pvsByOwner = new Map();
    for (const { owner } of draft.pvs.values()) {
      draft.pvsByOwner.set(owner, (draft.pvsByOwner.get(owner) ?? 0) + 1);
    }
  }
  return draft.pvsByOwner;
}
