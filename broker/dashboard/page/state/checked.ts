// What a home may say of itself, field by field. A home whose payload has a field of another type says nothing by it:
// what it said before stays, and nobody else's figures are touched. Fields that this page does not know of pass.

import {
  isNumber,
  isObject,
  type JsonObject,
  LIST_MAX,
  listIn,
  plainText,
  textIn,
  timeIn,
} from "./json.ts";

/** With `?`: may be missing or null, and is null then; a number that is missing is no number. */
type Kind = "text" | "text?" | "number" | "number?" | "figure?" | "flag?" | "texts" | "time";
export type Shape = { readonly [field: string]: Kind };

/** What is cut off is not shown, but costs no reader anything. */
const FIELDS_MAX = 64;
const DEPTH_MAX = 4;

/** null: not of the shape. */
export function checked(value: JsonObject, shape: Shape): JsonObject | null {
  const plain = plainOf(value, 0) as JsonObject;
  const read: { [field: string]: unknown } = { ...plain };
  for (const [field, kind] of Object.entries(shape)) {
    const found = fieldOf(plain, field, kind);
    if (found === undefined) return null;
    read[field] = found;
  }
  return read;
}

/** undefined: of another type. */
function fieldOf(value: JsonObject, field: string, kind: Kind): unknown {
  const found = value[field] ?? null;
  if (found === null && kind.endsWith("?")) return kind === "figure?" ? Number.NaN : null;
  switch (kind) {
    case "text":
    case "text?":
      return textIn(value, field) ?? undefined;
    case "number":
    case "number?":
    case "figure?":
      return isNumber(found) ? found : undefined;
    case "flag?":
      return typeof found === "boolean" ? found : undefined;
    case "texts":
      return Array.isArray(found) && found.every((one) => typeof one === "string")
        ? found
        : undefined;
    case "time":
      return timeIn(value, field) === null ? undefined : found;
  }
}

/** Without anything that could not be shown: texts cut, numbers that are figures, lists and depth bounded. */
function plainOf(value: unknown, depth: number): unknown {
  if (typeof value === "string") return plainText(value);
  if (typeof value === "number") return isNumber(value) ? value : "";
  if (Array.isArray(value)) {
    return depth >= DEPTH_MAX ? [] : value.slice(0, LIST_MAX).map((one) => plainOf(one, depth + 1));
  }
  if (!isObject(value)) return value;
  if (depth >= DEPTH_MAX) return {};
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, FIELDS_MAX)
      .map(([field, one]) => [field, plainOf(one, depth + 1)]),
  );
}

export const BALANCE: Shape = { balance: "number", reserved: "number?" };
export const FORECAST: Shape = { production_kwh: "number?", consumption_kwh: "number?" };
export const OFFER: Shape = {
  ...{ action: "text", energy_kwh: "number", price: "number?", reason: "text" },
};
export const HOUR: Shape = {
  ...{ sold_kwh: "number", bought_kwh: "number" },
  ...{ metered_import_kwh: "number?", metered_export_kwh: "number?" },
};
export const HEALTH: Shape = {
  ...{ memberId: "text", version: "text?", uptime_s: "figure?", rss_mb: "figure?" },
  ...{ clock_synchronised: "flag?", caught_up: "flag?", quarantined: "text?", halted: "text?" },
};
export const LEDGER: Shape = {
  ...{ height: "number", blockId: "text?", stateRoot: "text", time: "text?" },
  ...{ peers: "texts", validators: "texts" },
};
export const DEVICE_ERROR: Shape = { code: "text", text: "text" };
const DEVICE: Shape = { at: "time", source: "text", power_w: "number?" };
const INVERTER: Shape = { ...DEVICE, energy_total_kwh: "number?" };
const METER: Shape = { ...DEVICE, import_total_kwh: "number?", export_total_kwh: "number?" };
const RUNNING: readonly unknown[] = ["producing", "asleep", "starting", "fault", "unknown"];

/** null: neither an inverter nor a meter of ours. */
export function checkedDevice(value: JsonObject): JsonObject | null {
  if (value["kind"] === "meter") return checked(value, METER);
  if (value["kind"] !== "inverter" || !RUNNING.includes(value["state"])) return null;
  return checked(value, INVERTER);
}

/** Evidence is a list of rows of three texts. */
export function checkedLedger(value: JsonObject): JsonObject | null {
  const ledger = checked(value, LEDGER);
  if (ledger === null) return null;
  const evidence = (listIn(ledger, "evidence") ?? []).filter((row) =>
    ["kind", "offender", "subject"].every((field) => textIn(row, field) !== null),
  );
  return { ...ledger, evidence };
}
