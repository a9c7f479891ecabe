// PV, the next hour: smart persistence (reference method of the solar forecasting literature).
//
//   the home has no PV                                      0
//   recent days made nothing at the target's time of day    0: night
//   nothing measured just now                               unknown
//   recent days known for both times of day                 envelope(target) x k, k = measured / envelope
//     but the sun is too low to tell k                      the mean of recent days
//   else                                                    as much as in the last hour
//
// The band round it is what the same hour of earlier days brought, or what became of skies like this one.
//
// The envelope of an hour of the day is a robust maximum over recent days: a clear sky learned from the PV's
// own data, as in Bacher, Madsen, Nielsen 2009 (Solar Energy 83:1772) in its simplest form.

import type { HourEnergy } from "../metering/hourEnergies.ts";
import { pointsOf } from "../metering/registers.ts";
import { type Wh, wh } from "../units/energy.ts";
import { addTime, HOUR_MS, type UnixMs } from "../units/time.ts";
import {
  around,
  BAND_CASES_MIN,
  type Band,
  bandOfDays,
  type KnownHours,
  knownHours,
  quantiles,
  sameHours,
  wholeRange,
} from "./band.ts";
import {
  type DayProfile,
  dayProfile,
  meanFloor,
  profileEnergyFloor,
  upperTenth,
} from "./dayProfile.ts";
import type { ForecastOrder, History } from "./history.ts";
import { hourlyFloor, type RecentRefusal, recentEnergy } from "./recentEnergy.ts";
import { similarSkies } from "./similarSkies.ts";

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

export type ProductionForecast = {
  /** Wh in the target hour, rounded down, or null when it cannot be known. */
  readonly energy: Wh | null;
  readonly basis: ProductionBasis;
  /** null: not known, as while the home is new. */
  readonly band: Band | null;
};

/** The forecast of one hour, by the method above. */
export function forecastProduction(
  { hours, samples }: History,
  { issuedAt, target, produces }: ForecastOrder,
): ProductionForecast {
  if (!produces) return { energy: wh(0), basis: "noPv", band: { low: wh(0), high: wh(0) } };
  const days = { quantity: "produced", days: ENVELOPE_DAYS, daysMin: ENVELOPE_DAYS_MIN } as const;
  const envelope = dayProfile(hours, issuedAt, { ...days, condense: upperTenth });
  const targetEnd = addTime(target, HOUR_MS);
  const clearTarget = profileEnergyFloor(envelope, target, targetEnd);
  if (clearTarget === 0) {
    return {
      energy: wh(0),
      basis: "night",
      band: nightBand(earlierHours(hours, issuedAt, target)),
    };
  }
  const recent = recentEnergy(pointsOf(samples, "produced"), issuedAt);
  if (!recent.ok) return { energy: null, basis: recent.refusal.code, band: null };
  const { from, to, energy } = recent.value;
  const clearRecent = profileEnergyFloor(envelope, from, to);
  const earlier = earlierHours(hours, issuedAt, target);
  if (clearTarget === null || clearRecent === null) {
    const same = hourlyFloor(recent.value);
    return { energy: same, basis: "persistence", band: wholeRange(earlier.known, same) };
  }
  if (isLowSun(clearRecent, to - from, envelope)) {
    const profile = dayProfile(hours, issuedAt, { ...days, condense: meanFloor });
    const mean = profileEnergyFloor(profile, target, targetEnd);
    const band = mean === null ? null : bandOfDays(earlier.known, earlier.same, mean);
    return { energy: mean, basis: "recentDays", band };
  }
  const measuredMax = Math.floor((clearRecent * CLEARNESS_PERCENT_MAX) / 100);
  const measured = Math.min(energy, measuredMax);
  const scaled = wh(Math.floor((clearTarget * measured) / clearRecent));
  const skies = similarSkies(earlier.known, {
    ...{ recent: [from, to], clearness: Math.floor((measured * 1000) / clearRecent) },
    ...{ target, envelope, clearnessMax: CLEARNESS_PERCENT_MAX * 10 },
    isLow: (a, b) => {
      const clear = profileEnergyFloor(envelope, a, b);
      return clear === null || isLowSun(clear, b - a, envelope);
    },
  });
  const band = skyBand({ ...earlier, skies, clear: clearTarget }, scaled);
  return { energy: scaled, basis: "smartPersistence", band };
}

type Earlier = { readonly known: KnownHours; readonly same: readonly Wh[] };

function earlierHours(hours: readonly HourEnergy[], issuedAt: UnixMs, target: UnixMs): Earlier {
  const known = knownHours(hours, issuedAt, "produced");
  return { known, same: sameHours(known, target) };
}

/** The range of whole days would be absurd here. */
function nightBand({ same }: Earlier): Band | null {
  return same.length < BAND_CASES_MIN ? null : around(wh(0), quantiles(same));
}

/** By skies like this one; wide while they would be those of a few days, which are much alike. */
function skyBand(
  {
    known,
    same,
    skies,
    clear,
  }: Earlier & { readonly skies: readonly number[]; readonly clear: Wh },
  point: Wh,
): Band | null {
  if (same.length < BAND_CASES_MIN || skies.length < BAND_CASES_MIN)
    return wholeRange(known, point);
  const [low, high] = quantiles(skies);
  const of = (perMille: number): number => (clear * perMille) / 1000;
  return around(point, [wh(Math.floor(of(low))), wh(Math.ceil(of(high)))]);
}

function isLowSun(clear: Wh, duration: number, envelope: DayProfile): boolean {
  const best = Math.max(...envelope.map((value) => value ?? 0));
  return clear * 100 * HOUR_MS < LOW_SUN_PERCENT * best * duration || clear === 0;
}
