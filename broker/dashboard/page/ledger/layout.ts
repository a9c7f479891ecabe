// What stands where in the ledger's bytes, and how it is told as JSON: the same form as REST tells it in.
//
//   integer   a number             wide     a 64-bit one, as decimal text
//   bytes     hex                  choice   one of these texts, written as its place
//   fields    an array of these, in this order
//   variants  an array of a number and that variant's fields

import { hexOf } from "./bytes.ts";
import { type Item, Unreadable } from "./cbor.ts";

export type Plain =
  | string
  | number
  | boolean
  | null
  | readonly Plain[]
  | { readonly [name: string]: Plain };

export type PlainFields = { readonly [name: string]: Plain };

export type Layout =
  | "integer"
  | "wide"
  | "bytes"
  | "text"
  | "boolean"
  | { readonly choice: readonly string[] }
  | { readonly maybe: Layout }
  | { readonly list: Layout }
  | Fields
  | { readonly variants: Variants };

export type Fields = { readonly fields: { readonly [name: string]: Layout } };
/** By its number. */
export type Variants = readonly (readonly [name: string, layout: Fields])[];

/** Throws Unreadable where the bytes are of another form. */
export function plain(layout: Layout, item: Item): Plain {
  if (typeof layout === "string") return simple(layout, item);
  if ("choice" in layout) {
    const found = layout.choice[numberIn(item)];
    if (found === undefined) throw new Unreadable("no such choice", item.at);
    return found;
  }
  if ("maybe" in layout) return item.kind === "null" ? null : plain(layout.maybe, item);
  if ("list" in layout) return itemsIn(item).map((one) => plain(layout.list, one));
  if ("fields" in layout) return fieldsOf(layout, item);
  const { name, fields, body } = variantOf(layout.variants, item);
  return { type: name, ...fieldsOf(fields, body) };
}

export function fieldsOf({ fields }: Fields, item: Item): PlainFields {
  const entries = Object.entries(fields);
  const items = itemsIn(item, entries.length);
  return Object.fromEntries(
    entries.map(([name, layout], i) => [name, plain(layout, items[i] as Item)]),
  );
}

export function variantOf(variants: Variants, item: Item) {
  const [tag, body] = itemsIn(item, 2);
  const found = variants[numberIn(tag as Item)];
  if (found === undefined) throw new Unreadable("of a type that is not known", item.at);
  const [name, fields] = found;
  return { name, fields, body: body as Item };
}

/** `count`: so many, and no others. */
export function itemsIn(item: Item, count?: number): readonly Item[] {
  if (item.kind !== "list") throw new Unreadable("not a list", item.at);
  if (count !== undefined && item.items.length !== count) {
    throw new Unreadable(`a list of ${item.items.length}, not of ${count}`, item.at);
  }
  return item.items;
}

export function numberIn(item: Item): number {
  if (item.kind !== "integer") throw new Unreadable("not a number", item.at);
  const value = Number(item.value);
  if (!Number.isSafeInteger(value)) throw new Unreadable("a number out of range", item.at);
  return value;
}

export function bytesIn(item: Item): Uint8Array {
  if (item.kind !== "bytes") throw new Unreadable("not bytes", item.at);
  return item.value;
}

function simple(layout: "integer" | "wide" | "bytes" | "text" | "boolean", item: Item): Plain {
  switch (layout) {
    case "integer":
      return numberIn(item);
    case "wide":
      if (item.kind !== "integer") throw new Unreadable("not a number", item.at);
      return item.value.toString();
    case "bytes":
      return hexOf(bytesIn(item));
    case "text":
    case "boolean":
      if (item.kind !== layout) throw new Unreadable(`not a ${layout}`, item.at);
      return item.value;
  }
}

/** Whether two tell the same, whatever the order of the names. */
export function tellsSame(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const [left, right] = [Object.entries(a), b as { readonly [name: string]: unknown }];
  return (
    Array.isArray(a) === Array.isArray(b) &&
    left.length === Object.keys(b).length &&
    left.every(([name, value]) => Object.hasOwn(b, name) && tellsSame(value, right[name]))
  );
}
