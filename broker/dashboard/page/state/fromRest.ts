// The registries as REST answers them: the paper's Tables II to IV, and Composer's historian.

import { deliveryStartOf } from "../market/listingTime.ts";
import { idIn, type JsonObject, numberIn, textIn, timeIn } from "./json.ts";
import { forgetOldest, HOURS_MAX } from "./limits.ts";
import { applyListingRow } from "./listings.ts";
import { type HistorianRecord, homeNamed, memberNamed, type Neighbourhood } from "./model.ts";

export function applyMembers(state: Neighbourhood, rows: readonly JsonObject[]): void {
  for (const row of rows) {
    const id = textIn(row, "email");
    if (id === null) continue;
    const member = memberNamed(state, id);
    if (member === null) return;
    member.firstName = textIn(row, "firstName") ?? "";
    member.lastName = textIn(row, "lastName") ?? "";
    member.balance = numberIn(row, "balance") ?? member.balance;
  }
}

export function applyPvs(state: Neighbourhood, rows: readonly JsonObject[]): void {
  state.pvs.clear();
  for (const row of rows) {
    const [id, owner] = [textIn(row, "PVid"), idIn(row, "owner")];
    if (id === null || owner === null) continue;
    state.pvs.set(id, { id, owner, capacityKw: numberIn(row, "capacityKw") });
  }
}

/** Rows of /api/pvtrading/hours: all that the ledger has of a home's hours. */
export function applyHours(state: Neighbourhood, name: string, rows: readonly JsonObject[]): void {
  const { traded } = homeNamed(state, name);
  for (const row of rows) {
    const listing = textIn(row, "listingid");
    const [sold, bought] = [numberIn(row, "soldKwh"), numberIn(row, "boughtKwh")];
    const [earned, spent] = [numberIn(row, "earned"), numberIn(row, "spent")];
    if (sold === null || bought === null || earned === null || spent === null) continue;
    const deliveryStart = listing === null ? null : deliveryStartOf(listing, state.timeZone);
    if (listing === null || deliveryStart === null) continue;
    traded.set(listing, { deliveryStart, sold, bought, earned, spent });
  }
  forgetOldest(traded, HOURS_MAX);
}

export function applyListings(state: Neighbourhood, rows: readonly JsonObject[]): void {
  for (const row of rows) applyListingRow(state, row);
}

/** `rows`: oldest first, as REST has them. */
export function applyHistorian(state: Neighbourhood, rows: readonly JsonObject[]): void {
  const records = rows.flatMap((row): readonly HistorianRecord[] => {
    const transactionId = textIn(row, "transactionId");
    if (transactionId === null) return [];
    const type = textIn(row, "transactionType")?.split(".").at(-1) ?? "";
    const who = idIn(row, "participantInvoking") ?? "";
    return [{ transactionId, type, who, at: timeIn(row, "transactionTimestamp") ?? 0 }];
  });
  state.historian = records.reverse();
}
