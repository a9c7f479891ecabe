// A measured value: {Value, Unit} for one device, {Values: {"1": n}, Unit} for all. Missing and null stay null.

import { z } from "zod";
import { accepted, type Result, refused } from "../../../core/result.ts";
import { shiftDecimal } from "../plausible.ts";
import { type Fields, firstIssue } from "./wire.ts";

export type Dimension = "power" | "energy" | "any";

export type QuantityRefusal = { readonly code: "badQuantity"; readonly detail: string };

/**
 * Powers of ten to the base unit. Exact spellings: case tells a milliwatt from a megawatt. The Solar
 * API says that values are unscaled, so a missing unit is the base unit; an unknown one is not.
 */
const EXPONENTS: { readonly [D in Dimension]: ReadonlyMap<string, number> } = {
  power: new Map([
    ["", 0],
    ["W", 0],
    ["w", 0],
    ["kW", 3],
    ["KW", 3],
    ["kw", 3],
    ["MW", 6],
  ]),
  energy: new Map([
    ["", 0],
    ["Wh", 0],
    ["WH", 0],
    ["wh", 0],
    ["kWh", 3],
    ["KWh", 3],
    ["KWH", 3],
    ["kwh", 3],
    ["MWh", 6],
    ["MWH", 6],
    ["GWh", 9],
  ]),
  any: new Map(),
};

const number = z.number().nullish();
const quantity = z
  .looseObject({
    Unit: z.string().nullish(),
    Value: number,
    Values: z.record(z.string(), number).nullish(),
  })
  .nullish();

/**
 * The value at `key` in the base unit of its dimension (W, Wh; "any": as it is); null if the key is
 * absent or its value null. System answers are read at `deviceId`.
 * Refused: a value that is no number, a unit that is none of the dimension's.
 */
export function readQuantity(
  data: Fields,
  key: string,
  options: { readonly dimension: Dimension; readonly deviceId: number },
): Result<number | null, QuantityRefusal> {
  const parsed = quantity.safeParse(data[key]);
  if (!parsed.success) return bad(`${key}.${firstIssue(parsed.error)}`);
  const { Unit, Value, Values } = parsed.data ?? {};
  const value = Value ?? Values?.[String(options.deviceId)] ?? null;
  if (value === null || options.dimension === "any") return accepted(value);
  const exponent = EXPONENTS[options.dimension].get((Unit ?? "").trim());
  if (exponent === undefined) return bad(`${key}.Unit: ${String(Unit).slice(0, 20)}`);
  return accepted(shiftDecimal(value, exponent));
}

/** The device numbers of a System answer; null if `data` is one device's. */
export function systemDevices(data: Fields, key: string): readonly string[] | null {
  const values = quantity.safeParse(data[key]).data?.Values;
  return values === undefined || values === null ? null : Object.keys(values);
}

function bad(detail: string): { readonly ok: false; readonly refusal: QuantityRefusal } {
  return refused({ code: "badQuantity", detail });
}
