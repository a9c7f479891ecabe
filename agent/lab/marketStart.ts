// When the laboratory's market begins: on a day when the sun has something to sell.

import { readFileSync } from "node:fs";
import { HOUR_MS, MINUTE_MS, type UnixMs, unixMs } from "../core/units/time.ts";

/** The paper's day, 09:00 in Blacksburg (New York daylight time, UTC-4). */
const SYNTHETIC_FIRST_DELIVERY = Date.parse("2018-03-21T10:00:00-04:00");

/** Homes watch their devices this long before their first offer. */
const WATCH_MS = 44 * MINUTE_MS;
/** Real time that five agents need to come up on a small machine. */
const BOOT_MS = 10_000;
/** After its delivery hour has begun a listing is closed by then, at any speed: see community.ts. */
const CLOSED_AFTER_MS = 5 * MINUTE_MS;
/** Production of less counts as night. */
const PRODUCING_W = 50;

export type Sample = { readonly at: number; readonly watts: number | null };

/**
 * The hour of the first delivery: without a recording the paper's day at 10:00; with one, a full day near the
 * upper quartile of its energy, two hours before the middle of what it produced.
 */
export function firstDelivery(samples: readonly Sample[] | null): UnixMs {
  if (samples === null) return unixMs(SYNTHETIC_FIRST_DELIVERY);
  const days = productionDays(samples).sort((a, b) => a.energy - b.energy);
  const chosen = days[Math.floor((days.length * 3) / 4)];
  if (chosen === undefined) throw new Error("the PV recording has no complete day with production");
  return unixMs(Math.floor((chosen.middle - 2 * HOUR_MS) / HOUR_MS) * HOUR_MS);
}

/**
 * What the market's clock shows when everything is started: before the first cut-off (delivery - 1 min) by
 * as long as homes need to boot and to watch; at high speeds booting takes hours.
 */
export function marketStart(delivery: UnixMs, speed: number): UnixMs {
  const lead = Math.max(WATCH_MS, speed * BOOT_MS + WATCH_MS / 2);
  return unixMs(delivery - MINUTE_MS - lead);
}

/**
 * `marketStart` with a past: homes need not watch their devices first, so the clock starts no earlier than when the
 * hour before the first delivery is closed, which is then the past's and not missed while homes boot.
 */
export function marketStartAfterPast(delivery: UnixMs, speed: number): UnixMs {
  const closed = unixMs(delivery - HOUR_MS + CLOSED_AFTER_MS);
  const start = marketStart(delivery, speed);
  return start > closed ? start : closed;
}

export function readSamples(file: string): readonly Sample[] {
  return parseSamples(readFileSync(file, "utf8"));
}

/** Lines of `timestamp,power_w` (UTC, start of the interval); an empty power is unknown. */
export function parseSamples(csv: string): readonly Sample[] {
  const samples: Sample[] = [];
  for (const line of csv.split("\n")) {
    const [timestamp = "", power = ""] = line.trim().split(",");
    const at = Date.parse(timestamp);
    if (Number.isNaN(at)) continue;
    samples.push({ at, watts: power === "" ? null : Number(power) });
  }
  return samples;
}

type Day = { readonly energy: number; readonly middle: number };

/** Days by nights: from noon's opposite to the next, so that no zone need be known. */
function productionDays(samples: readonly Sample[]): Day[] {
  const night = darkestHour(samples);
  const byDay = Map.groupBy(samples, ({ at }) => Math.floor((at - night) / (24 * HOUR_MS)));
  const full = Math.max(0, ...[...byDay.values()].map((day) => day.length));
  return [...byDay.values()].flatMap((day) => {
    const known = day.filter(({ watts }) => watts !== null);
    const producing = known.filter(({ watts }) => (watts ?? 0) >= PRODUCING_W);
    const [first, last] = [producing.at(0), producing.at(-1)];
    // A day with gaps would leave homes without a forecast.
    if (first === undefined || last === undefined || known.length < full) return [];
    const energy = producing.reduce((sum, { watts }) => sum + (watts ?? 0), 0);
    return [{ energy, middle: (first.at + last.at) / 2 }];
  });
}

/** The offset into the UTC day, ms, opposite to the centre of production. */
function darkestHour(samples: readonly Sample[]): number {
  const day = 24 * HOUR_MS;
  let [x, y] = [0, 0];
  for (const { at, watts } of samples) {
    const angle = ((at % day) / day) * 2 * Math.PI;
    x += (watts ?? 0) * Math.cos(angle);
    y += (watts ?? 0) * Math.sin(angle);
  }
  const noon = (Math.atan2(y, x) / (2 * Math.PI)) * day;
  return (((noon + day / 2) % day) + day) % day;
}
