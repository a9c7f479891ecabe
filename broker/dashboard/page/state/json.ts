// Reading JSON that somebody else wrote: what is not as it should be is not there.

export type JsonObject = { readonly [field: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textIn(object: JsonObject, field: string): string | null {
  const value = object[field];
  return typeof value === "string" ? value : null;
}

export function numberIn(object: JsonObject, field: string): number | null {
  const value = object[field];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** Unix ms */
export function timeIn(object: JsonObject, field: string): number | null {
  const at = Date.parse(textIn(object, field) ?? "");
  return Number.isNaN(at) ? null : at;
}

export function listIn(object: JsonObject, field: string): readonly JsonObject[] | null {
  const value = object[field];
  return Array.isArray(value) ? value.filter(isObject) : null;
}

/** What follows the #: resource:org.acme.pv.auction.Member#seller1@vt.edu; a bare id is itself. */
export function idIn(object: JsonObject, field: string): string | null {
  const text = textIn(object, field);
  if (text === null) return null;
  const id = text.slice(text.indexOf("#") + 1);
  try {
    return decodeURIComponent(id);
  } catch {
    // A lone % in an id that nobody encoded.
    return id;
  }
}
