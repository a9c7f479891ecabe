// What the agent tells, as messages on the board. A device's are written at once; what follows from the ledger
// is written once for all the blocks of a moment, for a home that catches up has hundreds a second.

import {
  EVENT_TYPES,
  type HealthState,
  type HomeTopics,
  OFFLINE,
  ONLINE,
  parseTopic,
  topicName,
} from "../../../broker/topics.ts";
import type { ComposerContext } from "../../core/composer/context.ts";
import { framesOf } from "../../core/composer/events.ts";
import { listingIdAt } from "../../core/ledger/calendar.ts";
import type { LedgerEvent } from "../../core/ledger/event.ts";
import { formatIso } from "../../core/units/iso.ts";
import { floorToHour, HOUR_MS } from "../../core/units/time.ts";
import type { AgentDoor, AgentEvent, DeviceReading, Publisher } from "../../ports.ts";
import { type DiscoveryHome, deviceDiscovery, homeDiscovery } from "../homeAssistant.ts";
import type { Board } from "./board.ts";
import { type Counters, REGISTERS } from "./counters.ts";
import {
  balanceState,
  type ClearedListing,
  type DeviceSeen,
  deviceError,
  deviceState,
  forecastState,
  hourState,
  ledgerState,
  listingState,
  type Measured,
  measuredState,
  newestListing,
  offerState,
} from "./payloads.ts";
import { sumWh, tradedOn } from "./trades.ts";

/** Events of blocks that are older than this are history, and found in the ledger: a home catches up. */
const EVENT_AGE_MAX = HOUR_MS;
/** Listings that are looked through for the last one that was cleared, once. */
const LISTINGS_BACK_MAX = 48;
/** Leaves room for a number. */
const DEVICE_LENGTH_MAX = 100;
/** Blocks within this are written together. */
export const GATHER_MS = 100;

export type TellerOptions = {
  readonly door: AgentDoor;
  readonly topics: HomeTopics;
  readonly board: Board;
  readonly counters: Counters;
  readonly composer: ComposerContext;
  readonly devices: readonly { readonly name: string; readonly kind: DeviceReading["kind"] }[];
  readonly pollSeconds: number;
  /** null: Home Assistant is not told. */
  readonly discovery: DiscoveryHome | null;
  readonly isClockSynchronised: () => boolean;
  readonly measured: Measured;
  /** What the process knows of itself. */
  readonly process: () => Pick<HealthState, "version" | "uptime_s" | "rss_mb" | "rest">;
  /** Monotonic, ms. */
  readonly monotonic: () => number;
  /** Runs once after GATHER_MS. */
  readonly later: (run: () => void) => void;
};

export type Teller = Publisher & {
  /** What is known before anything happens. */
  readonly begin: () => void;
  /** What changes by itself as time goes by, to be called each minute. */
  readonly tick: () => void;
  /**
   * The broker has kept something on that topic, one of `HomeTopics.namingFilters`: what was said of a device that
   * is no more in the agent's file, or to a Home Assistant that it no longer wants told, is wiped.
   */
  readonly remembers: (topic: string) => void;
};

export function createTeller(options: TellerOptions): Teller {
  const { door, topics, board, counters, composer, monotonic } = options;
  const names = deviceNames(options.devices.map(({ name }) => name));
  const seen = new Map<string, DeviceSeen>();
  /** What each device's discovery was made from. */
  const discovered = new Map<string, string>();
  let block: Extract<AgentEvent, { type: "block" }> | null = null;
  let count = 0;
  let stateRoot = "";
  let quarantined: string | null = null;
  let halted: string | null = null;
  let lastCleared: ClearedListing | null = null;
  let isGathering = false;

  const put = (topic: string, payload: object): void => board.put(topic, JSON.stringify(payload));

  /** No entities of a device that nobody has ever heard, nor of a counter that was never known. */
  const discover = (name: string, { kind, source }: DeviceSeen): void => {
    const { discovery, pollSeconds } = options;
    if (discovery === null) return;
    const shown = counters.shown(name);
    const known = REGISTERS[kind].filter((register) => shown[register] !== null);
    const text = [source, ...known].join("\n");
    if (discovered.get(name) === text) return;
    discovered.set(name, text);
    const own = names.get(name) ?? topicName(name);
    const about = { name, topicName: own, kind, source, pollSeconds, counters: new Set(known) };
    put(topics.deviceDiscovery(own), deviceDiscovery(discovery, about));
  };

  const showDevice = (name: string, device: DeviceSeen): void => {
    seen.set(name, device);
    const own = names.get(name) ?? topicName(name);
    put(topics.deviceState(own), deviceState(device, counters.shown(name)));
    discover(name, device);
  };

  const taken = new Set(names.values());
  const remembers = (topic: string): void => {
    const about = parseTopic(topic);
    if (about === null || !("device" in about)) return;
    const { kind, device } = about;
    const isGone = device !== null && !taken.has(device);
    if (kind === "discovery" && (isGone || options.discovery === null)) board.wipe(topic);
    if (!isGone) return;
    for (const topicOf of [topics.deviceState, topics.deviceAvailability, topics.deviceError]) {
      board.wipe(topicOf(device));
    }
  };

  const read = ({ device, at, reading }: Extract<AgentEvent, { type: "reading" }>): void => {
    // A clock that is wrong says nothing about how fast a counter rises.
    if (options.isClockSynchronised()) counters.read(device, at, reading);
    showDevice(device, { at, kind: reading.kind, source: reading.source, reading });
  };

  const answers = ({ device, refusal }: Extract<AgentEvent, { type: "device" }>): void => {
    const own = names.get(device);
    if (own === undefined) return;
    board.put(topics.deviceAvailability(own), refusal === null ? ONLINE : OFFLINE);
    if (refusal === null) {
      board.put(topics.deviceError(own), "");
      return;
    }
    put(topics.deviceError(own), deviceError(door.now(), refusal));
    // The last power must not stay on a dashboard all night.
    const before = seen.get(device);
    if (before !== undefined) showDevice(device, { ...before, at: door.now(), reading: null });
  };

  const showLedger = (): void => {
    const state = door.ledger();
    put(topics.ledger, ledgerState(state, { stateRoot, peers: door.peers() }));
    const listing = newestListing(state);
    if (listing !== null) {
      const at = state.time;
      put(topics.listing, listingState({ listing, rules: door.rules, lastCleared, at }));
    }
    showBalance();
  };

  const showBalance = (): void => {
    const state = door.ledger();
    const member = state.members.get(door.self);
    if (member === undefined) return;
    const trades = counters.trades();
    const hour = listingIdAt(floorToHour(door.now()), door.rules.timeZone);
    const traded = { today: tradedOn(trades, hour), total: trades.total };
    put(topics.balance, balanceState(state.time, member, traded));
  };

  const gather = (): void => {
    if (isGathering) return;
    isGathering = true;
    options.later(() => {
      isGathering = false;
      showLedger();
    });
  };

  const showHealth = (): void => {
    const health: HealthState = {
      ...{ at: formatIso(door.now()), memberId: door.self, ...options.process() },
      ...{ clock_synchronised: options.isClockSynchronised(), caught_up: door.isCaughtUp() },
      ...measuredState(options.measured),
      ...{ quarantined, halted, dropped_messages: board.dropped() },
    };
    put(topics.health, health);
  };

  const happened = (event: LedgerEvent, height: number): void => {
    if (event.type === "biddingClosed") {
      const { listingId, mcp, fills } = event;
      lastCleared = { listingId, mcp, traded: sumWh(fills) };
      counters.cleared({ listingId, fills, self: door.self });
    }
    if (event.type === "listingFinished") {
      const own = event.statements.find(({ memberId }) => memberId === door.self);
      if (own !== undefined) put(topics.hour, hourState(door.ledger().time, event.listingId, own));
    }
    if (block === null || block.height !== height) return;
    const { time, blockId } = block;
    const frames = framesOf(composer, { event, height, time, blockId, count });
    count += 1;
    if (frames === null || time < door.now() - EVENT_AGE_MAX) return;
    const type = EVENT_TYPES.find(
      (one) => frames.frame["$class"] === `${composer.namespace}.${one}`,
    );
    if (type === undefined) return;
    const payload = JSON.stringify(frames.frame);
    board.tell({ topic: topics.event(type), payload, qos: 0 }, monotonic());
  };

  const publish = (event: AgentEvent): void => {
    switch (event.type) {
      case "started":
        stateRoot = event.stateRoot;
        gather();
        return;
      case "block":
        block = event;
        count = 0;
        stateRoot = event.stateRoot;
        gather();
        return;
      case "ledger":
        happened(event.event, event.height);
        return;
      case "reading":
        read(event);
        return;
      case "device":
        answers(event);
        return;
      case "forecast":
        put(topics.forecast, forecastState(door.now(), event));
        return;
      case "decision":
        put(topics.offer, offerState(door.now(), event));
        return;
      case "peers":
        gather();
        return;
      case "quarantined":
        quarantined = event.text;
        showHealth();
        return;
      case "released":
        quarantined = null;
        showHealth();
        return;
      case "halted":
        halted = event.reason;
        showHealth();
        return;
      case "refused":
      case "ledgerSetAside":
        return;
    }
  };

  return {
    publish,
    remembers,
    begin: () => {
      for (const { name, kind } of options.devices) {
        const known = counters.known(name);
        // At night a device may not answer until the morning: its counters are known all the same.
        if (known !== null) showDevice(name, { ...known, kind, reading: null });
      }
      if (options.discovery !== null) put(topics.discovery, homeDiscovery(options.discovery));
      showHealth();
      // Last, for it reads the disk.
      lastCleared = lastClearedOf(door);
    },
    tick: () => {
      showHealth();
      showBalance();
    },
  };
}

/** Each device's name in topics; of two that would be the same the second gets a number. */
export function deviceNames(names: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  return new Map(
    names.map((name) => {
      const plain = topicName(name);
      let own = plain;
      for (let n = 2; taken.has(own); n += 1) own = `${plain.slice(0, DEVICE_LENGTH_MAX)}_${n}`;
      taken.add(own);
      return [name, own];
    }),
  );
}

/** From the state, or where its listings are gone already, from the history. */
function lastClearedOf({
  history,
  ledger,
}: Pick<AgentDoor, "history" | "ledger">): ClearedListing | null {
  const isCleared = ({ state }: { readonly state: string }) => state === "AUCTION_CLOSED";
  const present = [...ledger().listings.values()]
    .filter(isCleared)
    .sort((a, b) => b.deliveryStart - a.deliveryStart);
  const [newest] = present;
  if (newest !== undefined) {
    return { listingId: newest.listingId, mcp: newest.mcp, traded: sumWh(newest.fills) };
  }
  const earlier = history.listings(LISTINGS_BACK_MAX).find(isCleared);
  if (earlier === undefined) return null;
  const { listingId, mcp } = earlier;
  return { listingId, mcp, traded: sumWh(history.fills(listingId)) };
}
