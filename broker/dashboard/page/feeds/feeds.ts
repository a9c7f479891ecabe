// Which of the three feeds the page listens to: the broker, where there is one; while it is away, a home's own
// WebSocket, so that the market goes on; the registries by REST whenever either of them begins.

import { type PageConfig, reachable } from "../pageConfig.ts";
import type { Store } from "../state/store.ts";
import type { Access } from "../ui/access.ts";
import { type HistoryFeed, readRecorded } from "./historyFeed.ts";
import { openMqttFeed } from "./mqttFeed.ts";
import { openSocketFeed } from "./socketFeed.ts";

/** A broker that is started again is back sooner. */
const WITHOUT_BROKER_MS = 3000;

export type Feeding = {
  readonly config: PageConfig;
  readonly store: Store;
  readonly history: HistoryFeed;
  readonly access: Access;
  /** The home that is looked at; null: none was chosen. */
  readonly chosen: () => string | null;
  /** Homes that were looked at: what was recorded of them is read again after a break. */
  readonly looked: ReadonlySet<string>;
};

/** History waits so long for whoever is live, so that it is read once; no longer. */
const HISTORY_WAITS_MS = 500;

/** Returns what ends them. */
export function openFeeds({ config, store, history, access, chosen, looked }: Feeding): () => void {
  const own = access.token();
  const token = own ?? config.readToken;
  // The reader's token is for one home; a laboratory's opens any door.
  const known = doorsOf(store, chosen());
  const doors = own === null ? known : known.slice(0, 1);
  let wasOpen = false;
  const opened = (): void => {
    clearTimeout(first);
    history.read(doors, token);
    // The first time, whoever looks at a home has just read it.
    if (wasOpen) for (const name of looked) void readRecorded(store, name);
    wasOpen = true;
  };
  let endSocket: (() => void) | null = null;
  const listenAtDoor = (): void => {
    if (endSocket === null && doors.length > 0 && token !== null) {
      endSocket = openSocketFeed(store, { doors, token, opened });
    }
  };
  const leaveDoor = (): void => {
    endSocket?.();
    endSocket = null;
  };
  const first = setTimeout(() => history.read(doors, token), HISTORY_WAITS_MS);
  if (config.mqttUrl === null) {
    listenAtDoor();
    return () => {
      clearTimeout(first);
      leaveDoor();
    };
  }
  const url = reachable(config.mqttUrl, location.hostname);
  const endBroker = openMqttFeed(store, { url, login: access.login(), opened });
  let awaySince: number | null = null;
  const watch = setInterval(() => {
    if (store.state.live === "online") {
      awaySince = null;
      leaveDoor();
      return;
    }
    awaySince ??= Date.now();
    if (Date.now() - awaySince >= WITHOUT_BROKER_MS) listenAtDoor();
  }, 500);
  return () => {
    clearTimeout(first);
    clearInterval(watch);
    endBroker();
    leaveDoor();
  };
}

/** The chosen home's first. */
function doorsOf({ state }: Store, chosen: string | null): readonly string[] {
  const homes = [...state.homes.values()];
  const ordered = [
    ...homes.filter(({ name }) => name === chosen),
    ...homes.filter(({ name }) => name !== chosen),
  ];
  return ordered.map(({ rest }) => rest).filter((rest) => rest !== null);
}
