// PV, the next hour: smart persistence (reference method of the solar forecasting literature).
//
//   the home has no PV                                      0
//   recent days made nothing at the target's time of day    0: night
//   nothing measured just now                               unknown
//   recent days known for both times of day                 envelope(target) x k, k = measured / envelope
//     but the sun is too low to tell k                      the mean of recent days
//   else                                                    as much as in the last hour
//
// The envelope of an hour of the day is a robust maximum over recent days: a clear sky learned from the PV's
// own data, as in Bacher, Madsen, Nielsen 2009 (Solar Energy 83:1772) in its simplest form.

import { pointsOf } from "../metering/registers.ts";
import { type Wh, wh } from "../units/energy.ts";
import { addTime, HOUR_MS } from "../units/time.ts";
import {
  type DayProfile,
  dayProfile,
  meanFloor,
  profileEnergyFloor,
  upperTenth,
} from "./dayProfile.ts";
import type { ForecastOrder, History } from "./history.ts";
import { hourlyFloor, type RecentRefusal, recentEnergy } from "./recentEnergy.ts";

const ENVELOPE_DAYS = 20;
const ENVELOPE_DAYS_MIN = 3;
/** Cloud edges may shine brighter than a clear sky, for an hour not by more than this. */
const CLEARNESS_PERCENT_MAX = 120;
/** Below this share of the envelope's best hour, measured over envelope says nothing of the clouds. */
const LOW_SUN_PERCENT = 5;

export type ProductionBasis =
  | "noPv"
  | "night"
  | "smartPersistence"
  | "recentDays"
  | "persistence"
  | RecentRefusal["code"];

/** Wh in the target hour, rounded down, or null when it cannot be known. */
export function forecastProduction(
  { hours, samples }: History,
  { issuedAt, target, produces }: ForecastOrder,
): { readonly energy: Wh | null; readonly basis: ProductionBasis } {
  if (!produces) return { energy: wh(0), basis: "noPv" };
  const days = { quantity: "produced", days: ENVELOPE_DAYS, daysMin: ENVELOPE_DAYS_MIN } as const;
  const envelope = dayProfile(hours, issuedAt, { ...days, condense: upperTenth });
  const targetEnd = addTime(target, HOUR_MS);
  const clearTarget = profileEnergyFloor(envelope, target, targetEnd);
  if (clearTarget === 0) return { energy: wh(0), basis: "night" };
  const recent = recentEnergy(pointsOf(samples, "produced"), issuedAt);
  if (!recent.ok) return { energy: null, basis: recent.refusal.code };
  const { from, to, energy } = recent.value;
  const clearRecent = profileEnergyFloor(envelope, from, to);
  if (clearTarget === null || clearRecent === null) {
    return { energy: hourlyFloor(recent.value), basis: "persistence" };
  }
  if (isLowSun(clearRecent, to - from, envelope)) {
    const mean = dayProfile(hours, issuedAt, { ...days, condense: meanFloor });
    return { energy: profileEnergyFloor(mean, target, targetEnd), basis: "recentDays" };
  }
  const measuredMax = Math.floor((clearRecent * CLEARNESS_PERCENT_MAX) / 100);
  const measured = Math.min(energy, measuredMax);
  const scaled = wh(Math.floor((clearTarget * measured) / clearRecent));
  return { energy: scaled, basis: "smartPersistence" };
}

function isLowSun(clear: Wh, duration: number, envelope: DayProfile): boolean {
  const best = Math.max(...envelope.map((value) => value ?? 0));
  return clear * 100 * HOUR_MS < LOW_SUN_PERCENT * best * duration || clear === 0;
}
