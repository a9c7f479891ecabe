// What the transaction and the block that one opens have in common: they are read by REST, show their bytes, and can
// be checked here, step by step in words.

import type { RestAnswer } from "../feeds/rest.ts";
import { isObject } from "../state/json.ts";
import { isKey, type Key, type Translate } from "../text/translate.ts";
import { type Child, h } from "../ui/dom.ts";
import type { Page, View } from "../ui/page.ts";
import { card, empty } from "../ui/pieces.ts";
import type { Check, Told, Verdict } from "./verify.ts";

const AGAIN_MS = 3000;

export type Opened = {
  readonly title: string;
  /** Below /api/pvtrading */
  readonly path: string;
  /** The tab from which one came, mostly. */
  readonly back: "historian" | "blocks";
  readonly draw: (told: Told) => Child;
};

/** Reads it once there is a door to ask, and shows it or why not. */
export function createOpened(page: Page, { title, path, back, draw }: Opened): View {
  const { t, store, history } = page;
  const body = h("div", { class: "opened", "aria-live": "off" }, empty(t("loading")));
  const toLedger = h("a", { href: `#/ledger/${back}`, class: "back" }, `← ${t("backToLedger")}`);
  const element = h("div", { class: "grid" }, card(title, { wide: true, aside: toLedger }, body));
  let isAsked = false;
  let againAt = Number.POSITIVE_INFINITY;
  let isClosed = false;
  let shownRest = "";
  const read = async (): Promise<void> => {
    const answer = await history.get(`pvtrading/${path}`);
    if (isClosed) return;
    const told = answer.ok && isObject(answer.value) ? answer.value : null;
    if (told === null) body.replaceChildren(empty(sentenceOf(t, answer)));
    // A door that is busy, or away for a moment, is asked again.
    if (!answer.ok && (answer.status === 0 || answer.status === 429 || answer.status >= 500)) {
      againAt = Date.now() + AGAIN_MS;
    }
    if (told !== null) body.replaceChildren(h("div", {}, draw(told)));
  };
  const update = (): void => {
    const { rest } = store.state;
    if (isAsked && Date.now() < againAt) return;
    if (rest === "online") {
      isAsked = true;
      againAt = Number.POSITIVE_INFINITY;
      void read();
    } else if (rest !== shownRest) {
      shownRest = rest;
      const words: Key =
        rest === "connecting" ? "loading" : rest === "offline" ? "restOffline" : "needsToken";
      body.replaceChildren(empty(t(words)));
    }
  };
  update();
  const close = (): void => {
    isClosed = true;
  };
  return { element, update, close };
}

export function sentenceOf(t: Translate, answer: RestAnswer): string {
  if (answer.ok) return t("readFails", { message: "?" });
  if (answer.status === 404 && answer.message !== "") return answer.message;
  return answer.status === 0 ? t("restOffline") : t("readFails", { message: answer.message });
}

/** Name and value, one below the other. */
export function facts(rows: readonly (readonly [Child, Child])[]): HTMLElement {
  return h(
    "dl",
    { class: "facts says" },
    rows.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );
}

/** Each to be opened and copied. */
export function bytesShown(t: Translate, all: readonly (readonly [Key, unknown])[]): Child {
  const there = all.flatMap(([key, hex]) =>
    typeof hex === "string" && hex !== "" ? [[key, hex] as const] : [],
  );
  return [
    h("h3", {}, t("bytesTitle")),
    there.map(([key, hex]) =>
      h(
        "details",
        { class: "bytes" },
        h("summary", {}, `${t(key)}, ${t("bytesCount", { n: hex.length / 2 })}`),
        h("pre", { tabindex: "0", role: "region", "aria-label": t(key), "data-bytes": key }, hex),
      ),
    ),
  ];
}

export type Verifying = {
  /** What else must be read; told of the community comes first. */
  readonly paths: readonly string[];
  readonly verify: (community: Told, others: readonly Told[]) => Verdict<unknown>;
  readonly proves: Key;
};

/** The button, and what came out of it. */
export function verifyPanel(page: Page, { paths, verify, proves }: Verifying): HTMLElement {
  const { t, history } = page;
  const result = h("div", { class: "verdict", role: "status", tabindex: "-1" });
  const button = h(
    "button",
    { type: "button", class: "primary", onclick: () => void run() },
    t("verify"),
  );
  const run = async (): Promise<void> => {
    button.disabled = true;
    result.replaceChildren(t("verifying"));
    const answers = await Promise.all(
      ["community", ...paths].map((path) => history.get(`pvtrading/${path}`)),
    );
    // The words are on the screen before the arithmetic begins.
    await new Promise((resolve) => setTimeout(resolve, 0));
    const missing = answers.find(({ ok }) => !ok);
    if (missing !== undefined) {
      result.replaceChildren(h("p", { class: "notice" }, sentenceOf(t, missing)));
    } else {
      const told = answers.map((answer) =>
        answer.ok && isObject(answer.value) ? answer.value : {},
      );
      const [community = {}, ...others] = told;
      result.replaceChildren(h("div", {}, drawVerdict(t, verify(community, others), community)));
    }
    button.disabled = false;
  };
  return h(
    "div",
    { class: "verify" },
    h("div", { class: "verifyRow" }, button, h("span", { class: "quiet" }, t("verifyWords"))),
    result,
    h(
      "details",
      {},
      h("summary", {}, t("provesTitle")),
      h("p", {}, t(proves)),
      h("p", {}, t("provesNot")),
    ),
  );
}

const SIGNS = { holds: "✓", open: "○", fails: "✗" } as const;

function drawVerdict(t: Translate, { checks, isGood }: Verdict<unknown>, community: Told): Child {
  const isOpen = checks.some(({ state }) => state === "open");
  const all = isGood ? (isOpen ? "open" : "holds") : "fails";
  return [
    h("p", { class: `lead ${all}`, "data-verdict": all }, t(`verdict_${all}`)),
    h(
      "ul",
      { class: "checks" },
      checks.map((check) =>
        h(
          "li",
          { class: check.state, "data-check": check.name },
          h("span", { "aria-hidden": "true", class: "sign" }, SIGNS[check.state]),
          h("span", { class: "hidden" }, `${t(`state_${check.state}`)}: `),
          sentence(t, check),
        ),
      ),
    ),
    h(
      "p",
      { class: "quiet" },
      `${t("communityId")}: `,
      h("code", {}, String(community["community"])),
    ),
  ];
}

function sentence(t: Translate, { name, state, facts: said }: Check): string {
  const isOwner = name === "owner" || name === "accused";
  const who = said["who"] === "" ? t("theCa") : said["who"];
  const key = isOwner
    ? `owner_${state === "fails" ? "fails" : said["from"]}`
    : name === "quorum" && state === "fails" && said["wrong"] !== ""
      ? "quorum_failsWrong"
      : name === "place" && state === "fails" && said["failed"] !== ""
        ? "place_failsBlock"
        : `${name}_${state}`;
  return isKey(key) ? t(key, { ...said, ...(who === undefined ? {} : { who }) }) : name;
}
