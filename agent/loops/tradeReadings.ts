// After the delivery hour: what the meter saw, signed (use case 8). One reading an hour, or none; never a guess.

import { listingTimes } from "../core/ledger/calendar.ts";
import type { LedgerState, Listing } from "../core/ledger/state.ts";
import type { Payload } from "../core/ledger/transaction.ts";
import type { ListingId } from "../core/units/ids.ts";
import { MINUTE_MS, type UnixMs } from "../core/units/time.ts";
import { purposeOf } from "./outbox.ts";
import type { TradeDependencies } from "./trade.ts";

/** The first look, after the end of the hour. */
const READING_DELAY = MINUTE_MS;
/** The sample at the hour's end is waited for until then; a minute closes 2 min late at the latest. */
const SAMPLE_PATIENCE = 3 * MINUTE_MS;
/** Bytes of UTF-8, as in the transaction. */
const SOURCE_BYTES_MAX = 96;

/** Returns a function that submits the readings that are due, to be called each minute. */
export function createReadings(
  dependencies: TradeDependencies,
): (state: LedgerState, now: UnixMs) => void {
  const { rules, signer, meter, log, submit, isPending } = dependencies;
  const submitted = new Set<ListingId>();
  const missing = new Set<ListingId>();

  function isDue({ deliveryStart, readings, listingId }: Listing, now: UnixMs): boolean {
    const { deliveryEnd, readingsBy } = listingTimes(rules, deliveryStart);
    if (now < deliveryEnd + READING_DELAY || now >= readingsBy) return false;
    if (readings.has(signer.memberId) || submitted.has(listingId)) return false;
    return meter.closedUntil() > deliveryEnd || now >= deliveryEnd + SAMPLE_PATIENCE;
  }

  function read({ listingId, deliveryStart }: Listing, source: string): void {
    const hour = meter.hour(deliveryStart);
    if (!hour.ok) {
      if (!missing.has(listingId)) log.warn("hour not metered", { listingId, ...hour.refusal });
      missing.add(listingId);
      return;
    }
    const { gridImport, gridExport, production, quality } = hour.value;
    const payload: Payload = {
      ...{ type: "meterReading", listingId, gridImport, gridExport, production, quality },
      source: clip(source),
    };
    const purpose = purposeOf(payload);
    submitted.add(listingId);
    if (isPending(purpose)) return;
    log.info("hour metered", { listingId, quality, gridImport, gridExport, production });
    submit(purpose, payload);
  }

  return (state, now) => {
    const source = meter.meterSource();
    if (source === null || !state.members.has(signer.memberId)) return;
    for (const listing of state.listings.values()) {
      if (listing.state === "AUCTION_CLOSED" && isDue(listing, now)) read(listing, source);
    }
    for (const known of [submitted, missing]) {
      for (const listingId of known) if (!state.listings.has(listingId)) known.delete(listingId);
    }
  };
}

/** As much of the text as fits, whole characters only. */
function clip(source: string): string {
  const text = source.toWellFormed();
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(SOURCE_BYTES_MAX));
  return text.slice(0, read);
}
