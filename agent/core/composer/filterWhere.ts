// The where of a filter: read once, with a bound on everything, then asked for each row.

import { parseIso } from "../units/iso.ts";
import { type ComposerError, isObject, type Json, type JsonObject } from "./context.ts";
import { badRequest } from "./errors.ts";
import { fieldOf } from "./model.ts";
import type { TypeName } from "./names.ts";

const OPERATORS = ["neq", "gt", "gte", "lt", "lte", "between", "inq", "nin"] as const;
type Operator = (typeof OPERATORS)[number] | "eq";

export type Condition =
  | { readonly is: "all" | "any"; readonly of: readonly Condition[] }
  | {
      readonly is: "comparison";
      readonly path: readonly string[];
      readonly operator: Operator;
      /** One; two for between; any number for inq and nin. */
      readonly values: readonly Scalar[];
    };

type Scalar = string | number | boolean | null;

/** Of one filter: each is asked of each row. */
const CONDITIONS_MAX = 64;
const DEPTH_MAX = 8;
const VALUES_MAX = 256;
const PATH_MAX = 8;

type Reading = { readonly type: TypeName | null; left: number };

/** The condition, or what is wrong with it, for a 400. */
export function parseWhere(where: unknown, type: TypeName | null): Condition | ComposerError {
  return parseAll(where, { type, left: CONDITIONS_MAX }, DEPTH_MAX);
}

function parseAll(where: unknown, reading: Reading, depth: number): Condition | ComposerError {
  if (!isObject(where)) return badRequest(`The where clause ${printed(where)} is not an object`);
  if (depth <= 0)
    return badRequest(`The where clause must not nest deeper than ${DEPTH_MAX} levels`);
  const of: Condition[] = [];
  for (const [name, value] of Object.entries(where)) {
    const parsed =
      name === "and" || name === "or"
        ? parseList(name, value, reading, depth)
        : parseComparisons(name, value, reading);
    if ("message" in parsed) return parsed;
    of.push(parsed);
  }
  if (of.length === 0)
    return badRequest("The where clause is empty: name a field, or leave it out");
  return { is: "all", of };
}

function parseList(
  name: "and" | "or",
  value: unknown,
  reading: Reading,
  depth: number,
): Condition | ComposerError {
  if (!Array.isArray(value) || value.length === 0) {
    return badRequest(`The ${name} operator takes a list of conditions`);
  }
  const of: Condition[] = [];
  for (const item of value) {
    const parsed = parseAll(item, reading, depth - 1);
    if ("message" in parsed) return parsed;
    of.push(parsed);
  }
  return { is: name === "and" ? "all" : "any", of };
}

function parseComparisons(
  name: string,
  value: unknown,
  reading: Reading,
): Condition | ComposerError {
  const path = name.split(".");
  if (path.length > PATH_MAX) return badRequest(`The property ${printed(name)} is too deep`);
  const pairs = isObject(value) ? Object.entries(value) : [["eq", value] as const];
  if (pairs.length === 0) return badRequest(`Property ${name} cannot be compared with {}`);
  const of: Condition[] = [];
  for (const [operator, wanted] of pairs) {
    reading.left -= 1;
    if (reading.left < 0)
      return badRequest(`The where clause has more than ${CONDITIONS_MAX} conditions`);
    const known = operator === "eq" ? "eq" : OPERATORS.find((one) => one === operator);
    if (known === undefined) {
      return badRequest(
        `The key ${operator} operator is not supported by the Composer filter where`,
      );
    }
    const values = valuesOf(known, wanted);
    if (values === null || !values.every((one) => isComparable(reading.type, name, one))) {
      return badRequest(`Property ${name} cannot be compared with ${printed(wanted)}`);
    }
    of.push({ is: "comparison", path, operator: known, values });
  }
  return { is: "all", of };
}

function valuesOf(operator: Operator, wanted: unknown): readonly Scalar[] | null {
  const isList = operator === "between" || operator === "inq" || operator === "nin";
  const values: readonly unknown[] = isList && Array.isArray(wanted) ? wanted : [wanted];
  if (isList !== Array.isArray(wanted) || !values.every(isScalar)) return null;
  if (operator === "between" && values.length !== 2) return null;
  return values.length <= VALUES_MAX ? values : null;
}

function isScalar(value: unknown): value is Scalar {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

/** What is declared as a number is compared with numbers, or texts that are some. */
function isComparable(type: TypeName | null, name: string, value: Scalar): boolean {
  const field = type === null ? undefined : fieldOf(type, name);
  if (field === undefined || value === null) return true;
  if (field.kind === "decimal") return numberOf(value) !== null;
  return field.kind !== "list";
}

/** Whether `condition` holds for `row`. A list holds if one of its items does. */
export function holds(condition: Condition, row: JsonObject): boolean {
  if (condition.is !== "comparison") {
    const { is, of } = condition;
    return is === "all" ? of.every((one) => holds(one, row)) : of.some((one) => holds(one, row));
  }
  const { path, operator, values } = condition;
  const found = valuesAt(row, path);
  if (operator === "neq")
    return !found.some((value) => equals(value, values[0] ?? null)) && !isAbsentNull(found, values);
  if (operator === "nin") return !found.some((value) => values.some((one) => equals(value, one)));
  if (operator === "eq" && values[0] === null) return isAbsentNull(found, values);
  return found.some((value) => compares(value, operator, values));
}

/** No value, and null is asked for. */
function isAbsentNull(found: readonly Json[], [value]: readonly Scalar[]): boolean {
  return value === null && found.every((one) => one === null);
}

function compares(value: Json, operator: Operator, values: readonly Scalar[]): boolean {
  const [first = null, second = null] = values;
  const compared = compare(value, first);
  switch (operator) {
    case "gt":
      return compared !== null && compared > 0;
    case "gte":
      return compared !== null && compared >= 0;
    case "lt":
      return compared !== null && compared < 0;
    case "lte":
      return compared !== null && compared <= 0;
    case "between": {
      const above = compare(value, second);
      return compared !== null && above !== null && compared >= 0 && above <= 0;
    }
    default:
      return values.some((one) => equals(value, one));
  }
}

/** Negative: `value` is less than `wanted`; null: they cannot be compared. */
function compare(value: Json, wanted: Scalar): number | null {
  if (wanted === null) return null;
  if (typeof value === "number") {
    const number = numberOf(wanted);
    return number === null ? null : value - number;
  }
  if (typeof value !== "string") return null;
  const text = String(wanted);
  const [at, when] = [parseIso(value), parseIso(text)];
  if (at !== null && when !== null) return at - when;
  return value === text ? 0 : value < text ? -1 : 1;
}

/** A relationship equals its text with or without `resource:`, and its bare id. */
function equals(value: Json, wanted: Scalar): boolean {
  if (value === null || wanted === null) return value === wanted;
  if (typeof value === "boolean") return String(value) === String(wanted);
  if (compare(value, wanted) === 0) return true;
  if (typeof value !== "string" || !value.startsWith("resource:")) return false;
  const text = String(wanted);
  return value === `resource:${text}` || value.slice(value.indexOf("#") + 1) === text;
}

/** null: no number. */
function numberOf(value: Scalar): number | null {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || value.trim() === "") return null;
  const number = Number(value);
  return Number.isNaN(number) ? null : number;
}

/** What stands at `path`: nothing, one value, or one for each item of the lists on the way. */
export function valuesAt(row: Json, [first, ...rest]: readonly string[]): readonly Json[] {
  if (Array.isArray(row)) {
    return row.flatMap((item) => valuesAt(item, first === undefined ? [] : [first, ...rest]));
  }
  if (first === undefined) return [row];
  if (!isObject(row) || !Object.hasOwn(row, first)) return [];
  return valuesAt((row as JsonObject)[first] ?? null, rest);
}

function printed(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 64 ? `${text.slice(0, 63)}…` : text;
}
