// The page begins: it asks its server where everything is, shows a view, and starts to listen.

import { createBackOff } from "./feeds/backOff.ts";
import { type HistoryFeed, openHistoryFeed, readRecorded } from "./feeds/historyFeed.ts";
import { openMqttFeed } from "./feeds/mqttFeed.ts";
import { openSocketFeed } from "./feeds/socketFeed.ts";
import { marketTime, type PageConfig, reachable } from "./pageConfig.ts";
import { type HomeView, homeNamed } from "./state/model.ts";
import { createStore, type Store } from "./state/store.ts";
import { createFormat } from "./text/format.ts";
import { type Language, languageOf, translator } from "./text/translate.ts";
import { type Access, createAccess } from "./ui/access.ts";
import { h } from "./ui/dom.ts";
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
  const config = await readConfig(app);
  const store = createStore(config.timeZone);
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
  const feeds = createFeeds(config, { store, history, looked });
  const access = createAccess(() => feeds.begin(access));
  show(app, { config, store, history, access }, look);
  feeds.begin(access);
}

/** The server may be starting, too. */
async function readConfig(app: HTMLElement): Promise<PageConfig> {
  const backOff = createBackOff();
  for (;;) {
    try {
      const answer = await fetch("config.json");
      if (answer.ok) return (await answer.json()) as PageConfig;
    } catch {
      // It is not there yet.
    }
    const t = translator(readLanguage());
    app.replaceChildren(h("p", { class: "starting", role: "status" }, t("noServer")));
    await new Promise<void>((resolve) => backOff.wait(resolve));
  }
}

// --------------------------------------------------------------------------------------- feeds

function createFeeds(
  config: PageConfig,
  {
    store,
    history,
    looked,
  }: { readonly store: Store; readonly history: HistoryFeed; readonly looked: ReadonlySet<string> },
): { readonly begin: (access: Access) => void } {
  let end: (() => void) | null = null;
  let beginning = 0;
  const begin = (access: Access): void => {
    end?.();
    end = null;
    beginning += 1;
    const mine = beginning;
    const token = access.token() ?? config.readToken;
    const address = firstRest(store);
    const opened = (): void => {
      history.read(address, token);
      for (const name of looked) void readRecorded(store, name);
    };
    if (config.mqttUrl !== null) {
      const url = reachable(config.mqttUrl, location.hostname);
      void openMqttFeed(store, { url, login: access.login(), opened }).then((close) => {
        if (mine === beginning) end = close;
        else close();
      });
      // History does not wait for the broker.
      history.read(address, token);
    } else if (address !== null && token !== null) {
      end = openSocketFeed(store, { address, token, opened });
    } else {
      history.read(address, token);
    }
  };
  return { begin };
}

function firstRest(store: Store): string | null {
  for (const { rest } of store.state.homes.values()) if (rest !== null) return rest;
  return null;
}

// ---------------------------------------------------------------------------------------- show

type Showing = Pick<Page, "config" | "store" | "history" | "access">;

function show(app: HTMLElement, showing: Showing, look: (home: string) => void): void {
  const { config, store } = showing;
  let language = readLanguage();
  let theme = readTheme();
  let shell: Shell | null = null;
  let chosen = localStorage.getItem(HOME);
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
        localStorage.setItem(HOME, name);
        redraw("whichHome");
      },
    };
    shell = createShell({
      ...{ page, view, language, theme },
      setLanguage: (next) => {
        language = next;
        localStorage.setItem(LANGUAGE, next);
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
  store.subscribe(() => shell?.update());
  setInterval(() => shell?.update(), TICK_MS);
  window.addEventListener("hashchange", () => {
    draw();
    window.scrollTo(0, 0);
    shell?.focusHeading();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
}

function viewOf(hash: string): ViewName {
  // A view may have places of its own: #/ledger/block/12
  return VIEWS.find((name) => `${hash}/`.startsWith(`#/${name}/`)) ?? "home";
}

function readLanguage(): Language {
  const kept = localStorage.getItem(LANGUAGE);
  return languageOf([...(kept === null ? [] : [kept]), ...navigator.languages]);
}
