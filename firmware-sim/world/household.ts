// A seeded household: what is always on, the hours of a family, and the appliances of the day.

import { DAY_MINUTES, dateIndex } from "./calendar.ts";
import { chance, drift } from "./noise.ts";

/** W at each full hour of local time; between them it slides. */
const HOURS = [
  180, 150, 140, 130, 130, 160, 350, 550, 450, 300, 260, 280, 350, 300, 260, 270, 350, 550, 850,
  900, 800, 650, 450, 280,
] as const;

type Appliance = {
  readonly watts: number;
  readonly minutes: number;
  /** Earliest and latest start, minutes of the local day. */
  readonly from: number;
  readonly until: number;
  /** On how many days of ten. */
  readonly daysOfTen: number;
};

const APPLIANCES: readonly Appliance[] = [
  { watts: 2000, minutes: 5, from: 380, until: 480, daysOfTen: 9 },
  { watts: 1800, minutes: 35, from: 690, until: 760, daysOfTen: 4 },
  { watts: 2200, minutes: 45, from: 1040, until: 1140, daysOfTen: 7 },
  { watts: 1900, minutes: 50, from: 540, until: 960, daysOfTen: 4 },
  { watts: 1500, minutes: 60, from: 1160, until: 1260, daysOfTen: 6 },
];

const STREAM_RIPPLE = 11;
const STREAM_HABIT = 12;
/** And the numbers after it, one per appliance. */
const STREAM_APPLIANCE = 20;

/**
 * Watts for each minute of a local day (standard time), whole and positive. `home` is the home's
 * index: each has its own level, its own habits within half an hour, and its own days.
 */
export function householdDay(seed: number, home: number, day: number): Int32Array {
  const date = dateIndex(day);
  const level = 0.7 + 0.6 * chance(seed, STREAM_HABIT, home);
  const late = Math.round(60 * chance(seed, STREAM_HABIT, home, 1)) - 30;
  const watts = new Int32Array(DAY_MINUTES);
  for (let minute = 0; minute < DAY_MINUTES; minute += 1) {
    const at = (minute - late + DAY_MINUTES) % DAY_MINUTES;
    const hour = Math.floor(at / 60);
    const share = (at % 60) / 60;
    const usual = (HOURS[hour] ?? 0) * (1 - share) + (HOURS[(hour + 1) % 24] ?? 0) * share;
    const ripple = drift(seed + home, STREAM_RIPPLE, (date * DAY_MINUTES + minute) / 7);
    watts[minute] = Math.round(level * usual * (0.8 + 0.4 * ripple));
  }
  APPLIANCES.forEach((appliance, index) => {
    const stream = STREAM_APPLIANCE + index;
    if (chance(seed, stream, home, date) * 10 >= appliance.daysOfTen) return;
    const span = appliance.until - appliance.from;
    const start = appliance.from + Math.floor(span * chance(seed, stream, home, date, 1));
    for (let minute = start; minute < start + appliance.minutes; minute += 1) {
      watts[minute] = (watts[minute] ?? 0) + appliance.watts;
    }
  });
  return watts;
}
