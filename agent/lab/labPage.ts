// What one small computer of the street would run beside the homes: the broker, and the page. Here both are in the
// laboratory's own process. Anybody on this machine may look; that is so in a laboratory, and nowhere else.

import { randomBytes } from "node:crypto";
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openBroker } from "../../broker/broker.ts";
import { openRecorder } from "../../broker/dashboard/recorder.ts";
import { type OpenPage, openPage, type PageOptions } from "../../broker/dashboard/server.ts";
import { BROKER_LIMITS } from "../../broker/limits.ts";
import { type Log, lineLog } from "../../broker/log.ts";
import { setUser } from "../../broker/users.ts";
import { LAB_TIME_ZONE } from "./community.ts";
import type { LabHome } from "./homes.ts";
import { type PastTold, pastHeard } from "./past/pastHeard.ts";
import { homeDir, type LabMqtt, type MarketClock } from "./world.ts";

const HOST = "127.0.0.1";
const LOG_FILE = "broker.log";
const HISTORY_FILE = "page-history.json";
const USERS_FILE = "users.json";

export type LabBroker = {
  /** How each home reaches it, by the home's name. */
  readonly mqtt: ReadonlyMap<string, LabMqtt>;
  readonly url: string;
  /** For browsers. */
  readonly wsUrl: string;
  readonly close: () => Promise<void>;
};

/** Every home gets a user with a new password; anybody may read. */
export async function openLabBroker(dir: string, homes: readonly LabHome[]): Promise<LabBroker> {
  const usersFile = join(dir, USERS_FILE);
  rmSync(usersFile, { force: true });
  const passwordFiles = new Map<string, string>();
  for (const { name } of homes) {
    const password = randomBytes(24).toString("base64url");
    await setUser(usersFile, { name, role: "agent", password });
    const file = join(homeDir(dir, name), "mqttPassword");
    writeFileSync(file, password, { mode: 0o600 });
    passwordFiles.set(name, file);
  }
  const broker = await openBroker({
    ...{ host: HOST, port: 0, wsPort: 0, tls: null, usersFile },
    ...{ anonymous: "read", limits: BROKER_LIMITS, log: logTo(dir) },
  });
  const url = `mqtt://${HOST}:${broker.port}`;
  return {
    mqtt: new Map(
      [...passwordFiles].map(([username, passwordFile]) => [
        username,
        { url, username, passwordFile },
      ]),
    ),
    url,
    wsUrl: `ws://${HOST}:${broker.wsPort ?? 0}`,
    close: broker.close,
  };
}

export type LabPagePlan = {
  readonly dir: string;
  readonly homes: readonly LabHome[];
  readonly broker: LabBroker;
  readonly clock: MarketClock;
  /** Each home's REST door, by its name. */
  readonly rest: ReadonlyMap<string, string>;
  readonly readToken: string;
  readonly port: number;
  /** Whether another port will do where this one is taken. */
  readonly isAnyPort: boolean;
};

export type LabPage = OpenPage & {
  /** Puts the time before the laboratory into the page's charts. */
  readonly remember: (past: PastTold) => void;
};

export async function openLabPage(plan: LabPagePlan): Promise<LabPage> {
  const { dir, homes, broker, clock, rest, readToken, port, isAnyPort } = plan;
  const log = logTo(dir);
  const file = join(dir, HISTORY_FILE);
  const recorder = openRecorder({ mqttUrl: broker.url, log, file });
  const options: Omit<PageOptions, "port"> = {
    ...{ host: HOST, log, history: recorder.history },
    config: {
      ...{ title: "PV trading", mqttUrl: broker.wsUrl, clock, readToken, timeZone: LAB_TIME_ZONE },
      homes: homes.map(({ name, memberId }) => ({ name, memberId, rest: rest.get(name) ?? null })),
    },
  };
  try {
    const page = await openPage({ ...options, port }).catch((error: unknown) => {
      if (isAnyPort && isTaken(error)) return openPage({ ...options, port: 0 });
      throw error;
    });
    return {
      address: page.address,
      remember: (past) => {
        for (const [topic, payload] of pastHeard(past)) recorder.hear(topic, payload);
      },
      close: async () => {
        await recorder.close();
        await page.close();
      },
    };
  } catch (error) {
    await recorder.close();
    throw error;
  }
}

/** The origins that a browser may name for the page's address. */
export function originsOf(address: string): readonly string[] {
  const { port } = new URL(address);
  return [`http://127.0.0.1:${port}`, `http://localhost:${port}`];
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EADDRINUSE";
}

function logTo(dir: string): Log {
  const file = join(dir, LOG_FILE);
  return lineLog("info", {
    json: false,
    write: (line) => appendFileSync(file, line, { mode: 0o600 }),
    now: () => new Date(),
  });
}
