// Some transactions can wait a moment for others, so that they share a block: a block costs the ledger as much as
// five of them. They go into any block that is made meanwhile; alone they are no reason for one until then.
//
//   meter readings, while their time is not nearly over    homes say them at the same minute
//   receipts, while no cut-off is near                     validators say them at the same time
//   everything else                                        does not wait

import { listingTimes } from "../core/ledger/calendar.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import type { Transaction } from "../core/ledger/transaction.ts";
import type { TransactionId } from "../core/units/ids.ts";
import { type DurationMs, MINUTE_MS, SECOND_MS, type UnixMs } from "../core/units/time.ts";
import type { Cancel, Clock } from "../ports.ts";
import { NEAR } from "./receipts.ts";

/** Longer than honest clocks and the network differ, shorter than anybody waits for. */
export const COMPANY_WITHIN: DurationMs = (2 * SECOND_MS) as DurationMs;
/** A reading that comes so shortly before its last moment does not wait. */
const READING_MARGIN = MINUTE_MS;

export type Company = {
  /** A transaction was taken into the mempool. */
  readonly arrived: (transaction: Transaction) => void;
  /** Whether it still waits for others. */
  readonly isWaiting: (id: TransactionId) => boolean;
  readonly stop: () => void;
};

export type CompanyDependencies = {
  readonly clock: Clock;
  readonly ledger: () => LedgerState;
  /** What has waited is a reason for a block now. */
  readonly wake: () => void;
};

export function createCompany({ clock, ledger, wake }: CompanyDependencies): Company {
  /** Until when, monotonic; the oldest first. */
  const waiting = new Map<TransactionId, number>();
  let alarm: Cancel | null = null;

  const isOver = (until: number | undefined): boolean =>
    until === undefined || clock.monotonic() >= until;

  function arm(): void {
    const [first] = waiting.values();
    if (alarm !== null || first === undefined) return;
    alarm = clock.after(Math.max(0, first - clock.monotonic()) as DurationMs, () => {
      alarm = null;
      for (const [id, until] of waiting) if (isOver(until)) waiting.delete(id);
      arm();
      wake();
    });
  }

  return {
    arrived: (transaction) => {
      if (!canWait(transaction, ledger(), clock.now())) return;
      waiting.set(transaction.id, clock.monotonic() + COMPANY_WITHIN);
      arm();
    },
    isWaiting: (id) => !isOver(waiting.get(id)),
    stop: () => {
      alarm?.();
      alarm = null;
      waiting.clear();
    },
  };
}

function canWait({ payload }: Transaction, { rules, listings }: LedgerState, now: UnixMs): boolean {
  if (payload.type === "meterReading") {
    const listing = listings.get(payload.listingId);
    if (listing === undefined) return false;
    return listingTimes(rules, listing.deliveryStart).readingsBy - now > READING_MARGIN;
  }
  if (payload.type !== "receipt") return false;
  const near = (NEAR * rules.timeline.receiptsWithin) / 2;
  return [...listings.values()].every(
    ({ state, deliveryStart }) =>
      state !== "ACCEPT_OFFERS" || listingTimes(rules, deliveryStart).cutoffAt - now > near,
  );
}
