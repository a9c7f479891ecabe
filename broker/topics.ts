// Every MQTT topic of the community and what is said on it: the one contract between the agents, the broker and
// the page. It imports nothing, so that each of them can import it; docs/mqtt.md is the same for people, and
// topicSchemas.ts has a JSON Schema for each payload.
//
// Payloads are JSON objects (UTF-8) but for `online` and `offline`. Times are ISO 8601 in UTC with milliseconds;
// numbers are JSON numbers: kWh, W, tokens, tokens/kWh. null: not known, which is never 0.

/** Every topic of ours begins with it; `<home>` follows. */
export const TOPIC_ROOT = "pvtrading";

/** Where Home Assistant looks for devices, unless it was told another prefix. */
export const DISCOVERY_PREFIX = "homeassistant";

/** Home Assistant says `online` here when it has started. */
export const HOME_ASSISTANT_STATUS: string = `${DISCOVERY_PREFIX}/status`;

export const ONLINE = "online";
export const OFFLINE = "offline";

/** A topic's length, bytes; MQTT would allow 65 535. */
export const TOPIC_LENGTH_MAX = 512;
/** Bytes of the largest payload that an agent publishes or reads. */
export const PAYLOAD_BYTES_MAX: number = 256 * 1024;
/** Of a home, a device, a command's id. */
export const NAME_LENGTH_MAX = 128;
/** A listing's fills beyond this many are counted, not listed. */
export const FILLS_MAX = 1000;

const NAME = /^[A-Za-z0-9_-]{1,128}$/;

/** Whether `text` can stand between two slashes of a topic as a home, a device or an id. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** seller1@vt.edu -> seller1_vt_edu; a device's name likewise: "inverter roof" -> inverter_roof */
export function topicName(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, NAME_LENGTH_MAX);
}

/** The events of the market, named as on the WebSocket of the REST door. */
export const EVENT_TYPES = [
  "AcceptOfferBroadcast",
  "PVOffer",
  "BUYOffer",
  "CloseBidding",
  "MeterReading",
  "BalanceChanged",
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

export const COMMANDS = ["offer", "bid", "cancel"] as const;

export type Command = (typeof COMMANDS)[number];

/** The topics of one home, each where it says it. */
export type HomeTopics = {
  /** `pvtrading/<home>` */
  readonly base: string;
  /** Text `online` or `offline`, retained; the broker says `offline` for an agent that is gone (last will). */
  readonly status: string;
  readonly deviceState: (device: string) => string;
  readonly deviceAvailability: (device: string) => string;
  readonly deviceError: (device: string) => string;
  readonly forecast: string;
  readonly offer: string;
  readonly listing: string;
  readonly event: (type: EventType) => string;
  readonly hour: string;
  readonly balance: string;
  readonly ledger: string;
  readonly health: string;
  readonly set: (command: Command) => string;
  /** Every command of this home. */
  readonly setFilter: string;
  readonly response: (id: string) => string;
  /** Home Assistant's discovery of the home and its market, retained; and of one device of the home. */
  readonly discovery: string;
  readonly deviceDiscovery: (device: string) => string;
  /** Discovery and devices' availability: what the broker keeps there tells which devices there were. */
  readonly namingFilters: readonly string[];
};

/** `home`: as `topicName` makes it. */
export function homeTopics(home: string): HomeTopics {
  const base = `${TOPIC_ROOT}/${home}`;
  return {
    base,
    status: `${base}/status`,
    deviceState: (device) => `${base}/device/${device}/state`,
    deviceAvailability: (device) => `${base}/device/${device}/availability`,
    deviceError: (device) => `${base}/device/${device}/error`,
    forecast: `${base}/forecast`,
    offer: `${base}/offer`,
    listing: `${base}/listing`,
    event: (type) => `${base}/event/${type}`,
    hour: `${base}/hour`,
    balance: `${base}/balance`,
    ledger: `${base}/ledger`,
    health: `${base}/health`,
    set: (command) => `${base}/set/${command}`,
    setFilter: `${base}/set/+`,
    response: (id) => `${base}/response/${id}`,
    discovery: `${DISCOVERY_PREFIX}/device/${TOPIC_ROOT}_${home}/config`,
    deviceDiscovery: (device) =>
      `${DISCOVERY_PREFIX}/device/${TOPIC_ROOT}_${home}/${device}/config`,
    namingFilters: [
      `${DISCOVERY_PREFIX}/device/${TOPIC_ROOT}_${home}/config`,
      `${DISCOVERY_PREFIX}/device/${TOPIC_ROOT}_${home}/+/config`,
      `${base}/device/+/availability`,
    ],
  };
}

/** What a topic of ours is about; what it is about is a home's. */
export type ParsedTopic = { readonly home: string } & (
  | {
      readonly kind:
        | "status"
        | "forecast"
        | "offer"
        | "listing"
        | "hour"
        | "balance"
        | "ledger"
        | "health";
    }
  /** `device` null: of the home itself. */
  | { readonly kind: "discovery"; readonly device: string | null }
  | {
      readonly kind: "deviceState" | "deviceAvailability" | "deviceError";
      readonly device: string;
    }
  | { readonly kind: "event"; readonly type: EventType }
  | { readonly kind: "set"; readonly command: Command }
  | { readonly kind: "response"; readonly id: string }
);

export type TopicKind = ParsedTopic["kind"];

const PLAIN = [
  "status",
  "forecast",
  "offer",
  "listing",
  "hour",
  "balance",
  "ledger",
  "health",
] as const;

const DEVICE_KINDS = {
  state: "deviceState",
  availability: "deviceAvailability",
  error: "deviceError",
} as const;

/** null: none of ours, or with a wildcard in it. */
export function parseTopic(topic: string): ParsedTopic | null {
  if (topic.length > TOPIC_LENGTH_MAX) return null;
  const levels = topic.split("/");
  if (!levels.every(isName)) return null;
  const [root, home = "", third = "", fourth = "", fifth = ""] = levels;
  if (root === DISCOVERY_PREFIX) return discoveryOf(levels);
  if (root !== TOPIC_ROOT) return null;
  if (levels.length === 3) {
    const kind = PLAIN.find((one) => one === third);
    return kind === undefined ? null : { home, kind };
  }
  if (levels.length === 4) {
    const type = EVENT_TYPES.find((one) => one === fourth);
    const command = COMMANDS.find((one) => one === fourth);
    if (third === "event" && type !== undefined) return { home, kind: "event", type };
    if (third === "set" && command !== undefined) return { home, kind: "set", command };
    return third === "response" ? { home, kind: "response", id: fourth } : null;
  }
  if (levels.length !== 5 || third !== "device" || !Object.hasOwn(DEVICE_KINDS, fifth)) return null;
  const kind = DEVICE_KINDS[fifth as keyof typeof DEVICE_KINDS];
  return { home, kind, device: fourth };
}

function discoveryOf(levels: readonly string[]): ParsedTopic | null {
  const [, component, object = ""] = levels;
  const isLong = levels.length === 4 || levels.length === 5;
  const isOurs = isLong && component === "device" && levels.at(-1) === "config";
  const start = `${TOPIC_ROOT}_`;
  if (!isOurs || !object.startsWith(start) || object === start) return null;
  const device = levels.length === 5 ? (levels[3] ?? null) : null;
  return { home: object.slice(start.length), kind: "discovery", device };
}

/** Which of them the broker keeps for whoever subscribes later. Events, commands and answers are of their moment. */
export const RETAINED: { readonly [K in TopicKind]: boolean } = {
  status: true,
  deviceState: true,
  deviceAvailability: true,
  deviceError: true,
  forecast: true,
  offer: true,
  listing: true,
  event: false,
  hour: true,
  balance: true,
  ledger: true,
  health: true,
  set: false,
  response: false,
  discovery: true,
};

/**
 * True for `pvtrading/<home>/set/...` of whatever home: commands carry a token, so nobody but the home's own
 * agent may ever be sent them, also not who subscribed to `pvtrading/#`.
 */
export function isCommandTopic(topic: string): boolean {
  const [root, , third] = topic.split("/", 3);
  return root === TOPIC_ROOT && third === "set";
}

// -------------------------------------------------------------------------------------- payloads

/** What a device said last. Counters are the device's since installation, and never fall here. */
export type DeviceState =
  | {
      readonly at: string;
      readonly kind: "inverter";
      /** Make, model and serial number as far as known. */
      readonly source: string;
      readonly state: "producing" | "asleep" | "starting" | "fault" | "unknown";
      /** AC, positive is production. */
      readonly power_w: number | null;
      readonly energy_total_kwh: number | null;
    }
  | {
      readonly at: string;
      readonly kind: "meter";
      readonly source: string;
      /** At the grid connection, positive is import. */
      readonly power_w: number | null;
      readonly import_total_kwh: number | null;
      readonly export_total_kwh: number | null;
    };

/** Why a device does not answer; the empty payload when it does again. */
export type DeviceErrorState = {
  readonly at: string;
  readonly code: "unreachable" | "deviceError" | "unintelligible" | "disabled";
  /** Plain English, with what to do. */
  readonly text: string;
};

/** Of the home's own production and use in the listing's hour; each probably, four times in five, from low to high. */
export type ForecastState = {
  readonly at: string;
  readonly listingid: string;
  readonly production_kwh: number | null;
  readonly production_low_kwh: number | null;
  readonly production_high_kwh: number | null;
  readonly consumption_kwh: number | null;
  readonly consumption_low_kwh: number | null;
  readonly consumption_high_kwh: number | null;
};

/** What the home offers or bids, and why. */
export type OfferState = {
  readonly at: string;
  readonly listingid: string;
  readonly action: "sell" | "buy" | "none";
  readonly energy_kwh: number;
  /** Reserve or bid, tokens/kWh; null: action none. */
  readonly price: number | null;
  readonly reason: string;
};

export type FillState = {
  readonly seller: string;
  readonly pv: string;
  readonly buyer: string;
  readonly energy_kwh: number;
  readonly price: number;
};

/** The newest listing and its timeline; the times are null where the administrator decides them by hand. */
export type ListingState = {
  readonly at: string;
  readonly listingid: string;
  readonly state: "CREATED" | "ACCEPT_OFFERS" | "AUCTION_CLOSED" | "VOID";
  readonly deliveryStart: string;
  readonly opensAt: string | null;
  /** What is received from here on does not count. */
  readonly cutoffAt: string | null;
  /** From here on it can be cleared. */
  readonly clearsAt: string | null;
  /** End of the delivery. */
  readonly endsAt: string;
  readonly offers: number;
  readonly bids: number;
  readonly offered_kwh: number;
  readonly wanted_kwh: number;
  /** Tokens/kWh; null: not closed, or no valid bid. */
  readonly mcp: number | null;
  readonly traded_kwh: number;
  /** All there are, also beyond FILLS_MAX. */
  readonly fillCount: number;
  /** In the order in which they were made, FILLS_MAX at most. */
  readonly fills: readonly FillState[];
  /** The newest listing that was cleared, this one or an earlier one; null: none that this home knows. */
  readonly lastCleared: {
    readonly listingid: string;
    readonly mcp: number | null;
    readonly traded_kwh: number;
  } | null;
};

/** The newest finished hour of this home: agreed and metered. */
export type HourState = {
  readonly at: string;
  readonly listingid: string;
  readonly sold_kwh: number;
  readonly bought_kwh: number;
  readonly metered_import_kwh: number | null;
  readonly metered_export_kwh: number | null;
};

export type BalanceState = {
  readonly at: string;
  /** Tokens; `reserved` is the part that open bids hold. */
  readonly balance: number;
  readonly reserved: number;
  /** In listings of the community's present day. */
  readonly sold_today_kwh: number;
  readonly bought_today_kwh: number;
  /** Since this agent counts; never falls. */
  readonly sold_total_kwh: number;
  readonly bought_total_kwh: number;
};

export type EvidenceState = {
  /** doubleVote, doubleProposal, doubleReceipt, doublePvOffer, doubleBuyOffer */
  readonly kind: string;
  readonly offender: string;
  /** Of the two votes or proposals; null: it is about a receipt, an offer or a bid. */
  readonly height: number | null;
  /** "prevote 12/0", "receipt 17", "21Mar18-13:00 roof 2" */
  readonly subject: string;
};

export type LedgerTopicState = {
  /** Of the last block; 0 and null before the first. */
  readonly height: number;
  readonly blockId: string | null;
  readonly stateRoot: string;
  readonly time: string | null;
  /** Members whose agents are connected with this one. */
  readonly peers: readonly string[];
  /** Members whose agents vote on the next block. */
  readonly validators: readonly string[];
  readonly evidence: readonly EvidenceState[];
};

export type HealthState = {
  readonly at: string;
  /** Of the agent's software. */
  readonly version: string;
  readonly memberId: string;
  readonly uptime_s: number;
  readonly rss_mb: number;
  readonly clock_synchronised: boolean;
  /** By which its clock is ahead of NTP's time, negative: behind; null: nobody there says. */
  readonly clock_offset_ms: number | null;
  /** To neighbours and back, by member. */
  readonly round_trip_ms: { readonly [memberId: string]: number };
  /** Whether its ledger is the community's newest, as far as it can know. */
  readonly caught_up: boolean;
  /** Why its card votes on nothing now, in plain English. */
  readonly quarantined: string | null;
  /** Why it has stopped. */
  readonly halted: string | null;
  /** The REST door's address. */
  readonly rest: string | null;
  /** Messages that could not be kept for the broker while it was away, since the start. */
  readonly dropped_messages: number;
};

/** One frame of the REST door's WebSocket. */
export type EventPayload = { readonly $class: string; readonly [field: string]: unknown };

type CommandHead = {
  /** The caller's own: the answer comes on `response/<id>`, and says it. */
  readonly id?: string;
  /** Another topic below `pvtrading/<home>/response/` for the answer. */
  readonly responseTopic?: string;
  /** As for REST. */
  readonly token: string;
  /** Which of the user's cards acts; left out: as for REST. */
  readonly card?: string;
};

/** Amounts as for REST: numbers, or texts that are numbers. */
export type OfferCommand = CommandHead & {
  readonly listingid: string;
  readonly kWhavailable: number | string;
  readonly reservePrice: number | string;
  /** The PV; left out: the only one of the member. */
  readonly pv?: string;
};

export type BidCommand = CommandHead & {
  readonly listingid: string;
  readonly kWhQuantity: number | string;
  readonly BidPrice: number | string;
};

/** Withdraws the member's offer (of its PV) or bid. */
export type CancelCommand = CommandHead & {
  readonly listingid: string;
  readonly what: "offer" | "bid";
  readonly pv?: string;
};

export type CommandResponse =
  | {
      readonly ok: true;
      readonly id: string | null;
      /** Of the transaction, on the ledger now. */
      readonly transactionId: string | null;
    }
  | {
      readonly ok: false;
      readonly id: string | null;
      /** As REST would have answered. */
      readonly error: {
        readonly statusCode: number;
        readonly name: string;
        readonly message: string;
        readonly code?: string;
      };
    };
