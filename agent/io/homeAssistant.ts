// Home Assistant's MQTT discovery, device-based: one payload for the home with its market, and one for each
// inverter and meter. Rules that Home Assistant has, and what follows from them here:
//
//   Energy dashboard      counters are device_class energy, state_class total_increasing, kWh, and never fall
//                         (core/metering/shownCounter.ts); they stay available while their device sleeps
//   availability          everything is unavailable while the agent is gone; power also while its device is
//   expire_after          power alone: a reading that is not renewed is not true any more
//   unique_id             the home, the device's name in the agent's file, the quantity: no address, no position
//   a field that was      its entity is left out, so that no dead one is made
//   never known
//
// Source: Home Assistant, integrations MQTT and sensor; homeassistant/components/{mqtt,energy,sensor}.

import { type HomeTopics, OFFLINE, ONLINE } from "../../broker/topics.ts";
import type { MemberId } from "../core/units/ids.ts";

/** What a discovery topic says. */
export type Discovery = {
  readonly device: { readonly [field: string]: unknown };
  readonly origin: { readonly [field: string]: unknown };
  readonly components: { readonly [key: string]: Component };
  readonly availability: readonly Availability[];
  readonly availability_mode: "all";
  readonly qos: 1;
};

export type Component = {
  readonly platform: "sensor" | "binary_sensor";
  readonly unique_id: string;
  readonly name: string;
  readonly state_topic: string;
  readonly value_template: string;
  readonly [field: string]: unknown;
};

type Availability = {
  readonly topic: string;
  readonly payload_available: string;
  readonly payload_not_available: string;
};

export type DiscoveryHome = {
  /** As it stands in topics. */
  readonly home: string;
  readonly memberId: MemberId;
  readonly topics: HomeTopics;
  readonly version: string;
  /** The agent's page or REST door, if it has one that others can open. */
  readonly url: string | null;
};

export type DiscoveryDevice = {
  /** As it stands in the agent's file, and in topics. */
  readonly name: string;
  readonly topicName: string;
  readonly kind: "inverter" | "meter";
  /** Make, model and serial number as far as known. */
  readonly source: string;
  /** Counters that were known once. */
  readonly counters: ReadonlySet<"produced" | "imported" | "exported">;
  /** Seconds from one reading to the next. */
  readonly pollSeconds: number;
};

/** Power is unavailable after so many readings that did not come, and not before EXPIRE_MIN_S. */
const EXPIRE_READINGS = 3;
const EXPIRE_MIN_S = 60;
/** A message of our own late tick; health is said each minute. */
const HEALTH_EXPIRE_S = 300;

const KWH = "kWh";
const COUNTER = {
  device_class: "energy",
  state_class: "total_increasing",
  unit_of_measurement: KWH,
  suggested_display_precision: 2,
} as const;
const POWER = {
  device_class: "power",
  state_class: "measurement",
  unit_of_measurement: "W",
  suggested_display_precision: 0,
} as const;
const DIAGNOSTIC = { entity_category: "diagnostic" } as const;

function identifier({ home }: DiscoveryHome): string {
  return `pvtrading_${home}`;
}

function available(topic: string): Availability {
  return { topic, payload_available: ONLINE, payload_not_available: OFFLINE };
}

function frame(home: DiscoveryHome): Omit<Discovery, "device" | "components"> {
  return {
    origin: { name: "pvtrading", sw_version: home.version },
    availability: [available(home.topics.status)],
    availability_mode: "all",
    qos: 1,
  };
}

/** A field of a JSON state; null becomes Home Assistant's "unknown". */
function field(path: string): string {
  return `{{ value_json.${path} }}`;
}

/** The discovery of an inverter or a meter. */
export function deviceDiscovery(home: DiscoveryHome, device: DiscoveryDevice): Discovery {
  const { topics } = home;
  const { topicName, kind, counters } = device;
  const own = `${identifier(home)}_${topicName}`;
  const state_topic = topics.deviceState(topicName);
  const counter = (key: string, name: string, path: string): [string, Component] => [
    key,
    sensor({ unique_id: `${own}_${key}`, name, state_topic, value_template: field(path) }, COUNTER),
  ];
  const power: Component = sensor(
    { unique_id: `${own}_power`, name: "Power", state_topic, value_template: powerOf(kind) },
    {
      ...POWER,
      expire_after: Math.max(EXPIRE_MIN_S, Math.ceil(EXPIRE_READINGS * device.pollSeconds)),
      availability: [available(topics.status), available(topics.deviceAvailability(topicName))],
    },
  );
  const problem: Component = {
    ...{ platform: "binary_sensor", unique_id: `${own}_problem`, name: "Problem" },
    ...{
      state_topic: topics.deviceAvailability(topicName),
      device_class: "problem",
      ...DIAGNOSTIC,
    },
    value_template: `{{ 'ON' if value == '${OFFLINE}' else 'OFF' }}`,
    json_attributes_topic: topics.deviceError(topicName),
    // Nothing is wrong when the topic is empty.
    json_attributes_template: "{{ value if value else '{}' }}",
  };
  return {
    ...frame(home),
    device: {
      identifiers: [own],
      name: device.name,
      model: device.source,
      via_device: identifier(home),
    },
    components: Object.fromEntries([
      ["power", power],
      ...(counters.has("produced")
        ? [counter("energy", "Energy produced", "energy_total_kwh")]
        : []),
      ...(counters.has("imported") ? [counter("import", "Grid import", "import_total_kwh")] : []),
      ...(counters.has("exported") ? [counter("export", "Grid export", "export_total_kwh")] : []),
      ...(kind === "inverter" ? [["state", inverterState(own, state_topic)]] : []),
      ["problem", problem],
    ]),
  };
}

/** An inverter that answers and sleeps makes nothing: that is known, and no failed reading. */
function powerOf(kind: DiscoveryDevice["kind"]): string {
  if (kind === "meter") return field("power_w");
  const sleeps = "value_json.power_w is none and value_json.state == 'asleep'";
  return `{{ 0 if ${sleeps} else value_json.power_w }}`;
}

const STATE_TEMPLATE = "{{ none if value_json.state == 'unknown' else value_json.state }}";

function inverterState(own: string, state_topic: string): Component {
  return sensor(
    { unique_id: `${own}_state`, name: "State", state_topic, value_template: STATE_TEMPLATE },
    { device_class: "enum", options: ["producing", "asleep", "starting", "fault"], ...DIAGNOSTIC },
  );
}

function sensor(
  head: Omit<Component, "platform">,
  more: { readonly [field: string]: unknown },
): Component {
  return { platform: "sensor", ...head, ...more } as Component;
}

/** The discovery of the home: its market, its ledger, its health. */
export function homeDiscovery(home: DiscoveryHome): Discovery {
  const { topics, url } = home;
  const own = identifier(home);
  const said = (topic: string) => (key: string, name: string, path: string, more: object) =>
    [
      key,
      sensor(
        {
          ...{ unique_id: `${own}_${key}`, name },
          ...{ state_topic: topic, value_template: field(path) },
        },
        { ...more },
      ),
    ] as const;
  const [balance, listing] = [said(topics.balance), said(topics.listing)];
  const [offer, forecast] = [said(topics.offer), said(topics.forecast)];
  const ledger = said(topics.ledger);
  const amount = { state_class: "measurement", suggested_display_precision: 2 } as const;
  const tokens = { ...amount, unit_of_measurement: "tokens", icon: "mdi:hand-coin" };
  const price = { ...amount, unit_of_measurement: "tokens/kWh", icon: "mdi:scale-balance" };
  const hourly = { unit_of_measurement: KWH, suggested_display_precision: 2 };
  const counted = { ...amount, ...DIAGNOSTIC, suggested_display_precision: 0 };
  return {
    ...frame(home),
    device: {
      identifiers: [own],
      name: `Solar market ${home.memberId}`,
      manufacturer: "pvtrading",
      model: "Agent",
      sw_version: home.version,
      ...(url === null ? {} : { configuration_url: url }),
    },
    components: Object.fromEntries([
      balance("balance", "Balance", "balance", tokens),
      balance("reserved", "Reserved for bids", "reserved", tokens),
      balance("sold", "Energy sold", "sold_total_kwh", COUNTER),
      balance("bought", "Energy bought", "bought_total_kwh", COUNTER),
      listing("price", "Market clearing price", "lastCleared.mcp if value_json.lastCleared", price),
      listing("listing_state", "Auction", "state", {
        device_class: "enum",
        options: ["CREATED", "ACCEPT_OFFERS", "AUCTION_CLOSED", "VOID"],
      }),
      offer("action", "Own offer", "action", {
        device_class: "enum",
        options: ["sell", "buy", "none"],
        json_attributes_topic: topics.offer,
      }),
      offer("offer_energy", "Own offer energy", "energy_kwh", hourly),
      forecast("forecast_production", "Forecast production", "production_kwh", hourly),
      forecast("forecast_consumption", "Forecast consumption", "consumption_kwh", hourly),
      ledger("height", "Ledger height", "height", counted),
      ledger("peers", "Connected homes", "peers | count", counted),
      ["problem", healthProblem(own, topics)],
    ]),
  };
}

function healthProblem(own: string, topics: HomeTopics): Component {
  const { health } = topics;
  const wrong = "value_json.halted or value_json.quarantined or not value_json.clock_synchronised";
  return {
    ...{ platform: "binary_sensor", unique_id: `${own}_problem`, name: "Problem" },
    ...{ device_class: "problem", ...DIAGNOSTIC, expire_after: HEALTH_EXPIRE_S },
    state_topic: health,
    value_template: `{{ 'ON' if ${wrong} else 'OFF' }}`,
    json_attributes_topic: health,
  };
}
