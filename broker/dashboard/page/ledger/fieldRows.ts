// What an entry says, field by field, by the ledger's own names, with figures as people write them.

import type { Translate } from "../text/translate.ts";
import { type Child, h } from "../ui/dom.ts";
import type { Page } from "../ui/page.ts";
import { shortId } from "../ui/pieces.ts";
import { isTransactionId, transactionLink } from "../views/ledgerPlace.ts";
import type { Plain, PlainFields } from "./layout.ts";

/** Of a list; the bytes have all of it. */
const ITEMS_SHOWN = 20;

export type Row = readonly [Child, Child];

export function fieldRows(page: Page, fields: PlainFields, before = ""): readonly Row[] {
  return Object.entries(fields).flatMap(([name, value]): readonly Row[] => {
    const path = before === "" ? name : `${before}.${name}`;
    if (Array.isArray(value)) return listRows(page, value, path);
    if (isFields(value)) return fieldRows(page, value, path);
    return [[h("code", {}, path), shown(page, name, value)]];
  });
}

function listRows(page: Page, items: readonly Plain[], path: string): readonly Row[] {
  const rows = items.slice(0, ITEMS_SHOWN).flatMap((item, i): readonly Row[] => {
    const at = `${path}[${i}]`;
    return isFields(item)
      ? fieldRows(page, item, at)
      : [[h("code", {}, at), shown(page, path, item)]];
  });
  const count: Row = [h("code", {}, `${path}.length`), String(items.length)];
  return items.length > 0 && items.length <= ITEMS_SHOWN ? rows : [count, ...rows];
}

function isFields(value: Plain): value is PlainFields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** null: it is nothing that has a unit. */
function withUnit({ t, format }: Page, name: string, n: number): string | null {
  switch (name) {
    case "energy":
    case "start":
    case "end":
      return format.kWh(n / 1000);
    case "reservePrice":
    case "bidPrice":
      return `${format.number(n / 1000, 3)} ${t("tokensPerKwh")}`;
    case "balance":
    case "amount":
      return tokens(t, format.number(n / 1e6, 6));
    case "capacity":
      return format.power(n);
    case "from":
    case "to":
    case "time":
      return `${format.day(n)}, ${format.clockSeconds(n)}`;
    case "after":
      return `${n} ms`;
    default:
      return null;
  }
}

function tokens(t: Translate, n: string): string {
  return `${n} ${t("tokens")}`;
}

function shown(page: Page, name: string, value: Plain): Child {
  if (value === null) return "–";
  const n =
    typeof value === "number" ? value : /^-?\d+$/.test(String(value)) ? Number(value) : null;
  const unit = n === null ? null : withUnit(page, name, n);
  if (unit !== null) return unit;
  const text = String(value);
  if (name === "previous" && isTransactionId(text)) return transactionLink(text);
  return text.length > 40 && /^[0-9a-f]+$/.test(text) ? shortId(text) : h("code", {}, text);
}
