// The frame round every view: where one is, whose home it is, whether the page still hears the neighbourhood, and
// the reader's language and light.

import type { Neighbourhood } from "../state/model.ts";
import { type Key, LANGUAGES, type Language, type Translate } from "../text/translate.ts";
import { h, part } from "./dom.ts";
import { type IconName, icon } from "./icons.ts";
import type { Page, View } from "./page.ts";
import { THEMES, type Theme } from "./theme.ts";

export const VIEWS = ["home", "market", "ledger", "network", "devices", "operator"] as const;
export type ViewName = (typeof VIEWS)[number];

/** Nothing was heard for so long, by the wall: what is shown may be old. */
const QUIET_MS = 30_000;

export type ShellOptions = {
  readonly page: Page;
  readonly view: ViewName;
  readonly language: Language;
  readonly theme: Theme;
  readonly setLanguage: (language: Language) => void;
  readonly setTheme: (theme: Theme) => void;
  readonly create: (page: Page) => View;
};

export type Shell = View & { readonly focusHeading: () => void };

export function createShell(options: ShellOptions): Shell {
  const { page, view, create } = options;
  const { t, format, store, config } = page;
  const heading = h("h1", { tabindex: "-1" }, t(`nav_${view}`));
  const clock = part(
    h("span", { class: "marketClock" }),
    () => Math.floor(page.now() / 1000),
    (s) => `${format.day(s * 1000)}, ${format.clock(s * 1000)}`,
  );
  const link = part(
    h("p", { class: "link", role: "status" }),
    () => connection(store.state),
    (key) => [h("i", { class: `dot ${key}`, "aria-hidden": "true" }), t(key)],
  );
  const notice = part(
    h("div", { class: "notices" }),
    () => trouble(store.state),
    (key) => (key === null ? null : h("p", { class: "notice" }, t(key))),
  );
  const select = h("select", { id: "whichHome", onchange: () => page.selectHome(select.value) });
  const homes = part(
    select,
    () => ({ names: [...store.state.homes.keys()].sort(), chosen: page.home()?.name ?? null }),
    ({ names, chosen }) =>
      names.map((name) => h("option", { value: name, selected: name === chosen }, name)),
  );
  const chooser = h(
    "div",
    { class: "chooser homeChooser" },
    h("label", { for: "whichHome" }, t("home")),
    select,
  );
  const content = create(page);
  const hasHome = view === "home" || view === "devices" || view === "operator";
  const element = h(
    "div",
    { class: "frame" },
    h(
      "a",
      {
        class: "skip",
        href: "#main",
        onclick: (event: Event) => {
          event.preventDefault();
          heading.focus();
        },
      },
      t("skip"),
    ),
    h(
      "header",
      { class: "top" },
      h("p", { class: "brand" }, icon("sun"), h("span", {}, config.title)),
      h(
        "div",
        { class: "topRight" },
        clock.element,
        link.element,
        languageSelect(options),
        themeButton(options),
      ),
    ),
    navigation(t, view),
    h(
      "main",
      { id: "main" },
      h("div", { class: "headRow" }, heading, hasHome ? chooser : null),
      notice.element,
      content.element,
    ),
  );
  const update = (): void => {
    for (const one of [clock, link, notice, homes]) one.update();
    content.update();
  };
  update();
  return {
    element,
    update,
    focusHeading: () => heading.focus(),
    ...(content.close === undefined ? {} : { close: content.close }),
  };
}

function navigation(t: Translate, view: ViewName): HTMLElement {
  return h(
    "nav",
    { "aria-label": t("navigation") },
    h(
      "ul",
      {},
      VIEWS.map((name) =>
        h(
          "li",
          {},
          h(
            "a",
            { href: `#/${name}`, "aria-current": name === view ? "page" : null },
            icon(name satisfies IconName),
            h("span", {}, t(`nav_${name}`)),
          ),
        ),
      ),
    ),
  );
}

function languageSelect({ page, language, setLanguage }: ShellOptions): HTMLElement {
  const select = h(
    "select",
    {
      "aria-label": page.t("language"),
      id: "language",
      onchange: () => setLanguage(select.value as Language),
    },
    Object.entries(LANGUAGES).map(([code, { name }]) =>
      h("option", { value: code, lang: code, selected: code === language }, name),
    ),
  );
  return select;
}

function themeButton({ page, theme, setTheme }: ShellOptions): HTMLElement {
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "auto";
  const pictures: { readonly [T in Theme]: IconName } = {
    auto: "auto",
    light: "sun",
    dark: "moon",
  };
  const words = page.t(`theme_${theme}`);
  return h(
    "button",
    {
      type: "button",
      id: "theme",
      class: "iconButton",
      "aria-label": words,
      title: words,
      onclick: () => setTheme(next),
    },
    icon(pictures[theme]),
  );
}

function connection({ live, door, lastMessageAt }: Neighbourhood): Key {
  if (door === "online" && live !== "online") return "linkDoor";
  if (live === "online") {
    const isQuiet = lastMessageAt !== null && Date.now() - lastMessageAt > QUIET_MS;
    return isQuiet ? "linkQuiet" : "linkOnline";
  }
  return live === "connecting"
    ? "linkConnecting"
    : live === "refused"
      ? "linkRefused"
      : live === "off"
        ? "linkOff"
        : "linkOffline";
}

/** What is worth a sentence; null: nothing. */
function trouble(state: Neighbourhood): Key | null {
  const { live, door, rest, lastMessageAt } = state;
  if (live === "refused") return "noticeRefused";
  if (rest === "refused") return "noticeToken";
  if (live === "offline" && door === "online") return "noticeDoor";
  if (live === "offline") return lastMessageAt === null ? "noticeNeverOnline" : "noticeOffline";
  if (live === "off") {
    return door === "online" ? "noticeNoBroker" : door === "offline" ? "noticeOffline" : null;
  }
  return rest === "offline" ? "noticeRest" : null;
}
