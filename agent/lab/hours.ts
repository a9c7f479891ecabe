// The laboratory's ordinary run: homes trade by themselves, hour by hour.

import { HOUR_MS, type UnixMs } from "../core/units/time.ts";
import type { Laboratory } from "./laboratory.ts";
import { balanceNumbers, type HoursResult, listingResult, places, tokenTotals } from "./result.ts";

/** After its delivery hour a listing takes readings for a quarter; and agents may have started late. */
const AFTER_MS = 4 * HOUR_MS;
const REAL_SLACK_MS = 120_000;

export type HoursPlan = {
  readonly hours: number;
  readonly firstDelivery: UnixMs;
  readonly speed: number;
};

/** Waits until `hours` listings are over and metered, real time bounded. */
export async function runHours(lab: Laboratory, plan: HoursPlan): Promise<HoursResult> {
  const { hours, firstDelivery, speed } = plan;
  const from = Math.max(firstDelivery, lab.marketTime());
  const marketLeft = from - lab.marketTime() + hours * HOUR_MS + AFTER_MS;
  const max = marketLeft / speed + REAL_SLACK_MS;
  await lab.until(`${hours} listings`, () => lab.record.isFinished(hours), max);
  return await hoursResult(lab, hours);
}

/** The first `hours` listings and where everybody stands now. */
async function hoursResult(lab: Laboratory, hours: number): Promise<HoursResult> {
  const statuses = await lab.settled();
  const [first] = statuses;
  if (first === undefined) throw new Error("no home, no result");
  return {
    hours,
    listings: [...lab.record.listings.values()].slice(0, hours).map(listingResult),
    tokens: tokenTotals(first),
    balances: balanceNumbers(statuses),
    agents: places(statuses),
  };
}
