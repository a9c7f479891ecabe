// One home as its devices see it: what it makes and uses now, what time its clock shows, what is wrong with it.

import type { HomeConfig } from "./config.ts";
import type { Fault } from "./faults.ts";
import type { HomeState } from "./world/registers.ts";

export type SimulatedHome = {
  readonly config: HomeConfig;
  /** Place in the configuration; serial numbers are made of it. */
  readonly index: number;
  readonly timeZone: string;
  /** The market's clock, ms since 1970. */
  readonly now: () => number;
  readonly stateAt: (timeMs: number) => HomeState;
  readonly fault: () => Fault;
};
