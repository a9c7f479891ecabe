// Load, the next hour: the mean of the same hour of the day over four weeks, the reference that is hard to
// beat for a single home; without such days, as much as in the last hour. UTC hours of the day: the home's
// own rhythm needs no time zone but on two days a year.

import type { Point } from "../metering/counterGuard.ts";
import { household } from "../metering/household.ts";
import type { RegisterSample } from "../metering/registers.ts";
import { type Wh, wh } from "../units/energy.ts";
import { addTime, HOUR_MS } from "../units/time.ts";
import { type Band, bandOfDays, knownHours, sameHours, wholeRange } from "./band.ts";
import { dayProfile, meanFloor, profileEnergyFloor } from "./dayProfile.ts";
import type { ForecastOrder, History } from "./history.ts";
import { hourlyFloor, type RecentRefusal, recentEnergy } from "./recentEnergy.ts";

export const LOAD_DAYS = 28;
const LOAD_DAYS_MIN = 3;

export type ConsumptionBasis = "hourOfDay" | "persistence" | RecentRefusal["code"];

/** Wh in the target hour, rounded down, or null when it cannot be known: also while the meter is down. */
export function forecastConsumption(
  { hours, samples }: History,
  { issuedAt, target, produces }: ForecastOrder,
): {
  readonly energy: Wh | null;
  readonly basis: ConsumptionBasis;
  /** By what the same hour of recent days used; null: not known. */
  readonly band: Band | null;
} {
  const grid = recentEnergy(importPoints(samples), issuedAt);
  if (!grid.ok) return { energy: null, basis: grid.refusal.code, band: null };
  const profile = dayProfile(hours, issuedAt, {
    quantity: "consumed",
    days: LOAD_DAYS,
    daysMin: LOAD_DAYS_MIN,
    condense: meanFloor,
  });
  const usual = profileEnergyFloor(profile, target, addTime(target, HOUR_MS));
  const known = knownHours(hours, issuedAt, "consumed");
  if (usual !== null) {
    const same = sameHours(known, target);
    return { energy: usual, basis: "hourOfDay", band: bandOfDays(known, same, usual) };
  }
  const recent = recentEnergy(consumptionPoints(samples, produces), issuedAt);
  if (!recent.ok) return { energy: null, basis: recent.refusal.code, band: null };
  const same = hourlyFloor(recent.value);
  return { energy: same, basis: "persistence", band: wholeRange(known, same) };
}

/** Where the meter was read whole. */
function importPoints(samples: readonly RegisterSample[]): readonly Point[] {
  return samples.flatMap(({ at, imported, exported }) =>
    imported === null || exported === null ? [] : [{ at, value: imported }],
  );
}

/** What was used since the first of these samples, as if a counter had counted it. */
function consumptionPoints(
  samples: readonly RegisterSample[],
  produces: boolean,
): readonly Point[] {
  const points: Point[] = [];
  let first: { produced: Wh; imported: Wh; exported: Wh } | null = null;
  for (const { at, imported, exported, produced: counted } of samples) {
    const produced = produces ? counted : wh(0);
    if (produced === null || imported === null || exported === null) continue;
    first ??= { produced, imported, exported };
    const { consumed } = household({
      produced: wh(produced - first.produced),
      imported: wh(imported - first.imported),
      exported: wh(exported - first.exported),
    });
    points.push({ at, value: consumed });
  }
  return points;
}
