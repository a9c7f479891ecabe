// How many messages a second the embedded broker carries, a process of its own on this machine: 50 clients,
// of which one hears all the others, as a page does. The clients are one process, which costs as much.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import mqtt, { type MqttClient } from "mqtt";
import { setUser } from "../../broker/users.ts";
import type { Figures } from "./measure.ts";
import { residentMegabytes } from "./residentMegabytes.ts";

const MAIN = join(import.meta.dirname, "../../broker/main.ts");
const CLIENTS = 50;
const MESSAGES = 40_000;
/** As a listing with a few offers. */
const PAYLOAD = Buffer.alloc(300, "x");
/** Said and not yet heard: what a street says at once. */
const AHEAD_MAX = 500;

/** Messages per second from a publisher through the broker to a subscriber, and resident memory. */
export async function mqttBroker(): Promise<Figures> {
  const dir = mkdtempSync(join(tmpdir(), "pvtrading-bench-"));
  const users = join(dir, "users.json");
  await setUser(users, { name: "root", role: "admin", password: "toor" });
  const flags = ["--max-semi-space-size=1", "--max-old-space-size=128"];
  const options = ["--port", "0", "--users", users, "--json"];
  const child = spawn(process.execPath, [...flags, MAIN, ...options]);
  const clients: MqttClient[] = [];
  try {
    const port = await portOf(child.stderr);
    const { pid = 0 } = child;
    const [empty] = [residentMegabytes(pid), await pause(1000)];
    for (let i = 0; i < CLIENTS; i += 1) {
      const login = { username: "root", password: "toor" };
      clients.push(await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, login));
    }
    const idle = residentMegabytes(pid);
    const perSecond0 = await carry(clients, 0);
    const perSecond1 = await carry(clients, 1);
    return {
      clients: CLIENTS,
      "messages/s, QoS 0": perSecond0,
      "messages/s, QoS 1": perSecond1,
      "RSS alone, MB": empty,
      "RSS with all clients, MB": idle,
      "RSS after the run, MB": residentMegabytes(pid),
    };
  } finally {
    for (const client of clients) client.end(true);
    child.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function carry(clients: readonly MqttClient[], qos: 0 | 1): Promise<number> {
  const [reader, ...writers] = clients;
  if (reader === undefined) throw new Error("no client");
  await reader.subscribeAsync("pvtrading/#", { qos });
  let [heard, said] = [0, 0];
  const count = (): void => {
    heard += 1;
  };
  reader.on("message", count);
  const started = performance.now();
  while (heard < MESSAGES) {
    while (said < MESSAGES && said - heard < AHEAD_MAX) {
      const writer = writers[said % writers.length];
      writer?.publish(`pvtrading/home${said % writers.length}/listing`, PAYLOAD, { qos });
      said += 1;
    }
    await pause(0);
  }
  const seconds = (performance.now() - started) / 1000;
  reader.off("message", count);
  await reader.unsubscribeAsync("pvtrading/#");
  return Math.round(MESSAGES / seconds);
}

function portOf(stderr: NodeJS.ReadableStream): Promise<number> {
  return new Promise((resolve) => {
    stderr.on("data", (chunk: Buffer) => {
      const found = /"port":(\d+)/.exec(chunk.toString("utf8"));
      if (found !== null) resolve(Number(found[1]));
    });
  });
}
