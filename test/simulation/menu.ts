// Everything that may go wrong in a simulated street, by name: each must have happened in a run of many seeds.

import { FAULTS } from "./chaos.ts";
import { LIES } from "./lies/all.ts";
import { ATTACKS } from "./simulation.ts";

export const MENU: readonly string[] = [
  ...["message dropped", "message duplicated", "message overtaken", "message late by seconds"],
  ...FAULTS.map(({ name }) => name).filter((name) => name !== "attack"),
  ...["clock drifts by 200 ppm", "clock wrong and sure of itself"],
  ...["the year ends", "clocks go forward", "clocks go back"],
  ...["one joins late", "more than a third gone for hours"],
  ...ATTACKS.map((name) => `attack: ${name}`),
  "attack: a swapped block",
  ...LIES.map(({ name }) => name),
];
