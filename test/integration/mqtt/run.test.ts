// A real agent process with MQTT, REST and metrics: started, killed, started again, stopped.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createCaFolder, createCardFolder } from "../../../agent/commands/identity.ts";
import { unixMs } from "../../../agent/core/units/time.ts";
import { homeTopics } from "../../../broker/topics.ts";
import { openAedes, openListener } from "../../support/brokers.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const EXAMPLE = join(ROOT, "config/community.example.json");
const MEMBER = "ann@vt.edu";
const topics = homeTopics("ann_vt_edu");

let dir = "";
const children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvtrading-mqtt-"));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

/** An agent's file of a community of one. */
async function configure(port: number): Promise<string> {
  const at = { days: "9", now: unixMs(Date.now()) };
  const keyIn = (lines: readonly string[]) =>
    /[kK]ey: ([0-9a-f]{64})$/m.exec(lines.join("\n"))?.[1] ?? "";
  const ca = join(dir, "ca");
  const caPublicKey = keyIn((await createCaFolder(ca, "CA", at.now)).lines);
  const names = { firstName: "Ann", lastName: "Lee" };
  const order = { ca, out: join(dir, "card"), member: MEMBER, ...names, ...at };
  const publicKey = keyIn((await createCardFolder(order)).lines);
  const example = JSON.parse(readFileSync(EXAMPLE, "utf8")) as object;
  const validators = [{ memberId: MEMBER, publicKey }];
  const community = { ...example, caPublicKey, validators };
  writeFileSync(join(dir, "community.json"), JSON.stringify(community));
  const own = { card: "card", community: "community.json", data: "data", member: names };
  const network = { listen: ["/ip4/127.0.0.1/tcp/0"], mdns: false };
  const doors = {
    mqtt: { url: `mqtt://127.0.0.1:${port}` },
    rest: { port: 0 },
    metrics: { port: 0 },
  };
  const file = join(dir, "agent.json");
  writeFileSync(file, JSON.stringify({ ...own, network, clock: { trust: "always" }, ...doors }));
  return file;
}

type Started = { readonly rest: string; readonly metrics: string };

/** Resolves with its addresses, from its log. */
async function start(
  file: string,
): Promise<{ readonly child: ChildProcess; readonly at: Started }> {
  const args = ["agent/main.ts", "run", "--config", file, "--json"];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["pipe", "ignore", "pipe"] });
  children.push(child);
  const { stderr } = child;
  if (stderr === null) throw new Error("a process without stderr");
  const lines: string[] = [];
  for await (const line of createInterface({ input: stderr })) {
    lines.push(line);
    if (!line.includes('"home started"')) continue;
    stderr.resume();
    return { child, at: JSON.parse(line) as Started };
  }
  throw new Error(`it ended:\n${lines.join("\n")}`);
}

it("is on the broker while it runs, gone when it is killed, and back when it is started again", async () => {
  const broker = await openAedes();
  const listener = await openListener(broker.port);
  try {
    const file = await configure(broker.port);
    const { child, at } = await start(file);
    await listener.until("online", () => listener.last(topics.status) === "online");
    await listener.until(
      "its REST",
      () => listener.last(topics.health)?.includes(at.rest) === true,
    );
    // The member registers itself: a block of its own.
    await listener.until("its balance", () => listener.last(topics.balance) !== null);
    const { height } = JSON.parse(listener.last(topics.ledger) ?? "{}") as { height: number };
    expect(height).toBeGreaterThan(0);
    const figures = await (await fetch(at.metrics)).text();
    expect(figures).toMatch(/^pvtrading_ledger_height [1-9]/m);
    expect(figures).toMatch(/^pvtrading_mqtt_connected 1$/m);
    child.kill("SIGKILL");
    await listener.until("offline", () => listener.last(topics.status) === "offline");
    const again = await start(file);
    await listener.until("online again", () => listener.last(topics.status) === "online");
    const ended = new Promise((done) => again.child.once("exit", done));
    again.child.kill("SIGTERM");
    expect(await ended).toBe(0);
    await listener.until("its last word", () => listener.last(topics.status) === "offline");
  } finally {
    await listener.close();
    await broker.close();
  }
});
