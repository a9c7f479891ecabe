// A home's whole configuration: its own file, the community's file that it names, and what holds between them.
// Either everything is right, or every problem is told at once.

import { dirname, join, resolve } from "node:path";
import { type AgentFile, agentFile, type DeviceEntry } from "./config/agentFile.ts";
import { communityFile, toRules } from "./config/communityFile.ts";
import type { LoginEntry } from "./config/loginSection.ts";
import {
  type ConfigProblem,
  type ConfigResult,
  readYaml,
  type YamlFile,
} from "./config/yamlFile.ts";
import type { BlockReference } from "./core/ledger/blockReference.ts";
import type { Rules } from "./core/ledger/rules.ts";
import { integerToDecimal } from "./core/units/decimal.ts";
import type { Watts, Wh } from "./core/units/energy.ts";
import type { PvId } from "./core/units/ids.ts";
import type { MilliTokensPerKwh } from "./core/units/money.ts";
import type { DurationMs, UnixMs } from "./core/units/time.ts";

export type { DeviceEntry } from "./config/agentFile.ts";
export { type ConfigProblem, type ConfigResult, formatProblem } from "./config/yamlFile.ts";

export type Simulation = {
  readonly realStart: UnixMs;
  readonly marketStart: UnixMs;
  /** Market time runs this many times faster than real time. */
  readonly speed: number;
};

export type LoginConfig = {
  readonly name: string;
  readonly clientId: string;
  readonly clientSecretFile: string | null;
  readonly endpoints:
    | "github"
    | { readonly issuer: string }
    | {
        readonly authorizeUrl: string;
        readonly tokenUrl: string;
        readonly userInfoUrl: string;
      };
  readonly scopes: readonly string[];
  /** null: whoever the provider knows. */
  readonly subjects: readonly string[] | null;
};

/** Absolute paths; times in ms, sizes in bytes. */
export type RestConfig = {
  readonly host: string;
  readonly port: number;
  readonly namespace: string;
  readonly wallet: string;
  readonly walletPassphraseFile: string | null;
  readonly tokens: string;
  readonly ca: string | null;
  readonly logins: readonly LoginConfig[];
  readonly cors: readonly string[];
  /** What the file says; the door has its own for the rest. */
  readonly limits: {
    readonly bodyBytesMax?: number;
    readonly requestsPerSecondMax?: number;
    readonly requestsBurstMax?: number;
    readonly connectionsMax?: number;
    readonly connectionsPerAddressMax?: number;
    readonly webSocketsMax?: number;
  };
  readonly commitWithin: DurationMs;
  /** See loops/numbering.ts. */
  readonly sharedCards: { readonly homes: number; readonly place: number } | null;
};

/** Absolute paths. */
export type MqttConfig = {
  readonly url: string;
  readonly username: string | null;
  readonly passwordFile: string | null;
  readonly tls: {
    readonly caFile: string | null;
    readonly certificateFile: string | null;
    readonly keyFile: string | null;
  } | null;
  /** null: after the member's id. */
  readonly home: string | null;
  readonly homeAssistant: boolean;
  readonly commands: boolean;
};

export type HomeConfig = {
  /** Absolute paths. */
  readonly card: string;
  readonly administratorCard: string | null;
  readonly data: string;
  readonly rules: Rules;
  readonly network: {
    readonly listen: readonly string[];
    /** The home's own and the community's, each once. */
    readonly bootstrap: readonly string[];
    readonly mdns: boolean;
  };
  readonly member: { readonly firstName: string; readonly lastName: string };
  /** False: somebody else registers it and its PV. */
  readonly registersItself: boolean;
  readonly pv: { readonly pvId: PvId; readonly capacity: Watts } | null;
  readonly devices: readonly DeviceEntry[];
  readonly trading: {
    readonly sell: { readonly reservePrice: MilliTokensPerKwh; readonly mostEnergy: Wh } | null;
    readonly buy: { readonly bidPrice: MilliTokensPerKwh; readonly mostEnergy: Wh } | null;
  };
  readonly pollInterval: DurationMs;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly clock: { readonly trust: "ntp" | "always"; readonly simulation: Simulation | null };
  /** A block that is the community's for certain, for a home that joins. */
  readonly trust: BlockReference | null;
  /** null: no REST. */
  readonly rest: RestConfig | null;
  /** null: no MQTT. */
  readonly mqtt: MqttConfig | null;
  /** null: no figures. */
  readonly metrics: { readonly host: string; readonly port: number } | null;
};

/** Reads an agent's file and its community's file. */
export function readConfig(file: string): ConfigResult<HomeConfig> {
  const own = readYaml(file, agentFile);
  const base = dirname(resolve(file));
  const named = namedCommunity(own.ok ? own.value.value : own.content);
  const community = named === null ? null : readYaml(resolve(base, named), communityFile);
  if (!own.ok || community === null || !community.ok) {
    const problems = [own, community].flatMap((part) =>
      part === null || part.ok ? [] : part.problems,
    );
    return { ok: false, problems };
  }
  const rules = toRules(community.value.value);
  const problems = beyondTheRules(own.value, rules);
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    value: freeze(
      homeConfig(own.value.value, { base, rules, bootstrap: community.value.value.bootstrap }),
    ),
  };
}

/** Reads a community's file alone. */
export function readCommunity(file: string): ConfigResult<Rules> {
  const community = readYaml(file, communityFile);
  return community.ok ? { ok: true, value: freeze(toRules(community.value.value)) } : community;
}

/** The community's file, also if something else in the agent's file is wrong. */
function namedCommunity(content: unknown): string | null {
  if (typeof content !== "object" || content === null || !("community" in content)) return null;
  return typeof content.community === "string" ? content.community : null;
}

/** The home wants what its community would refuse. */
function beyondTheRules({ value, problem }: YamlFile<AgentFile>, rules: Rules): ConfigProblem[] {
  const { sell, buy } = value.trading;
  const limits = [
    { path: ["pv", "capacityW"], wants: value.pv?.capacityW, max: rules.pvCapacityMax, places: 0 },
    { path: ["trading", "sell", "reservePrice"], wants: sell?.reservePrice, max: rules.priceMax },
    { path: ["trading", "buy", "bidPrice"], wants: buy?.bidPrice, max: rules.priceMax },
    { path: ["trading", "buy", "mostKwh"], wants: buy?.mostKwh, max: rules.bidMax },
  ];
  const problems = limits
    .filter(({ wants, max }) => wants !== undefined && wants > max)
    .map(({ path, max, places = 3 }) =>
      problem(path, `at most ${integerToDecimal(max, places)}, the community's limit`),
    );
  if (rules.schedule !== "manual" && value.administratorCard !== undefined) {
    problems.push(problem(["administratorCard"], "only in a community with schedule: manual"));
  }
  return problems;
}

type Surroundings = {
  readonly base: string;
  readonly rules: Rules;
  readonly bootstrap: readonly string[];
};

function homeConfig(file: AgentFile, { base, rules, bootstrap }: Surroundings): HomeConfig {
  const { sell, buy } = file.trading;
  const { administratorCard, pv, network, clock } = file;
  return {
    card: resolve(base, file.card),
    administratorCard: administratorCard === undefined ? null : resolve(base, administratorCard),
    data: resolve(base, file.data),
    rules,
    network: { ...network, bootstrap: [...new Set([...network.bootstrap, ...bootstrap])] },
    member: file.member,
    registersItself: file.registration === "automatic",
    pv: pv === undefined ? null : { pvId: pv.id, capacity: pv.capacityW },
    devices: file.devices,
    trading: {
      sell: sell ? { reservePrice: sell.reservePrice, mostEnergy: sell.mostKwh } : null,
      buy: buy ? { bidPrice: buy.bidPrice, mostEnergy: buy.mostKwh } : null,
    },
    pollInterval: file.pollSeconds,
    logLevel: file.log.level,
    clock: { trust: clock.trust, simulation: clock.simulation ?? null },
    trust: file.trust ?? null,
    rest: file.rest === undefined ? null : restConfig(file.rest, base, resolve(base, file.data)),
    mqtt: file.mqtt === undefined ? null : mqttConfig(file.mqtt, base),
    metrics: file.metrics ?? null,
  };
}

function mqttConfig(mqtt: NonNullable<AgentFile["mqtt"]>, base: string): MqttConfig {
  const { url, username = null, home = null, tls, homeAssistant, commands } = mqtt;
  const optional = (path: string | undefined) => (path === undefined ? null : resolve(base, path));
  return {
    ...{ url, username, home, homeAssistant, commands },
    passwordFile: optional(mqtt.passwordFile),
    tls:
      tls === undefined
        ? null
        : {
            caFile: optional(tls.ca),
            certificateFile: optional(tls.certificate),
            keyFile: optional(tls.key),
          },
  };
}

function restConfig(rest: NonNullable<AgentFile["rest"]>, base: string, data: string): RestConfig {
  const { host, port, namespace, cors, limits } = rest;
  const optional = (path: string | undefined) => (path === undefined ? null : resolve(base, path));
  return {
    ...{ host, port, namespace, cors },
    wallet: optional(rest.wallet) ?? join(data, "wallet"),
    walletPassphraseFile: optional(rest.walletPassphraseFile),
    tokens: optional(rest.tokens) ?? join(data, "tokens"),
    ca: optional(rest.ca),
    logins: rest.logins.map((login) => ({
      ...{ name: login.name, clientId: login.clientId, scopes: login.scopes },
      clientSecretFile: optional(login.clientSecretFile),
      endpoints: endpointsOf(login),
      subjects: login.subjects ?? null,
    })),
    limits: {
      ...said("bodyBytesMax", limits.bodyKib === undefined ? undefined : limits.bodyKib * KIB),
      ...said("requestsPerSecondMax", limits.requestsPerSecond),
      ...said("requestsBurstMax", limits.requestsBurst),
      ...said("connectionsMax", limits.connections),
      ...said("connectionsPerAddressMax", limits.connectionsPerAddress),
      ...said("webSocketsMax", limits.webSockets),
    },
    commitWithin: rest.commitWithinSeconds,
    sharedCards: rest.sharedCards ?? null,
  };
}

/** The file has one of the three ways. */
function endpointsOf(login: LoginEntry): LoginConfig["endpoints"] {
  const { provider, issuer, authorizeUrl = "", tokenUrl = "", userInfoUrl = "" } = login;
  if (provider !== undefined) return provider;
  return issuer === undefined ? { authorizeUrl, tokenUrl, userInfoUrl } : { issuer };
}

const KIB = 1024;

function said<K extends string>(key: K, value: number | undefined): { readonly [k in K]?: number } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [k in K]: number });
}

function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
