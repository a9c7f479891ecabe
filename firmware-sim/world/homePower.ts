// What each home makes and uses: a seeded sun and household, or recordings scaled to it. No two homes alike.

import { DAY_MINUTES, standardOffsetMinutes } from "./calendar.ts";
import { householdDay } from "./household.ts";
import { largestMean, type Recording, recordedDay, span } from "./recording.ts";
import type { HomePower } from "./registers.ts";
import { type Roof, sunnyDay } from "./sun.ts";

export type Neighbourhood = {
  readonly seed: number;
  readonly timeZone: string;
  /** Degrees north. */
  readonly latitude: number;
  readonly pv: Recording | null;
  readonly load: Recording | null;
};

export type HomeShape = {
  /** Place in the configuration: the first home plays recordings unshifted. */
  readonly index: number;
  readonly pvCapacityW: number;
  readonly loadScale: number;
};

type Minutes = (day: number) => Int32Array | Float64Array;
type Played = { readonly day: Minutes; readonly scale: number };

/** Farther than any home is shifted in a recording, days. */
const SHIFT_DAYS_MAX = 40;

export function homePower(place: Neighbourhood, home: HomeShape): HomePower {
  const production = pvDay(place, home);
  const load = loadDay(place, home);
  const recordings = [place.pv, place.load].filter((each) => each !== null).map(span);
  return {
    productionDay: (day) => scaled(production.day(day), production.scale),
    loadDay: (day) => scaled(load.day(day), load.scale),
    isOwnDay: (day) =>
      recordings.some(
        ({ first, last }) => day >= first - SHIFT_DAYS_MAX && day <= last + SHIFT_DAYS_MAX,
      ),
  };
}

/** The home's roof: neighbours' tilts differ by up to 14 degrees. */
export function roofOf(place: Neighbourhood, home: HomeShape): Roof {
  return {
    latitude: place.latitude,
    // The zone's own meridian: 4 minutes of time per degree.
    longitude: standardOffsetMinutes(place.timeZone) / 4,
    tilt: 23 + ((home.index * 7) % 15),
    capacityW: home.pvCapacityW,
  };
}

function pvDay(place: Neighbourhood, home: HomeShape): Played {
  const { pv } = place;
  if (pv === null) {
    const roof = roofOf(place, home);
    return { day: (day) => sunnyDay(place.seed, roof, day), scale: 1 };
  }
  const largest = largestMean(pv);
  const scale = largest === 0 ? 0 : home.pvCapacityW / largest;
  // Roofs that look a little more to the west.
  return { day: shifted((day) => recordedDay(pv, day), (home.index * 5) % 15), scale };
}

function loadDay(place: Neighbourhood, home: HomeShape): Played {
  const { load } = place;
  const scale = home.loadScale;
  if (load !== null) {
    // Another day's life, and up to an hour later.
    const days = home.index % SHIFT_DAYS_MAX;
    const shift = days === 0 ? 0 : (home.index * 25) % 60;
    return { day: shifted((day) => recordedDay(load, day - days), shift), scale };
  }
  const toUtc = -standardOffsetMinutes(place.timeZone);
  return { day: shifted((day) => householdDay(place.seed, home.index, day), toUtc), scale };
}

function scaled(watts: Int32Array | Float64Array, scale: number): Int32Array {
  const whole = new Int32Array(DAY_MINUTES);
  for (let minute = 0; minute < DAY_MINUTES; minute += 1) {
    whole[minute] = Math.round((watts[minute] ?? 0) * scale);
  }
  return whole;
}

/** The same, `minutes` later (earlier if negative), less than a day. */
function shifted(play: Minutes, minutes: number): Minutes {
  if (minutes === 0) return play;
  const kept = new Map<number, Int32Array | Float64Array>();
  const day = (number: number): Int32Array | Float64Array => {
    const found = kept.get(number) ?? play(number);
    kept.delete(number);
    kept.set(number, found);
    // Today, and the neighbour it borrows from.
    for (const old of [...kept.keys()].slice(0, -2)) kept.delete(old);
    return found;
  };
  return (number) => {
    const late = ((minutes % DAY_MINUTES) + DAY_MINUTES) % DAY_MINUTES;
    const [before, after] = minutes > 0 ? [number - 1, number] : [number, number + 1];
    const joined = new Float64Array(DAY_MINUTES);
    joined.set(day(before).subarray(DAY_MINUTES - late), 0);
    joined.set(day(after).subarray(0, DAY_MINUTES - late), late);
    return joined;
  };
}
