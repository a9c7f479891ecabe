// The network in figures, from what each home says of itself: how long the way between two homes takes, how far their
// clocks are apart, which version each runs. No element here, so that it can be tested alone.

import { type MarketClock, marketTime } from "../pageConfig.ts";
import { isObject } from "../state/json.ts";
import type { HomeView, Neighbourhood } from "../state/model.ts";

/** A home is connected with no more. */
const TRIPS_MAX = 256;
/** Of two clocks nobody knows which one is wrong. */
const CLOCKS_MIN = 3;
/** The first message may be one that the broker had kept. */
const HEARD_MIN = 2;

/** ms there and back, by member, as this home measures it. */
export function tripsOf({ health }: Pick<HomeView, "health">): ReadonlyMap<string, number> {
  const said: unknown = health?.round_trip_ms;
  if (!isObject(said)) return new Map();
  const trips = Object.entries(said).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number" && entry[1] >= 0,
  );
  return new Map(trips.slice(0, TRIPS_MAX));
}

export type Trips = {
  /** ms */
  readonly median: number;
  readonly worst: number;
  /** Member. */
  readonly worstTo: string;
};

/** null: this home has measured none. */
export function tripSummary(home: Pick<HomeView, "health">): Trips | null {
  const trips = [...tripsOf(home)].sort(([, a], [, b]) => a - b);
  const [worstTo, worst] = trips.at(-1) ?? [];
  if (worstTo === undefined || worst === undefined) return null;
  return { median: medianOf(trips.map(([, ms]) => ms)) ?? worst, worst, worstTo };
}

export type ClockFigure = {
  /** ms by which the home's clock is ahead. */
  readonly ahead: number;
  /** Of NTP's time, as its own machine says; or of the other homes', as the page hears them. */
  readonly of: "ntp" | "others";
};

/** By name; a home of which neither is known is left out. */
export function clocksOf(
  { homes }: Pick<Neighbourhood, "homes">,
  clock: MarketClock | null,
): ReadonlyMap<string, ClockFigure> {
  const leads = new Map<string, number>();
  for (const { name, clocks } of homes.values()) {
    if (clocks.length < HEARD_MIN) continue;
    // What a home says comes late, never early: the largest is the nearest to the truth.
    const all = clocks.map(({ said, heard }) => said - marketTime(clock, heard));
    leads.set(name, Math.max(...all) / (clock?.speed ?? 1));
  }
  const usual = leads.size < CLOCKS_MIN ? null : medianOf([...leads.values()]);
  return new Map(
    [...homes.values()].flatMap(({ name, health }): [string, ClockFigure][] => {
      const offset: unknown = health?.clock_offset_ms;
      if (typeof offset === "number") return [[name, { ahead: offset, of: "ntp" }]];
      const lead = leads.get(name);
      if (lead === undefined || usual === null) return [];
      return [[name, { ahead: Math.round(lead - usual), of: "others" }]];
    }),
  );
}

/** What most homes run, and who runs something else; null: all that are known run the same. */
export function oddVersions({ homes }: Pick<Neighbourhood, "homes">): {
  readonly usual: string;
  readonly odd: readonly { readonly name: string; readonly version: string }[];
} | null {
  const known = [...homes.values()].flatMap(({ name, health }) =>
    typeof health?.version === "string" ? [{ name, version: health.version }] : [],
  );
  const count = new Map<string, number>();
  for (const { version } of known) count.set(version, (count.get(version) ?? 0) + 1);
  const [usual] = [...count].sort(([a, n], [b, m]) => m - n || (a < b ? 1 : -1))[0] ?? [];
  const odd = known.filter(({ version }) => version !== usual);
  return usual === undefined || odd.length === 0 ? null : { usual, odd };
}

/** The lower one of two in the middle. */
function medianOf(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
}
