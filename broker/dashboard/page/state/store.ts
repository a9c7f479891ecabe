// The one place where the page's knowledge is kept. Feeds put messages in; views are told at most a few times a
// second that something is new, however much was said.

import { applyFrame } from "./fromFrame.ts";
import { applyTopic } from "./fromTopic.ts";
import { isObject } from "./json.ts";
import { emptyNeighbourhood, type Neighbourhood } from "./model.ts";

const TELL_EVERY_MS = 200;

export type Store = {
  readonly state: Neighbourhood;
  /** A message of the broker's. */
  readonly hearTopic: (topic: string, payload: string) => void;
  /** A frame of a REST door's WebSocket. */
  readonly hearFrame: (text: string) => void;
  /** Any other change. */
  readonly change: (edit: (state: Neighbourhood) => void) => void;
  /** Returns what ends it. */
  readonly subscribe: (tell: () => void) => () => void;
  /** Each listing that was just closed or voided, once. */
  readonly onClosed: (tell: (listingId: string) => void) => void;
};

/** `now`: market time, Unix ms. */
export function createStore(timeZone: string, now: () => number): Store {
  const state = emptyNeighbourhood(timeZone);
  const listeners = new Set<() => void>();
  const closedListeners = new Set<(listingId: string) => void>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  const changed = (): void => {
    if (timer !== null) return;
    timer = setTimeout(() => {
      timer = null;
      for (const tell of [...listeners]) tell();
    }, TELL_EVERY_MS);
  };
  const heard = (isNew: boolean): void => {
    state.lastMessageAt = Date.now();
    if (isNew) changed();
  };
  const tellClosed = (): void => {
    for (const id of state.justClosed) for (const tell of closedListeners) tell(id);
    state.justClosed.clear();
  };
  return {
    state,
    hearTopic: (topic, payload) => {
      heard(applyTopic(state, topic, payload, now()));
      tellClosed();
    },
    hearFrame: (text) => {
      const frame: unknown = parse(text);
      if (!isObject(frame)) return;
      heard(applyFrame(state, frame, now()));
      tellClosed();
    },
    change: (edit) => {
      edit(state);
      changed();
    },
    subscribe: (tell) => {
      listeners.add(tell);
      return () => listeners.delete(tell);
    },
    onClosed: (tell) => {
      closedListeners.add(tell);
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Not a frame of ours.
    return null;
  }
}
