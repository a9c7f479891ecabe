// Ledger: the registries as the paper's Tables II to V, the listings, every transaction, and the blocks that the
// homes tell of. The whole community writes it and anybody may look everything up.

import { listingsInOrder } from "../state/listings.ts";
import type { Listing } from "../state/model.ts";
import type { Key } from "../text/translate.ts";
import { type Child, h, part } from "../ui/dom.ts";
import type { Page, View } from "../ui/page.ts";
import { badge, card, empty, shortId, table } from "../ui/pieces.ts";
import { nameOf, ownerOf } from "./derive.ts";

const TABS = ["members", "pvs", "listings", "historian", "blocks"] as const;
type Tab = (typeof TABS)[number];

const ROWS_MAX = 200;
const HISTORIAN_EVERY_MS = 10_000;

export function createLedgerView(page: Page): View {
  const { t, history } = page;
  let tab: Tab = "members";
  let open: string | null = null;
  let readAt = 0;
  const search = h("input", {
    type: "search",
    id: "ledgerSearch",
    autocomplete: "off",
    spellcheck: "false",
    oninput: () => update(),
  });
  const wanted = (): string => search.value.trim().toLowerCase();
  const openListing = (id: string): void => {
    open = open === id ? null : id;
    update();
  };
  const panel = h("div", { role: "tabpanel", id: "ledgerPanel", tabindex: "-1" });
  const body = part(
    panel,
    () => ({
      tab,
      rows: rowsOf(page, tab, wanted()),
      open,
      isRead: page.store.state.isHistoryRead,
    }),
    ({ isRead }) => draw(page, { tab, wanted: wanted(), open, isRead }, openListing),
  );
  const tabs = TABS.map((name) =>
    h(
      "button",
      {
        type: "button",
        role: "tab",
        id: `tab-${name}`,
        "aria-controls": "ledgerPanel",
        "data-tab": name,
        onclick: () => choose(name),
      },
      t(`tab_${name}`),
    ),
  );
  const choose = (name: Tab): void => {
    tab = name;
    mark();
    readAt = 0;
    update();
  };
  const mark = (): void => {
    for (const one of tabs) {
      const isSelected = one.dataset["tab"] === tab;
      one.setAttribute("aria-selected", String(isSelected));
      one.tabIndex = isSelected ? 0 : -1;
    }
    panel.setAttribute("aria-labelledby", `tab-${tab}`);
  };
  const byArrows = (event: Event): void => {
    const { key } = event as KeyboardEvent;
    const step = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    const index = (TABS.indexOf(tab) + step + TABS.length) % TABS.length;
    choose(TABS[index] ?? "members");
    tabs[index]?.focus();
  };
  const element = h(
    "div",
    { class: "grid" },
    card(
      t("ledger"),
      {
        wide: true,
        aside: h(
          "div",
          { class: "chooser" },
          h("label", { for: "ledgerSearch" }, t("search")),
          search,
        ),
      },
      h(
        "div",
        { class: "tabs", role: "tablist", "aria-label": t("ledger"), onkeydown: byArrows },
        tabs,
      ),
      panel,
    ),
  );
  const update = (): void => {
    // Nobody tells of every transaction: while this is looked at, it is read again now and then.
    if (tab === "historian" && Date.now() - readAt > HISTORIAN_EVERY_MS) {
      readAt = Date.now();
      void history.readHistorian();
    }
    body.update();
  };
  mark();
  update();
  return { element, update };
}

type Showing = {
  readonly tab: Tab;
  readonly wanted: string;
  readonly open: string | null;
  readonly isRead: boolean;
};

function draw(page: Page, showing: Showing, openListing: (id: string) => void): Child {
  const { t } = page;
  const { tab, wanted, isRead } = showing;
  const rows = rowsOf(page, tab, wanted);
  if (rows.length === 0) {
    const isWaiting = !isRead && tab !== "blocks";
    return empty(t(wanted !== "" ? "nothingFound" : isWaiting ? needs(page) : "nothingYet"));
  }
  const note: Key = `note_${tab}`;
  return [h("p", { class: "quiet" }, t(note)), drawRows(page, showing, openListing)];
}

/** Why the registries are not there. */
function needs({ store: { state } }: Page): Key {
  return state.rest === "connecting"
    ? "loading"
    : state.rest === "offline"
      ? "restOffline"
      : "needsToken";
}

function rowsOf(page: Page, tab: Tab, wanted: string): readonly object[] {
  const { state } = page.store;
  const has = (row: object): boolean =>
    wanted === "" || JSON.stringify(row).toLowerCase().includes(wanted);
  switch (tab) {
    case "members":
      return [...state.members.values()].sort((a, b) => (a.id < b.id ? -1 : 1)).filter(has);
    case "pvs":
      return [...state.pvs.values()].filter(has);
    case "listings":
      return listingsInOrder(state)
        .map((listing) => ({
          ...listing,
          offers: [...listing.offers.values()],
          bids: [...listing.bids.values()],
        }))
        .filter(has)
        .reverse()
        .slice(0, ROWS_MAX);
    case "historian":
      return state.historian.filter(has).slice(0, ROWS_MAX);
    case "blocks":
      return [...state.blocks.values()].sort((a, b) => b.height - a.height).filter(has);
  }
}

type Plain = Omit<Listing, "offers" | "bids"> & {
  readonly offers: readonly (Listing["offers"] extends Map<string, infer O> ? O : never)[];
  readonly bids: readonly (Listing["bids"] extends Map<string, infer B> ? B : never)[];
};

function drawRows(
  page: Page,
  { tab, wanted, open }: Showing,
  openListing: (id: string) => void,
): Child {
  const { t, format, store } = page;
  const { state } = store;
  switch (tab) {
    case "members":
      return table(
        t("tab_members"),
        [
          { title: t("member"), cell: ({ id }) => h("code", {}, id) },
          { title: t("name"), cell: ({ id }) => nameOf(state, id) },
          {
            title: t("balance"),
            isNumber: true,
            cell: ({ id, balance }) => h("span", { "data-balance": id }, format.number(balance, 6)),
          },
          {
            title: t("reservedColumn"),
            isNumber: true,
            cell: ({ reserved }) => format.number(reserved, 6),
          },
        ],
        rowsOf(page, tab, wanted) as ReturnType<typeof state.members.values> extends Iterable<
          infer M
        >
          ? readonly M[]
          : never,
      );
    case "pvs":
      return table(
        t("tab_pvs"),
        [
          { title: "PV", cell: ({ id }) => h("code", {}, id) },
          { title: t("owner"), cell: ({ owner }) => h("code", {}, owner) },
          {
            title: t("capacity"),
            isNumber: true,
            cell: ({ capacityKw }) =>
              capacityKw === null ? t("communityMost") : `${format.number(capacityKw, 3)} kW`,
          },
        ],
        rowsOf(page, tab, wanted) as ReturnType<typeof state.pvs.values> extends Iterable<infer P>
          ? readonly P[]
          : never,
      );
    case "listings":
      return (rowsOf(page, tab, wanted) as readonly Plain[]).map((listing) =>
        drawListing(page, listing, { isOpen: open === listing.id, toggle: openListing }),
      );
    case "historian":
      return table(
        t("tab_historian"),
        [
          { title: t("time"), cell: ({ at }) => `${format.day(at)}, ${format.clockSeconds(at)}` },
          { title: t("transaction"), cell: ({ type }) => type },
          { title: t("who"), cell: ({ who }) => h("code", {}, who) },
          { title: "Id", cell: ({ transactionId }) => shortId(transactionId) },
        ],
        rowsOf(page, tab, wanted) as typeof state.historian,
      );
    case "blocks":
      return drawBlocks(page, wanted);
  }
}

function drawListing(
  page: Page,
  listing: Plain,
  { isOpen, toggle }: { readonly isOpen: boolean; readonly toggle: (id: string) => void },
): HTMLElement {
  const { t, format, store } = page;
  const { state } = store;
  const { id, mcp, offers, bids, fills } = listing;
  const sold = (fills ?? []).reduce((sum, { kWh }) => sum + kWh, 0);
  const head = h(
    "button",
    { type: "button", class: "row", "aria-expanded": String(isOpen), onclick: () => toggle(id) },
    h("code", {}, id),
    badge(
      t(`state_${listing.state}`),
      listing.state === "ACCEPT_OFFERS" ? "good" : listing.state === "VOID" ? "bad" : "calm",
    ),
    h("span", { class: "quiet" }, mcp === null ? "" : `MCP ${format.tokens(mcp)}`),
    h("span", { class: "quiet" }, fills === null ? "" : format.kWh(sold)),
  );
  const detail = isOpen
    ? h(
        "div",
        { class: "detail" },
        table(
          t("offers"),
          [
            { title: "PV", cell: ({ pv }) => `${pv} (${nameOf(state, ownerOf(state, pv))})` },
            { title: "kWhavailable", isNumber: true, cell: ({ kWh }) => format.number(kWh, 3) },
            {
              title: "reservePrice",
              isNumber: true,
              cell: ({ reservePrice }) => format.number(reservePrice, 3),
            },
            { title: t("time"), cell: ({ at }) => format.clockSeconds(at) },
            { title: "Id", cell: ({ transactionId }) => shortId(transactionId) },
          ],
          offers,
        ),
        table(
          t("bids"),
          [
            { title: t("buyer"), cell: ({ member }) => member },
            { title: "kWhQuantity", isNumber: true, cell: ({ kWh }) => format.number(kWh, 3) },
            { title: "BidPrice", isNumber: true, cell: ({ price }) => format.number(price, 3) },
            { title: t("time"), cell: ({ at }) => format.clockSeconds(at) },
            { title: "Id", cell: ({ transactionId }) => shortId(transactionId) },
          ],
          bids,
        ),
        table(
          t("fills"),
          [
            { title: t("seller"), cell: ({ seller }) => seller },
            { title: t("buyer"), cell: ({ buyer }) => buyer },
            { title: "kWh", isNumber: true, cell: ({ kWh }) => format.number(kWh, 3) },
            {
              title: t("tokens"),
              isNumber: true,
              cell: ({ kWh, price }) => format.number(kWh * price, 6),
            },
          ],
          fills ?? [],
        ),
      )
    : null;
  return h("div", { class: "listing" }, head, detail);
}

function drawBlocks(page: Page, wanted: string): Child {
  const { t, format, store } = page;
  const { state } = store;
  const heights = [...state.homes.values()].map(({ name, ledger }) => ({ name, ledger }));
  const rows = rowsOf(page, "blocks", wanted) as readonly {
    height: number;
    blockId: string;
    stateRoot: string;
    time: number | null;
  }[];
  const [newest] = heights.map(({ ledger }) => ledger).filter((ledger) => ledger !== null);
  const evidence = heights.flatMap(({ ledger }) => ledger?.evidence ?? []);
  const seen = [
    ...new Map(evidence.map((one) => [`${one.kind} ${one.offender} ${one.subject}`, one])).values(),
  ];
  return [
    newest === undefined
      ? null
      : h(
          "p",
          {},
          t("votersNow", { voters: newest.validators.map((id) => nameOf(state, id)).join(", ") }),
        ),
    table(
      t("tab_blocks"),
      [
        { title: t("height"), isNumber: true, cell: ({ height }) => String(height) },
        {
          title: t("time"),
          cell: ({ time }) =>
            time === null ? "–" : `${format.day(time)}, ${format.clockSeconds(time)}`,
        },
        { title: t("block"), cell: ({ blockId }) => shortId(blockId) },
        { title: "stateRoot", cell: ({ stateRoot }) => shortId(stateRoot) },
        {
          title: t("haveIt"),
          isNumber: true,
          cell: ({ height }) =>
            String(heights.filter(({ ledger }) => (ledger?.height ?? 0) >= height).length),
        },
      ],
      rows.slice(0, ROWS_MAX),
    ),
    h("h3", {}, t("evidence")),
    seen.length === 0
      ? empty(t("noEvidence"))
      : table(
          t("evidence"),
          [
            { title: t("kind"), cell: ({ kind }) => kind },
            { title: t("offender"), cell: ({ offender }) => offender },
            { title: t("subject"), cell: ({ subject }) => subject },
          ],
          seen,
        ),
  ];
}
