// The laboratory's files: a CA, a card for each home, the community's file, an agent's file per home and the
// simulated devices' file.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { AgentFileInput } from "../config/agentFile.ts";
import { HOUR_MS, type UnixMs, unixMs } from "../core/units/time.ts";
import { type Ca, createCa, issueCertificate, writeCa } from "../io/ca.ts";
import { createKey, publicKeyOf, writeCard } from "../io/keys.ts";
import { TOKENS_FOLDER } from "../io/wallet/tokens.ts";
import { WALLET_FOLDER } from "../io/wallet/wallet.ts";
import { type LabKey, labCommunity } from "./community.ts";
import type { LabHome } from "./homes.ts";

const DAY_MS = 24 * HOUR_MS;
const VALID_DAYS = 3650;
/** Market time: homes that look less often than each minute cannot say what an hour's edges were. */
const POLL_SECONDS_MAX = 45;
const ADMINISTRATOR = "administrator@vt.edu";
/** Of its card, beside the homes. */
export const ADMINISTRATOR_FOLDER = "administrator";

export type MarketClock = {
  readonly realStart: UnixMs;
  readonly marketStart: UnixMs;
  readonly speed: number;
};

export type LabPlan = {
  readonly dir: string;
  readonly homes: readonly LabHome[];
  readonly validators: number;
  readonly speed: number;
  readonly schedule: "hourly" | "manual";
  readonly marketStart: UnixMs;
};

/** Makes what is made once: keys, cards and rules. */
export async function makeWorld(plan: LabPlan): Promise<void> {
  const { dir, homes, speed, schedule } = plan;
  mkdirSync(join(dir, "homes"), { recursive: true });
  const notBefore = unixMs(plan.marketStart - DAY_MS);
  const ca = await createCa({ name: "laboratory CA", at: notBefore });
  writeCa(join(dir, "ca"), ca);
  const issue = (folder: string, memberId: string, name: string) =>
    issueCard(ca, { ...{ folder, memberId, name, notBefore } });
  const keys: LabKey[] = [];
  for (const { name, memberId } of homes) {
    mkdirSync(homeDir(dir, name), { recursive: true });
    keys.push(await issue(join(homeDir(dir, name), "card"), memberId, name));
  }
  const administrator =
    schedule === "manual"
      ? await issue(join(dir, ADMINISTRATOR_FOLDER), ADMINISTRATOR, "administrator")
      : null;
  const community = labCommunity({
    ...{ speed, schedule, caPublicKey: ca.publicKey, administrator },
    validators: keys.slice(0, plan.validators),
  });
  writeFileSync(join(dir, "community.json"), `${JSON.stringify(community, null, 2)}\n`);
}

type CardPlan = {
  readonly folder: string;
  readonly memberId: string;
  readonly name: string;
  readonly notBefore: UnixMs;
};

async function issueCard(ca: Ca, { folder, memberId, name, notBefore }: CardPlan): Promise<LabKey> {
  const privateKey = createKey();
  const publicKey = publicKeyOf(privateKey);
  const certificate = await issueCertificate(ca, {
    memberId: memberId as LabHome["memberId"],
    ...{ publicKey, firstName: name, lastName: name, notBefore },
    notAfter: unixMs(notBefore + VALID_DAYS * DAY_MS),
  });
  writeCard(folder, {
    metadata: { version: 1, userName: name, businessNetwork: "laboratory" },
    connection: { name: "laboratory" },
    ...{ certificate, privateKey },
  });
  return { memberId, publicKey };
}

export type HomeStart = {
  readonly dir: string;
  readonly home: LabHome;
  readonly clock: MarketClock;
  /** Of all homes, this one's included. */
  readonly ports: ReadonlyMap<string, number>;
  /** Where homes listen that do not listen on 127.0.0.1. */
  readonly hosts?: ReadonlyMap<string, string | undefined>;
  readonly devices: AgentFileInput["devices"];
  /** Whether this home keeps the administrator's card. */
  readonly isAdministrator: boolean;
  /** null or left out: no REST. */
  readonly rest?: LabRest | null;
  /** null or left out: no broker. */
  readonly mqtt?: LabMqtt | null;
};

export type LabRest = {
  readonly port: number;
  /** Among the homes, which all have all cards. */
  readonly place: number;
  /** People register members and PVs, and cards are issued by REST. */
  readonly isByHand: boolean;
  /** The page's origins; left out: no page asks. */
  readonly cors?: readonly string[];
};

/** How a home reaches the laboratory's broker. */
export type LabMqtt = {
  readonly url: string;
  readonly username: string;
  readonly passwordFile: string;
};

/** Writes an agent's file, anew at each start for ports and clock change; returns its path. */
export function writeAgentFile(start: HomeStart): string {
  const { dir, home, clock, ports, hosts, devices } = start;
  const address = (name: string) =>
    `/ip4/${hosts?.get(name) ?? "127.0.0.1"}/tcp/${ports.get(name) ?? 0}`;
  const others = [...ports.keys()].filter((name) => name !== home.name);
  const file: AgentFileInput = {
    card: "card",
    community: "../../community.json",
    data: "data",
    network: {
      listen: [address(home.name)],
      bootstrap: others.map(address).slice(0, 32),
      mdns: false,
    },
    member: { firstName: home.name, lastName: home.name },
    ...(home.pv === null || start.rest?.isByHand === true
      ? {}
      : { pv: { id: home.pv.pvId, capacityW: home.pv.capacityW } }),
    devices,
    trading: start.isAdministrator || devices?.length === 0 ? {} : labTrading(home),
    pollSeconds: Math.min(POLL_SECONDS_MAX, Math.max(5, clock.speed / 2)),
    ...restPart(start.rest ?? null, ports.size),
    ...(start.mqtt === null || start.mqtt === undefined
      ? {}
      : { mqtt: { ...start.mqtt, home: home.name } }),
    ...(start.isAdministrator ? { administratorCard: `../../${ADMINISTRATOR_FOLDER}` } : {}),
    clock: {
      simulation: {
        realStart: new Date(clock.realStart).toISOString(),
        marketStart: new Date(clock.marketStart).toISOString(),
        speed: clock.speed,
      },
    },
  };
  const path = join(homeDir(dir, home.name), "agent.yaml");
  writeFileSync(path, stringify(file));
  return path;
}

/** Programs of one machine try out what they like: the machine bounds them, not the door. */
const BY_HAND = { requestsPerSecond: 20_000, requestsBurst: 40_000, connectionsPerAddress: 2048 };

function restPart(rest: LabRest | null, homes: number): Partial<AgentFileInput> {
  if (rest === null) return {};
  const { port, place, isByHand, cors = [] } = rest;
  return {
    ...(isByHand ? { registration: "byHand" } : {}),
    rest: {
      ...{ port, wallet: WALLET_FOLDER, tokens: TOKENS_FOLDER },
      sharedCards: { homes, place },
      ...(isByHand ? { ca: "../../ca", limits: BY_HAND } : {}),
      ...(cors.length === 0 ? {} : { cors: [...cors] }),
    },
  };
}

/** All bid the paper's 3 tokens, so that nobody is above or below the price that follows. */
function labTrading(home: LabHome): AgentFileInput["trading"] {
  const buy = { bidPrice: 3, mostKwh: 5 };
  if (home.pv === null) return { buy };
  const reservePrice = home.pv.capacityW > 5000 ? 2 : 2.5;
  return { sell: { reservePrice, mostKwh: home.pv.capacityW / 1000 }, buy };
}

export function homeDir(dir: string, name: string): string {
  return join(dir, "homes", name);
}
