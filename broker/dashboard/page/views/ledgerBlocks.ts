// The blocks, page by page from REST, the newest first; and the cards that signed twice. Without REST what the homes
// told of since the page was opened.

import { isObject, type JsonObject, listIn, numberIn, textIn, timeIn } from "../state/json.ts";
import type { Neighbourhood } from "../state/model.ts";
import { type Child, h } from "../ui/dom.ts";
import type { Page } from "../ui/page.ts";
import { empty, shortId, table } from "../ui/pieces.ts";
import { nameOf } from "./derive.ts";
import { blockLink, transactionLink } from "./ledgerPlace.ts";

/** A tab that stays open does not grow. */
const KEPT_MAX = 1000;
const PAGE_COUNT = 25;
/** A neighbourhood in a hurry makes a block a second. */
const READ_EVERY_MS = 2000;

type Block = {
  readonly height: number;
  readonly blockId: string;
  readonly stateRoot: string;
  readonly time: number | null;
  /** null: told by a home, not read. */
  readonly read: {
    readonly proposer: string;
    readonly votes: number;
    readonly validators: number | null;
    readonly transactions: number;
  } | null;
};

export type BlockList = {
  /** Asks for what is new, now and then; `changed` is called when there is. */
  readonly refresh: () => void;
  readonly rows: () => readonly Block[];
  /** What `draw` shows, to tell whether it has changed. */
  readonly shown: () => unknown;
  readonly draw: () => Child;
};

export function createBlockList(page: Page, changed: () => void): BlockList {
  const { store, history } = page;
  let blocks = new Map<number, Block>();
  let evidence: readonly JsonObject[] | null = null;
  let first = 1;
  let isReading = false;
  let readAt = 0;
  let topRead = 0;
  /** An agent that is older than this page. */
  let isUnknown = false;
  const read = async (below: number | null): Promise<void> => {
    isReading = true;
    readAt = Date.now();
    const from = below === null ? "" : `&below=${below}`;
    const [answer, told] = await Promise.all([
      history.get(`pvtrading/blocks?count=${PAGE_COUNT}${from}`),
      below === null ? history.get("pvtrading/evidence") : null,
    ]);
    isReading = false;
    if (told?.ok === true && isObject(told.value)) evidence = listIn(told.value, "evidence");
    if (answer.ok && isObject(answer.value)) {
      const found = (listIn(answer.value, "blocks") ?? []).flatMap(blockIn);
      const [top, last] = [found[0]?.height ?? 0, found.at(-1)?.height ?? 0];
      // Pages that do not meet would hide what is between them.
      if (below === null && last > Math.max(0, ...blocks.keys()) + 1) blocks = new Map();
      for (const block of found) blocks.set(block.height, block);
      const kept = [...blocks].sort(([a], [b]) => b - a).slice(0, KEPT_MAX);
      blocks = new Map(kept);
      first = numberIn(answer.value, "first") ?? 1;
      topRead = Math.max(topRead, top);
    }
    isUnknown = !answer.ok && answer.status === 404;
    changed();
  };
  const rows = (): readonly Block[] =>
    blocks.size > 0 ? [...blocks.values()] : toldBlocks(store.state);
  return {
    rows,
    shown: () => ({ rows: rows(), evidence, first }),
    refresh: () => {
      const { state } = store;
      const isDue = Date.now() - readAt > READ_EVERY_MS && newestTold(state) > topRead;
      if (state.rest === "online" && !isReading && !isUnknown && (readAt === 0 || isDue))
        void read(null);
    },
    draw: () => {
      const lowest = Math.min(...blocks.keys());
      const older = (): void => {
        if (!isReading) void read(lowest);
      };
      const hasOlder = blocks.size > 0 && lowest > Math.max(1, first) && blocks.size < KEPT_MAX;
      return drawBlocks(page, {
        rows: rows(),
        evidence: evidence ?? toldEvidence(store.state),
        older: hasOlder ? older : null,
        first: blocks.size > 0 && lowest === first && first > 1 ? first : null,
      });
    },
  };
}

function blockIn(row: JsonObject): readonly Block[] {
  const height = numberIn(row, "height");
  if (height === null) return [];
  const number = (field: string): number => numberIn(row, field) ?? 0;
  const text = (field: string): string => textIn(row, field) ?? "";
  return [
    {
      ...{ height, blockId: text("blockId"), stateRoot: text("stateRoot") },
      time: timeIn(row, "time"),
      read: {
        ...{ proposer: text("proposer"), votes: number("votes") },
        ...{ validators: numberIn(row, "validators"), transactions: number("transactions") },
      },
    },
  ];
}

function newestTold({ homes, blocks }: Neighbourhood): number {
  const told = [...homes.values()].map(({ ledger }) => ledger?.height ?? 0);
  // The socket tells of blocks where there is no broker.
  return Math.max(1, ...told, ...blocks.keys());
}

function toldBlocks({ blocks }: Neighbourhood): readonly Block[] {
  return [...blocks.values()]
    .sort((a, b) => b.height - a.height)
    .map((block) => ({ ...block, read: null }));
}

function toldEvidence({ homes }: Neighbourhood): readonly JsonObject[] {
  const all = [...homes.values()].flatMap(({ ledger }) => ledger?.evidence ?? []);
  const keyOf = (one: (typeof all)[number]): string => `${one.kind} ${one.offender} ${one.subject}`;
  return [...new Map(all.map((one) => [keyOf(one), one])).values()];
}

type Drawing = {
  readonly rows: readonly Block[];
  readonly evidence: readonly JsonObject[];
  readonly older: (() => void) | null;
  /** The ledger begins here, for it came as a snapshot. */
  readonly first: number | null;
};

function drawBlocks(page: Page, { rows, evidence, older, first }: Drawing): Child {
  const { t, format, store } = page;
  const { state } = store;
  const homes = [...state.homes.values()];
  const newest = homes.find(({ ledger }) => ledger !== null)?.ledger;
  return [
    newest === undefined || newest === null
      ? null
      : h(
          "p",
          {},
          t("votersNow", { voters: newest.validators.map((id) => nameOf(state, id)).join(", ") }),
        ),
    table(
      t("tab_blocks"),
      [
        { title: t("height"), isNumber: true, cell: ({ height }) => blockLink(height) },
        {
          title: t("time"),
          cell: ({ time }) =>
            time === null
              ? "–"
              : h("span", { class: "nowrap" }, `${format.day(time)}, ${format.clockSeconds(time)}`),
        },
        { title: t("builtBy"), cell: ({ read }) => (read === null ? "–" : read.proposer) },
        {
          title: t("tab_historian"),
          isNumber: true,
          cell: ({ read }) => (read === null ? "–" : String(read.transactions)),
        },
        {
          title: t("votes"),
          isNumber: true,
          cell: ({ read }) =>
            read === null ? "–" : t("votesOf", { votes: read.votes, all: read.validators ?? "?" }),
        },
        { title: t("block"), cell: ({ blockId }) => shortId(blockId) },
        { title: "stateRoot", cell: ({ stateRoot }) => shortId(stateRoot) },
        {
          title: t("haveIt"),
          isNumber: true,
          cell: ({ height }) =>
            String(homes.filter(({ ledger }) => (ledger?.height ?? 0) >= height).length),
        },
      ],
      rows,
    ),
    older === null
      ? null
      : h(
          "button",
          { type: "button", id: "olderBlocks", class: "older", onclick: older },
          t("olderBlocks"),
        ),
    first === null ? null : h("p", { class: "quiet" }, t("ledgerBegins", { first })),
    h("h3", {}, t("evidence")),
    drawEvidence(page, evidence),
  ];
}

function drawEvidence({ t }: Page, rows: readonly JsonObject[]): Child {
  if (rows.length === 0) return empty(t("noEvidence"));
  return table(
    t("evidence"),
    [
      { title: t("kind"), cell: (row) => textIn(row, "kind") },
      { title: t("offender"), cell: (row) => h("code", {}, textIn(row, "offender")) },
      { title: t("subject"), cell: (row) => textIn(row, "subject") },
      {
        title: t("height"),
        isNumber: true,
        cell: (row) => {
          const height = numberIn(row, "height");
          return height === null ? "–" : blockLink(height);
        },
      },
      {
        title: t("showsTransaction"),
        cell: (row) => {
          const id = textIn(row, "transactionId");
          return id === null ? "–" : transactionLink(id);
        },
      },
    ],
    rows,
  );
}
