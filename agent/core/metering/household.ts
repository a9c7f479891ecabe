// What a home used: what its PV made, plus what came from the grid, minus what went there.

import { subtractWh, type Wh, wh } from "../units/energy.ts";

export type HouseholdFlows = {
  readonly produced: Wh;
  readonly imported: Wh;
  readonly exported: Wh;
};

export type Household = {
  /** Never negative. */
  readonly consumed: Wh;
  /** Production minus consumption; negative is a deficit. */
  readonly excess: Wh;
  /** The registers said less than nothing was used (they tick at different moments): taken as 0. */
  readonly isClamped: boolean;
};

/** Over the same span of time, each at least 0. */
export function household({ produced, imported, exported }: HouseholdFlows): Household {
  const used = produced + imported - exported;
  const consumed = wh(Math.max(0, used));
  return { consumed, excess: subtractWh(produced, consumed), isClamped: used < 0 };
}
