// What the meter saw in a delivery hour (the paper's use case 8): both registers at the hour's edges.

import { accepted, type Result, refused } from "../result.ts";
import type { MemberId, TransactionId } from "../units/ids.ts";
import { listingTimes } from "./calendar.ts";
import { type Draft, listingOf } from "./draft.ts";
import type { ListingRefusal } from "./openListing.ts";
import { ENERGY_MAX } from "./rules.ts";
import type { PayloadOf, RegisterPair } from "./transaction.ts";

export type MeterReadingRefusal =
  /** Its readings are in, or it never was. */
  | Extract<ListingRefusal, { code: "listingUnknown" }>
  /** There was no auction, or it is still open. */
  | { readonly code: "listingNotClosed"; readonly listingId: string; readonly state: string }
  /** The hour is not over yet; times in Unix ms. */
  | { readonly code: "hourNotOver"; readonly deliveryEnd: number; readonly time: number }
  /** The first reading counts. */
  | { readonly code: "alreadyRead"; readonly memberId: string }
  /** A counter of energy never runs backwards; Wh. */
  | {
      readonly code: "registersDecrease";
      readonly register: string;
      readonly start: number;
      readonly end: number;
    }
  /** More in one hour than any home has; Wh. */
  | {
      readonly code: "implausible";
      readonly register: string;
      readonly energy: number;
      readonly max: number;
    };

export type MeterReading = {
  readonly id: TransactionId;
  readonly author: MemberId;
  readonly payload: PayloadOf<"meterReading">;
};

export function meterReading(
  draft: Draft,
  { id, author, payload }: MeterReading,
): Result<void, MeterReadingRefusal> {
  const { listingId } = payload;
  const listing = listingOf(draft, listingId);
  if (listing === undefined) return refused({ code: "listingUnknown", listingId });
  if (listing.state !== "AUCTION_CLOSED") {
    return refused({ code: "listingNotClosed", listingId, state: listing.state });
  }
  const { deliveryEnd } = listingTimes(draft.rules, listing.deliveryStart);
  if (draft.time < deliveryEnd) {
    return refused({ code: "hourNotOver", deliveryEnd, time: draft.time });
  }
  if (listing.readings.has(author)) return refused({ code: "alreadyRead", memberId: author });
  const plausible = checkRegisters(payload);
  if (!plausible.ok) return plausible;

  const reading = { memberId: author, transactionId: id, reading: payload };
  listing.readings.set(author, reading);
  draft.events.push({ type: "meterRead", listingId, reading });
  return accepted(undefined);
}

function checkRegisters(payload: PayloadOf<"meterReading">): Result<void, MeterReadingRefusal> {
  const pairs: readonly (readonly [string, RegisterPair | null])[] = [
    ["gridImport", payload.gridImport],
    ["gridExport", payload.gridExport],
    ["production", payload.production],
  ];
  for (const [register, pair] of pairs) {
    if (pair === null) continue;
    const { start, end } = pair;
    if (end < start) return refused({ code: "registersDecrease", register, start, end });
    const energy = end - start;
    if (energy > ENERGY_MAX) {
      return refused({ code: "implausible", register, energy, max: ENERGY_MAX });
    }
  }
  return accepted(undefined);
}
