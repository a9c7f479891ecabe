// The where of a filter: read once, with a bound on everything, then asked for each row.

import { parseIso } from "../units/iso.ts";
import type { UnixMs } from "../units/time.ts";
import { type ComposerError, isObject, type Json, type JsonObject } from "./context.ts";
import { badRequest } from "./errors.ts";
import { type Field, fieldOf } from "./model.ts";
import type { TypeName } from "./names.ts";
import { withoutBlanks } from "./quirks.ts";

const OPERATORS = ["neq", "gt", "gte", "lt", "lte", "between", "inq", "nin"] as const;
type Operator = (typeof OPERATORS)[number] | "eq";

export type Condition =
  | { readonly is: "all" | "any"; readonly of: readonly Condition[] }
  | {
      readonly is: "comparison";
      readonly path: readonly string[];
      readonly operator: Operator;
      /** One; two for between; any number for inq and nin. */
      readonly values: readonly Wanted[];
    };

type Scalar = string | number | boolean | null;

/** A value to compare with, and the time that it is if it is one: read once, not for each row. */
type Wanted = { readonly value: Scalar; readonly at: UnixMs | null };

/** A value of a row, likewise; its time is only read where it is compared with one. */
type Found = { readonly value: Json; readonly at: UnixMs | null };

/** Of one filter: each is asked of each row. */
const CONDITIONS_MAX = 32;
const VALUES_MAX = 128;
const PATH_MAX = 8;

type Reading = { readonly type: TypeName | null; left: number; valuesLeft: number };

/** The condition, or what is wrong with it, for a 400. Whoever calls has bounded how deep it nests. */
export function parseWhere(where: unknown, type: TypeName | null): Condition | ComposerError {
  return parseAll(where, { type, left: CONDITIONS_MAX, valuesLeft: VALUES_MAX });
}

function parseAll(where: unknown, reading: Reading): Condition | ComposerError {
  if (!isObject(where)) return badRequest(`The where clause ${printed(where)} is not an object`);
  const of: Condition[] = [];
  for (const [name, value] of Object.entries(where)) {
    const parsed =
      name === "and" || name === "or"
        ? parseList(name, value, reading)
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
): Condition | ComposerError {
  if (!Array.isArray(value) || value.length === 0) {
    return badRequest(`The ${name} operator takes a list of conditions`);
  }
  const of: Condition[] = [];
  for (const item of value) {
    const parsed = parseAll(item, reading);
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
    const field = fieldAt(reading.type, path);
    if (values === null || !values.every((one) => isComparable(field, one))) {
      return badRequest(`Property ${name} cannot be compared with ${printed(wanted)}`);
    }
    reading.valuesLeft -= values.length;
    if (reading.valuesLeft < 0) {
      return badRequest(`The where clause has more than ${VALUES_MAX} values`);
    }
    of.push({
      is: "comparison",
      path,
      operator: known,
      values: values.map((one) => wantedOf(field, one)),
    });
  }
  return { is: "all", of };
}

function valuesOf(operator: Operator, wanted: unknown): readonly Scalar[] | null {
  const isList = operator === "between" || operator === "inq" || operator === "nin";
  const values: readonly unknown[] = isList && Array.isArray(wanted) ? wanted : [wanted];
  if (isList !== Array.isArray(wanted) || !values.every(isScalar)) return null;
  if (operator === "between" && values.length !== 2) return null;
  return values;
}

/** A time may be a number, as in a body; an id is read as in one. */
function wantedOf(field: Field | undefined, value: Scalar): Wanted {
  if (typeof value !== "string") {
    const isTime = field?.kind === "date" && typeof value === "number";
    return { value, at: isTime ? (value as UnixMs) : null };
  }
  const isId = field !== undefined && ["id", "given", "relationship"].includes(field.kind);
  return isId ? { value: withoutBlanks(value), at: null } : { value, at: parseIso(value) };
}

/** What is declared at `path`, also within the items of a list. */
function fieldAt(type: TypeName | null, [name, ...rest]: readonly string[]): Field | undefined {
  const field = type === null || name === undefined ? undefined : fieldOf(type, name);
  if (rest.length === 0) return field;
  return field?.kind === "list" ? fieldAt(field.of, rest) : undefined;
}

function isScalar(value: unknown): value is Scalar {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

/** What is declared as a number is compared with numbers, or texts that are some; a time with times. */
function isComparable(field: Field | undefined, value: Scalar): boolean {
  if (field === undefined || value === null) return true;
  if (field.kind === "decimal") return numberOf(value) !== null;
  if (field.kind === "date")
    return typeof value === "string" ? parseIso(value) !== null : typeof value === "number";
  return field.kind !== "list";
}

/** Whether `condition` holds for `row`. A list holds if one of its items does. */
export function holds(condition: Condition, row: JsonObject): boolean {
  if (condition.is !== "comparison") {
    const { is, of } = condition;
    return is === "all" ? of.every((one) => holds(one, row)) : of.some((one) => holds(one, row));
  }
  const { path, operator, values } = condition;
  const isOfTime = values.some(({ at }) => at !== null);
  const found = valuesAt(row, path).map((value) => foundOf(value, isOfTime));
  // What is not there is null.
  const present = found.length === 0 ? [foundOf(null, false)] : found;
  const isOneOf = () => present.some((one) => values.some((wanted) => equals(one, wanted)));
  if (operator === "eq" || operator === "inq") return isOneOf();
  if (operator === "neq" || operator === "nin") return !isOneOf();
  return present.some((one) => compares(one, operator, values));
}

function foundOf(value: Json, isOfTime: boolean): Found {
  return { value, at: isOfTime && typeof value === "string" ? parseIso(value) : null };
}

type Bound = Exclude<Operator, "eq" | "neq" | "inq" | "nin">;

function compares(found: Found, operator: Bound, [first, second]: readonly Wanted[]): boolean {
  const compared = first === undefined ? null : compare(found, first);
  if (compared === null) return false;
  switch (operator) {
    case "gt":
      return compared > 0;
    case "gte":
      return compared >= 0;
    case "lt":
      return compared < 0;
    case "lte":
      return compared <= 0;
    case "between": {
      const above = second === undefined ? null : compare(found, second);
      return above !== null && compared >= 0 && above <= 0;
    }
  }
}

/** Negative: what was found is less than `wanted`; null: they cannot be compared. */
function compare({ value, at }: Found, { value: wanted, at: when }: Wanted): number | null {
  if (wanted === null) return null;
  if (typeof value === "number") {
    const number = numberOf(wanted);
    return number === null ? null : value - number;
  }
  if (typeof value !== "string") return null;
  if (at !== null && when !== null) return at - when;
  const text = String(wanted);
  return value === text ? 0 : value < text ? -1 : 1;
}

/** A relationship equals its text with or without `resource:`, and its bare id. */
function equals(found: Found, wanted: Wanted): boolean {
  const { value } = found;
  if (value === null || wanted.value === null) return value === wanted.value;
  if (typeof value === "boolean") return String(value) === String(wanted.value);
  if (compare(found, wanted) === 0) return true;
  if (typeof value !== "string" || !value.startsWith("resource:")) return false;
  const text = String(wanted.value);
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
