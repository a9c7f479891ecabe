// Ledger: the registries as the paper's Tables II to V, the listings, every transaction and every block, each to be
// opened down to its signed bytes. The whole community writes it and anybody may look everything up.

import { listingsInOrder } from "../state/listings.ts";
import type { Listing } from "../state/model.ts";
import type { Key } from "../text/translate.ts";
import { type Child, h, part } from "../ui/dom.ts";
import type { Page, View } from "../ui/page.ts";
import { badge, card, empty, table } from "../ui/pieces.ts";
import { nameOf, ownerOf } from "./derive.ts";
import { type BlockList, createBlockList } from "./ledgerBlocks.ts";
import {
  blockLink,
  isHeight,
  isTransactionId,
  placeIn,
  TABS,
  type Tab,
  transactionLink,
} from "./ledgerPlace.ts";

const ROWS_MAX = 200;
const HISTORIAN_EVERY_MS = 10_000;
/** Of each registry, where one searches in all of them. */
const FOUND_MAX = 20;

/** The ledger, or what the address has opened of it. */
export function createLedgerView(page: Page): View {
  const place = placeIn(location.hash);
  switch (place.kind) {
    case "block":
      return createLater(page, async () => {
        const { createBlockView } = await import("../ledger/openedBlock.ts");
        return createBlockView(page, place.height);
      });
    case "transaction":
      return createLater(page, async () => {
        const { createEntryView } = await import("../ledger/openedEntry.ts");
        return createEntryView(page, place.id);
      });
    case "tab":
      return createTabs(page, place.tab);
  }
}

/** What reads and checks bytes is a quarter of the page: it is fetched when somebody wants it. */
function createLater({ t }: Page, load: () => Promise<View>): View {
  const element = h("div", {}, empty(t("loading")));
  let view: View | null = null;
  let isClosed = false;
  const begin = async (): Promise<void> => {
    try {
      view = await load();
    } catch {
      element.replaceChildren(empty(t("noServer")));
      return;
    }
    if (isClosed) view.close?.();
    else element.replaceChildren(view.element);
  };
  void begin();
  return {
    element,
    update: () => view?.update(),
    close: () => {
      isClosed = true;
      view?.close?.();
    },
  };
}

function createTabs(page: Page, firstTab: Tab): View {
  const { t, history } = page;
  let tab = firstTab;
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
  const blocks = createBlockList(page, () => update());
  const panel = h("div", { role: "tabpanel", id: "ledgerPanel", tabindex: "-1" });
  const body = part(
    panel,
    () => ({
      tab,
      wanted: wanted(),
      rows:
        wanted() === ""
          ? tab === "blocks"
            ? []
            : rowsOf(page, tab, "")
          : FOUND_IN.map((one) => rowsOf(page, one, wanted())),
      blocks: tab === "blocks" || wanted() !== "" ? blocks.shown() : null,
      open,
      isRead: page.store.state.isHistoryRead,
    }),
    ({ isRead }) => {
      const showing = { tab, wanted: wanted(), open, isRead, blocks };
      return wanted() === ""
        ? draw(page, showing, openListing)
        : drawFound(page, showing, openListing);
    },
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
    search.value = "";
    // Where one comes back to.
    window.history.replaceState(null, "", `#/ledger/${name}`);
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
    const isLooked = tab === "historian" || wanted() !== "";
    if (isLooked && Date.now() - readAt > HISTORIAN_EVERY_MS) {
      readAt = Date.now();
      void history.readHistorian();
    }
    if (tab === "blocks" || wanted() !== "") blocks.refresh();
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
  readonly blocks: BlockList;
};

/** Where words are looked for; blocks have their own list. */
const FOUND_IN = ["members", "pvs", "listings", "historian"] as const;

/** Everything that has what is wanted, and what can be opened by its id. */
function drawFound(page: Page, showing: Showing, openListing: (id: string) => void): Child {
  const { t } = page;
  const { wanted, blocks } = showing;
  const direct = [
    isHeight(wanted) ? blockLink(Number(wanted), t("openBlock", { height: wanted })) : null,
    isTransactionId(wanted)
      ? h(
          "a",
          { href: `#/ledger/transaction/${wanted}` },
          t("openTransaction", { id: `${wanted.slice(0, 12)}…` }),
        )
      : null,
    // By its id, or the beginning of one.
    ...(/^[0-9a-f]{8,}$/.test(wanted)
      ? blocks
          .rows()
          .filter(({ blockId }) => blockId.startsWith(wanted))
          .map(({ height }) => blockLink(height, t("openBlock", { height })))
      : []),
  ].filter((link) => link !== null);
  const found = FOUND_IN.flatMap((tab) => {
    const rows = rowsOf(page, tab, wanted);
    if (rows.length === 0) return [];
    const drawn = drawRows(page, { ...showing, tab, rows: rows.slice(0, FOUND_MAX) }, openListing);
    return [h("section", {}, h("h3", {}, t(`tab_${tab}`)), drawn)];
  });
  if (direct.length + found.length === 0) return empty(t("nothingFound"));
  return [direct.map((link) => h("p", {}, link)), found];
}

function draw(page: Page, showing: Showing, openListing: (id: string) => void): Child {
  const { t } = page;
  const { tab, isRead, blocks } = showing;
  const rows = tab === "blocks" ? blocks.rows() : rowsOf(page, tab, "");
  if (rows.length === 0) {
    return empty(t(!isRead && tab !== "blocks" ? needs(page) : "nothingYet"));
  }
  const note: Key = `note_${tab}`;
  const drawn =
    tab === "blocks" ? blocks.draw() : drawRows(page, { ...showing, tab, rows }, openListing);
  return [h("p", { class: "quiet" }, t(note)), drawn];
}

/** Why the registries are not there. */
function needs({ store: { state } }: Page): Key {
  return state.rest === "connecting"
    ? "loading"
    : state.rest === "offline"
      ? "restOffline"
      : "needsToken";
}

type Registry = Exclude<Tab, "blocks">;

function rowsOf(page: Page, tab: Registry, wanted: string): readonly object[] {
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
  }
}

type Plain = Omit<Listing, "offers" | "bids"> & {
  readonly offers: readonly (Listing["offers"] extends Map<string, infer O> ? O : never)[];
  readonly bids: readonly (Listing["bids"] extends Map<string, infer B> ? B : never)[];
};

function drawRows(
  page: Page,
  {
    tab,
    open,
    rows,
  }: { readonly tab: Registry; readonly open: string | null; readonly rows: readonly object[] },
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
        rows as ReturnType<typeof state.members.values> extends Iterable<infer M>
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
        rows as ReturnType<typeof state.pvs.values> extends Iterable<infer P>
          ? readonly P[]
          : never,
      );
    case "listings":
      return (rows as readonly Plain[]).map((listing) =>
        drawListing(page, listing, { isOpen: open === listing.id, toggle: openListing }),
      );
    case "historian":
      return table(
        t("tab_historian"),
        [
          { title: t("time"), cell: ({ at }) => `${format.day(at)}, ${format.clockSeconds(at)}` },
          { title: t("transaction"), cell: ({ type }) => type },
          { title: t("who"), cell: ({ who }) => h("code", {}, who) },
          { title: "Id", cell: ({ transactionId }) => transactionLink(transactionId) },
        ],
        rows as typeof state.historian,
      );
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
            { title: "Id", cell: ({ transactionId }) => transactionLink(transactionId) },
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
            { title: "Id", cell: ({ transactionId }) => transactionLink(transactionId) },
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
