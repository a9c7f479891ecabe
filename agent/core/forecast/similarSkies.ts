// What became of skies like this one: hours of earlier days near the target's time of day that came after a recent hour of
// about the same clearness. Clearness is energy over the clear-sky envelope, so that a low sun and a high one, March
// and April, can be compared.

import { addTime, HOUR_MS, type UnixMs } from "../units/time.ts";
import { BAND_CASES_MAX, energyBefore, type KnownHours } from "./band.ts";
import { type DayProfile, profileEnergyFloor } from "./dayProfile.ts";

/** Further from the target's time of day the sun stands otherwise. */
const HOURS_APART_MAX = 2;
const DAY_HOURS = 24;

export type Sky = {
  /** What was measured just now, and its clearness, per mille. */
  readonly recent: readonly [UnixMs, UnixMs];
  readonly clearness: number;
  /** Start of the hour to forecast. */
  readonly target: UnixMs;
  readonly envelope: DayProfile;
  /** Clearness beyond this is not believed, per mille. */
  readonly clearnessMax: number;
  /** Whether the sun stood too low in this span to tell. */
  readonly isLow: (from: UnixMs, to: UnixMs) => boolean;
};

/** The target's clearness in the cases that are most like this one, per mille, the most like first. */
export function similarSkies(known: KnownHours, sky: Sky): readonly number[] {
  const cases: { readonly apart: number; readonly became: number }[] = [];
  for (let back = 1; back <= BAND_CASES_MAX * DAY_HOURS + HOURS_APART_MAX; back += 1) {
    const apart = Math.min(back % DAY_HOURS, DAY_HOURS - (back % DAY_HOURS));
    if (apart > HOURS_APART_MAX) continue;
    const [from, to] = sky.recent;
    if (back * HOUR_MS > from || sky.isLow(earlier(from, back), earlier(to, back))) continue;
    const was = clearnessOf(known, sky, { span: sky.recent, back });
    const hour = [sky.target, addTime(sky.target, HOUR_MS)] as const;
    const became = clearnessOf(known, sky, { span: hour, back });
    if (was === null || became === null) continue;
    const believed = Math.min(was, sky.clearnessMax);
    cases.push({ apart: Math.abs(believed - sky.clearness), became });
  }
  cases.sort((a, b) => a.apart - b.apart);
  return cases.slice(0, BAND_CASES_MAX).map(({ became }) => became);
}

type Earlier = { readonly span: readonly [UnixMs, UnixMs]; readonly back: number };

/** Per mille of the envelope, rounded down; null: not known, or no sun then. */
function clearnessOf(known: KnownHours, { envelope }: Sky, { span, back }: Earlier): number | null {
  const [from, to] = span;
  const made = energyBefore(known, span, back);
  const clear = profileEnergyFloor(envelope, earlier(from, back), earlier(to, back));
  if (made === null || clear === null || clear === 0) return null;
  return Math.floor((made * 1000) / clear);
}

function earlier(time: UnixMs, hoursBack: number): UnixMs {
  return addTime(time, -hoursBack * HOUR_MS);
}
