import { describe, expect, it } from "vitest";
import {
  dayProfile,
  meanFloor,
  profileEnergyFloor,
  upperTenth,
} from "../../../../agent/core/forecast/dayProfile.ts";
import { wh } from "../../../../agent/core/units/energy.ts";
import { addTime, HOUR_MS, unixMs } from "../../../../agent/core/units/time.ts";

const MIDNIGHT = Date.parse("2026-06-10T00:00:00Z");
const time = (hour: number) => unixMs(MIDNIGHT + hour * HOUR_MS);
const whs = (...values: readonly number[]) => values.map((value) => wh(value));

/** An hour that made `energy` and was known at its end, or `late` hours after it. */
function hour(start: number, energy: number, late = 0) {
  const known = { energy: wh(energy), knownAt: addTime(time(start + 1), late * HOUR_MS) };
  return { start: time(start), produced: known, consumed: null };
}
const SETUP = { quantity: "produced", days: 2, daysMin: 2, condense: meanFloor } as const;

describe("dayProfile", () => {
  it("condenses the same hour of the last days and leaves out what is older", () => {
    // Issued at 12:00: 09:00 of 0, 24 and 48 h ago; 49 h ago is beyond two days.
    const hours = [hour(9 - 48, 999), hour(9 - 24, 100), hour(9, 205)];
    expect(dayProfile(hours, time(12), SETUP)[9]).toBe(152);
    // Issued at 21:00 of the day before: (999 + 100) / 2.
    expect(dayProfile(hours, time(-3), SETUP)[9]).toBe(549);
  });

  it("says nothing with fewer days than asked for", () => {
    expect(dayProfile([hour(9, 205)], time(12), SETUP)[9]).toBeNull();
  });

  it("leaves out what was not known at the time of issue", () => {
    const hours = [hour(9 - 24, 100), hour(9, 205, 5)];
    expect(dayProfile(hours, time(14), SETUP)[9]).toBeNull();
    expect(dayProfile(hours, time(15), SETUP)[9]).toBe(152);
    // An hour that is not over is not known, whatever it says.
    expect(dayProfile([hour(8 - 24, 1), hour(8, 1)], addTime(time(9), -1), SETUP)[8]).toBeNull();
  });
});

describe("profileEnergyFloor", () => {
  const profile = Array.from({ length: 24 }, (_, i) => (i === 3 ? null : wh(i * 100)));

  it("weighs hours by their share", () => {
    expect(profileEnergyFloor(profile, time(9), time(10))).toBe(900);
    // 40 min of 900 and 20 min of 1000: 600 + 333.3
    const from = addTime(time(9), HOUR_MS / 3);
    expect(profileEnergyFloor(profile, from, addTime(from, HOUR_MS))).toBe(933);
    // Across midnight: half of 2300 and half of 0.
    const late = addTime(time(23), HOUR_MS / 2);
    expect(profileEnergyFloor(profile, late, addTime(late, HOUR_MS))).toBe(1150);
  });

  it("knows nothing when one of the hours is unknown", () => {
    const from = addTime(time(2), HOUR_MS / 2);
    expect(profileEnergyFloor(profile, from, addTime(from, HOUR_MS))).toBeNull();
  });
});

describe("upperTenth and meanFloor", () => {
  it("passes over a tenth of the values", () => {
    expect(upperTenth(whs(1, 9, 5))).toBe(9);
    expect(upperTenth(whs(1, 2, 3, 4, 5, 6, 7, 8, 9, 10))).toBe(9);
    expect(upperTenth(whs(...Array.from({ length: 20 }, (_, i) => i)))).toBe(17);
  });

  it("rounds the mean down", () => {
    expect(meanFloor(whs(1, 2))).toBe(1);
  });
});
