// History: the registries by REST when the page opens and whenever something was missed, a listing alone when it
// is closed; and from the page's own server what the devices said before the page was opened.

import { applyRecorded } from "../state/fromRecorder.ts";
import {
  applyHistorian,
  applyHours,
  applyListings,
  applyMembers,
  applyPvs,
} from "../state/fromRest.ts";
import { isObject } from "../state/json.ts";
import type { Store } from "../state/store.ts";
import { createBackOff } from "./backOff.ts";
import { openRest, type Rest, type RestAnswer, rowsOf } from "./rest.ts";

export type HistoryFeed = {
  /** Reads all again; `address` null: there is no door to ask. */
  readonly read: (address: string | null, token: string | null) => void;
  readonly readHistorian: () => Promise<void>;
  /** What is looked at once and not kept: pvtrading/blocks/12 */
  readonly get: (path: string) => Promise<RestAnswer>;
  /** What a home sold and bought in each hour of the month; its member must be known. */
  readonly readHours: (home: string) => Promise<void>;
};

/** `looked`: homes whose hours are read again when all is. */
export function openHistoryFeed(store: Store, looked: ReadonlySet<string>): HistoryFeed {
  const backOff = createBackOff();
  let rest: Rest | null = null;
  /** An answer to an earlier question than the newest is old. */
  let question = 0;
  const readAll = async (asked: number): Promise<void> => {
    const door = rest;
    if (door === null) return;
    const members = await door.get("Member");
    if (asked !== question) return;
    if (!members.ok) {
      const isRefused = members.status === 401 || members.status === 403;
      store.change((state) => {
        state.rest = isRefused ? "refused" : "offline";
      });
      if (!isRefused) backOff.wait(() => void readAll(asked));
      return;
    }
    const [pvs, listings] = await Promise.all([door.get("PV"), door.get("kWhlisting")]);
    if (asked !== question) return;
    backOff.reset();
    store.change((state) => {
      applyMembers(state, rowsOf(members));
      if (pvs.ok) applyPvs(state, rowsOf(pvs));
      applyListings(state, rowsOf(listings));
      state.rest = "online";
      state.isHistoryRead = true;
    });
    for (const name of looked) void readHours(name);
  };
  const readHours = async (name: string): Promise<void> => {
    const member = store.state.homes.get(name)?.memberId ?? null;
    if (member === null) return;
    const answer = await rest?.get(`pvtrading/hours?member=${encodeURIComponent(member)}`);
    if (answer?.ok === true) store.change((state) => applyHours(state, name, rowsOf(answer)));
  };
  const readListing = async (id: string): Promise<void> => {
    const answer = await rest?.get(`kWhlisting/${encodeURIComponent(id)}`);
    const row = answer?.ok === true ? answer.value : null;
    if (isObject(row)) store.change((state) => applyListings(state, [row]));
  };
  store.onClosed((id) => void readListing(id));
  return {
    read: (address, token) => {
      rest = address === null || token === null ? null : openRest(address, token);
      question += 1;
      store.change((state) => {
        state.rest = rest === null ? "off" : "connecting";
      });
      void readAll(question);
    },
    readHours,
    readHistorian: async () => {
      const answer = await rest?.get("system/historian");
      if (answer?.ok === true) store.change((state) => applyHistorian(state, rowsOf(answer)));
    },
    get: async (path) => (await rest?.get(path)) ?? { ok: false, status: 0, message: "" },
  };
}

/** What the page's server recorded of a home. Without it charts begin now. */
export async function readRecorded(store: Store, home: string): Promise<void> {
  let recorded: unknown;
  try {
    const answer = await fetch(`history.json?home=${encodeURIComponent(home)}`);
    recorded = answer.ok ? await answer.json() : null;
  } catch {
    // The server is away; when the feed begins again, this is asked again.
    return;
  }
  if (isObject(recorded)) store.change((state) => applyRecorded(state, home, recorded));
}
