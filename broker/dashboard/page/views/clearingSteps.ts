// How a price came about, in the paper's four steps, worked out again in this browser from the offers and bids.

import {
  type Clearing,
  type ClearingBid,
  type ClearingFill,
  type ClearingOffer,
  clear,
  sameFills,
} from "../market/clearing.ts";
import { type Child, h } from "../ui/dom.ts";
import { icon } from "../ui/icons.ts";
import type { Page } from "../ui/page.ts";
import { empty, table } from "../ui/pieces.ts";
import { nameOf } from "./derive.ts";

export type ToExplain = {
  readonly mcp: number | null;
  readonly fills: readonly ClearingFill[];
  readonly offers: readonly ClearingOffer[];
  readonly bids: readonly ClearingBid[];
};

export function clearingSteps(page: Page, listing: ToExplain): Child {
  const { t, format, store } = page;
  const { offers, bids, mcp, fills } = listing;
  if (bids.length === 0)
    return empty(t(offers.length === 0 && mcp !== null ? "ordersUnknown" : "noBidsNoPrice"));
  const { worked, agrees } = workOut(listing);
  const name = (id: string): string => nameOf(store.state, id);
  const sum = worked.buyers
    .map(({ price, kWh }) => `${format.number(price, 3)} × ${format.number(kWh, 3)}`)
    .join(" + ");
  return h(
    "ol",
    { class: "explain" },
    h(
      "li",
      {},
      h("h3", {}, t("explainPrice")),
      h("p", {}, t("explainPriceWords")),
      h(
        "p",
        { class: "formula" },
        `MCP = (${sum}) ÷ ${format.number(worked.kWh, 3)} = ${format.number(worked.value, 6)} ÷ ${format.number(worked.kWh, 3)} = `,
        h("strong", {}, worked.mcp === null ? "–" : format.number(worked.mcp, 3)),
      ),
    ),
    h(
      "li",
      {},
      h("h3", {}, t("explainBuyers")),
      h("p", {}, t("explainBuyersWords")),
      table(
        t("explainBuyers"),
        [
          { title: t("buyer"), cell: ({ buyer }) => name(buyer) },
          {
            title: t("tokensPerKwh"),
            isNumber: true,
            cell: ({ price }) => format.number(price, 3),
          },
          { title: "kWh", isNumber: true, cell: ({ kWh }) => format.number(kWh, 3) },
          { title: t("value"), isNumber: true, cell: ({ value }) => format.number(value, 6) },
          { title: t("served"), cell: ({ isServed }) => (isServed ? t("yes") : t("belowMcp")) },
        ],
        worked.buyers,
      ),
    ),
    h(
      "li",
      {},
      h("h3", {}, t("explainSellers")),
      h("p", {}, t("explainSellersWords")),
      offers.length === 0
        ? empty(t("noOffers"))
        : table(
            t("explainSellers"),
            [
              { title: t("seller"), cell: ({ seller }) => name(seller) },
              {
                title: t("atLeast"),
                isNumber: true,
                cell: ({ reservePrice }) => format.number(reservePrice, 3),
              },
              { title: "kWh", isNumber: true, cell: ({ kWh }) => format.number(kWh, 3) },
              {
                title: t("soldKwh"),
                isNumber: true,
                cell: ({ pv, isServed }) =>
                  isServed ? format.number(soldBy(worked, pv), 3) : t("aboveMcp"),
              },
            ],
            worked.sellers,
          ),
    ),
    h(
      "li",
      {},
      h("h3", {}, t("explainFills")),
      h("p", {}, t("explainFillsWords")),
      worked.fills.length === 0
        ? empty(t("noFills"))
        : h(
            "ul",
            { class: "plain", tabindex: worked.fills.length > 8 ? "0" : null },
            worked.fills.map((fill) =>
              h(
                "li",
                {},
                t("fillSentence", {
                  seller: name(fill.seller),
                  buyer: name(fill.buyer),
                  energy: format.kWh(fill.kWh),
                  price: format.tokens(fill.price),
                  tokens: format.number(fill.kWh * fill.price, 6),
                }),
              ),
            ),
          ),
      agrees && mcp === worked.mcp
        ? h("p", { class: "verdict good" }, icon("check"), t("workedOutSame"))
        : h(
            "p",
            { class: "verdict warm" },
            icon("warning"),
            t("workedOutOther", { ledger: fills.length, here: worked.fills.length }),
          ),
    ),
  );
}

function soldBy({ fills }: Clearing, pv: string): number {
  return fills.reduce((sum, fill) => (fill.pv === pv ? sum + fill.kWh : sum), 0);
}

/** With the guard and without: the one that the ledger's result follows from. */
function workOut({ offers, bids, fills, mcp }: ToExplain): {
  readonly worked: Clearing;
  readonly agrees: boolean;
} {
  for (const guard of [true, false]) {
    const worked = clear(offers, bids, { guard });
    if (worked.mcp === mcp && sameFills(worked.fills, fills)) return { worked, agrees: true };
  }
  return { worked: clear(offers, bids, { guard: true }), agrees: false };
}
