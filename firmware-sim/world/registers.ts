// A home's counters as a function of time and nothing else: the same instant gives the same Wh, after any restart.
// Power is whole watts, constant for a minute; so the integral is exact, in whole watt-minutes.

import { DAY_MINUTES, DAY_MS, dayOf, MINUTE_MS, modelDay } from "./calendar.ts";

/** What a home makes and uses, W for each minute of a UTC day. */
export type HomePower = {
  readonly productionDay: (day: number) => Int32Array;
  readonly loadDay: (day: number) => Int32Array;
  /** Days that differ from the same date in other years; all others repeat each year. */
  readonly isOwnDay: (day: number) => boolean;
};

export type HomeState = {
  /** W, 0 or more. */
  readonly production: number;
  readonly load: number;
  /** load - production: positive is import. */
  readonly grid: number;
  /** Wh since ORIGIN_MS, whole, never decreasing. */
  readonly produced: number;
  readonly imported: number;
  readonly exported: number;
};

export type HomeRegisters = { readonly at: (timeMs: number) => HomeState };

/** All counters began here: before any market, and a whole day. */
export const ORIGIN_MS = Date.UTC(2015, 0, 1);

/** Watt-minutes. */
type Sums = { produced: number; imported: number; exported: number };
type Day = { readonly number: number; readonly production: Int32Array; readonly load: Int32Array };

const WATT_MINUTES_PER_WH = 60;
/** Tables are made again for the days in use only. */
const TABLES_MAX = 4;

/** Counters of one home. `at` refuses times before ORIGIN_MS by throwing: there is no such market. */
export function createRegisters(power: HomePower): HomeRegisters {
  const origin = dayOf(ORIGIN_MS);
  /** Sums before day origin + index. */
  const before: Sums[] = [{ produced: 0, imported: 0, exported: 0 }];
  const yearly = new Map<number, Sums>();
  const tables: Day[] = [];

  function table(day: number): Day {
    const number = power.isOwnDay(day) ? day : modelDay(day);
    const found = tables.find((each) => each.number === number);
    if (found !== undefined) return found;
    const made = { number, production: power.productionDay(number), load: power.loadDay(number) };
    tables.push(made);
    if (tables.length > TABLES_MAX) tables.shift();
    return made;
  }

  function sumOf(day: number): Sums {
    if (power.isOwnDay(day)) return sumTo(table(day), DAY_MINUTES);
    const key = modelDay(day);
    const known = yearly.get(key) ?? sumTo(table(day), DAY_MINUTES);
    yearly.set(key, known);
    return known;
  }

  function sumBefore(day: number): Sums {
    for (let index = before.length; index <= day - origin; index += 1) {
      before.push(add(before[index - 1], sumOf(origin + index - 1)));
    }
    return before[day - origin] ?? add(undefined, undefined);
  }

  return {
    at: (timeMs) => {
      if (timeMs < ORIGIN_MS) throw new RangeError("no counters before 2015");
      const day = dayOf(timeMs);
      const minute = Math.floor((timeMs - day * DAY_MS) / MINUTE_MS);
      const share = (timeMs % MINUTE_MS) / MINUTE_MS;
      const today = table(day);
      const sums = add(sumBefore(day), sumTo(today, minute));
      const production = today.production[minute] ?? 0;
      const load = today.load[minute] ?? 0;
      const grid = load - production;
      const wh = (sum: number, watts: number): number =>
        Math.floor((sum + watts * share) / WATT_MINUTES_PER_WH);
      return {
        production,
        load,
        grid,
        produced: wh(sums.produced, production),
        imported: wh(sums.imported, Math.max(0, grid)),
        exported: wh(sums.exported, Math.max(0, -grid)),
      };
    },
  };
}

function sumTo(day: Day, minutes: number): Sums {
  const sums = { produced: 0, imported: 0, exported: 0 };
  for (let minute = 0; minute < minutes; minute += 1) {
    const production = day.production[minute] ?? 0;
    const grid = (day.load[minute] ?? 0) - production;
    sums.produced += production;
    if (grid > 0) sums.imported += grid;
    else sums.exported -= grid;
  }
  return sums;
}

function add(a: Sums | undefined, b: Sums | undefined): Sums {
  return {
    produced: (a?.produced ?? 0) + (b?.produced ?? 0),
    imported: (a?.imported ?? 0) + (b?.imported ?? 0),
    exported: (a?.exported ?? 0) + (b?.exported ?? 0),
  };
}
