// One block: its header, who voted for it and who did not, what is in it, and everything to check it by.

import { isObject, type JsonObject, listIn, numberIn, textIn, timeIn } from "../state/json.ts";
import { type Child, h } from "../ui/dom.ts";
import type { Page, View } from "../ui/page.ts";
import { badge, empty, shortId, table } from "../ui/pieces.ts";
import { nameOf } from "../views/derive.ts";
import { blockLink, transactionLink } from "../views/ledgerPlace.ts";
import { bytesShown, createOpened, facts, verifyPanel } from "./opened.ts";
import { type Told, verifyBlock } from "./verify.ts";

export function createBlockView(page: Page, height: number): View {
  return createOpened(page, {
    title: page.t("blockNumber", { height }),
    path: `blocks/${height}`,
    back: "blocks",
    draw: (told) => draw(page, height, told),
  });
}

function draw(page: Page, height: number, told: Told): Child {
  const { t, format } = page;
  const at = timeIn(told, "time");
  const certificate = isObject(told["certificate"]) ? told["certificate"] : {};
  const id = (field: string): Child => h("code", { class: "whole" }, textIn(told, field) ?? "–");
  return [
    h(
      "p",
      { class: "neighbours" },
      height > 1 ? blockLink(height - 1, `← ${t("blockBefore")}`) : null,
      blockLink(height + 1, `${t("blockAfter")} →`),
    ),
    facts([
      [t("time"), at === null ? "–" : `${format.day(at)}, ${format.clockSeconds(at)}`],
      [t("builtBy"), h("code", {}, textIn(told, "proposer"))],
      [t("round"), String(numberIn(certificate, "round") ?? "–")],
      [t("block"), id("blockId")],
      [t("blockBefore"), id("previous")],
      ["stateRoot", id("stateRoot")],
      ["transactionsRoot", id("transactionsRoot")],
    ]),
    verifyPanel(page, {
      paths: [],
      verify: (community) => verifyBlock(height, { block: told, community }),
      proves: "provesBlock",
    }),
    h("h3", {}, t("certificateTitle")),
    drawVotes(page, certificate),
    h("h3", {}, t("transactionsTitle")),
    drawTransactions(page, listIn(told, "transactions") ?? []),
    drawSteps(page, listIn(told, "systemSteps") ?? []),
    bytesShown(t, [["bytes_block", told["bytes"]]]),
  ];
}

function drawVotes({ t, store: { state } }: Page, certificate: JsonObject): Child {
  const votes = listIn(certificate, "votes") ?? [];
  const isKnown = votes.every((vote) => textIn(vote, "publicKey") !== null);
  const signed = votes.filter((vote) => textIn(vote, "signature") !== null).length;
  const need = Math.floor((2 * votes.length) / 3) + 1;
  const round = numberIn(certificate, "round") ?? 0;
  return [
    h(
      "p",
      { class: "quiet" },
      isKnown
        ? t("certificateWords", { votes: signed, all: votes.length, round, need })
        : t("certificateUnknown"),
    ),
    table(
      t("certificateTitle"),
      [
        {
          title: t("voter"),
          cell: (vote) => {
            const id = textIn(vote, "memberId") ?? "";
            const name = nameOf(state, id);
            return [h("code", {}, id), name === id ? null : ` ${name}`];
          },
        },
        {
          title: t("votes"),
          cell: (vote) =>
            textIn(vote, "signature") === null
              ? badge(t("notVoted"), "warm")
              : badge(t("voted"), "good"),
        },
        {
          title: t("bytes_signature"),
          cell: (vote) => {
            const signature = textIn(vote, "signature");
            return signature === null ? "–" : shortId(signature);
          },
        },
      ],
      votes,
    ),
  ];
}

function drawTransactions({ t }: Page, rows: readonly JsonObject[]): Child {
  if (rows.length === 0) return empty(t("noTransactions"));
  return table(
    t("transactionsTitle"),
    [
      { title: "Id", cell: (row) => transactionLink(textIn(row, "id") ?? "") },
      { title: t("transaction"), cell: (row) => textIn(row, "type") },
      { title: t("who"), cell: (row) => h("code", {}, textIn(row, "author") ?? t("theCa")) },
    ],
    rows,
  );
}

function drawSteps({ t }: Page, rows: readonly JsonObject[]): Child {
  if (rows.length === 0) return null;
  return [
    h("h3", {}, t("stepsTitle")),
    table(
      t("stepsTitle"),
      [
        { title: t("kind"), cell: (row) => textIn(row, "step") },
        { title: t("hour"), cell: (row) => h("code", {}, textIn(row, "listingId")) },
      ],
      rows,
    ),
  ];
}
