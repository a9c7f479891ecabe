// The simulator's file: one JSON document, given by --config.

import { readFileSync } from "node:fs";
import { z } from "zod";
import { PAST_FINE_HOURS_MAX, PAST_HOURS_MAX } from "./past.ts";

const HOMES_MAX = 100;

const protocol = z.enum(["fronius", "sunspec"]);

const home = z.strictObject({
  id: z.string().min(1).max(254),
  /** What a recording's largest 5-minute mean becomes; 0: no PV. */
  pvCapacityW: z.number().min(0).max(30_000),
  loadScale: z.number().min(0).max(100).default(1),
  inverter: protocol.nullable(),
  meter: protocol,
  /** Models 103 and 203, or 113 and 213. */
  sunspecModels: z.enum(["whole", "float"]).default("whole"),
});

const HOUR_MS = 3_600_000;

const past = z
  .strictObject({ from: z.int().min(0), fineFrom: z.int().min(0), to: z.int().min(0) })
  .refine(({ from, to }) => to - from <= PAST_HOURS_MAX * HOUR_MS, "longer than is told")
  .refine(
    ({ fineFrom, to }) => to - fineFrom <= PAST_FINE_HOURS_MAX * HOUR_MS,
    "more minutes than are told",
  );

const config = z.strictObject({
  clock: z.strictObject({
    /** At this real time, ms since 1970, */
    realStart: z.int().min(0),
    /** the market's clock shows this, */
    marketStart: z.int().min(Date.UTC(2015, 0, 2)),
    /** and runs this many times faster. */
    speed: z.number().positive().max(86_400),
  }),
  seed: z.int(),
  timeZone: z.string().refine(isTimeZone, "not an IANA time zone"),
  /** Degrees north; the default is the paper's building. */
  latitude: z.number().min(-66).max(66).default(37.2),
  /** CSV files of timestamp,power_w; null: a seeded sun, a seeded household. */
  pv: z.string().nullable(),
  load: z.string().nullable(),
  /** What is told of the time before, one line for each home, ahead of the line that says ready. */
  past: past.nullable().default(null),
  homes: z
    .array(home)
    .min(1)
    .max(HOMES_MAX)
    .refine((homes) => new Set(homes.map(({ id }) => id)).size === homes.length, "an id twice"),
});

export type SimulatorConfig = z.output<typeof config>;
export type SimulatorConfigInput = z.input<typeof config>;
export type HomeConfig = SimulatorConfig["homes"][number];

/** Throws with every problem at once. */
export function parseConfig(value: unknown): SimulatorConfig {
  const parsed = config.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(z.prettifyError(parsed.error));
}

/** Throws with the file's name and what is wrong with it. */
export function readConfig(file: string): SimulatorConfig {
  try {
    return parseConfig(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    throw new Error(`${file}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

function isTimeZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return true;
  } catch {
    return false;
  }
}
