// What the meters say of one delivery hour (use case 8): the registers at both edges, or nothing.
//
//   at an edge there is                                    register             quality
//   a sample at the edge itself                            as it is             measured
//   samples before and after, at most EDGE_GAP_MAX apart   line, rounded down   measured if one of them is
//                                                                               within a minute, else interpolated
//   only one sample within a minute                        as it is             measured
//   anything else                                          refusal edgeMissing
//
// The quality "estimated" is not given here: nothing is guessed.

import type { RegisterPair } from "../ledger/transaction.ts";
import { accepted, type Refusal, type Result, refused } from "../result.ts";
import type { Wh } from "../units/energy.ts";
import { addTime, HOUR_MS, MINUTE_MS, type UnixMs } from "../units/time.ts";
import type { Point } from "./counterGuard.ts";
import { interpolateFloor } from "./interpolate.ts";
import { neighbours, pointsOf, type Register, type RegisterSample } from "./registers.ts";

/** A line is drawn across at most this much without samples. */
export const EDGE_GAP_MAX: number = 15 * MINUTE_MS;
/** A sample this close to an edge measures it. */
const EDGE_NEAR_MAX = MINUTE_MS;

export type MeteredHour = {
  readonly start: UnixMs;
  readonly gridImport: RegisterPair;
  readonly gridExport: RegisterPair;
  /** null: the home has no inverter to read, or it could not be read at an edge. */
  readonly production: RegisterPair | null;
  /** The worse of all edges. */
  readonly quality: "measured" | "interpolated";
};

export type MeteredHourRefusal =
  /** The meter was not read around this edge: nobody can do anything now. */
  | Refusal<"edgeMissing">
  /** The samples fall within the hour: the store holds what the guard never let through. */
  | Refusal<"registerFell">;

type Edge = { readonly value: Wh; readonly quality: MeteredHour["quality"] };
type Pair = { readonly pair: RegisterPair; readonly quality: MeteredHour["quality"] };

/** The registers at `start` and one hour later. Samples: ascending in time, from a gap before to a gap after. */
export function meteredHour(
  samples: readonly RegisterSample[],
  start: UnixMs,
): Result<MeteredHour, MeteredHourRefusal> {
  const gridImport = registerPair(samples, "imported", start);
  if (!gridImport.ok) return gridImport;
  const gridExport = registerPair(samples, "exported", start);
  if (!gridExport.ok) return gridExport;
  const production = registerPair(samples, "produced", start);
  const pairs = [gridImport, gridExport, production];
  const isMeasured = pairs.every((pair) => !pair.ok || pair.value.quality === "measured");
  return accepted({
    start,
    gridImport: gridImport.value.pair,
    gridExport: gridExport.value.pair,
    production: production.ok ? production.value.pair : null,
    quality: isMeasured ? "measured" : "interpolated",
  });
}

function registerPair(
  samples: readonly RegisterSample[],
  register: Register,
  start: UnixMs,
): Result<Pair, MeteredHourRefusal> {
  const points = pointsOf(samples, register);
  const end = addTime(start, HOUR_MS);
  const first = edgeAt(points, start);
  if (first === null) return refused({ code: "edgeMissing", register, edge: "start", at: start });
  const last = edgeAt(points, end);
  if (last === null) return refused({ code: "edgeMissing", register, edge: "end", at: end });
  const pair = { start: first.value, end: last.value };
  if (pair.end < pair.start) return refused({ code: "registerFell", register, ...pair });
  const isMeasured = first.quality === "measured" && last.quality === "measured";
  return accepted({ pair, quality: isMeasured ? "measured" : "interpolated" });
}

function edgeAt(points: readonly Point[], at: UnixMs): Edge | null {
  const { before, after } = neighbours(points, at);
  if (before !== null && before.at === at) return { value: before.value, quality: "measured" };
  const isNear = (point: Point | null): point is Point =>
    point !== null && Math.abs(point.at - at) <= EDGE_NEAR_MAX;
  if (before !== null && after !== null && after.at - before.at <= EDGE_GAP_MAX) {
    const quality = isNear(before) || isNear(after) ? "measured" : "interpolated";
    return { value: interpolateFloor(before, after, at), quality };
  }
  if (isNear(before)) return { value: before.value, quality: "measured" };
  return isNear(after) ? { value: after.value, quality: "measured" } : null;
}
