// A PV joins under its owner's name. Its capacity caps what it may offer in an hour.

import { accepted, type Result, refused } from "../result.ts";
import type { MemberId } from "../units/ids.ts";
import type { Draft } from "./draft.ts";
import type { PayloadOf } from "./transaction.ts";

export type RegisterPvRefusal =
  /** The id is taken, perhaps by the owner itself before. */
  | { readonly code: "pvExists"; readonly pv: string; readonly owner: string }
  | { readonly code: "pvsPerMemberMax"; readonly max: number }
  /** Larger than the community takes, W. */
  | { readonly code: "pvCapacityMax"; readonly capacity: number; readonly max: number };

export type RegisterPv = { readonly author: MemberId; readonly payload: PayloadOf<"registerPv"> };

export function registerPv(
  draft: Draft,
  { author, payload }: RegisterPv,
): Result<void, RegisterPvRefusal> {
  const { pvId, capacity } = payload;
  const { pvCapacityMax, pvsPerMemberMax } = draft.rules;
  const known = draft.pvs.get(pvId);
  if (known !== undefined) {
    return refused({ code: "pvExists", pv: pvId, owner: known.owner });
  }
  const counts = pvsByOwner(draft);
  const count = counts.get(author) ?? 0;
  if (count >= pvsPerMemberMax) return refused({ code: "pvsPerMemberMax", max: pvsPerMemberMax });
  if (capacity > pvCapacityMax) {
    return refused({ code: "pvCapacityMax", capacity, max: pvCapacityMax });
  }

  const pv = { pvId, owner: author, capacity };
  counts.set(author, count + 1);
  draft.pvs.set(pvId, pv);
  draft.events.push({ type: "pvRegistered", pv });
  return accepted(undefined);
}

function pvsByOwner(draft: Draft): Map<MemberId, number> {
  if (draft.pvsByOwner === null) {
    draft.pvsByOwner = new Map();
    for (const { owner } of draft.pvs.values()) {
      draft.pvsByOwner.set(owner, (draft.pvsByOwner.get(owner) ?? 0) + 1);
    }
  }
  return draft.pvsByOwner;
}
