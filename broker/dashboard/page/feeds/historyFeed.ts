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
import { isObject, textIn } from "../state/json.ts";
import type { Store } from "../state/store.ts";
import { createBackOff } from "./backOff.ts";
import { openRest, type Rest, type RestAnswer, rowsOf } from "./rest.ts";

export type HistoryFeed = {
  /** Reads all again, at the first of the doors that answers; none: there is nobody to ask. */
  readonly read: (doors: readonly string[], token: string | null) => void;
  /** Once more, at the same doors. */
  readonly again: () => void;
  readonly readHistorian: () => Promise<void>;
  /** What is looked at once and not kept: pvtrading/blocks/12 */
  readonly get: (path: string) => Promise<RestAnswer>;
  /** What a home sold and bought in each hour of the month; its member must be known. */
  readonly readHours: (home: string) => Promise<void>;
};

/** An hour's end changes balances one after the other: they are read once, when they all have. */
const BALANCES_AFTER_MS = 1500;

/** `looked`: homes whose hours are read again when all is. */
export function openHistoryFeed(store: Store, looked: ReadonlySet<string>): HistoryFeed {
  const backOff = createBackOff();
  let doors: readonly Rest[] = [];
  /** The one that answered last. */
  let rest: Rest | null = null;
  /** An answer to an earlier question than the newest is old. */
  let question = 0;
  let areBalancesDue = false;
  /** Hours that were told to be over before the ledger was read. */
  const early = new Set<string>();

  const readAll = async (asked: number): Promise<void> => {
    const known = doors;
    let isRefused = false;
    for (const door of known) {
      const members = await door.get("Member");
      if (asked !== question) return;
      if (!members.ok) {
        isRefused ||= members.status === 401 || members.status === 403;
        continue;
      }
      await readFrom(door, members, asked);
      return;
    }
    if (known.length === 0) return;
    store.change((state) => {
      state.rest = isRefused ? "refused" : "offline";
    });
    // Who is refused now is refused again, but a door that is away may be the one that lets in.
    if (!isRefused || known.length > 1) retry(asked);
  };
  const readFrom = async (door: Rest, members: RestAnswer, asked: number): Promise<void> => {
    const [pvs, listings] = await Promise.all([door.get("PV"), door.get("kWhlisting")]);
    if (asked !== question) return;
    if (!listings.ok) {
      retry(asked);
      return;
    }
    rest = door;
    backOff.reset();
    store.change((state) => {
      applyMembers(state, rowsOf(members));
      if (pvs.ok) applyPvs(state, rowsOf(pvs));
      applyListings(state, rowsOf(listings));
      state.rest = "online";
      state.isHistoryRead = true;
    });
    for (const name of looked) void readHours(name);
    for (const row of rowsOf(listings)) {
      const id = textIn(row, "listingid") ?? "";
      if (early.has(id) && store.state.listings.get(id)?.isRead === false) void readListing(id);
    }
    early.clear();
  };
  const readHours = async (name: string): Promise<void> => {
    const member = store.state.homes.get(name)?.memberId ?? null;
    if (member === null) return;
    const answer = await rest?.get(`pvtrading/hours?member=${encodeURIComponent(member)}`);
    if (answer?.ok === true) store.change((state) => applyHours(state, name, rowsOf(answer)));
  };
  const retry = (asked: number): void =>
    backOff.wait(() => {
      if (asked === question) void readAll(asked);
    });
  const begin = (): void => {
    question += 1;
    void readAll(question);
  };
  const readListing = async (id: string): Promise<void> => {
    const answer = await rest?.get(`kWhlisting/${encodeURIComponent(id)}`);
    if (answer === undefined) return;
    if (!answer.ok) {
      // Its home is away: another one's ledger has it, too.
      if (answer.status === 0) begin();
      return;
    }
    const row = answer.value;
    if (isObject(row)) store.change((state) => applyListings(state, [row]));
    if (areBalancesDue) return;
    areBalancesDue = true;
    setTimeout(() => void readBalances(), BALANCES_AFTER_MS);
  };
  const readBalances = async (): Promise<void> => {
    areBalancesDue = false;
    const answer = await rest?.get("Member");
    if (answer?.ok === true) store.change((state) => applyMembers(state, rowsOf(answer)));
  };
  store.onClosed((id) => {
    if (store.state.isHistoryRead) void readListing(id);
    else early.add(id);
  });
  return {
    read: (addresses, token) => {
      doors = token === null ? [] : addresses.map((address) => openRest(address, token));
      // The one that is read from stays the first.
      const index = doors.findIndex(({ address }) => address === rest?.address);
      const [same] = index < 0 ? [] : doors.slice(index);
      rest = same ?? doors[0] ?? null;
      if (same !== undefined) doors = [same, ...doors.filter((door) => door !== same)];
      store.change((state) => {
        state.rest = doors.length === 0 ? "off" : "connecting";
      });
      begin();
    },
    again: begin,
    readHours,
    readHistorian: async () => {
      const answer = await rest?.get("system/historian");
      if (answer?.ok === true) store.change((state) => applyHistorian(state, rowsOf(answer)));
      else if (answer?.status === 0) begin();
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
