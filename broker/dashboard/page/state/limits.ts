// How much the page keeps: a tab that stays open for weeks must not grow.

/** The longest month, and the hours round it. */
export const LISTINGS_MAX = 24 * 33;
/** Of each kind, by home. */
export const HOURS_MAX = 24 * 33;
/** Of a device; a browser's own, beside the server's. */
export const SAMPLES_MAX = 3000;
/** Health messages of which a home's clock is known. */
export const CLOCKS_MAX = 5;
export const BLOCKS_MAX = 200;
export const HEARD_MAX = 20_000;
export const METERS_MAX = 5000;
export const HOMES_MAX = 500;
export const MEMBERS_MAX = 2000;
/** Offers, and bids, of one listing. */
export const ORDERS_MAX = 2000;
export const DEVICES_MAX = 32;

/** Drops the oldest entries of a map or set that has more than `max`. */
export function forgetOldest(entries: Map<unknown, unknown> | Set<unknown>, max: number): void {
  for (const key of entries.keys()) {
    if (entries.size <= max) return;
    entries.delete(key);
  }
}
