// One home's file: its card, its devices, what it would like to trade. Nothing in it concerns the neighbours.

import { z } from "zod";
import { ENERGY_MAX } from "../core/ledger/rules.ts";
import { PRICE_MAX } from "../core/units/money.ts";
import { HOUR_MS, SECOND_MS } from "../core/units/time.ts";
import {
  address,
  blockReference,
  flag,
  instant,
  kwh,
  line,
  list,
  path,
  price,
  pvId,
  seconds,
  table,
  wattage,
  whole,
  words,
} from "./fields.ts";
import { metricsSection, mqttSection } from "./mqttSection.ts";
import { restSection } from "./restSection.ts";

const ADDRESSES_MAX = 32;
const DEVICES_MAX = 16;
const SPEED_MAX = 3600;

const name = line("What people call it", 64);
const kind = words("What it measures", ["inverter", "meter"]);

const fronius = table("A Fronius device, read by the Solar API v1", {
  name,
  kind,
  driver: z.literal("fronius"),
  url: z
    .url({ protocol: /^https?$/, error: "a URL such as http://192.168.1.30" })
    .describe("The datamanager or inverter"),
  deviceId: whole("The device's number on it; left out: 1 for an inverter, 0 for a meter", {
    min: 0,
    max: 199,
  }).optional(),
  timeoutSeconds: seconds("Wait this long for an answer; left out: 10", {
    min: SECOND_MS,
    max: 60 * SECOND_MS,
  })
    .transform((ms) => ms / SECOND_MS)
    .optional(),
});

const sunspec = table("A SunSpec device, read over Modbus TCP", {
  name,
  kind,
  driver: z.literal("sunspec"),
  host: line("Host name or address", 253),
  port: whole("TCP port; left out: 502", { min: 1, max: 65_535 }).optional(),
  unitId: whole("Modbus unit; left out: 1", { min: 0, max: 255 }).optional(),
  meterSign: words("What a positive power of the meter means; left out: as its vendor does it", [
    "import",
    "export",
  ]).optional(),
});

const device = z.discriminatedUnion("driver", [fronius, sunspec], {
  error: "one of fronius, sunspec",
});

const devices = list("The home's devices", device, DEVICES_MAX)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, {
    error: "each name once",
  })
  .refine((all) => new Set(all.map(whatIsRead)).size === all.length, {
    error: "each device once, or its counters would be added up twice",
  });

/** The same text for the same counters. */
function whatIsRead(entry: z.output<typeof device>): string {
  const { kind } = entry;
  if (entry.driver === "sunspec") {
    return `${kind} ${entry.unitId ?? 1} at ${entry.host.toLowerCase()}:${entry.port ?? 502}`;
  }
  const number = entry.deviceId ?? (kind === "inverter" ? 1 : 0);
  return `${kind} ${number} at ${URL.parse(entry.url)?.origin ?? entry.url}`;
}

const trading = table("What the home trades, left out: nothing", {
  sell: table("Sell what is left over", {
    reservePrice: price("Never sell below it", { min: 0, max: PRICE_MAX }),
    mostKwh: kwh("Never offer more in an hour", { min: 1, max: ENERGY_MAX }),
  }).optional(),
  buy: table("Buy what is missing", {
    bidPrice: price("Bid this", { min: 1, max: PRICE_MAX }),
    mostKwh: kwh("Never bid for more in an hour", { min: 1, max: ENERGY_MAX }),
  }).optional(),
});

const network = table("How the home reaches its neighbours", {
  listen: list("Listen here", address("An address"), ADDRESSES_MAX).default([
    "/ip4/0.0.0.0/tcp/4001",
  ]),
  bootstrap: list(
    "Dial these besides the community's",
    address("An address"),
    ADDRESSES_MAX,
  ).default([]),
  mdns: flag("Find neighbours on the same LAN").default(true),
});

const clock = table("The market's clock", {
  trust: words("Take part if NTP says that the clock is right, or always", [
    "ntp",
    "always",
  ]).default("ntp"),
  simulation: table("Market time of a laboratory", {
    realStart: instant("At this real time"),
    marketStart: instant("the market's clock shows this"),
    speed: z
      .number({ error: `a number from 1 to ${SPEED_MAX}` })
      .min(1, { error: `a number from 1 to ${SPEED_MAX}` })
      .max(SPEED_MAX, { error: `a number from 1 to ${SPEED_MAX}` })
      .describe("and runs this many times faster"),
  }).optional(),
});

export const agentFile = table("One home's agent", {
  $schema: z.string().optional(),
  card: path("The home's card"),
  community: path("The community's file"),
  data: path("The ledger and everything else that must outlive a power cut"),
  network: network.prefault({}),
  member: table("The homeowner, as registered on the ledger", {
    firstName: line("First name", 64),
    lastName: line("Last name", 64),
  }),
  registration: words(
    "Who registers the member and its PV on the ledger; left out: the agent does, automatically",
    ["automatic", "byHand"],
  ).default("automatic"),
  pv: table("The home's PV, if it has one", {
    id: pvId("Its id on the ledger"),
    capacityW: wattage("Its capacity; offers are capped by it", { min: 1, max: ENERGY_MAX }),
  }).optional(),
  devices: devices.default([]),
  trading: trading.prefault({}),
  pollSeconds: seconds("Read the devices this often", { min: SECOND_MS, max: HOUR_MS }).default(
    (10 * SECOND_MS) as typeof SECOND_MS,
  ),
  administratorCard: path("The administrator's card, in a manual community").optional(),
  rest: restSection.optional(),
  mqtt: mqttSection.optional(),
  metrics: metricsSection.optional(),
  log: table("What is logged", {
    level: words("From this level on", ["debug", "info", "warn", "error"]).default("info"),
  }).prefault({}),
  clock: clock.prefault({}),
  trust: blockReference(
    "A block of the community's, from a neighbour's `verify`, for a home that joins",
  ).optional(),
}).refine((file) => file.trading.sell === undefined || file.pv !== undefined, {
  path: ["trading", "sell"],
  error: "only with a pv",
  // Also when other fields are wrong: all errors at once.
  when: ({ value }) => z.looseObject({ trading: z.looseObject({}) }).safeParse(value).success,
});

/** What an agent's file may hold before it is read. */
export type AgentFileInput = z.input<typeof agentFile>;
export type AgentFile = z.output<typeof agentFile>;
export type DeviceEntry = AgentFile["devices"][number];
