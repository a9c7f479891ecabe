// What the broker passes on, into the neighbourhood. Topics of others and payloads that are none are not heard.

import {
  type BalanceState,
  type DeviceErrorState,
  type DeviceState,
  type ForecastState,
  type HealthState,
  type HourState,
  type LedgerTopicState,
  OFFLINE,
  type OfferState,
  ONLINE,
  parseTopic,
} from "../../../topics.ts";
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
import { advance, listingNamed, readFills } from "./listings.ts";
import {
  type DeviceView,
  type HomeView,
  homeNamed,
  memberNamed,
  type Neighbourhood,
} from "./model.ts";

/** True: something is new. `heardAt`: by the wall's clock, Unix ms. */
export function applyTopic(
  state: Neighbourhood,
  topic: string,
  payload: string,
  heardAt: number = Date.now(),
): boolean {
  const parsed = parseTopic(topic);
  if (parsed === null) return false;
  const isNewHome = !state.homes.has(parsed.home);
  if (isNewHome && state.homes.size >= HOMES_MAX) return false;
  const home = homeNamed(state, parsed.home);
  switch (parsed.kind) {
    case "status":
      home.status = payload === ONLINE ? "online" : "offline";
      return true;
    case "deviceAvailability": {
      const device = deviceNamed(home, parsed.device);
      if (device !== null) device.isOnline = payload === "" ? null : payload !== OFFLINE;
      return true;
    }
    case "deviceError": {
      const device = deviceNamed(home, parsed.device);
      const error = objectOf(payload);
      if (device !== null) device.error = error === null ? null : (error as DeviceErrorState);
      return true;
    }
    case "set":
    case "response":
    case "discovery":
      return false;
    default: {
      const value = objectOf(payload);
      if (value === null) return false;
      if (parsed.kind === "event") return applyFrame(state, value);
      if (parsed.kind === "deviceState") return applyDevice(home, parsed.device, value);
      if (parsed.kind === "health") noteClock(home, timeIn(value, "at"), heardAt);
      return applyState(state, home, { kind: parsed.kind, value });
    }
  }
}

type Said = {
  readonly kind: "forecast" | "offer" | "listing" | "hour" | "balance" | "ledger" | "health";
  readonly value: JsonObject;
};

function applyState(state: Neighbourhood, home: HomeView, { kind, value }: Said): boolean {
  const listingId = textIn(value, "listingid") ?? "";
  const keep = <T>(map: Map<string, T>): void => {
    map.delete(listingId);
    map.set(listingId, value as T);
    forgetOldest(map, HOURS_MAX);
  };
  switch (kind) {
    case "forecast":
      keep<ForecastState>(home.forecasts);
      return true;
    case "offer":
      keep<OfferState>(home.offers);
      return true;
    case "hour":
      keep<HourState>(home.hours);
      return true;
    case "balance":
      home.balance = value as BalanceState;
      applyBalance(state, home, value);
      return true;
    case "health":
      home.health = value as unknown as HealthState;
      home.memberId = textIn(value, "memberId") ?? home.memberId;
      return true;
    case "ledger":
      return applyLedger(state, home, value);
    case "listing":
      return applyListing(state, value);
  }
}

/** What the broker says again after a new connection is not of now. */
function noteClock(home: HomeView, said: number | null, heard: number): void {
  if (said === null || home.clocks.some((one) => one.said === said)) return;
  home.clocks = [...home.clocks, { said, heard }].slice(-CLOCKS_MAX);
}

/** REST does not say what is reserved. */
function applyBalance(state: Neighbourhood, { memberId }: HomeView, value: JsonObject): void {
  const balance = numberIn(value, "balance");
  if (memberId === null || balance === null) return;
  const member = memberNamed(state, memberId);
  member.balance = balance;
  member.reserved = numberIn(value, "reserved") ?? 0;
}

function applyLedger(state: Neighbourhood, home: HomeView, value: JsonObject): boolean {
  const ledger = value as unknown as LedgerTopicState;
  home.ledger = ledger;
  const { height, blockId, stateRoot } = ledger;
  if (typeof height !== "number" || typeof blockId !== "string") return true;
  state.blocks.set(height, { height, blockId, stateRoot, time: timeIn(value, "time") });
  forgetOldest(state.blocks, BLOCKS_MAX);
  return true;
}

function applyListing(state: Neighbourhood, value: JsonObject): boolean {
  const listing = listingNamed(state, textIn(value, "listingid") ?? "");
  if (listing === null) return false;
  const [before, to] = [listing.state, textIn(value, "state")];
  advance(listing, to);
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
  if (listing.state !== "AUCTION_CLOSED") return true;
  listing.mcp = numberIn(value, "mcp");
  const fills = readFills(listIn(value, "fills") ?? []);
  if (fills.length === (numberIn(value, "fillCount") ?? fills.length)) listing.fills = fills;
  return true;
}

function applyDevice(home: HomeView, name: string, value: JsonObject): boolean {
  const device = deviceNamed(home, name);
  if (device === null) return false;
  device.state = value as unknown as DeviceState;
  const at = timeIn(value, "at");
  if (at !== null) addSample(device, { at, w: numberIn(value, "power_w") });
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
