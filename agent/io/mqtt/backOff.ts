// How long to wait before the broker is tried again: longer and longer, never at the same moment as all the
// neighbours, and from the beginning again only after a connection that lasted. A broker that lets an agent in
// and throws it out at once (a denied publish, another client of the same id) is not stormed.

export const BACK_OFF_MIN_MS = 1000;
export const BACK_OFF_MAX_MS: number = 5 * 60_000;
/** A connection that lasted this long was a good one. */
export const STABLE_AFTER_MS = 60_000;

/** `failures` in a row, from 1 on; `random` from 0 up to 1. Half of the wait is left to chance. */
export function backOffMs(failures: number, random: number): number {
  const full = Math.min(BACK_OFF_MAX_MS, BACK_OFF_MIN_MS * 2 ** Math.min(failures - 1, 30));
  return Math.round(full / 2 + (full / 2) * random);
}
