// Home Assistant as far as our discovery is concerned: which topics and payloads it takes, what it refuses, what
// its Energy dashboard wants of an entity, and what each entity shows for what is said. Written from its public
// sources (components/mqtt/{discovery,schemas,sensor,entity}.py, sensor/const.py, energy/validate.py); no code of theirs.

/** components/mqtt/discovery.py, TOPIC_MATCHER, after the prefix. */
const TOPIC = /^homeassistant\/(\w+)\/(?:([a-zA-Z0-9_-]+)\/)?([a-zA-Z0-9_-]+)\/config$/;

const PLATFORMS = ["sensor", "binary_sensor", "switch", "number", "select", "button", "text"];

type Config = { readonly [field: string]: unknown };

/** What is wrong with a payload on that topic, in no order; empty: Home Assistant takes it. */
export function discoveryProblems(topic: string, payload: string): readonly string[] {
  const match = TOPIC.exec(topic);
  if (match === null) return ["no discovery topic"];
  if (match[1] !== "device") return [`component ${match[1]} is not device`];
  const config = JSON.parse(payload) as Config;
  const problems: string[] = [];
  const say = (problem: string): void => void problems.push(problem);
  for (const field of ["device", "components", "origin"]) {
    if (!isObject(config[field])) say(`${field} is missing`);
  }
  const known = [
    "device",
    "components",
    "origin",
    "state_topic",
    "command_topic",
    "qos",
    "encoding",
  ];
  for (const field of Object.keys(config)) {
    if (!known.includes(field) && !AVAILABILITY.includes(field)) say(`unknown key ${field}`);
  }
  if (problems.length > 0) return problems;
  checkDevice(config["device"] as Config, say);
  checkOrigin(config["origin"] as Config, say);
  checkAvailability(config, say);
  const ids = new Set<unknown>();
  for (const [key, component] of Object.entries(config["components"] as Config)) {
    const told = (problem: string): void => say(`${key}: ${problem}`);
    checkComponent({ ...shared(config), ...(component as Config) }, component as Config, told);
    const id = (component as Config)["unique_id"];
    if (ids.has(id)) told(`unique_id ${String(id)} twice`);
    ids.add(id);
  }
  return problems;
}

type Say = (problem: string) => void;

const AVAILABILITY = [
  ...["availability", "availability_mode", "availability_topic", "availability_template"],
  ...["payload_available", "payload_not_available"],
];

const DEVICE_TEXTS = [
  ...["name", "manufacturer", "model", "model_id", "hw_version", "sw_version", "serial_number"],
  ...["via_device", "suggested_area"],
];

function checkDevice(device: Config, say: Say): void {
  const { identifiers = [], connections = [], configuration_url, ...texts } = device;
  const ids = Array.isArray(identifiers) ? identifiers : [identifiers];
  const links = connections as unknown[];
  if (ids.length + links.length === 0) say("device has neither identifiers nor connections");
  if (!ids.every(isText)) say("device.identifiers are no texts");
  for (const [field, value] of Object.entries(texts)) {
    if (!DEVICE_TEXTS.includes(field)) say(`unknown key device.${field}`);
    else if (!isText(value)) say(`device.${field} is no text`);
  }
  if (configuration_url !== undefined) checkUrl("device.configuration_url", configuration_url, say);
}

function checkOrigin({ name, sw_version = "", support_url, ...others }: Config, say: Say): void {
  if (!isText(name) || name === "") say("origin.name is missing");
  if (!isText(sw_version)) say("origin.sw_version is no text");
  if (support_url !== undefined) checkUrl("origin.support_url", support_url, say);
  for (const field of Object.keys(others)) say(`unknown key origin.${field}`);
}

function checkUrl(field: string, value: unknown, say: Say): void {
  const protocol = isText(value) ? URL.parse(value)?.protocol : undefined;
  if (!["http:", "https:", "homeassistant:"].includes(protocol ?? "")) say(`${field} is no URL`);
}

function checkAvailability(config: Config, say: Say): void {
  const { availability, availability_topic, availability_mode = "latest" } = config;
  if (availability !== undefined && availability_topic !== undefined) {
    say("availability and availability_topic exclude each other");
  }
  if (!["all", "any", "latest"].includes(String(availability_mode))) say("availability_mode");
  for (const one of (availability ?? []) as Config[]) {
    const { topic, payload_available = "", payload_not_available = "", ...others } = one;
    if (!isTopic(topic)) say("availability without a topic");
    if (!isText(payload_available) || !isText(payload_not_available)) say("availability payloads");
    for (const field of Object.keys(others)) {
      if (field !== "value_template") say(`unknown key availability.${field}`);
    }
  }
}

const SHARED = ["qos", "encoding", "state_topic", "command_topic", ...AVAILABILITY];

function shared(config: Config): Config {
  return Object.fromEntries(Object.entries(config).filter(([field]) => SHARED.includes(field)));
}

const COMMON = [
  ...["platform", "unique_id", "name", "object_id", "default_entity_id", "icon", "entity_category"],
  ...["enabled_by_default", "entity_picture", "json_attributes_topic", "json_attributes_template"],
  ...["state_topic", "value_template", "device_class", "expire_after", "force_update", ...SHARED],
];
const OF_SENSOR = [
  ...["state_class", "unit_of_measurement", "options", "suggested_display_precision"],
  "last_reset_value_template",
];
const OF_BINARY = ["payload_on", "payload_off", "off_delay"];

const UNITS: { readonly [deviceClass: string]: readonly string[] } = {
  energy: ["J", "kJ", "MJ", "GJ", "Wh", "kWh", "MWh", "GWh", "TWh", "cal", "kcal"],
  power: ["mW", "W", "kW", "MW", "GW", "TW"],
  monetary: ["EUR", "USD"],
};
/** sensor/const.py, DEVICE_CLASS_STATE_CLASSES. */
const STATE_CLASSES: { readonly [deviceClass: string]: readonly string[] } = {
  energy: ["total", "total_increasing"],
  power: ["measurement"],
  enum: [],
  monetary: ["total"],
};

/** `whole`: with what the payload shares. */
function checkComponent(whole: Config, component: Config, say: Say): void {
  const { platform, unique_id } = component;
  if (!PLATFORMS.includes(String(platform))) say(`platform ${String(platform)}`);
  if (!isText(unique_id) || unique_id === "") say("unique_id is required in device discovery");
  if ("device" in component || "origin" in component) say("device and origin cannot be overridden");
  const known = [...COMMON, ...(platform === "sensor" ? OF_SENSOR : OF_BINARY)];
  for (const field of Object.keys(component))
    if (!known.includes(field)) say(`unknown key ${field}`);
  if (!isTopic(whole["state_topic"])) say("state_topic is required");
  if (!["diagnostic", undefined].includes(whole["entity_category"] as undefined)) {
    say("entity_category of a sensor");
  }
  const { expire_after = 1 } = whole;
  if (!Number.isInteger(expire_after) || Number(expire_after) < 0) say("expire_after");
  checkAvailability(component, say);
  for (const field of ["value_template", "json_attributes_template"]) {
    if (whole[field] !== undefined) checkTemplate(field, whole[field], say);
  }
  if (platform === "sensor") checkSensor(whole, say);
  else if (
    !["problem", "connectivity", "running", undefined].includes(whole["device_class"] as string)
  ) {
    say("device_class of a binary sensor");
  }
}

function checkTemplate(field: string, value: unknown, say: Say): void {
  if (!isText(value)) say(`${field} is no text`);
  else translate(value);
}

function checkSensor(config: Config, say: Say): void {
  const { device_class, state_class, unit_of_measurement, options, last_reset_value_template } =
    config;
  if (last_reset_value_template !== undefined && state_class !== "total") {
    say("last_reset_value_template only with state_class total");
  }
  if (options !== undefined && device_class !== "enum") say("options only with device_class enum");
  if (device_class === "enum" && (state_class !== undefined || unit_of_measurement !== undefined)) {
    say("an enum has neither state_class nor unit");
  }
  if (options !== undefined && (options as unknown[]).length === 0) say("no options");
  if (state_class !== undefined) {
    const all = ["measurement", "total", "total_increasing", "measurement_angle"];
    if (!all.includes(String(state_class))) say(`state_class ${String(state_class)}`);
  }
  if (device_class === undefined) return;
  if (!Object.hasOwn(STATE_CLASSES, String(device_class))) {
    say(`device_class ${String(device_class)}`);
    return;
  }
  const allowed = STATE_CLASSES[String(device_class)] ?? [];
  if (state_class !== undefined && !allowed.includes(String(state_class))) {
    say(`state_class ${String(state_class)} is impossible for ${String(device_class)}`);
  }
  const units = UNITS[String(device_class)];
  if (units !== undefined && !units.includes(String(unit_of_measurement))) {
    say(`unit ${String(unit_of_measurement)} is impossible for ${String(device_class)}`);
  }
}

function isObject(value: unknown): value is Config {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isTopic(value: unknown): value is string {
  return isText(value) && value.length > 0 && value.length < 65_536 && !/[+#\0]/.test(value);
}

// ------------------------------------------------------------------------------------- templates

/** Our few templates as JavaScript; throws at what it does not know. */
function translate(template: string): (scope: object) => unknown {
  const match = /^\{\{ (.+) \}\}$/.exec(template);
  if (match === null) throw new Error(`no template that the test knows: ${template}`);
  const expression = ternary(match[1] ?? "");
  const run = new Function("value", "value_json", `return (${expression});`);
  return (scope) => {
    const { value, value_json } = scope as { value: string; value_json: unknown };
    return run(value, value_json);
  };
}

function ternary(text: string): string {
  const [, then, condition, otherwise] = /^(.+?) if (.+?)(?: else (.+))?$/.exec(text) ?? [];
  if (then === undefined || condition === undefined) return plain(text);
  return `(${plain(condition)}) ? ${plain(then)} : ${otherwise === undefined ? '""' : ternary(otherwise)}`;
}

function plain(text: string): string {
  return text
    .replaceAll(/\bis none\b/g, "=== null")
    .replaceAll(/\bnone\b/g, "null")
    .replaceAll(/\band\b/g, "&&")
    .replaceAll(/\bor\b/g, "||")
    .replaceAll(/\bnot /g, "!")
    .replaceAll(" | count", ".length")
    .replaceAll(" == ", " === ");
}

/** As Jinja prints it. */
function render(template: string, payload: string): string {
  const scope = { value: payload, value_json: tryJson(payload) };
  const value = translate(template)(scope);
  return value === null || value === undefined ? "None" : String(value);
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

// --------------------------------------------------------------------------------------- at work

export type Entity = {
  readonly config: Config;
  /** "unavailable", "unknown", or what it shows. */
  readonly state: () => string;
  /** Every number that it has shown, in order. */
  readonly numbers: number[];
};

type Known = { config: Config; device: string; raw: string | null; numbers: number[] };

/** Hears everything that is said at the broker, in order. */
export class HomeAssistant {
  readonly problems: string[] = [];
  readonly #known = new Map<string, Known>();
  readonly #topics = new Map<string, string>();

  hear(topic: string, payload: string): void {
    this.#topics.set(topic, payload);
    if (topic.endsWith("/config")) this.#discover(topic, payload);
    for (const one of this.#known.values()) {
      if (one.config["state_topic"] === topic) this.#update(one, payload);
    }
  }

  /** By unique_id; throws if there is none. */
  entity(id: string): Entity {
    const one = this.#known.get(id);
    if (one === undefined) throw new Error(`no entity ${id}; there are ${this.ids().join(", ")}`);
    return { config: one.config, numbers: one.numbers, state: () => this.#state(one) };
  }

  ids(): readonly string[] {
    return [...this.#known.keys()];
  }

  /** What energy/validate.py says of an entity that a person chooses for the Energy dashboard. */
  energyProblems(id: string): readonly string[] {
    const { config, state } = this.entity(id);
    const { device_class, state_class, unit_of_measurement } = config;
    const shown = state();
    const problems: string[] = [];
    if (state_class === undefined) problems.push("statistics_not_defined");
    if (["unavailable", "unknown"].includes(shown)) problems.push("entity_unavailable");
    else if (!Number.isFinite(Number(shown)) || shown === "") {
      problems.push("entity_state_non_numeric");
    } else if (Number(shown) < 0) problems.push("entity_negative_state");
    if (device_class !== "energy") problems.push("entity_unexpected_device_class");
    if (!(UNITS["energy"] ?? []).includes(String(unit_of_measurement))) {
      problems.push("entity_unexpected_unit_energy");
    }
    if (!["measurement", "total", "total_increasing"].includes(String(state_class))) {
      problems.push("entity_unexpected_state_class");
    }
    if (state_class === "measurement")
      problems.push("entity_state_class_measurement_no_last_reset");
    return problems;
  }

  #discover(topic: string, payload: string): void {
    for (const [id, one] of this.#known) if (one.device === topic) this.#known.delete(id);
    if (payload === "") return;
    const problems = discoveryProblems(topic, payload);
    this.problems.push(...problems.map((problem) => `${topic}: ${problem}`));
    if (problems.length > 0) return;
    const config = JSON.parse(payload) as Config;
    for (const component of Object.values(config["components"] as Config) as Config[]) {
      const whole = { ...shared(config), ...component };
      const numbers = this.#numbers.get(String(component["unique_id"])) ?? [];
      this.#numbers.set(String(component["unique_id"]), numbers);
      const one: Known = { config: whole, device: topic, raw: null, numbers };
      this.#known.set(String(component["unique_id"]), one);
      const before = this.#topics.get(String(whole["state_topic"]));
      if (before !== undefined) this.#update(one, before);
    }
  }

  /** Of an entity that was discovered again, too. */
  readonly #numbers = new Map<string, number[]>();

  #update(one: Known, payload: string): void {
    const template = one.config["value_template"];
    const shown = typeof template === "string" ? render(template, payload) : payload;
    const isNumeric = one.config["state_class"] !== undefined;
    if (shown === "" && isNumeric) return;
    one.raw = shown;
    if (isNumeric && shown !== "None") {
      if (!Number.isFinite(Number(shown))) throw new Error(`${shown} is no number`);
      one.numbers.push(Number(shown));
    }
  }

  #state(one: Known): string {
    const { availability = [], availability_mode = "latest" } = one.config;
    const heard = (availability as Config[]).map(
      ({ topic, payload_available = "online" }) =>
        this.#topics.get(String(topic)) === payload_available,
    );
    const isThere = availability_mode === "any" ? heard.includes(true) : !heard.includes(false);
    if (!isThere) return "unavailable";
    return one.raw === null || one.raw === "None" ? "unknown" : one.raw;
  }
}
