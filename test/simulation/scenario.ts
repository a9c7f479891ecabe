// What kind of hour a seed plays: how many validators, when in the hour things go wrong and when they are
// healed, on which day. Drawn from the seed's number in turn rather than by chance, so that few seeds in a row
// have some of everything.
//
//   close   begins      goes wrong until   ends
//   calm    H - 34 min  12 min before H    2 min after H: a close in calm weather, all offers must be in it
//   foul    H - 22 min  2 min after H      10 min later: a close while everything breaks
//   both    H - 25 min  5 min after H      2 min after the next hour
//   absent  H - 15 min  10 min before H, then more than a third are gone for hours

import { HOUR_MS, MINUTE_MS } from "../../agent/core/units/time.ts";
import type { Random } from "./random.ts";

export type Scenario = {
  readonly validators: number;
  readonly close: "calm" | "foul" | "both" | "absent";
  /** Unix ms at which the simulation's clock is 0. */
  readonly epoch: number;
  readonly day: keyof typeof DAYS;
  /** For so long things go wrong, ms. */
  readonly chaos: number;
  /** More than a third of the validators are gone for so long after it, ms. */
  readonly absence: number;
  /** From the healing, ms: when the last closing is over. */
  readonly lastClose: number | null;
  /** One home starts so much later than the others, ms. */
  readonly joinsLate: number | null;
};

/** The full hour H of each kind of day; the community's clocks are New York's. */
const DAYS = {
  usual: Date.UTC(2026, 5, 1, 11),
  "the year ends": Date.UTC(2027, 0, 1, 5),
  "clocks go forward": Date.UTC(2027, 2, 14, 7),
  "clocks go back": Date.UTC(2026, 10, 1, 6),
} as const;

/** Of twenty seeds in a row fifteen have four validators, four have seven, one has thirteen. */
const SIZES = [4, 4, 7, 4, 4, 7, 4, 13, 4, 4, 4, 4, 7, 4, 4, 7, 4, 4, 4, 4];
const CLOSES = ["calm", "foul", "calm", "foul", "calm", "foul", "both"] as const;
/** One seed in so many. */
const ABSENT_EVERY = 29;
const DAY_EVERY = 6;

export type ScenarioOptions = {
  readonly seed: number;
  readonly validators: number | null;
  /** Overrides how long things go wrong; then the hour's end comes after the next hour begins. */
  readonly chaosMinutes: number | null;
};

export function drawScenario(options: ScenarioOptions, random: Random): Scenario {
  const { seed } = options;
  const validators = options.validators ?? turn(SIZES, seed);
  const close = seed % ABSENT_EVERY === 5 ? "absent" : turn(CLOSES, seed);
  const special = ["the year ends", "clocks go forward", "clocks go back"] as const;
  const day = seed % DAY_EVERY === 2 ? turn(special, Math.floor(seed / DAY_EVERY)) : "usual";
  const hour = DAYS[day];
  const { begins, lasts } = drawTimes(close, validators <= FEW ? 1 : 2, random);
  const chaos = options.chaosMinutes === null ? lasts : options.chaosMinutes * MINUTE_MS;
  const absence = close === "absent" ? random.integer(60, 150) * MINUTE_MS : 0;
  const epoch = hour - begins;
  const healed = epoch + chaos + absence;
  const next = Math.ceil((healed + RECOVERS_WITHIN) / HOUR_MS) * HOUR_MS;
  const seesClose = close === "calm" || close === "both";
  return {
    ...{ validators, close, epoch, day, chaos, absence },
    lastClose: seesClose ? next - epoch : null,
    joinsLate: random.chance(0.25) ? random.integer(MINUTE_MS, chaos) : null,
  };
}

/** After healing, everything that was said must be on the ledger within this time. */
export const RECOVERS_WITHIN = 10 * MINUTE_MS;

/** Of more validators a seed costs many times as much: there things go wrong for half as long. */
const FEW = 7;

function drawTimes(
  close: Scenario["close"],
  shorter: number,
  random: Random,
): { readonly begins: number; readonly lasts: number } {
  const minutes = (min: number, max: number): number =>
    random.integer((60 * min) / shorter, (60 * max) / shorter) * 1000;
  switch (close) {
    case "calm": {
      const lasts = minutes(12, 22);
      return { begins: lasts + RECOVERS_WITHIN + 2 * MINUTE_MS, lasts };
    }
    case "foul": {
      const begins = minutes(10, 22);
      return { begins, lasts: begins + minutes(1, 5) };
    }
    case "both": {
      const begins = minutes(10, 25);
      return { begins, lasts: begins + minutes(2, 10) };
    }
    case "absent":
      return { begins: minutes(14, 20), lasts: minutes(4, 8) };
  }
}

function turn<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new Error("nothing to take turns with");
  return item;
}
