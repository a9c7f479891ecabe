// Where one is in the ledger, as the address has it: #/ledger/blocks, #/ledger/block/12, #/ledger/transaction/4c50...

import { type Child, h } from "../ui/dom.ts";
import { shortId } from "../ui/pieces.ts";

export const TABS = ["members", "pvs", "listings", "historian", "blocks"] as const;
export type Tab = (typeof TABS)[number];

export type LedgerPlace =
  | { readonly kind: "tab"; readonly tab: Tab }
  | { readonly kind: "block"; readonly height: number }
  | { readonly kind: "transaction"; readonly id: string };

export function placeIn(hash: string): LedgerPlace {
  const [, , what = "", id = ""] = hash.split("/");
  if (what === "block" && isHeight(id)) return { kind: "block", height: Number(id) };
  if (what === "transaction" && isTransactionId(id)) return { kind: "transaction", id };
  return { kind: "tab", tab: TABS.find((one) => one === what) ?? "members" };
}

export function isHeight(text: string): boolean {
  return /^[1-9]\d{0,14}$/.test(text);
}

export function isTransactionId(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

export function blockLink(height: number, ...words: readonly Child[]): HTMLElement {
  return h(
    "a",
    { href: `#/ledger/block/${height}` },
    ...(words.length > 0 ? words : [String(height)]),
  );
}

export function transactionLink(id: string): HTMLElement {
  if (!isTransactionId(id)) return shortId(id);
  return h("a", { href: `#/ledger/transaction/${id}`, class: "idLink" }, shortId(id));
}
