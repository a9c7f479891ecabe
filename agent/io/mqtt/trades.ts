// What this home sold and bought, for dashboards: in all since it counts, and of the last days. Each listing
// counts once, whatever is told twice.

import type { Fill } from "../../core/ledger/state.ts";
import { addWh, type Wh, wh } from "../../core/units/energy.ts";
import type { ListingId, MemberId } from "../../core/units/ids.ts";

/** Listings that are known to have counted; in an hourly market four days of them. */
const COUNTED_MAX = 100;
/** Today, and what was cleared for tomorrow already. */
const DAYS_MAX = 3;
/** "21Mar18": a listing's id begins with its day in the community's time zone. */
const DAY_LENGTH = 7;
const MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";

export type Traded = { readonly sold: Wh; readonly bought: Wh };

export type Trades = {
  readonly total: Traded;
  /** The newest last. */
  readonly days: readonly (Traded & { readonly day: string })[];
  readonly counted: readonly ListingId[];
};

export const NO_TRADES: Trades = {
  total: { sold: wh(0), bought: wh(0) },
  days: [],
  counted: [],
};

export type Cleared = {
  readonly listingId: ListingId;
  readonly fills: readonly Fill[];
  readonly self: MemberId;
};

export function countTrades(trades: Trades, { listingId, fills, self }: Cleared): Trades {
  if (trades.counted.includes(listingId) || isBefore(listingId, trades.counted)) return trades;
  const sold = sumWh(fills.filter(({ seller }) => seller === self));
  const bought = sumWh(fills.filter(({ buyer }) => buyer === self));
  // Nothing to count twice, and no write for it.
  if (sold === 0 && bought === 0) return trades;
  const more = (to: Traded): Traded => ({
    sold: addWh(to.sold, sold),
    bought: addWh(to.bought, bought),
  });
  const day = dayOf(listingId);
  const others = trades.days.filter((one) => one.day !== day);
  return {
    total: more(trades.total),
    days: [...others, { day, ...more(tradedOn(trades, listingId)) }].slice(-DAYS_MAX),
    counted: [...trades.counted, listingId].slice(-COUNTED_MAX),
  };
}

/**
 * Older than all that are remembered: it has counted and was forgotten. An agent whose ledger was set aside hears
 * all of it once more.
 */
function isBefore(listingId: ListingId, counted: readonly ListingId[]): boolean {
  const [oldest] = counted;
  if (oldest === undefined || counted.length < COUNTED_MAX) return false;
  return sortable(listingId) < sortable(oldest);
}

/** "21Mar18-13:00" as "180321-13:00" */
function sortable(id: ListingId): string {
  const month = String(MONTHS.indexOf(id.slice(2, 5)) / 3 + 1).padStart(2, "0");
  return `${id.slice(5, 7)}${month}${id.slice(0, 2)}${id.slice(7)}`;
}

/** Of the day of that listing. */
export function tradedOn({ days }: Trades, listingId: ListingId): Traded {
  const day = dayOf(listingId);
  const { sold, bought } = days.find((one) => one.day === day) ?? NO_TRADES.total;
  return { sold, bought };
}

export function sumWh(all: readonly { readonly energy: Wh }[]): Wh {
  return all.reduce((sum, { energy }) => addWh(sum, energy), wh(0));
}

function dayOf(id: ListingId): string {
  return id.slice(0, DAY_LENGTH);
}
