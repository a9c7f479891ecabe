// What every view is given, and what it is.

import type { HistoryFeed } from "../feeds/historyFeed.ts";
import type { PageConfig } from "../pageConfig.ts";
import type { HomeView } from "../state/model.ts";
import type { Store } from "../state/store.ts";
import type { Format } from "../text/format.ts";
import type { Translate } from "../text/translate.ts";
import type { Access } from "./access.ts";

export type Page = {
  readonly config: PageConfig;
  readonly store: Store;
  readonly history: HistoryFeed;
  readonly t: Translate;
  readonly format: Format;
  /** Market time, Unix ms. */
  readonly now: () => number;
  /** The home that is looked at; null: none is known yet. */
  readonly home: () => HomeView | null;
  readonly selectHome: (name: string) => void;
  readonly access: Access;
};

export type View = {
  readonly element: HTMLElement;
  /** Something is new, or a second has passed. */
  readonly update: () => void;
  readonly close?: () => void;
};
