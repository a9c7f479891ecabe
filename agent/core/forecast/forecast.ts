// What a home expects of an hour: production and consumption, each known or not, and why.
// Deterministic, and it never looks beyond the time of issue: a run on data cut off there says the same.

import type { Wh } from "../units/energy.ts";
import { addTime, HOUR_MS, type UnixMs } from "../units/time.ts";
import type { Band } from "./band.ts";
import { type ConsumptionBasis, forecastConsumption } from "./forecastConsumption.ts";
import { forecastProduction, type ProductionBasis } from "./forecastProduction.ts";
import type { ForecastOrder, History } from "./history.ts";

export type Forecast = {
  readonly issuedAt: UnixMs;
  /** Start of the hour. */
  readonly target: UnixMs;
  /** Wh, rounded down; null when it cannot be known. */
  readonly production: Wh | null;
  readonly productionBasis: ProductionBasis;
  /** P10 to P90; null when it cannot be known. */
  readonly productionBand: Band | null;
  readonly consumption: Wh | null;
  readonly consumptionBasis: ConsumptionBasis;
  readonly consumptionBand: Band | null;
};

/** Forecasts one hour. The history may reach beyond the time of issue: that part is not looked at. */
export function forecast(history: History, order: ForecastOrder): Forecast {
  const { issuedAt, target } = order;
  const from = addTime(issuedAt, -Math.min(issuedAt, 2 * HOUR_MS));
  const samples = history.samples.filter(({ at }) => at >= from && at <= issuedAt);
  const known: History = { hours: history.hours, samples };
  const production = forecastProduction(known, order);
  const consumption = forecastConsumption(known, order);
  return {
    issuedAt,
    target,
    production: production.energy,
    productionBasis: production.basis,
    productionBand: production.band,
    consumption: consumption.energy,
    consumptionBasis: consumption.basis,
    consumptionBand: consumption.band,
  };
}
