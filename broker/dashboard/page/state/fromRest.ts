// The registries as REST answers them: the paper's Tables II to IV, and Composer's historian.

import { idIn, type JsonObject, numberIn, textIn, timeIn } from "./json.ts";
import { applyListingRow } from "./listings.ts";
import { type HistorianRecord, memberNamed, type Neighbourhood } from "./model.ts";

export function applyMembers(state: Neighbourhood, rows: readonly JsonObject[]): void {
  for (const row of rows) {
    const id = textIn(row, "email");
    if (id === null) continue;
    const member = memberNamed(state, id);
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
