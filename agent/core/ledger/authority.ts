// Which line of the permission table a transaction falls under, and whether its author says it as the
// administrator: then the key is the one in the rules, whatever other card the administrator may have.

import { type Operation, permits, type Resource } from "../access/permissions.ts";
import type { MemberId, PvId } from "../units/ids.ts";
import type { Rules } from "./rules.ts";
import type { Pv } from "./state.ts";
import type { Payload, Unsigned } from "./transaction.ts";

export type Line = { readonly operation: Operation; readonly resource: Resource };

/** null: the table does not say it, for it is the CA's, a validator's, or any member's. */
export const LINES = {
  registerMember: { operation: "create", resource: "Member" },
  registerPv: { operation: "create", resource: "PV" },
  pvOffer: { operation: "create", resource: "PVOffer" },
  buyOffer: { operation: "create", resource: "BUYOffer" },
  meterReading: { operation: "create", resource: "MeterReading" },
  changeMember: { operation: "update", resource: "Member" },
  removePv: { operation: "delete", resource: "PV" },
  bindIdentity: { operation: "create", resource: "Identity" },
  revoke: { operation: "delete", resource: "Identity" },
  createListing: { operation: "create", resource: "kWhlisting" },
  acceptOfferBroadcast: { operation: "create", resource: "AcceptOfferBroadcast" },
  closeBidding: { operation: "create", resource: "CloseBidding" },
  grant: null,
  validatorChange: null,
  restart: null,
  receipt: null,
  evidence: null,
} as const satisfies { readonly [T in Payload["type"]]: Line | null };

/** Whether the author says it as the administrator, and may. */
export function isByHand(
  { administrator, schedule }: Pick<Rules, "administrator" | "schedule">,
  { author, payload }: Unsigned,
): boolean {
  const line = LINES[payload.type];
  if (line === null || administrator === null || author !== administrator.memberId) return false;
  return permits(schedule, "administrator", line.operation, line.resource);
}

/** Whose own the thing is; a PV that nobody has registered is the author's, until its rule says otherwise. */
export function ownerOf(
  { author, payload }: Unsigned,
  pvs: { readonly get: (id: PvId) => Pv | undefined },
): MemberId | null {
  switch (payload.type) {
    case "registerMember":
    case "changeMember":
    case "bindIdentity":
    case "revoke":
      return payload.memberId;
    case "registerPv":
      return payload.owner;
    case "removePv":
    case "pvOffer":
      return pvs.get(payload.pvId)?.owner ?? author;
    case "buyOffer":
    case "meterReading":
      return author;
    default:
      return null;
  }
}
