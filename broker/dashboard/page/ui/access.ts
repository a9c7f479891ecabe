// What the reader has been given: a token for REST and which of its cards acts, a login for the broker. Kept while
// the tab is open.

import type { Login } from "../feeds/mqttFeed.ts";
import { keepInTab, keptInTab } from "../kept.ts";

const TOKEN = "pvtrading.token";
const CARD = "pvtrading.card";
const LOGIN = "pvtrading.login";

export type Access = {
  /** The reader's own; null: none. */
  readonly token: () => string | null;
  /** Of the token's cards the one that acts; null: its default. */
  readonly card: () => string | null;
  readonly login: () => Login | null;
  readonly setToken: (token: string | null) => void;
  readonly setCard: (card: string | null) => void;
  readonly setLogin: (login: Login | null) => void;
};

/** `changed`: the feeds are to begin again. */
export function createAccess(changed: () => void): Access {
  // Where a browser keeps nothing, the page's own memory does.
  const known = new Map([TOKEN, CARD, LOGIN].map((name) => [name, keptInTab(name)]));
  const keep = (name: string, value: string | null): void => {
    known.set(name, value);
    keepInTab(name, value);
  };
  return {
    token: () => known.get(TOKEN) ?? null,
    card: () => known.get(CARD) ?? null,
    login: () => {
      const [username, password] = (known.get(LOGIN) ?? "").split("\n");
      return username === undefined || username === ""
        ? null
        : { username, password: password ?? "" };
    },
    setToken: (token) => {
      keep(CARD, null);
      keep(TOKEN, token);
      changed();
    },
    // Reading is the same with each card.
    setCard: (card) => keep(CARD, card),
    setLogin: (login) => {
      keep(LOGIN, login === null ? null : `${login.username}\n${login.password}`);
      changed();
    },
  };
}
