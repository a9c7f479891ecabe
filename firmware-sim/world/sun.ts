// A seeded sun: where it stands, how clear the sky is, and what a roof makes of it.

import { DAY_MINUTES, dateIndex } from "./calendar.ts";
import { chance, drift } from "./noise.ts";

export type Roof = {
  /** Degrees north. */
  readonly latitude: number;
  /** Degrees east. */
  readonly longitude: number;
  /** Degrees from horizontal, towards the equator. */
  readonly tilt: number;
  readonly capacityW: number;
};

const RADIANS = Math.PI / 180;
const STREAM_DAY = 1;
const STREAM_CLOUDS = 2;
const STREAM_GUSTS = 3;

/**
 * Watts for each minute of a UTC day, whole, 0 to capacity. The sky depends on the seed and the
 * date only: neighbours share it, and it returns each year.
 */
export function sunnyDay(seed: number, roof: Roof, day: number): Int32Array {
  const date = dateIndex(day);
  // Cooper: declination from the day of the year; a degree is good enough for a roof.
  const declination = 23.45 * RADIANS * Math.sin(2 * Math.PI * ((date + 285) / 366));
  const watts = new Int32Array(DAY_MINUTES);
  for (let minute = 0; minute < DAY_MINUTES; minute += 1) {
    const hourAngle = ((minute + 4 * roof.longitude - DAY_MINUTES / 2) / 4) * RADIANS;
    const height = sineOfHeight(roof.latitude * RADIANS, declination, hourAngle);
    if (height <= 0) continue;
    const towards = Math.sign(roof.latitude) * roof.tilt;
    const onRoof = sineOfHeight((roof.latitude - towards) * RADIANS, declination, hourAngle);
    const clear = Math.max(0, onRoof) * Math.exp(-0.14 / Math.max(height, 0.02)) * 1.15;
    watts[minute] = Math.floor(roof.capacityW * Math.min(1, clear * clearness(seed, date, minute)));
  }
  return watts;
}

function sineOfHeight(latitude: number, declination: number, hourAngle: number): number {
  return (
    Math.sin(latitude) * Math.sin(declination) +
    Math.cos(latitude) * Math.cos(declination) * Math.cos(hourAngle)
  );
}

/** 0.1 to 1: fine days and grey ones, clouds of half an hour, gusts of four minutes. */
function clearness(seed: number, date: number, minute: number): number {
  const cover = chance(seed, STREAM_DAY, date) ** 2;
  const at = date * DAY_MINUTES + minute;
  const clouds = drift(seed, STREAM_CLOUDS, at / 30);
  const gusts = drift(seed, STREAM_GUSTS, at / 4);
  return 1 - cover * (0.3 + 0.45 * clouds + 0.15 * gusts);
}
