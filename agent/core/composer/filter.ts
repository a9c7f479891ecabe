// LoopBack's filter, as far as Composer knew it (where, include: resolve), and what its users asked for and never
// got: limit, skip, order, fields. What Composer answered with 500 is 400 here, in the same words.

import {
  type Answer,
  type ComposerError,
  fault,
  isObject,
  isShallow,
  JSON_DEPTH_MAX,
  type Json,
  type JsonObject,
  own,
} from "./context.ts";
import { badRequest } from "./errors.ts";
import { bracketForm } from "./filterBrackets.ts";
import { type Condition, holds, parseWhere, valuesAt } from "./filterWhere.ts";
import { MODELS } from "./model.ts";
import type { TypeName } from "./names.ts";

export type Filter = {
  /** null: everything. */
  readonly where: Condition | null;
  /** include: resolve. Relationships are to be replaced, after `applyFilter`. */
  readonly isResolved: boolean;
  /** null: as many as there are. */
  readonly limit: number | null;
  readonly skip: number;
  readonly order: readonly Order[];
  readonly fields: Fields;
};

export type Order = { readonly path: readonly string[]; readonly isDescending: boolean };

/** `only` null: all but `without`. */
type Fields = { readonly only: ReadonlySet<string> | null; readonly without: ReadonlySet<string> };

/** Longer is no filter that somebody wrote. */
const FILTER_LENGTH_MAX = 16_384;
const ORDER_MAX = 8;
const FIELDS_MAX = 64;

const ALL_FIELDS: Fields = { only: null, without: new Set() };

/**
 * Reads `?filter={"where":...}` and `?filter[where][x]=y` out of a query's parameters; without one everything
 * passes. `type`: whose rows they will be, so that a comparison that cannot be is refused, and the order is by id
 * unless the filter says another.
 */
export function parseFilter(query: unknown, type: TypeName | null = null): Answer<Filter> {
  const found = filterIn(query);
  if ("statusCode" in found) return fault(found as ComposerError);
  const { filter } = found;
  const where = own(filter, "where");
  const condition = where === undefined || where === null ? null : parseWhere(where, type);
  if (condition !== null && "message" in condition) return fault(condition);
  const page = parsePage(filter);
  if ("message" in page) return fault(page);
  const order = parseOrder(own(filter, "order"));
  if ("message" in order) return fault(order);
  const fields = parseFields(own(filter, "fields"));
  if ("message" in fields) return fault(fields);
  const include = own(filter, "include");
  const isResolved =
    include === "resolve" || (Array.isArray(include) && include.includes("resolve"));
  const byId = order.length > 0 || type === null ? [] : idOrder(type);
  const value = { where: condition, isResolved, ...page, order: [...order, ...byId], fields };
  return { ok: true, value };
}

/** where, then order, then skip and limit, then fields. Rows that the order does not tell apart keep theirs. */
export function applyFilter(filter: Filter, rows: readonly JsonObject[]): Answer<JsonObject[]> {
  const { where, skip, limit, order, fields } = filter;
  const kept = where === null ? [...rows] : rows.filter((row) => holds(where, row));
  if (order.length > 0) kept.sort((a, b) => compareBy(order, a, b));
  const page = kept.slice(skip, limit === null ? undefined : skip + limit);
  return { ok: true, value: page.map((row) => pick(row, fields)) };
}

type Found = { readonly filter: { readonly [name: string]: unknown } };

function filterIn(query: unknown): Found | ComposerError {
  if (!isObject(query)) return { filter: {} };
  const text = own(query, "filter");
  if (text === undefined || text === "") {
    const built = bracketForm(query);
    return built === null
      ? badRequest("The filter has too many or too deep brackets")
      : { filter: built };
  }
  let filter: unknown = text;
  if (typeof text === "string") {
    if (text.length > FILTER_LENGTH_MAX) {
      return badRequest(`The filter has more than ${FILTER_LENGTH_MAX} characters`);
    }
    try {
      filter = JSON.parse(text);
    } catch {
      return badRequest('The filter is not JSON: write it as {"where": {...}}');
    }
  }
  if (!isObject(filter)) return badRequest(`The query filter ${printed(filter)} is not an object`);
  if (isShallow(filter)) return { filter };
  return badRequest(`The filter must not nest deeper than ${JSON_DEPTH_MAX} levels`);
}

function parsePage(filter: Found["filter"]): Pick<Filter, "limit" | "skip"> | ComposerError {
  const limit = wholeNumber(own(filter, "limit"));
  if (limit === null)
    return badRequest(`The limit parameter ${printed(own(filter, "limit"))} is not valid`);
  const from = own(filter, "skip") ?? own(filter, "offset");
  const skip = wholeNumber(from);
  if (skip === null) return badRequest(`The offset/skip parameter ${printed(from)} is not valid`);
  // LoopBack's 0 is no limit.
  return { limit: limit === 0 ? null : limit, skip };
}

/** 0 where nothing was said; null: no whole number from 0 on. */
function wholeNumber(value: unknown): number | null {
  if (value === undefined || value === null || value === "") return 0;
  const number =
    typeof value === "string" || typeof value === "number" ? Number(value) : Number.NaN;
  return Number.isSafeInteger(number) && number >= 0 ? number : null;
}

function parseOrder(order: unknown): readonly Order[] | ComposerError {
  const items = order === undefined || order === null ? [] : Array.isArray(order) ? order : [order];
  const orders: Order[] = [];
  for (const item of items) {
    if (typeof item !== "string") return badRequest(`The order ${printed(item)} is not valid`);
    for (const token of item.split(",").map((part) => part.trim())) {
      if (token === "") continue;
      const [name = "", direction = "ASC", ...rest] = token.split(/\s+/);
      const isDescending = direction.toUpperCase() === "DESC";
      if (rest.length > 0 || !(isDescending || direction.toUpperCase() === "ASC")) {
        return badRequest(`The order ${printed(token)} has invalid direction`);
      }
      if (orders.length >= ORDER_MAX)
        return badRequest(`The order names more than ${ORDER_MAX} fields`);
      orders.push({ path: name.split("."), isDescending });
    }
  }
  return orders;
}

function parseFields(fields: unknown): Fields | ComposerError {
  if (fields === undefined || fields === null || fields === "") return ALL_FIELDS;
  const names = typeof fields === "string" ? fields.split(",").map((name) => name.trim()) : fields;
  if (Array.isArray(names)) {
    const isNames = names.length <= FIELDS_MAX && names.every((name) => typeof name === "string");
    if (!isNames) return badRequest('The fields must be names, as in ["balance"]');
    return names.length === 0 ? ALL_FIELDS : { only: new Set(names), without: new Set() };
  }
  if (!isObject(names) || Object.keys(names).length > FIELDS_MAX) {
    return badRequest('The fields must be names, as in {"balance": true}');
  }
  const entries = Object.entries(names);
  const isOn = ([, on]: readonly [string, unknown]) =>
    on === true || on === "true" || on === "1" || on === 1;
  const only = entries.filter(isOn).map(([name]) => name);
  const without = entries.filter((entry) => !isOn(entry)).map(([name]) => name);
  return { only: only.length > 0 ? new Set(only) : null, without: new Set(without) };
}

/**
 * Composer's stores were keyed by id. Ids of transactions say nothing, and those of listings sort by the day of the
 * month: the rows come in the order of time, and keep it.
 */
function idOrder(type: TypeName): readonly Order[] {
  const { idField } = MODELS[type];
  return type === "Member" || type === "PV" ? [{ path: [idField], isDescending: false }] : [];
}

function compareBy(order: readonly Order[], a: JsonObject, b: JsonObject): number {
  for (const { path, isDescending } of order) {
    const [left] = valuesAt(a, path);
    const [right] = valuesAt(b, path);
    // Whoever has no such field comes last, either way.
    if (left === undefined || right === undefined) {
      if (left === right) continue;
      return left === undefined ? 1 : -1;
    }
    const compared = compareValues(left, right);
    if (compared !== 0) return isDescending ? -compared : compared;
  }
  return 0;
}

function compareValues(a: Json, b: Json): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  const [left, right] = [`${typeof a} ${String(a)}`, `${typeof b} ${String(b)}`];
  return left === right ? 0 : left < right ? -1 : 1;
}

function pick(row: JsonObject, { only, without }: Fields): JsonObject {
  if (only === null && without.size === 0) return row;
  const isWanted = (name: string) => (only === null || only.has(name)) && !without.has(name);
  return Object.fromEntries(Object.entries(row).filter(([name]) => isWanted(name)));
}

function printed(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 64 ? `${text.slice(0, 63)}…` : text;
}
