// What the broker passes on, into the neighbourhood. Topics of others and payloads that are none are not heard.

import {
  type BalanceState,
  type DeviceErrorState,
  type DeviceState,
  type HealthState,
  type LedgerTopicState,
  OFFLINE,
  ONLINE,
  parseTopic,
  type TopicKind,
} from "../../../topics.ts";
import {
  BALANCE,
  checked,
  checkedDevice,
  checkedLedger,
  DEVICE_ERROR,
  FORECAST,
  HEALTH,
  HOUR,
  OFFER,
} from "./checked.ts";
import { applyFrame } from "./fromFrame.ts";
import { isObject, type JsonObject, listIn, numberIn, textIn, timeIn } from "./json.ts";
import {
  BLOCKS_MAX,
  CLOCKS_MAX,
  DEVICES_MAX,
  forgetOldest,
  HOMES_MAX,
  HOURS_MAX,
  SAMPLES_MAX,
} from "./limits.ts";
import { advance, heardListing, isHour, readFills } from "./listings.ts";
import {
  type DeviceView,
  type HomeView,
  homeNamed,
  memberNamed,
  type Neighbourhood,
} from "./model.ts";

/** True: something is new. `now`, market time: what is far later is not heard. `heardAt`: by the wall's clock, Unix ms. */
export function applyTopic(
  state: Neighbourhood,
  topic: string,
  payload: string,
  now: number = Number.POSITIVE_INFINITY,
  heardAt: number = Date.now(),
): boolean {
  const parsed = parseTopic(topic);
  // A command and its answer are between two others.
  if (parsed === null || UNHEARD.has(parsed.kind)) return false;
  const isNewHome = !state.homes.has(parsed.home);
  if (isNewHome && state.homes.size >= HOMES_MAX) return false;
  const home = homeNamed(state, parsed.home);
  switch (parsed.kind) {
    case "status":
      // Empty: whoever runs the broker has taken the home's last word away.
      home.status = payload === "" ? "unknown" : payload === ONLINE ? "online" : "offline";
      return true;
    case "deviceAvailability": {
      const device = deviceNamed(home, parsed.device);
      if (device !== null) device.isOnline = payload === "" ? null : payload !== OFFLINE;
      return true;
    }
    case "deviceError": {
      const device = deviceNamed(home, parsed.device);
      const value = objectOf(payload);
      const error = value === null ? null : checked(value, DEVICE_ERROR);
      if (device !== null) device.error = error as DeviceErrorState | null;
      return true;
    }
    default: {
      const value = objectOf(payload);
      if (value === null) return false;
      if (parsed.kind === "event") return applyFrame(state, value, now);
      if (parsed.kind === "deviceState") return applyDevice(home, parsed.device, { value, now });
      if (parsed.kind === "health") noteClock(home, timeIn(value, "at"), heardAt);
      return applyState(state, home, { kind: parsed.kind as Said["kind"], value, now });
    }
  }
}

const UNHEARD: ReadonlySet<TopicKind> = new Set(["set", "response", "discovery"]);

type Said = {
  readonly kind: "forecast" | "offer" | "listing" | "hour" | "balance" | "ledger" | "health";
  readonly value: JsonObject;
  readonly now: number;
};

function applyState(state: Neighbourhood, home: HomeView, { kind, value, now }: Said): boolean {
  switch (kind) {
    case "forecast":
      return keep(state, home.forecasts as Map<string, unknown>, checked(value, FORECAST));
    case "offer":
      return keep(state, home.offers as Map<string, unknown>, checked(value, OFFER));
    case "hour":
      return keep(state, home.hours as Map<string, unknown>, checked(value, HOUR));
    case "balance": {
      const balance = checked(value, BALANCE);
      if (balance === null) return false;
      home.balance = balance as BalanceState;
      applyBalance(state, home, balance);
      return true;
    }
    case "health": {
      const health = checked(value, HEALTH);
      if (health === null) return false;
      home.health = health as unknown as HealthState;
      claim(state, home, textIn(health, "memberId") ?? "");
      return true;
    }
    case "ledger":
      return applyLedger(state, home, checkedLedger(value));
    case "listing":
      return applyListing(state, value, now);
  }
}

/** What the broker says again after a new connection is not of now. */
function noteClock(home: HomeView, said: number | null, heard: number): void {
  if (said === null || home.clocks.some((one) => one.said === said)) return;
  home.clocks = [...home.clocks, { said, heard }].slice(-CLOCKS_MAX);
}

/** By listing, the newest last. */
function keep(state: Neighbourhood, map: Map<string, unknown>, value: JsonObject | null): boolean {
  const listingId = value === null ? null : textIn(value, "listingid");
  if (listingId === null || !isHour(state, listingId)) return false;
  map.delete(listingId);
  map.set(listingId, value);
  forgetOldest(map, HOURS_MAX);
  return true;
}

/** Whose home it is, the page's server says; else the home itself, unless it names another home's member. */
function claim(state: Neighbourhood, home: HomeView, memberId: string): void {
  if (home.memberId !== null) return;
  const isTaken = [...state.homes.values()].some((one) => one.memberId === memberId);
  if (!isTaken) home.memberId = memberId;
}

/** REST does not say what is reserved. */
function applyBalance(state: Neighbourhood, { memberId }: HomeView, value: JsonObject): void {
  const balance = numberIn(value, "balance");
  if (memberId === null || balance === null) return;
  const member = memberNamed(state, memberId);
  if (member === null) return;
  member.balance = balance;
  member.reserved = numberIn(value, "reserved") ?? 0;
}

function applyLedger(state: Neighbourhood, home: HomeView, value: JsonObject | null): boolean {
  if (value === null) return false;
  const ledger = value as unknown as LedgerTopicState;
  home.ledger = ledger;
  const { height, blockId, stateRoot } = ledger;
  if (blockId === null) return true;
  state.blocks.set(height, { height, blockId, stateRoot, time: timeIn(value, "time") });
  forgetOldest(state.blocks, BLOCKS_MAX);
  return true;
}

function applyListing(state: Neighbourhood, value: JsonObject, now: number): boolean {
  const listing = heardListing(state, textIn(value, "listingid"), now);
  if (listing === null) return false;
  const [before, to] = [listing.state, textIn(value, "state")];
  advance(state, listing, to);
  // Another home may be behind: what it says of a listing that has gone on is old.
  if (listing.state !== to && before === listing.state) return false;
  listing.opensAt = timeIn(value, "opensAt") ?? listing.opensAt;
  listing.cutoffAt = timeIn(value, "cutoffAt") ?? listing.cutoffAt;
  listing.clearsAt = timeIn(value, "clearsAt") ?? listing.clearsAt;
  listing.isByHand = value["cutoffAt"] === null;
  listing.endsAt = timeIn(value, "endsAt") ?? listing.endsAt;
  listing.counted = {
    offers: numberIn(value, "offers") ?? 0,
    bids: numberIn(value, "bids") ?? 0,
    offeredKwh: numberIn(value, "offered_kwh") ?? 0,
    wantedKwh: numberIn(value, "wanted_kwh") ?? 0,
  };
  if (listing.state !== "AUCTION_CLOSED" || listing.isRead) return true;
  listing.mcp = numberIn(value, "mcp");
  const fills = readFills(listIn(value, "fills") ?? []);
  if (fills.length === (numberIn(value, "fillCount") ?? fills.length)) listing.fills = fills;
  return true;
}

/** A clock that runs ahead of the page's by more is wrong. */
const AHEAD_MAX = 2 * 24 * 3_600_000;
/** A reading that is older by more than this than the one before it: the home's clock was set back. */
const SET_BACK = 3_600_000;

function applyDevice(
  home: HomeView,
  name: string,
  { value, now }: { readonly value: JsonObject; readonly now: number },
): boolean {
  const [read, at] = [checkedDevice(value), timeIn(value, "at")];
  if (read === null || at === null || at > now + AHEAD_MAX) return false;
  const device = deviceNamed(home, name);
  if (device === null) return false;
  const state = read as unknown as DeviceState;
  device.state = state;
  // An inverter that sleeps says no power, and makes none.
  const isAsleep = state.kind === "inverter" && state.state === "asleep";
  if (at < (device.samples.at(-1)?.at ?? 0) - SET_BACK) {
    device.samples = device.samples.filter((sample) => sample.at < at);
  }
  addSample(device, { at, w: state.power_w ?? (isAsleep ? 0 : null) });
  return true;
}

/** In their order; what was had already is left out. */
export function addSample(device: DeviceView, sample: DeviceView["samples"][number]): void {
  const { samples } = device;
  if (sample.at <= (samples.at(-1)?.at ?? Number.NEGATIVE_INFINITY)) return;
  samples.push(sample);
  // Every second one is forgotten, so that the chart stays as long.
  if (samples.length > SAMPLES_MAX) device.samples = samples.filter((_, i) => i % 2 === 1);
}

export function deviceNamed(home: HomeView, name: string): DeviceView | null {
  const known = home.devices.get(name);
  if (known !== undefined) return known;
  if (home.devices.size >= DEVICES_MAX) return null;
  const device: DeviceView = { name, state: null, isOnline: null, error: null, samples: [] };
  home.devices.set(name, device);
  return device;
}

function objectOf(payload: string): JsonObject | null {
  if (payload === "") return null;
  try {
    const value: unknown = JSON.parse(payload);
    return isObject(value) ? value : null;
  } catch {
    // Not ours.
    return null;
  }
}
