// A street for the page's tests in which everything is real: agents as processes, a broker as a process of its own,
// the page's server. Each of them can be killed and started again where it was.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unixMs } from "../../agent/core/units/time.ts";
import { labHomes } from "../../agent/lab/homes.ts";
import { Laboratory } from "../../agent/lab/laboratory.ts";
import { openLabPage, originsOf } from "../../agent/lab/labPage.ts";
import { firstDelivery, marketStart } from "../../agent/lab/marketStart.ts";
import { freePorts } from "../../agent/lab/ports.ts";
import { giveAccess, giveReadToken } from "../../agent/lab/restAccess.ts";
import { homeDir, makeWorld } from "../../agent/lab/world.ts";
import type { OpenPage } from "../../broker/dashboard/server.ts";
import { setUser } from "../../broker/users.ts";

const ROOT = join(import.meta.dirname, "../..");
const NAMESPACE = "org.acme.pv.auction";
const UP_WITHIN_MS = 20_000;

export type LivingStreet = {
  readonly lab: Laboratory;
  readonly page: string;
  readonly mqttPort: number;
  /** A member's own token. */
  readonly tokenOf: (memberId: string) => string;
  /** GET below /api at one home's door: Member */
  readonly rows: <T>(home: string, path: string) => Promise<readonly T[]>;
  readonly killBroker: () => Promise<void>;
  readonly startBroker: () => Promise<void>;
  readonly closePage: () => Promise<void>;
  readonly startPage: () => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Resolves when every agent is up. */
export async function openLivingStreet(speed: number): Promise<LivingStreet> {
  const dir = mkdtempSync(join(tmpdir(), "pv-page-"));
  const homes = labHomes(5);
  const start = marketStart(firstDelivery(null), speed);
  const plan = { dir, homes, validators: 4, speed };
  await makeWorld({ ...plan, schedule: "hourly", marketStart: start });
  const clock = { realStart: unixMs(Date.now()), marketStart: start, speed };
  const ports = await freePorts(2 * homes.length + 3);
  const [mqttPort = 0, wsPort = 0, pagePort = 0] = ports.slice(2 * homes.length);
  const url = `mqtt://127.0.0.1:${mqttPort}`;
  const usersFile = join(dir, "users.json");
  const mqtt = new Map(
    homes.map(({ name }) => {
      const passwordFile = join(homeDir(dir, name), "mqttPassword");
      return [name, { url, username: name, passwordFile }] as const;
    }),
  );
  for (const [name, { passwordFile }] of mqtt) {
    await setUser(usersFile, { name, role: "agent", password: `${name} of the street` });
    writeFileSync(passwordFile, `${name} of the street`, { mode: 0o600 });
  }
  const access = { dir, homes, hasAdministrator: false, now: clock.realStart };
  const tokens = giveAccess(access);
  const readToken = giveReadToken(access);
  const rest = new Map(homes.map(({ name }, i) => [name, `http://127.0.0.1:${ports[i]}`] as const));
  const address = `http://127.0.0.1:${pagePort}`;
  let page: OpenPage | null = null;
  const startPage = async (): Promise<void> => {
    page = await openLabPage({
      ...{ dir, homes, clock, rest, readToken, port: pagePort, isAnyPort: false },
      broker: { mqtt, url, wsUrl: `ws://127.0.0.1:${wsPort}`, close: async () => {} },
    });
  };
  const closePage = async (): Promise<void> => {
    await page?.close();
    page = null;
  };
  let broker: ChildProcess | null = null;
  const startBroker = async (): Promise<void> => {
    const args = ["--port", `${mqttPort}`, "--ws-port", `${wsPort}`, "--users", usersFile];
    const more = ["--anonymous", "read", "--log-level", "error"];
    broker = spawn(process.execPath, ["broker/main.ts", ...args, ...more], {
      ...{ cwd: ROOT, stdio: "inherit" },
    });
    await listening(wsPort);
  };
  const killBroker = async (): Promise<void> => {
    const child = broker;
    broker = null;
    if (child === null) return;
    const ended = new Promise((resolve) => child.on("close", resolve));
    child.kill("SIGKILL");
    await ended;
  };
  await startBroker();
  await startPage();
  const lab = new Laboratory({
    ...{ dir, homes, clock, seed: 1, pv: null, load: null, mqtt, print: () => {} },
    ...{ withDevices: true, administrator: null, ports: ports.slice(homes.length) },
    rest: new Map(
      homes.map(({ name }, place) => {
        const port = ports[place] ?? 0;
        return [name, { port, place, isByHand: false, cors: originsOf(address) }] as const;
      }),
    ),
  });
  const close = async (): Promise<void> => {
    await lab.stop();
    await closePage();
    await killBroker();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    await lab.start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    ...{ lab, page: address, mqttPort, killBroker, startBroker, closePage, startPage, close },
    tokenOf: (memberId) => tokens[memberId] ?? "",
    rows: async <T>(home: string, path: string) => {
      const answer = await fetch(`${rest.get(home)}/api/${NAMESPACE}.${path}`, {
        headers: { "x-access-token": readToken },
      });
      return (await answer.json()) as readonly T[];
    },
  };
}

async function listening(port: number): Promise<void> {
  const end = Date.now() + UP_WITHIN_MS;
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("connect", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (isOpen) return;
    if (Date.now() > end) throw new Error(`nobody listens on ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
