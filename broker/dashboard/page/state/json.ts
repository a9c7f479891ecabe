// Reading JSON that somebody else wrote: what is not as it should be is not there.

export type JsonObject = { readonly [field: string]: unknown };

/** Of a text, characters: longer ones are cut. Ids of ours have 64. */
export const TEXT_MAX = 300;
/** Of a number in what a home says, either side of 0: beyond is no energy, money or height. */
export const NUMBER_MAX = 1e12;
/** Entries of a list. */
export const LIST_MAX = 2000;
/** Unix ms, 1 January 2200: charts of what comes later have no end. */
const TIME_MAX = 7_258_118_400_000;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textIn(object: JsonObject, field: string): string | null {
  const value = object[field];
  return typeof value === "string" ? plainText(value) : null;
}

export function numberIn(object: JsonObject, field: string): number | null {
  const value = object[field];
  return isNumber(value) ? value : null;
}

export function isNumber(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= NUMBER_MAX;
}

/** Unix ms */
export function timeIn(object: JsonObject, field: string): number | null {
  const at = Date.parse(textIn(object, field) ?? "");
  return at >= 0 && at < TIME_MAX ? at : null;
}

export function listIn(object: JsonObject, field: string): readonly JsonObject[] | null {
  const value = object[field];
  return Array.isArray(value) ? value.slice(0, LIST_MAX).filter(isObject) : null;
}

/** What follows the #: resource:org.acme.pv.auction.Member#seller1@vt.edu; a bare id is itself. */
export function idIn(object: JsonObject, field: string): string | null {
  const text = textIn(object, field);
  if (text === null) return null;
  const id = text.slice(text.indexOf("#") + 1);
  try {
    return plainText(decodeURIComponent(id));
  } catch {
    // A lone % in an id that nobody encoded.
    return id;
  }
}

/** Control characters, and those that turn the writing of what comes after them. */
const UNSEEN = /\p{Cc}|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
/** More marks on one letter than any language has reach into the lines above and below. */
const PILED = /(\p{M}{4})\p{M}+/gu;

/** As it can be shown in a line among others, whoever wrote it. */
export function plainText(text: string): string {
  const cut = text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text;
  return cut.replace(UNSEEN, " ").replace(PILED, "$1");
}
