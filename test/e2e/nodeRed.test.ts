// The example flow in a real Node-RED, imported as docs/mqtt.md says, beside a neighbourhood of real agents: what it
// shows is what the ledger has, live, and its button makes an offer. Node-RED is no dependency: it is taken from the
// folder that NODE_RED_DIR names (npm install --prefix FOLDER node-red), else the test is skipped, and says so.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { freePort } from "../support/brokers.ts";

const ROOT = join(import.meta.dirname, "../..");
const RED = join(process.env["NODE_RED_DIR"] ?? "", "node_modules/node-red/red.js");
const hasNodeRed = process.env["NODE_RED_DIR"] !== undefined && existsSync(RED);
if (!hasNodeRed) {
  process.stderr.write(
    "skipped: the example flow's test needs Node-RED: npm install --prefix FOLDER node-red, NODE_RED_DIR=FOLDER\n",
  );
}
const NAMESPACE = "org.acme.pv.auction";
const HOME = "seller1";
const MEMBER = "seller1@vt.edu";
const BROKER_NODE = "pv-broker";

type Access = {
  readonly rest: readonly string[];
  readonly tokens: { readonly [who: string]: string };
};
type Lab = Access & { readonly page: string };

const closers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
}, 60_000);

function folder(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), name));
  closers.push(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A process that is ended after the test; resolves once `isReady` holds for what it has said. */
function program(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  isReady: (said: string) => boolean,
): Promise<string> {
  const child: ChildProcess = spawn(process.execPath, args, { cwd: ROOT, env });
  const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
  closers.push(async () => {
    child.kill("SIGINT");
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await ended;
    clearTimeout(timer);
  });
  let said = "";
  return new Promise((resolve, reject) => {
    const hear = (data: Buffer): void => {
      said += data.toString();
      if (isReady(said)) resolve(said);
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    void ended.then(() => reject(new Error(`${args.join(" ")} ended: ${said}`)));
  });
}

/** An hour is 15 s; one sells and one buys. The page's port is any, for 8080 may be taken. */
async function startLab(dir: string): Promise<Lab> {
  const page = /^the page: (http:\S+)$/m;
  const access = /^REST (\{.*\})$/m;
  const args = ["agent/main.ts", "lab", "--homes", "2", "--speed", "240", "--data", dir];
  const said = await program(args, process.env, (all) => page.test(all) && access.test(all));
  return {
    ...(JSON.parse(access.exec(said)?.[1] ?? "") as Access),
    page: page.exec(said)?.[1] ?? "",
  };
}

type NodeRed = {
  readonly address: string;
  /** Puts that flow in place of what is there, as its editor's button Deploy does. */
  readonly deploy: (flow: readonly object[]) => Promise<void>;
  /** Presses an inject node's button. */
  readonly press: (node: string) => Promise<void>;
  /** What debug nodes have shown in the sidebar, oldest first. */
  readonly shown: readonly Shown[];
};
type Shown = { readonly node: string; readonly topic: string; readonly value: unknown };

async function startNodeRed(env: NodeJS.ProcessEnv): Promise<NodeRed> {
  const dir = folder("pv-node-red-");
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  const settings = { uiHost: "127.0.0.1", uiPort: port, telemetry: { enabled: false } };
  const file = join(dir, "settings.js");
  writeFileSync(file, `module.exports = ${JSON.stringify(settings)};\n`);
  const args = [RED, "--userDir", dir, "--settings", file];
  await program(args, { ...process.env, ...env }, (said) => said.includes("Started flows"));
  const ask = async (path: string, body: object | string): Promise<void> => {
    const headers = {
      "content-type": "application/json",
      "Node-RED-API-Version": "v2",
      "Node-RED-Deployment-Type": "full",
    };
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const answer = await fetch(`${address}${path}`, { method: "POST", headers, body: text });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  };
  const shown: Shown[] = [];
  const comms = new WebSocket(`ws://127.0.0.1:${port}/comms`);
  comms.addEventListener("message", ({ data }) => {
    for (const { topic, data: said } of JSON.parse(String(data)) as readonly Comms[]) {
      if (topic !== "debug" || said.id === undefined) continue;
      const isJson = said.format === "Object";
      shown.push({
        ...{ node: said.id, topic: said.topic ?? "" },
        value: isJson ? JSON.parse(said.msg ?? "null") : said.msg,
      });
    }
  });
  await new Promise((resolve, reject) => {
    comms.addEventListener("open", resolve);
    comms.addEventListener("error", reject);
  });
  closers.push(() => comms.close());
  comms.send(JSON.stringify({ subscribe: "debug" }));
  return {
    ...{ address, shown },
    deploy: (flows) => ask("/flows", { flows }),
    press: (node) => ask(`/inject/${node}`, ""),
  };
}
type Comms = {
  readonly topic: string;
  readonly data: {
    readonly id?: string;
    readonly topic?: string;
    readonly msg?: string;
    readonly format?: string;
  };
};

async function rows<T>({ rest, tokens }: Access, path: string): Promise<readonly T[]> {
  const headers = { "x-access-token": tokens[MEMBER] ?? "" };
  const answer = await fetch(`${rest[0]}/api/${NAMESPACE}.${path}`, { headers });
  return (await answer.json()) as readonly T[];
}

test.skipIf(!hasNodeRed)(
  "the example flow in Node-RED shows live data, and its button makes an offer",
  async () => {
    const dir = folder("pv-node-red-lab-");
    const lab = await startLab(dir);
    // As an owner does it: a login for Node-RED, with a dashboard's rights.
    const users = ["agent/main.ts", "broker", "user", "add", "nodered", "--role", "dashboard"];
    const password = execFileSync(
      process.execPath,
      [...users, "--users", join(dir, "users.json")],
      {
        cwd: ROOT,
      },
    );
    const config = (await (await fetch(`${lab.page}/config.json`)).json()) as { mqttUrl: string };
    const red = await startNodeRed({
      PVTRADING_HOME: HOME,
      PVTRADING_TOKEN: lab.tokens[MEMBER] ?? "",
    });
    const file = join(ROOT, "examples/node-red-flow.json");
    const flow = JSON.parse(readFileSync(file, "utf8")) as readonly { readonly id: string }[];
    const credentials = { user: "nodered", password: password.toString().trim() };
    const broker = { broker: config.mqttUrl, port: "", credentials };
    await red.deploy(flow.map((node) => (node.id === BROKER_NODE ? { ...node, ...broker } : node)));

    const of = (topic: string) =>
      red.shown.filter((one) => one.node === "pv-live" && one.topic === `pvtrading/${topic}`);
    const until = (what: string, holds: () => unknown): Promise<void> =>
      expect.poll(holds, { timeout: 60_000, interval: 50, message: what }).toBeTruthy();
    // Live: one reading after another, of both wire formats, of the balance and the auction.
    const meter = `${HOME}/device/meter/state`;
    await until("readings", () => of(meter).length >= 3);
    const times = of(meter).map(({ value }) => (value as { at: string }).at);
    expect(times.toSorted()).toEqual(times);
    expect(new Set(times).size).toBeGreaterThan(1);
    await until("the other home", () => of("buyer1/device/meter/state").length > 0);
    await until("a balance", () => of(`${HOME}/balance`).length > 0);

    // The result of an auction is the ledger's.
    const results = () => red.shown.filter(({ node }) => node === "pv-results");
    await until("a result", () => results().length > 0);
    const result = results()[0]?.value as { readonly listingid: string; readonly mcp: number };
    const listings = await rows<{ listingid: string; mcp: number }>(lab, "kWhlisting");
    const closed = listings.find(({ listingid }) => result.listingid.endsWith(`#${listingid}`));
    expect(closed).toMatchObject({ mcp: result.mcp });

    // The page of the flow.
    const html = await (await fetch(`${red.address}/pvtrading`)).text();
    for (const text of [`<h2>${HOME} (online)</h2>`, "<h2>buyer1 (online)</h2>"]) {
      expect(html).toContain(text);
    }
    expect(html).toMatch(/<li>inverter: \d+ W, [\d.]+ kWh made<\/li>/);
    expect(html).toMatch(/<p>[\d.]+ tokens<\/p>/);
    expect(html).not.toMatch(/undefined|null|NaN/);

    // The button: pressed until a listing takes offers.
    const answers = () => red.shown.filter(({ node }) => node === "pv-said");
    await expect
      .poll(
        async () => {
          if (answers().length === 0) await red.press("pv-button");
          return answers().length;
        },
        { timeout: 60_000, interval: 1000 },
      )
      .toBeGreaterThan(0);
    const said = answers()[0]?.value as { readonly ok: boolean; readonly transactionId: string };
    expect(said).toMatchObject({ ok: true });
    const offers = await rows<{ transactionId: string; kWhavailable: number }>(lab, "PVOffer");
    expect(offers).toContainEqual(
      expect.objectContaining({ transactionId: said.transactionId, kWhavailable: 1 }),
    );
  },
  180_000,
);
