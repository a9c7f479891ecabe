// Network: every home, how far its ledger is, whom it is connected with and how fast, whether its clock is right, and
// what is wrong with it in plain words.

import type { HomeView } from "../state/model.ts";
import type { Key } from "../text/translate.ts";
import { type Child, h, part } from "../ui/dom.ts";
import type { Page, View } from "../ui/page.ts";
import { badge, card, empty, figure, table } from "../ui/pieces.ts";
import { nameOf } from "./derive.ts";
import { clocksOf, oddVersions, tripSummary, tripsOf } from "./networkFacts.ts";
import { type HomeProblem, problemsOf } from "./problems.ts";

/** A table of more homes than this is read by nobody. */
const MATRIX_HOMES_MAX = 12;
/** There and back; a line within a town has less. */
const SLOW_MS = 150;

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
  const ways = part(
    h("div", {}),
    () => wayFacts(page),
    (facts) => drawWays(page, facts),
  );
  const element = h(
    "div",
    { class: "grid" },
    card(t("neighbourhood"), { wide: true, class: "hero" }, summary.element),
    card(t("homes"), { wide: true }, homes.element),
    card(t("ways"), { wide: true }, ways.element),
  );
  const update = (): void => {
    for (const one of [summary, homes, ways]) one.update();
  };
  update();
  return { element, update };
}

function homeFacts({ store: { state }, config }: Page) {
  const clocks = clocksOf(state, config.clock);
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
    // What is kept of a home that is gone is of then.
    clock: home.status === "offline" ? null : (clocks.get(home.name) ?? null),
    trips: home.status === "offline" ? null : tripSummary(home),
    problems: problemsOf(state, home, clocks.get(home.name) ?? null),
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
    versions: oddVersions(page.store.state),
  };
}

function drawSummary({ t, format }: Page, facts: ReturnType<typeof summaryFacts>): Child {
  const { all, online, validators, height, troubled, versions } = facts;
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
    versions === null
      ? null
      : h(
          "p",
          { class: "notice" },
          t("versionsDiffer", {
            usual: versions.usual,
            odd: versions.odd.map(({ name, version }) => `${name} ${version}`).join(", "),
          }),
        ),
  ];
}

function drawHomes(page: Page, homes: ReturnType<typeof homeFacts>): Child {
  const { t, format } = page;
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
          cell: ({ isSynchronised, clock }) => [
            isSynchronised === null
              ? "–"
              : h("span", { class: "unbroken" }, t(isSynchronised ? "clockRight" : "clockWrong")),
            clock === null
              ? null
              : h(
                  "span",
                  { class: "quiet", title: t(clock.of === "ntp" ? "clockOfNtp" : "clockOfOthers") },
                  ` ${clock.of === "ntp" ? "" : "≈ "}${signed(page, clock.ahead)}`,
                ),
          ],
        },
        {
          title: t("way"),
          isNumber: true,
          cell: ({ trips }) =>
            trips === null
              ? "–"
              : h(
                  "span",
                  {
                    title: t("wayWorst", {
                      who: nameOf(page.store.state, trips.worstTo),
                      ms: span(page, trips.worst),
                    }),
                  },
                  span(page, trips.median),
                ),
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
          h("li", {}, h("strong", {}, name), ": ", problemSentence(page, problem)),
        ),
      ),
    ),
  ];
}

function problemSentence(page: Page, problem: HomeProblem): string {
  const { t } = page;
  return t(problem.key, {
    ...("blocks" in problem
      ? { blocks: problem.blocks, why: t(`behind_${problem.why}`, { blocks: problem.blocks }) }
      : {}),
    ...("by" in problem ? { by: span(page, problem.by) } : {}),
    ...("text" in problem ? { text: problem.text } : {}),
    ...("height" in problem ? { height: problem.height } : {}),
  });
}

/** 0.4 ms, 12 ms, 2.5 s */
function span({ format }: Page, ms: number): string {
  const size = Math.abs(ms);
  if (size >= 1000) return `${format.number(ms / 1000, 1)} s`;
  return `${format.number(ms, size < 10 ? 1 : 0)} ms`;
}

function signed(page: Page, ms: number): string {
  return `${ms > 0 ? "+" : ""}${span(page, ms)}`;
}

// -------------------------------------------------------------------------------- ways

/** From each home to each, as the first one measured it. */
function wayFacts({ store: { state } }: Page) {
  const homes = [...state.homes.values()].filter(({ memberId }) => memberId !== null);
  const names = homes.map(({ name, memberId }) => ({ name, memberId: memberId ?? "" }));
  return {
    names,
    rows: homes.map((home) => {
      const trips = home.status === "offline" ? new Map<string, number>() : tripsOf(home);
      return { name: home.name, ways: names.map(({ memberId }) => trips.get(memberId) ?? null) };
    }),
  };
}

function drawWays(page: Page, { names, rows }: ReturnType<typeof wayFacts>): Child {
  const { t } = page;
  const isKnown = rows.some(({ ways }) => ways.some((ms) => ms !== null));
  if (!isKnown) return empty(t("noWays"));
  if (names.length > MATRIX_HOMES_MAX) return h("p", { class: "quiet" }, t("manyWays"));
  return [
    h("p", { class: "quiet" }, t("waysNote")),
    table(
      t("ways"),
      [
        { title: t("wayFrom"), cell: ({ name }) => name },
        ...names.map(({ name: to }, i) => ({
          title: to,
          isNumber: true,
          cell: ({ name, ways }: (typeof rows)[number]): Child => {
            const ms = ways[i] ?? null;
            if (name === to) return "";
            if (ms === null) return "–";
            return ms < SLOW_MS ? span(page, ms) : badge(span(page, ms), "warm");
          },
        })),
      ],
      rows,
    ),
  ];
}
