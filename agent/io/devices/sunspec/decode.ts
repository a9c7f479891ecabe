// A model's registers, from its id on, as values by name. A point and its scale factor always come from the same read.

import type { Wh } from "../../../core/units/energy.ts";
import { countedWh } from "../plausible.ts";
import { modelPoints, type Point } from "./models.ts";
import { decodePoint, type RawValue, scaleValue, scaleWhole, unsigned32 } from "./points.ts";

export type Decoded = {
  readonly raw: RawValue;
  /** In the point's unit; null where raw is null or text, or its scale factor is not implemented. */
  readonly scaled: number | null;
};

export type DecodedModel = ReadonlyMap<string, Decoded>;

/** Kostal counts downwards from 2^32 in some meters and inverters. */
const SIGNED_MAX = 0x7fff_ffff;
const ACC32_RANGE = 0x1_0000_0000;
const ACC32_NONE = 0xffff_ffff;

/**
 * Every point of the model that lies within `registers` and within the model's own length L.
 * `registers`: from the model's id on. Empty for a model that is not in models.ts.
 */
export function decodeModel(modelId: number, registers: readonly number[]): DecodedModel {
  const end = Math.min(registers.length, 2 + (registers[1] ?? 0));
  const points = (modelPoints(modelId) ?? []).filter((each) => each.offset + each.length <= end);
  const raws = new Map(points.map((point) => [point.name, decodePoint(point.type, own(point))]));
  return new Map(
    points.map((point) => {
      const raw = raws.get(point.name) ?? null;
      return [point.name, { raw, scaled: scaleValue(raw, scaleOf(point, raws)) }];
    }),
  );

  function own(point: Point): readonly number[] {
    return registers.slice(point.offset, point.offset + point.length);
  }
}

/**
 * A lifetime counter in whole Wh, the floor of what the device counted, exactly.
 * null: not implemented, its scale factor is not, or not a possible count. An accumulator of 0 is
 * a count of 0 if its scale factor is implemented: the export of a home without PV stays there.
 * `isNegative`: the vendor counts acc32 downwards from 2^32.
 */
export function countedEnergy(
  modelId: number,
  registers: readonly number[],
  options: { readonly name: string; readonly isNegative: boolean },
): Wh | null {
  const point = modelPoints(modelId)?.find((each) => each.name === options.name);
  if (point === undefined || point.offset + point.length > registers.length) return null;
  const own = registers.slice(point.offset, point.offset + point.length);
  const raw = decodePoint(point.type, own);
  if (point.type === "float32") return typeof raw === "number" ? countedWh(raw) : null;
  const count = point.type === "acc32" ? accumulated(own, options.isNegative) : raw;
  const scale = decodeModel(modelId, registers).get(point.scale ?? "")?.raw ?? null;
  if (count === null || typeof count === "string" || typeof scale !== "number") return null;
  const whole = scaleWhole(BigInt(count), scale);
  return whole === null ? null : countedWh(Number(whole));
}

function accumulated(registers: readonly number[], isNegative: boolean): number | null {
  const raw = unsigned32(registers);
  if (isNegative) return raw > SIGNED_MAX ? ACC32_RANGE - raw : raw;
  // Not in the specification, but no meter stops exactly there.
  return raw === ACC32_NONE ? null : raw;
}

/** 0 for a point without a scale factor; null for one whose scale factor is not implemented. */
function scaleOf(point: Point, raws: ReadonlyMap<string, RawValue>): number | null {
  if (point.scale === null) return 0;
  const scale = raws.get(point.scale);
  return typeof scale === "number" ? scale : null;
}
