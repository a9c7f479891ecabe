// The page begins: it asks its server where everything is, shows a view, and starts to listen.

import { createBackOff } from "./feeds/backOff.ts";
import { openFeeds } from "./feeds/feeds.ts";
import { openHistoryFeed, readRecorded } from "./feeds/historyFeed.ts";
import { watchServer } from "./feeds/serverWatch.ts";
import { keep, kept } from "./kept.ts";
import { marketTime, type PageConfig, reachable } from "./pageConfig.ts";
import { type HomeView, homeNamed } from "./state/model.ts";
import { createStore } from "./state/store.ts";
import { createFormat } from "./text/format.ts";
import { type Language, languageOf, translator } from "./text/translate.ts";
import { createAccess } from "./ui/access.ts";
import { h, keepingPlace } from "./ui/dom.ts";
import type { Page, View } from "./ui/page.ts";
import { createShell, type Shell, VIEWS, type ViewName } from "./ui/shell.ts";
import { applyTheme, readTheme } from "./ui/theme.ts";
import { createDevicesView } from "./views/devices.ts";
import { createHomeView } from "./views/home.ts";
import { createLedgerView } from "./views/ledger.ts";
import { createMarketView } from "./views/market.ts";
import { createNetworkView } from "./views/network.ts";
import { createOperatorView } from "./views/operator.ts";

const LANGUAGE = "pvtrading.language";
const HOME = "pvtrading.home";
const TICK_MS = 500;

const CREATE: { readonly [N in ViewName]: (page: Page) => View } = {
  home: createHomeView,
  market: createMarketView,
  ledger: createLedgerView,
  network: createNetworkView,
  devices: createDevicesView,
  operator: createOperatorView,
};

void start();

async function start(): Promise<void> {
  applyTheme(readTheme());
  const app = document.getElementById("app");
  if (app === null) return;
  const { config, text } = await readConfig(app);
  const store = createStore(config.timeZone, () => marketTime(config.clock, Date.now()));
  for (const { name, memberId, rest } of config.homes) {
    const home = homeNamed(store.state, name);
    home.memberId = memberId;
    home.rest = rest === null ? null : reachable(rest, location.hostname);
  }
  /** Homes that were looked at: what was recorded of them is read again after a break. */
  const looked = new Set<string>();
  const history = openHistoryFeed(store, looked);
  const look = (name: string): void => {
    if (looked.has(name)) return;
    looked.add(name);
    void readRecorded(store, name);
    void history.readHours(name);
  };
  let end: (() => void) | null = null;
  const begin = (): void => {
    end?.();
    end = openFeeds({ config, store, history, access, looked, chosen: () => kept(HOME) });
  };
  const access = createAccess(begin);
  show(app, { config, store, history, access }, look);
  begin();
  watchServer(store, text);
}

/** The server may be starting, too. */
async function readConfig(
  app: HTMLElement,
): Promise<{ readonly config: PageConfig; readonly text: string }> {
  const backOff = createBackOff();
  for (;;) {
    try {
      const answer = await fetch("config.json");
      if (answer.ok) {
        const text = await answer.text();
        return { config: JSON.parse(text) as PageConfig, text };
      }
    } catch {
      // It is not there yet.
    }
    const t = translator(readLanguage());
    app.replaceChildren(h("p", { class: "starting", role: "status" }, t("noServer")));
    await new Promise<void>((resolve) => backOff.wait(resolve));
  }
}

// ---------------------------------------------------------------------------------------- show

type Showing = Pick<Page, "config" | "store" | "history" | "access">;

function show(app: HTMLElement, showing: Showing, look: (home: string) => void): void {
  const { config, store } = showing;
  let language = readLanguage();
  let theme = readTheme();
  let shell: Shell | null = null;
  let chosen = kept(HOME);
  const home = (): HomeView | null => {
    const { homes } = store.state;
    const wanted = chosen === null ? undefined : homes.get(chosen);
    const found = wanted ?? homes.values().next().value ?? null;
    if (found !== null) look(found.name);
    return found;
  };
  const draw = (): void => {
    shell?.close?.();
    const view = viewOf(location.hash);
    document.documentElement.lang = language;
    const t = translator(language);
    document.title = `${t(`nav_${view}`)} · ${config.title}`;
    const page: Page = {
      ...showing,
      t,
      format: createFormat(language, config.timeZone),
      now: () => marketTime(config.clock, Date.now()),
      home,
      selectHome: (name) => {
        chosen = name;
        keep(HOME, name);
        redraw("whichHome");
      },
    };
    shell = createShell({
      ...{ page, view, language, theme },
      setLanguage: (next) => {
        language = next;
        keep(LANGUAGE, next);
        redraw("language");
      },
      setTheme: (next) => {
        theme = next;
        applyTheme(next);
        redraw("theme");
      },
      create: CREATE[view],
    });
    app.replaceChildren(shell.element);
  };
  /** The focus stays where the reader was. */
  const redraw = (id: string): void => {
    draw();
    document.getElementById(id)?.focus();
  };
  // What nobody sees need not be drawn.
  const update = (): void => {
    if (document.visibilityState === "visible") shell?.update();
  };
  store.subscribe(update);
  setInterval(update, TICK_MS);
  document.addEventListener("visibilitychange", update);
  window.addEventListener("hashchange", () => {
    draw();
    window.scrollTo(0, 0);
    shell?.focusHeading();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    keepingPlace(app, draw),
  );
  draw();
}

function viewOf(hash: string): ViewName {
  // A view may have places of its own: #/ledger/block/12
  return VIEWS.find((name) => `${hash}/`.startsWith(`#/${name}/`)) ?? "home";
}

function readLanguage(): Language {
  const chosen = kept(LANGUAGE);
  return languageOf([...(chosen === null ? [] : [chosen]), ...navigator.languages]);
}
