// The hour is told: what each member sold, bought and was metered, side by side. The listing leaves the state.

import { assert } from "../assert.ts";
import { addWh, subtractWh, type Wh } from "../units/energy.ts";
import type { MemberId } from "../units/ids.ts";
import { type Draft, type DraftListing, dropListing } from "./draft.ts";
import type { HourStatement } from "./event.ts";
import type { RecordedReading } from "./state.ts";

export function finishListing(draft: Draft, listing: DraftListing): void {
  const { listingId, state } = listing;
  assert(state === "AUCTION_CLOSED" || state === "VOID", `listing ${listingId} is ${state}`);
  draft.events.push({ type: "listingFinished", listingId, statements: statementsOf(listing) });
  dropListing(draft, listingId);
}

/** One for each member that sold, bought or was metered, sorted by member id. */
export function statementsOf(
  listing: Pick<DraftListing, "fills" | "readings">,
): readonly HourStatement[] {
  const statements = new Map<MemberId, HourStatement>();
  const of = (memberId: MemberId): HourStatement => {
    const nothing = 0 as Wh;
    const none = { sold: nothing, bought: nothing, meteredImport: null, meteredExport: null };
    return statements.get(memberId) ?? { memberId, ...none };
  };
  for (const { seller, buyer, energy } of listing.fills) {
    statements.set(seller, { ...of(seller), sold: addWh(of(seller).sold, energy) });
    statements.set(buyer, { ...of(buyer), bought: addWh(of(buyer).bought, energy) });
  }
  for (const recorded of listing.readings.values()) {
    const { memberId } = recorded;
    statements.set(memberId, { ...of(memberId), ...metered(recorded) });
  }
  return [...statements.values()].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
}

function metered({ reading }: RecordedReading): Partial<HourStatement> {
  assert(reading.type === "meterReading", `a ${reading.type} among the readings`);
  const { gridImport, gridExport } = reading;
  return {
    meteredImport: subtractWh(gridImport.end, gridImport.start),
    meteredExport: subtractWh(gridExport.end, gridExport.start),
  };
}
