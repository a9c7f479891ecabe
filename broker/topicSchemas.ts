// A JSON Schema (draft 2020-12) for each topic of topics.ts: what a payload may be, for tests, for programs that
// listen, and for docs/mqtt.md. Fields that are not named here may come with a later version.

import {
  COMMANDS,
  type Command,
  EVENT_TYPES,
  type EventType,
  NAME_LENGTH_MAX,
  OFFLINE,
  ONLINE,
  type TopicKind,
} from "./topics.ts";

export type Schema = { readonly [keyword: string]: unknown };

const text = { type: "string" } as const;
const number = { type: "number" } as const;
const positive = { type: "number", minimum: 0 } as const;
const whole = { type: "integer", minimum: 0 } as const;
const flag = { type: "boolean" } as const;
const time = {
  ...text,
  pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z$",
} as const;
const hash = { ...text, pattern: "^[0-9a-f]{64}$" } as const;
const listingid = {
  ...text,
  pattern: "^\\d{2}[A-Z][a-z]{2}\\d{2}-\\d{2}:\\d{2}([+-]\\d{2}:\\d{2})?$",
} as const;
/** As REST takes them. */
const amount = { type: ["number", "string"] } as const;

function orNull(schema: { readonly type: string; readonly [keyword: string]: unknown }): Schema {
  return { ...schema, type: [schema.type, "null"] };
}

function words(...values: readonly string[]): Schema {
  return { enum: values };
}

function list(items: Schema): Schema {
  return { type: "array", items };
}

/** Every field is required but those in `optional`. */
function object(
  properties: { readonly [field: string]: Schema },
  optional: readonly string[] = [],
): Schema {
  const required = Object.keys(properties).filter((field) => !optional.includes(field));
  return { type: "object", properties, required };
}

const inverter = object({
  at: time,
  kind: { const: "inverter" },
  source: text,
  state: words("producing", "asleep", "starting", "fault", "unknown"),
  power_w: orNull(number),
  energy_total_kwh: orNull(positive),
});

const meter = object({
  at: time,
  kind: { const: "meter" },
  source: text,
  power_w: orNull(number),
  import_total_kwh: orNull(positive),
  export_total_kwh: orNull(positive),
});

const fill = object({
  seller: text,
  pv: text,
  buyer: text,
  energy_kwh: positive,
  price: positive,
});

const listing = object({
  at: time,
  listingid,
  state: words("CREATED", "ACCEPT_OFFERS", "AUCTION_CLOSED", "VOID"),
  deliveryStart: time,
  opensAt: orNull(time),
  cutoffAt: orNull(time),
  clearsAt: orNull(time),
  endsAt: time,
  offers: whole,
  bids: whole,
  offered_kwh: positive,
  wanted_kwh: positive,
  mcp: orNull(positive),
  traded_kwh: positive,
  fillCount: whole,
  fills: list(fill),
  lastCleared: {
    anyOf: [{ type: "null" }, object({ listingid, mcp: orNull(positive), traded_kwh: positive })],
  },
});

const ledger = object({
  height: whole,
  blockId: orNull(hash),
  stateRoot: text,
  time: orNull(time),
  peers: list(text),
  validators: list(text),
  evidence: list(object({ kind: text, offender: text, height: orNull(whole), subject: text })),
});

const health = object({
  at: time,
  version: text,
  memberId: text,
  uptime_s: whole,
  rss_mb: positive,
  clock_synchronised: flag,
  clock_offset_ms: orNull(number),
  round_trip_ms: { type: "object", additionalProperties: positive },
  caught_up: flag,
  quarantined: orNull(text),
  halted: orNull(text),
  rest: orNull(text),
  dropped_messages: whole,
});

const response = {
  oneOf: [
    object({ ok: { const: true }, id: orNull(text), transactionId: orNull(hash) }),
    object({
      ok: { const: false },
      id: orNull(text),
      error: object({ statusCode: whole, name: text, message: text, code: text }, ["code"]),
    }),
  ],
};

/** By kind of topic; events and commands by their own tables. */
export const TOPIC_SCHEMAS: {
  readonly [K in Exclude<TopicKind, "event" | "set" | "discovery">]: Schema;
} = {
  status: words(ONLINE, OFFLINE),
  deviceState: { oneOf: [inverter, meter] },
  deviceAvailability: words(ONLINE, OFFLINE),
  /** The empty payload beside it: nothing is wrong. */
  deviceError: object({
    at: time,
    code: words("unreachable", "deviceError", "unintelligible", "disabled"),
    text,
  }),
  forecast: object({
    at: time,
    listingid,
    production_kwh: orNull(positive),
    production_low_kwh: orNull(positive),
    production_high_kwh: orNull(positive),
    consumption_kwh: orNull(positive),
    consumption_low_kwh: orNull(positive),
    consumption_high_kwh: orNull(positive),
  }),
  offer: object({
    at: time,
    listingid,
    action: words("sell", "buy", "none"),
    energy_kwh: positive,
    price: orNull(positive),
    reason: text,
  }),
  listing,
  hour: object({
    at: time,
    listingid,
    sold_kwh: positive,
    bought_kwh: positive,
    metered_import_kwh: orNull(positive),
    metered_export_kwh: orNull(positive),
  }),
  balance: object({
    at: time,
    balance: number,
    reserved: positive,
    sold_today_kwh: positive,
    bought_today_kwh: positive,
    sold_total_kwh: positive,
    bought_total_kwh: positive,
  }),
  ledger,
  health,
  response,
};

const frame = { $class: text, eventId: text, timestamp: time };
const relationship = { ...text, pattern: "^resource:" } as const;
const ofListing = { ...frame, listingid: relationship };
const eventFill = object({
  seller: relationship,
  pv: relationship,
  buyer: relationship,
  kWh: amount,
  price: amount,
});

/** As the frames of the REST door's WebSocket: amounts beyond a number's digits are texts. */
export const EVENT_SCHEMAS: { readonly [T in EventType]: Schema } = {
  AcceptOfferBroadcast: object(ofListing),
  PVOffer: object({
    ...ofListing,
    pv: relationship,
    kWhavailable: amount,
    reservePrice: amount,
    transactionId: hash,
  }),
  BUYOffer: object({
    ...ofListing,
    member: relationship,
    kWhQuantity: amount,
    BidPrice: amount,
    transactionId: hash,
  }),
  CloseBidding: object({
    ...ofListing,
    state: words("AUCTION_CLOSED", "VOID"),
    mcp: { type: ["number", "string", "null"] },
    fills: list(eventFill),
  }),
  MeterReading: object({
    ...ofListing,
    member: relationship,
    importKwh: { type: ["number", "string", "null"] },
    exportKwh: { type: ["number", "string", "null"] },
    productionKwh: { type: ["number", "string", "null"] },
    quality: text,
    source: text,
    transactionId: hash,
  }),
  BalanceChanged: object({ ...frame, member: relationship, balance: amount, reserved: amount }),
};

const name = { ...text, pattern: `^[A-Za-z0-9_-]{1,${NAME_LENGTH_MAX}}$` } as const;
const head = { id: name, responseTopic: text, token: text, card: text };
const OPTIONAL = ["id", "responseTopic", "card", "pv"];

export const COMMAND_SCHEMAS: { readonly [C in Command]: Schema } = {
  offer: object(
    { ...head, listingid, kWhavailable: amount, reservePrice: amount, pv: text },
    OPTIONAL,
  ),
  bid: object({ ...head, listingid, kWhQuantity: amount, BidPrice: amount }, OPTIONAL),
  cancel: object({ ...head, listingid, what: words("offer", "bid"), pv: text }, OPTIONAL),
};

/** All of them in one document, under names that docs/mqtt.md has too. */
export function allSchemas(): { readonly [name: string]: Schema } {
  return {
    ...TOPIC_SCHEMAS,
    ...Object.fromEntries(EVENT_TYPES.map((type) => [`event/${type}`, EVENT_SCHEMAS[type]])),
    ...Object.fromEntries(COMMANDS.map((one) => [`set/${one}`, COMMAND_SCHEMAS[one]])),
  };
}
