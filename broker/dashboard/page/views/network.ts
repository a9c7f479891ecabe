// Network: every home, how far its ledger is, whom it is connected with, and what is wrong with it in plain words.

import type { HomeView } from "../state/model.ts";
import type { Key } from "../text/translate.ts";
import { type Child, h, part } from "../ui/dom.ts";
import type { Page, View } from "../ui/page.ts";
import { badge, card, empty, figure, table } from "../ui/pieces.ts";
import { nameOf } from "./derive.ts";
import { problemsOf } from "./problems.ts";

export function createNetworkView(page: Page): View {
  const { t } = page;
  const summary = part(
    h("div", {}),
    () => summaryFacts(page),
    (facts) => drawSummary(page, facts),
  );
  const homes = part(
    h("div", { class: "homes" }),
    () => homeFacts(page),
    (facts) => drawHomes(page, facts),
  );
  const element = h(
    "div",
    { class: "grid" },
    card(t("neighbourhood"), { wide: true, class: "hero" }, summary.element),
    card(t("homes"), { wide: true }, homes.element),
  );
  const update = (): void => {
    summary.update();
    homes.update();
  };
  update();
  return { element, update };
}

function homeFacts({ store: { state } }: Page) {
  const validators = new Set(
    [...state.homes.values()].flatMap(({ ledger }) => ledger?.validators ?? []),
  );
  return [...state.homes.values()].map((home) => ({
    name: home.name,
    status: home.status,
    isValidator: home.memberId !== null && validators.has(home.memberId),
    height: home.ledger?.height ?? null,
    peers: home.ledger?.peers.map((id) => nameOf(state, id)) ?? null,
    version: home.health?.version ?? null,
    uptime: home.health === null ? null : Math.floor(home.health.uptime_s / 60),
    memory: home.health === null ? null : Math.round(home.health.rss_mb),
    isSynchronised: home.health?.clock_synchronised ?? null,
    problems: problemsOf(state, home),
  }));
}

function summaryFacts(page: Page) {
  const homes = homeFacts(page);
  return {
    all: homes.length,
    online: homes.filter(({ status }) => status === "online").length,
    validators: homes.filter(({ isValidator }) => isValidator).length,
    height: Math.max(0, ...homes.map(({ height }) => height ?? 0)),
    troubled: homes.filter(({ problems }) => problems.length > 0).map(({ name }) => name),
  };
}

function drawSummary({ t, format }: Page, facts: ReturnType<typeof summaryFacts>): Child {
  const { all, online, validators, height, troubled } = facts;
  if (all === 0) return empty(t("noHomes"));
  return [
    h(
      "p",
      { class: "lead" },
      troubled.length === 0
        ? t("allWell", { all })
        : t("someTrouble", { names: troubled.join(", ") }),
    ),
    h(
      "div",
      { class: "figures" },
      figure(`${online} / ${all}`, t("homesOnline")),
      figure(String(validators), t("validators")),
      figure(format.number(height, 0), t("height")),
    ),
  ];
}

function drawHomes({ t, format }: Page, homes: ReturnType<typeof homeFacts>): Child {
  if (homes.length === 0) return empty(t("noHomes"));
  const status: { readonly [S in HomeView["status"]]: Key } = {
    ...{ online: "online", offline: "offline", unknown: "unknown" },
  };
  const known = (n: number | null, unit = ""): string =>
    n === null ? "–" : `${format.number(n, 0)}${unit}`;
  return [
    table(
      t("homes"),
      [
        {
          title: t("home"),
          cell: ({ name, isValidator }) => [
            name,
            isValidator ? h("span", { class: "quiet" }, ` ${t("validator")}`) : null,
          ],
        },
        {
          title: t("state"),
          cell: (home) =>
            badge(
              t(status[home.status]),
              home.status === "online" ? "good" : home.status === "offline" ? "bad" : "calm",
            ),
        },
        { title: t("height"), isNumber: true, cell: ({ height }) => known(height) },
        {
          title: t("peers"),
          isNumber: true,
          cell: ({ peers }) =>
            h("span", { title: peers?.join(", ") ?? null }, known(peers?.length ?? null)),
        },
        {
          title: t("clock"),
          cell: ({ isSynchronised }) =>
            isSynchronised === null ? "–" : t(isSynchronised ? "clockRight" : "clockWrong"),
        },
        { title: t("version"), cell: ({ version }) => version ?? "–" },
        { title: t("uptime"), isNumber: true, cell: ({ uptime }) => known(uptime, " min") },
        { title: t("memory"), isNumber: true, cell: ({ memory }) => known(memory, " MB") },
      ],
      homes,
    ),
    h(
      "ul",
      { class: "plain problems" },
      homes.flatMap(({ name, problems }) =>
        problems.map((problem) =>
          h(
            "li",
            {},
            h("strong", {}, name),
            ": ",
            t(problem.key, {
              ...("blocks" in problem ? { blocks: problem.blocks } : {}),
              ...("text" in problem ? { text: problem.text } : {}),
              ...("height" in problem ? { height: problem.height } : {}),
            }),
          ),
        ),
      ),
    ),
  ];
}
