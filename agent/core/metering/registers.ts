// The three registers of a home, and where readings and samples keep them.

import type { Wh } from "../units/energy.ts";
import type { UnixMs } from "../units/time.ts";
import type { Point } from "./counterGuard.ts";

export type Register = "produced" | "imported" | "exported";

/** Each register, Wh; null where no device could say. */
export type Counters = Readonly<Record<Register, Wh | null>>;

/** Counters at a full minute; the store's RegisterSample. */
export type RegisterSample = Counters & { readonly at: UnixMs };

/** What metering needs of a device's reading (agent/ports.ts, DeviceReading). */
export type CounterReading =
  | { readonly kind: "inverter"; readonly produced: Wh | null }
  | { readonly kind: "meter"; readonly imported: Wh | null; readonly exported: Wh | null };

/** What each kind of device counts. */
export const REGISTERS_OF: Readonly<Record<CounterReading["kind"], readonly Register[]>> = {
  inverter: ["produced"],
  meter: ["imported", "exported"],
};

/** null: the device did not say, or does not count this. */
export function counterOf(reading: CounterReading, register: Register): Wh | null {
  if (reading.kind === "inverter") return register === "produced" ? reading.produced : null;
  if (register === "imported") return reading.imported;
  return register === "exported" ? reading.exported : null;
}

/** The samples that know this register, in their order. */
export function pointsOf(samples: readonly RegisterSample[], register: Register): readonly Point[] {
  const points: Point[] = [];
  for (const sample of samples) {
    const value = sample[register];
    if (value !== null) points.push({ at: sample.at, value });
  }
  return points;
}

/** The last point at or before `at`, and the first at or after it. Points: ascending in time. */
export function neighbours(
  points: readonly Point[],
  at: UnixMs,
): { readonly before: Point | null; readonly after: Point | null } {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle]?.at ?? at) < at) low = middle + 1;
    else high = middle;
  }
  const after = points[low] ?? null;
  const before = after !== null && after.at === at ? after : (points[low - 1] ?? null);
  return { before, after };
}
