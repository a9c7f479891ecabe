// What a forecast is made from, and for when.

import type { HourEnergy } from "../metering/hourEnergies.ts";
import type { RegisterSample } from "../metering/registers.ts";
import type { UnixMs } from "../units/time.ts";

export type History = {
  /** Ascending. Whatever was not known at the time of issue is left out. */
  readonly hours: readonly HourEnergy[];
  /** Minutes of at least the last hour, ascending. */
  readonly samples: readonly RegisterSample[];
};

export type ForecastOrder = {
  readonly issuedAt: UnixMs;
  /** Start of the hour to forecast. */
  readonly target: UnixMs;
  /** The home has a PV. */
  readonly produces: boolean;
};
