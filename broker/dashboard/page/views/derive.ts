// What the views show, worked out from what is known. No element here, so that it can be tested alone.

import { idDayOf } from "../market/listingTime.ts";
import { listingsInOrder } from "../state/listings.ts";
import type { HomeView, Listing, Neighbourhood } from "../state/model.ts";

export type Power = {
  /** W; null: no inverter, or none that says. */
  readonly production: number | null;
  /** At the grid connection, positive is import. */
  readonly grid: number | null;
  readonly use: number | null;
  readonly hasInverter: boolean;
  readonly isAsleep: boolean;
};

export function powerOf(home: HomeView): Power {
  const devices = [...home.devices.values()].filter(({ isOnline }) => isOnline !== false);
  const states = devices.map(({ state }) => state).filter((state) => state !== null);
  const inverters = states.filter((state) => state.kind === "inverter");
  const meters = states.filter(({ kind }) => kind === "meter");
  const hasInverter = [...home.devices.values()].some(({ state }) => state?.kind === "inverter");
  const isAsleep = inverters.length > 0 && inverters.every(({ state }) => state === "asleep");
  // An inverter that sleeps says no power, and makes none.
  const made = inverters.map(({ power_w, state }) => power_w ?? (state === "asleep" ? 0 : null));
  const production = inverters.length === 0 ? null : sum(made);
  const grid = meters.length === 0 ? null : sum(meters.map(({ power_w }) => power_w));
  const own = hasInverter ? production : 0;
  const use = grid === null || own === null ? null : Math.max(0, own + grid);
  return { production, grid, use, hasInverter, isAsleep };
}

/** null: one of them is not known. */
function sum(values: readonly (number | null)[]): number | null {
  let total = 0;
  for (const value of values) {
    if (value === null) return null;
    total += value;
  }
  return total;
}

export type HourTrade = {
  readonly listingId: string;
  readonly deliveryStart: number;
  /** kWh */
  readonly sold: number;
  readonly bought: number;
  /** Tokens; null: not known. */
  readonly earned: number | null;
  readonly spent: number | null;
};

/**
 * Each closed hour of which something is known, oldest first: by the fills, by what the ledger has of hours further
 * back, or by what the home itself said, which knows of no money.
 */
export function tradesOf(state: Neighbourhood, home: HomeView): readonly HourTrade[] {
  const listed = [...listedTrades(state, home)];
  const known = new Set(listed.map(({ listingId }) => listingId));
  const older = [...home.traded].flatMap(([listingId, traded]): HourTrade[] =>
    known.has(listingId) ? [] : [{ listingId, ...traded }],
  );
  return [...older, ...listed].sort((a, b) => a.deliveryStart - b.deliveryStart);
}

function listedTrades(state: Neighbourhood, home: HomeView): readonly HourTrade[] {
  const { memberId } = home;
  return listingsInOrder(state).flatMap(({ id, deliveryStart, state: at, fills }): HourTrade[] => {
    const of = { listingId: id, deliveryStart };
    if (fills !== null && memberId !== null && at === "AUCTION_CLOSED") {
      const [sold, earned] = totals(fills.filter(({ seller }) => seller === memberId));
      const [bought, spent] = totals(fills.filter(({ buyer }) => buyer === memberId));
      return [{ ...of, sold, bought, earned, spent }];
    }
    const traded = home.traded.get(id);
    if (traded !== undefined) return [{ ...of, ...traded }];
    const hour = home.hours.get(id);
    if (hour === undefined) return [];
    const [sold, bought] = [hour.sold_kwh, hour.bought_kwh];
    return [{ ...of, sold, bought, earned: sold > 0 ? null : 0, spent: bought > 0 ? null : 0 }];
  });
}

/** kWh and tokens, without what adding decimals leaves. */
function totals(
  fills: readonly { readonly kWh: number; readonly price: number }[],
): [number, number] {
  const wh = fills.reduce((total, { kWh }) => total + Math.round(kWh * 1000), 0);
  const cost = fills.reduce(
    (total, { kWh, price }) => total + Math.round(kWh * 1000) * Math.round(price * 1000),
    0,
  );
  return [wh / 1000, cost / 1_000_000];
}

export function addTrades(
  trades: readonly HourTrade[],
): Omit<HourTrade, "listingId" | "deliveryStart"> {
  const energy = (field: "sold" | "bought"): number =>
    rounded(trades.reduce((total, trade) => total + trade[field], 0));
  const money = (field: "earned" | "spent"): number | null => {
    const total = sum(trades.map((trade) => trade[field]));
    return total === null ? null : rounded(total);
  };
  return {
    sold: energy("sold"),
    bought: energy("bought"),
    earned: money("earned"),
    spent: money("spent"),
  };
}

/** Without what adding decimals leaves. */
function rounded(n: number): number {
  return Math.round(n * 1e6) / 1e6;
}

/** Of the community's calendar month that has `now`: a listing's id says its day in the community's time zone. */
export function ofThisMonth(
  trades: readonly HourTrade[],
  now: number,
  timeZone: string,
): readonly HourTrade[] {
  const month = idDayOf(now, timeZone).slice(DAY_DIGITS);
  return trades.filter(({ listingId }) => listingId.startsWith(month, DAY_DIGITS));
}

/** Of the community's calendar day that has `now`. */
export function ofToday(
  trades: readonly HourTrade[],
  now: number,
  timeZone: string,
): readonly HourTrade[] {
  const today = idDayOf(now, timeZone);
  return trades.filter(({ listingId }) => listingId.startsWith(today));
}

/** 21 of 21Mar18 */
const DAY_DIGITS = 2;

/** The newest one that takes offers, else the newest. */
export function runningListing(state: Neighbourhood): Listing | null {
  const all = listingsInOrder(state);
  return all.findLast((one) => one.state === "ACCEPT_OFFERS") ?? all.at(-1) ?? null;
}

export function closedListings(state: Neighbourhood): readonly Listing[] {
  return listingsInOrder(state).filter((one) => one.state === "AUCTION_CLOSED");
}

/** seller1 for seller1@vt.edu, or the names on the ledger. */
export function nameOf(state: Neighbourhood, memberId: string): string {
  const member = state.members.get(memberId);
  const [short = memberId] = memberId.split("@");
  if (member === undefined || member.firstName === "") return short;
  const { firstName, lastName } = member;
  return firstName === lastName || lastName === "" ? firstName : `${firstName} ${lastName}`;
}

/** Whose a PV is: the registry, or an offer that was filled. */
export function ownerOf(state: Neighbourhood, pv: string): string {
  const owner = state.pvs.get(pv)?.owner;
  if (owner !== undefined) return owner;
  for (const { fills } of state.listings.values()) {
    const fill = fills?.find((one) => one.pv === pv);
    if (fill !== undefined) return fill.seller;
  }
  return pv;
}

/** Sums of what is offered and wanted now. */
export function sumsOf({ offers, bids, counted }: Listing): {
  readonly offers: number;
  readonly bids: number;
  readonly offeredKwh: number;
  readonly wantedKwh: number;
} {
  const kWh = (all: Iterable<{ readonly kWh: number }>): number =>
    Math.round([...all].reduce((total, one) => total + one.kWh, 0) * 1000) / 1000;
  const own = {
    ...{ offers: offers.size, bids: bids.size },
    ...{ offeredKwh: kWh(offers.values()), wantedKwh: kWh(bids.values()) },
  };
  // Who opened the page in the middle of the hour knows of fewer than there are.
  if (counted === null || counted.offers + counted.bids <= own.offers + own.bids) return own;
  return counted;
}

export type Unsold = {
  readonly kWh: number;
  readonly why: "glanceUnwanted" | "glanceTooDear" | "glanceTooLate";
  /** kWh of all bids. */
  readonly wanted: number;
};

/** Of an hour in which a home sold nothing: what it offered, and why that was not sold; null: it offered nothing. */
export function unsoldOf(state: Neighbourhood, home: HomeView, listing: Listing): Unsold | null {
  const own = [...listing.offers.values()].filter(
    ({ pv, kWh }) => kWh > 0 && home.memberId !== null && ownerOf(state, pv) === home.memberId,
  );
  if (own.length === 0) return null;
  const wanted = [...listing.bids.values()].reduce((sum, bid) => sum + bid.kWh, 0);
  const { mcp } = listing;
  const isTooDear = mcp !== null && own.every(({ reservePrice }) => reservePrice > mcp);
  return {
    kWh: own.reduce((sum, offer) => sum + offer.kWh, 0),
    why: wanted === 0 ? "glanceUnwanted" : isTooDear ? "glanceTooDear" : "glanceTooLate",
    wanted,
  };
}
