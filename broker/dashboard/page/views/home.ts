// Home: what the roof makes, what was offered and why, what was sold.

import type { HomeView } from "../state/model.ts";
import { isKey } from "../text/translate.ts";
import { createChart } from "../ui/chart.ts";
import { type Child, h, part } from "../ui/dom.ts";
import { energyFlow } from "../ui/energyFlow.ts";
import type { Page, View } from "../ui/page.ts";
import { card, empty, figure } from "../ui/pieces.ts";
import {
  addTrades,
  closedListings,
  nameOf,
  ofThisMonth,
  ofToday,
  powerOf,
  runningListing,
  tradesOf,
  type Unsold,
  unsoldOf,
} from "./derive.ts";
import { type Expected, expectedOf } from "./forecastBand.ts";
import { powerChart } from "./powerChart.ts";

export function createHomeView(page: Page): View {
  const { t } = page;
  const glance = part(
    h("div", { class: "glance" }),
    () => glanceFacts(page),
    (facts) => drawGlance(page, facts),
  );
  const flow = part(
    h("div", { class: "flowBox" }),
    () => withHome(page, powerOf),
    (power) => (power === null ? null : energyFlow(page, power)),
  );
  const offer = part(
    h("div", {}),
    () => offerFacts(page),
    (facts) => drawOffer(page, facts),
  );
  const balance = part(
    h("div", {}),
    () => balanceFacts(page),
    (facts) => drawBalance(page, facts),
  );
  const power = powerChart(page);
  const trades = tradeCard(page);
  const element = h(
    "div",
    { class: "grid" },
    card(t("now"), { wide: true, class: "hero" }, glance.element, flow.element),
    card(t("nextHour"), {}, offer.element),
    card(t("balance"), {}, balance.element),
    trades.element,
    card(t("powerToday"), { wide: true }, power.element),
  );
  const update = (): void => {
    for (const one of [glance, flow, offer, balance, trades]) one.update();
    const home = page.home();
    if (home !== null) power.set(home);
  };
  update();
  return {
    element,
    update,
    close: () => {
      power.close();
      trades.close();
    },
  };
}

function withHome<T>(page: Page, facts: (home: HomeView) => T): T | null {
  const home = page.home();
  return home === null ? null : facts(home);
}

// -------------------------------------------------------------------------------- at a glance

function glanceFacts(page: Page) {
  const { state } = page.store;
  return withHome(page, (home) => {
    const last = closedListings(state).at(-1);
    const trade = tradesOf(state, home).find(({ listingId }) => listingId === last?.id);
    const fills = last?.fills ?? [];
    const others = new Set(
      fills.flatMap(({ seller, buyer }) =>
        seller === home.memberId ? [buyer] : buyer === home.memberId ? [seller] : [],
      ),
    );
    return {
      power: powerOf(home),
      isOffline: home.status === "offline",
      trade: trade ?? null,
      unsold: last === undefined ? null : unsoldOf(state, home, last),
      others: [...others].map((id) => nameOf(state, id)),
    };
  });
}

function drawGlance(page: Page, facts: ReturnType<typeof glanceFacts>): Child {
  const { t, format } = page;
  if (facts === null) {
    return empty(t(page.store.state.live === "connecting" ? "willBeRead" : "noHome"));
  }
  const { power, trade, unsold, others, isOffline } = facts;
  const { production, grid, use, hasInverter, isAsleep } = power;
  const first = !hasInverter
    ? use === null
      ? t("glanceNothing")
      : t("glanceNoRoof", { use: format.power(use) })
    : isAsleep
      ? t("glanceAsleep")
      : production === null
        ? t("glanceUnknown")
        : t("glanceRoof", { power: format.power(production) });
  const second =
    !hasInverter || use === null || grid === null
      ? ""
      : grid < -5
        ? t("glanceSpare", { use: format.power(use), spare: format.power(-grid) })
        : grid > 5
          ? t("glanceShort", { use: format.power(use), short: format.power(grid) })
          : t("glanceEven", { use: format.power(use) });
  return [
    isOffline ? h("p", { class: "notice" }, t("agentOffline")) : null,
    h("p", { class: "lead" }, first, " ", second),
    trade === null
      ? null
      : h("p", { class: "sub" }, tradeSentence(page, { trade, unsold, others })),
  ];
}

const NAMES_MAX = 4;

type Trade = NonNullable<NonNullable<ReturnType<typeof glanceFacts>>["trade"]>;

type Told = {
  readonly trade: Trade;
  readonly unsold: Unsold | null;
  readonly others: readonly string[];
};

function tradeSentence({ t, format }: Page, { trade, unsold, others }: Told): string {
  const hour = format.hour(trade.deliveryStart);
  const { sold, bought, earned, spent } = trade;
  // A street may have forty buyers.
  const names = others.slice(0, NAMES_MAX).join(", ");
  const n = others.length - NAMES_MAX;
  const who = n > 1 ? t("others", { names, n }) : others.join(", ");
  if (sold > 0) {
    return t("glanceSold", {
      hour,
      who,
      energy: format.kWh(sold),
      tokens: earned === null ? "–" : format.tokens(earned),
    });
  }
  if (bought > 0) {
    return t("glanceBought", {
      hour,
      who,
      energy: format.kWh(bought),
      tokens: spent === null ? "–" : format.tokens(spent),
    });
  }
  if (unsold === null) return t("glanceNoTrade", { hour });
  const { kWh, why, wanted } = unsold;
  return t(why, { hour, energy: format.kWh(kWh), wanted: format.kWh(wanted) });
}

// ------------------------------------------------------------------------------------- offer

function offerFacts(page: Page) {
  const { state } = page.store;
  return withHome(page, (home) => {
    const listing = runningListing(state);
    if (listing === null) return null;
    const { id, deliveryStart, state: at } = listing;
    const own = [...listing.offers.values()].find(
      ({ pv }) => state.pvs.get(pv)?.owner === home.memberId,
    );
    const bid = home.memberId === null ? undefined : listing.bids.get(home.memberId);
    const onLedger =
      own !== undefined
        ? { action: "sell" as const, kWh: own.kWh, price: own.reservePrice }
        : bid !== undefined
          ? { action: "buy" as const, kWh: bid.kWh, price: bid.price }
          : null;
    const said = home.offers.get(id);
    const forecast = home.forecasts.get(id);
    return {
      ...{ deliveryStart, at, onLedger },
      said:
        said === undefined
          ? null
          : { action: said.action, kWh: said.energy_kwh, price: said.price, reason: said.reason },
      forecast:
        forecast === undefined
          ? null
          : {
              made: expectedOf(forecast, "production"),
              used: expectedOf(forecast, "consumption"),
            },
    };
  });
}

function drawOffer(page: Page, facts: ReturnType<typeof offerFacts>): Child {
  const { t, format } = page;
  if (facts === null) return empty(t("noListing"));
  const { deliveryStart, said, onLedger, forecast } = facts;
  const shown = onLedger ?? said;
  const hour = format.hour(deliveryStart);
  const price = shown?.price ?? null;
  const headline =
    shown === null || shown.action === "none"
      ? t(shown === null ? "offerWaiting" : "offerNone", { hour })
      : t(shown.action === "sell" ? "offerSell" : "offerBuy", {
          ...{ hour, energy: format.kWh(shown.kWh) },
          price: price === null ? "–" : format.tokens(price),
        });
  const why = said === null ? null : `why_${said.reason}`;
  return [
    h("p", { class: "headline" }, headline),
    why === null ? null : h("p", { class: "why" }, isKey(why) ? t(why) : (said?.reason ?? "")),
    onLedger === null ? null : h("p", { class: "quiet" }, t("offerOnLedger")),
    forecast === null ? null : drawForecast(page, forecast),
  ];
}

function drawForecast(
  page: Page,
  { made, used }: { readonly made: Expected; readonly used: Expected },
): HTMLElement {
  const { t } = page;
  const most = Math.max(
    0.001,
    ...[made, used].map(({ point, band }) => Math.max(point ?? 0, band?.high ?? 0)),
  );
  return h(
    "div",
    { class: "compare" },
    bar(page, made, { words: t("willMake"), most, color: "sun" }),
    bar(page, used, { words: t("willUse"), most, color: "use" }),
    [made, used].some(({ point, band }) => point !== null && band === null)
      ? h("p", { class: "quiet" }, t("bandUnknown"))
      : null,
  );
}

/** Rounded for reading: 0.01 kWh. */
const SAID_DIGITS = 2;
/** A band that is no wider is the figure itself. */
const BAND_MIN_KWH = 0.01;

function bar(
  { t, format }: Page,
  { point, band }: Expected,
  look: { readonly words: string; readonly most: number; readonly color: string },
): HTMLElement {
  const { words, most, color } = look;
  const percent = (kWh: number): number => Math.round((kWh / most) * 1000) / 10;
  const isWide = band !== null && band.high - band.low >= BAND_MIN_KWH;
  return h(
    "div",
    { class: "bar" },
    h("span", { class: "words" }, words),
    h(
      "span",
      { class: "track", "aria-hidden": "true" },
      h("i", { class: color, style: `inline-size: ${percent((isWide ? band.low : point) ?? 0)}%` }),
      isWide && point !== null
        ? [
            h("i", {
              class: `band ${color}`,
              style: `inset-inline-start: ${percent(band.low)}%; inline-size: ${percent(band.high - band.low)}%`,
            }),
            h("i", { class: "mark", style: `inset-inline-start: ${percent(point)}%` }),
          ]
        : null,
    ),
    h("span", { class: "value" }, point === null ? "–" : format.kWh(point)),
    isWide
      ? h(
          "span",
          { class: "probably" },
          t("probably", {
            low: format.number(band.low, SAID_DIGITS),
            high: `${format.number(band.high, SAID_DIGITS)} kWh`,
          }),
        )
      : null,
  );
}

// ----------------------------------------------------------------------------------- balance

function balanceFacts(page: Page) {
  const { state } = page.store;
  return withHome(page, (home) => {
    const member = home.memberId === null ? undefined : state.members.get(home.memberId);
    if (member !== undefined) return { balance: member.balance, reserved: member.reserved };
    return home.balance === null
      ? null
      : { balance: home.balance.balance, reserved: home.balance.reserved };
  });
}

function drawBalance({ t, format }: Page, facts: ReturnType<typeof balanceFacts>): Child {
  if (facts === null) return empty(t("noBalance"));
  const { balance, reserved } = facts;
  return [
    h(
      "p",
      { class: "balance" },
      h("span", { class: "value", "data-figure": "balance" }, format.number(balance, 6)),
      ` ${t("tokens")}`,
    ),
    h(
      "p",
      { class: "quiet" },
      reserved > 0
        ? t("reserved", {
            reserved: format.tokens(reserved),
            free: format.tokens(balance - reserved),
          })
        : t("nothingReserved"),
    ),
  ];
}

// ------------------------------------------------------------------------------------ trades

type Span = "day" | "month";

function tradeCard(page: Page): { element: HTMLElement; update: () => void; close: () => void } {
  const { t, format, store } = page;
  let span: Span = "day";
  const chart = createChart(page, {
    label: t("tradesChart"),
    series: [
      { label: t("sold"), color: "--sell", kind: "bars", say: (kWh) => format.kWh(kWh) },
      { label: t("bought"), color: "--buy", kind: "bars", say: (kWh) => format.kWh(Math.abs(kWh)) },
    ],
    sayX: (x) => `${format.day(x)}, ${format.hour(x)}`,
    tickX: (x) => (span === "day" ? format.clock(x) : format.day(x)),
    tickY: (y) => `${format.number(Math.abs(y), 2)} kWh`,
    xName: t("hour"),
    isTime: true,
    yLeast: [0, 0.5],
    empty: t("noTrades"),
  });
  const sums = part(
    h("div", { class: "figures" }),
    () =>
      withHome(page, (home) => {
        const trades = tradesOf(store.state, home);
        return {
          today: addTrades(ofToday(trades, page.now(), store.state.timeZone)),
          month: addTrades(ofThisMonth(trades, page.now(), store.state.timeZone)),
        };
      }),
    (facts) => {
      if (facts === null) return null;
      const { today, month } = facts;
      const tokens = (n: number | null): string =>
        `${n === null ? "–" : format.tokens(n)} ${t("tokens")}`;
      return [
        figure(format.kWh(today.sold), t("soldToday", { tokens: tokens(today.earned) }), "sell"),
        figure(format.kWh(today.bought), t("boughtToday", { tokens: tokens(today.spent) }), "buy"),
        figure(format.kWh(month.sold), t("soldMonth", { tokens: tokens(month.earned) }), "sell"),
        figure(format.kWh(month.bought), t("boughtMonth", { tokens: tokens(month.spent) }), "buy"),
      ];
    },
  );
  const choice = (value: Span, words: string): HTMLButtonElement => {
    const button = h(
      "button",
      {
        type: "button",
        "aria-pressed": String(value === span),
        onclick: () => {
          span = value;
          for (const one of buttons) one.setAttribute("aria-pressed", String(one === button));
          update();
        },
      },
      words,
    );
    return button;
  };
  const buttons = [choice("day", t("today")), choice("month", t("thisMonth"))];
  const switcher = h("div", { class: "switch", role: "group", "aria-label": t("span") }, buttons);
  const update = (): void => {
    sums.update();
    const home = page.home();
    if (home === null) return;
    const of = span === "day" ? ofToday : ofThisMonth;
    const trades = of(tradesOf(store.state, home), page.now(), store.state.timeZone);
    chart.set([
      trades.map(({ deliveryStart }) => deliveryStart),
      trades.map(({ sold }) => sold),
      trades.map(({ bought }) => -bought),
    ]);
  };
  return {
    element: card(t("soldAndBought"), { wide: true, aside: switcher }, sums.element, chart.element),
    update,
    close: chart.close,
  };
}
