// Market: the hour that is traded now, what is offered and wanted, the price's history, who sold to whom, and how
// the last price came about.

import { depth } from "../market/depth.ts";
import { usualTimes } from "../market/listingTime.ts";
import type { Bid, Listing, Offer } from "../state/model.ts";
import type { Key } from "../text/translate.ts";
import { createChart } from "../ui/chart.ts";
import { type Child, h, part } from "../ui/dom.ts";
import { fillFlow } from "../ui/fillFlow.ts";
import type { Page, View } from "../ui/page.ts";
import { badge, card, empty, figure, table } from "../ui/pieces.ts";
import { clearingSteps } from "./clearingSteps.ts";
import { closedListings, nameOf, ownerOf, runningListing, sumsOf } from "./derive.ts";

export function createMarketView(page: Page): View {
  const { t, format, store } = page;
  const { state } = store;
  const timeline = part(
    h("div", {}),
    () => timelineFacts(page),
    (facts) => drawTimeline(page, facts),
  );
  const book = part(
    h("div", {}),
    () => bookFacts(page),
    (facts) => drawBook(page, facts),
  );
  const depthChart = createChart(page, {
    label: t("depthChart"),
    series: [
      { label: t("offers"), color: "--sell", kind: "steps", say: format.tokens },
      { label: t("bids"), color: "--buy", kind: "steps", say: format.tokens },
    ],
    sayX: (x) => t("upTo", { energy: format.kWh(x) }),
    tickX: (x) => `${format.number(x, 1)} kWh`,
    tickY: (y) => format.number(y, 2),
    unitY: t("tokensPerKwh"),
    xName: t("energy"),
    isTime: false,
    yLeast: [0, 1],
    empty: t("noOrders"),
  });
  const prices = createChart(page, {
    label: t("priceChart"),
    series: [
      {
        label: "MCP",
        color: "--accent",
        kind: "line",
        say: (mcp) => `${format.tokens(mcp)} ${t("tokensPerKwh")}`,
      },
    ],
    sayX: (x) => `${format.day(x)}, ${format.hour(x)}`,
    tickX: format.clock,
    tickY: (y) => format.number(y, 2),
    unitY: t("tokensPerKwh"),
    xName: t("hour"),
    isTime: true,
    isHourly: true,
    yLeast: [0, 1],
    empty: t("noPrices"),
  });
  let chosen: string | null = null;
  const select = h("select", {
    id: "whichListing",
    onchange: () => {
      chosen = select.value === "" ? null : select.value;
      update();
    },
  });
  const choices = part(
    select,
    () =>
      closedListings(state)
        .map(({ id }) => id)
        .slice(-48)
        .reverse(),
    (ids) => [
      h("option", { value: "" }, t("newestHour")),
      ids.map((id) => h("option", { value: id, selected: id === chosen }, id)),
    ],
  );
  const shown = (): Listing | null =>
    (chosen === null ? undefined : state.listings.get(chosen)) ??
    closedListings(state).at(-1) ??
    null;
  const result = part(
    h("div", {}),
    () => resultFacts(shown()),
    (facts) => drawResult(page, facts),
  );
  const steps = part(
    h("div", {}),
    () => stepFacts(page, shown()),
    (facts) => (facts === null ? empty(t("noResult")) : clearingSteps(page, facts)),
  );
  const chooser = h(
    "div",
    { class: "chooser" },
    h("label", { for: "whichListing" }, t("hour")),
    select,
  );
  const element = h(
    "div",
    { class: "grid" },
    card(t("thisHour"), { wide: true, class: "hero" }, timeline.element),
    card(t("orderBook"), { wide: true }, book.element, depthChart.element),
    card(t("result"), { wide: true, aside: chooser }, result.element),
    card(t("howCleared"), { wide: true }, steps.element),
    card(t("priceHistory"), { wide: true }, prices.element),
  );
  const update = (): void => {
    for (const one of [timeline, book, choices, result, steps]) one.update();
    const listing = runningListing(state);
    depthChart.set(listing === null ? [[]] : depthData(listing));
    const priced = closedListings(state).filter(({ mcp }) => mcp !== null);
    prices.set([priced.map(({ deliveryStart }) => deliveryStart), priced.map(({ mcp }) => mcp)]);
  };
  update();
  return {
    element,
    update,
    close: () => {
      depthChart.close();
      prices.close();
    },
  };
}

// ---------------------------------------------------------------------------------- timeline

type Step = { readonly key: Key; readonly from: number; readonly to: number };

function timelineFacts(page: Page) {
  const listing = runningListing(page.store.state);
  if (listing === null) return null;
  const usual = usualTimes(listing.deliveryStart);
  const opensAt = listing.opensAt ?? usual.opensAt;
  const cutoffAt = listing.cutoffAt ?? usual.cutoffAt;
  const steps: readonly Step[] = [
    { key: "stepOpen", from: opensAt, to: cutoffAt },
    { key: "stepClearing", from: cutoffAt, to: listing.deliveryStart },
    { key: "stepDelivery", from: listing.deliveryStart, to: listing.endsAt },
  ];
  const now = page.now();
  // A closed one has left the first two steps behind, whatever the clock says.
  const isClosed = listing.state === "AUCTION_CLOSED" || listing.state === "VOID";
  const byClock = steps.findIndex(({ to }) => now < to);
  const at = isClosed ? (now < listing.endsAt ? 2 : 3) : byClock < 0 ? 3 : byClock;
  const step = steps[at];
  const target = step === undefined ? null : isClosed && now < step.from ? step.from : step.to;
  return {
    ...{
      isByHand: listing.isByHand,
      id: listing.id,
      state: listing.state,
      deliveryStart: listing.deliveryStart,
      steps,
      at,
    },
    left: target === null ? null : Math.ceil((target - now) / 1000),
    share: steps.map(({ from, to }, i) =>
      i < at
        ? 1
        : i > at
          ? 0
          : Math.round(Math.min(1, Math.max(0, (now - from) / (to - from))) * 200) / 200,
    ),
    ...sumsOf(listing),
  };
}

function drawTimeline({ t, format }: Page, facts: ReturnType<typeof timelineFacts>): Child {
  if (facts === null) return empty(t("noListing"));
  const { deliveryStart, state, steps, at, left, share, isByHand } = facts;
  const words: readonly Key[] = ["untilCutoff", "untilDelivery", "untilEnd"];
  const isEarly = at === 2 && share[2] === 0;
  const said =
    left === null ? t("hourOver") : t(isEarly ? "untilDelivery" : (words[at] ?? "untilEnd"));
  const head = [
    h(
      "div",
      { class: "hourHead" },
      h(
        "p",
        { class: "lead" },
        t("deliveryOf", { hour: format.hour(deliveryStart), day: format.day(deliveryStart) }),
      ),
      badge(
        t(`state_${state}`),
        state === "ACCEPT_OFFERS" ? "good" : state === "VOID" ? "bad" : "calm",
      ),
    ),
  ];
  if (isByHand) return [head, h("p", { class: "sub" }, t("stepsByHand"))];
  return [
    head,
    h(
      "p",
      { class: "countdown" },
      left === null
        ? null
        : h("span", { class: "value", role: "timer" }, format.countdown(left * 1000)),
      " ",
      h("span", { class: "words" }, said),
    ),
    h(
      "ol",
      { class: "steps" },
      steps.map(({ key, from }, i) =>
        h(
          "li",
          {
            class: i === at ? "current" : i < at ? "done" : "",
            "aria-current": i === at ? "step" : null,
          },
          h(
            "span",
            { class: "track", "aria-hidden": "true" },
            h("i", { style: `inline-size: ${(share[i] ?? 0) * 100}%` }),
          ),
          h("span", { class: "name" }, t(key)),
          h("span", { class: "when" }, format.clock(from)),
        ),
      ),
    ),
  ];
}

// -------------------------------------------------------------------------------------- book

function bookFacts(page: Page) {
  const { state } = page.store;
  const listing = runningListing(state);
  if (listing === null) return null;
  return {
    sums: sumsOf(listing),
    offers: [...listing.offers.values()].map((offer) => ({
      ...offer,
      who: nameOf(state, ownerOf(state, offer.pv)),
    })),
    bids: [...listing.bids.values()].map((bid) => ({ ...bid, who: nameOf(state, bid.member) })),
  };
}

function drawBook({ t, format }: Page, facts: ReturnType<typeof bookFacts>): Child {
  if (facts === null) return null;
  const { sums, offers, bids } = facts;
  return [
    h(
      "div",
      { class: "figures" },
      figure(
        format.kWh(sums.offeredKwh),
        t(sums.offers === 1 ? "offeredByOne" : "offeredBy", { n: sums.offers }),
        "sell",
      ),
      figure(
        format.kWh(sums.wantedKwh),
        t(sums.bids === 1 ? "wantedByOne" : "wantedBy", { n: sums.bids }),
        "buy",
      ),
    ),
    offers.length + bids.length === 0
      ? null
      : h(
          "div",
          { class: "twoTables" },
          table<Offer & { who: string }>(
            t("offers"),
            [
              { title: t("seller"), cell: ({ who }) => who },
              { title: "kWh", isNumber: true, cell: ({ kWh }) => format.number(kWh, 3) },
              {
                title: t("atLeast"),
                isNumber: true,
                cell: ({ reservePrice }) => format.number(reservePrice, 3),
              },
            ],
            offers,
          ),
          table<Bid & { who: string }>(
            t("bids"),
            [
              { title: t("buyer"), cell: ({ who }) => who },
              { title: "kWh", isNumber: true, cell: ({ kWh }) => format.number(kWh, 3) },
              { title: t("atMost"), isNumber: true, cell: ({ price }) => format.number(price, 3) },
            ],
            bids,
          ),
        ),
  ];
}

function depthData({
  offers,
  bids,
}: Listing): [readonly number[], ...(readonly (number | null)[])[]] {
  if (offers.size + bids.size === 0) return [[]];
  const { kWh, supply, demand } = depth(
    [...offers.values()].map((offer) => ({ kWh: offer.kWh, price: offer.reservePrice })),
    [...bids.values()],
  );
  return [kWh, supply, demand];
}

// ------------------------------------------------------------------------------------ result

function resultFacts(listing: Listing | null) {
  if (listing === null) return null;
  const { id, deliveryStart, mcp, fills } = listing;
  return { id, deliveryStart, mcp, fills };
}

function drawResult(page: Page, facts: ReturnType<typeof resultFacts>): Child {
  const { t, format, store } = page;
  if (facts === null) return empty(t("noResult"));
  const { deliveryStart, mcp, fills } = facts;
  const kWh = (fills ?? []).reduce((sum, fill) => sum + fill.kWh, 0);
  const tokens = (fills ?? []).reduce((sum, fill) => sum + fill.kWh * fill.price, 0);
  return [
    h(
      "p",
      { class: "headline" },
      t("deliveryOf", { hour: format.hour(deliveryStart), day: format.day(deliveryStart) }),
    ),
    h(
      "div",
      { class: "figures" },
      figure(mcp === null ? "–" : format.tokens(mcp), t("mcpWords"), "accent"),
      figure(format.kWh(kWh), t("tradedWords")),
      figure(format.tokens(tokens), t("paidWords")),
    ),
    fills === null || fills.length === 0
      ? empty(t(fills === null ? "fillsUnknown" : "noFills"))
      : [
          fillFlow(page, fills),
          table(
            t("fills"),
            [
              { title: t("seller"), cell: ({ seller }) => nameOf(store.state, seller) },
              { title: t("buyer"), cell: ({ buyer }) => nameOf(store.state, buyer) },
              { title: "kWh", isNumber: true, cell: (fill) => format.number(fill.kWh, 3) },
              {
                title: t("tokens"),
                isNumber: true,
                cell: (fill) => format.number(fill.kWh * fill.price, 6),
              },
            ],
            fills,
          ),
        ],
  ];
}

function stepFacts(page: Page, listing: Listing | null) {
  if (listing === null || listing.fills === null) return null;
  const { state } = page.store;
  return {
    id: listing.id,
    mcp: listing.mcp,
    fills: listing.fills,
    offers: [...listing.offers.values()]
      .sort((a, b) => a.at - b.at)
      .map(({ pv, kWh, reservePrice }) => ({ pv, kWh, reservePrice, seller: ownerOf(state, pv) })),
    bids: [...listing.bids.values()]
      .sort((a, b) => a.at - b.at)
      .map(({ member, kWh, price }) => ({ buyer: member, kWh, price })),
  };
}
