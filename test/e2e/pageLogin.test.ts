// The page with a broker that knows its users, as docs/page.md has it for a real neighbourhood: nothing without a
// login, a wrong one is said, and the right one lets in, over WebSocket and over TLS. Skipped without chromium.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt from "mqtt";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type OpenBroker, openBroker } from "../../broker/broker.ts";
import { openPage } from "../../broker/dashboard/server.ts";
import { BROKER_LIMITS } from "../../broker/limits.ts";
import { setUser } from "../../broker/users.ts";
import { brokerCertificate } from "../support/brokerCertificate.ts";
import { hasChromium, openBrowser } from "../support/browser.ts";

let browser: Browser;
let broker: OpenBroker;
let dir: string;
let refused: string[];
const closers: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  if (!hasChromium) return;
  browser = await openBrowser();
  dir = mkdtempSync(join(tmpdir(), "pv-login-"));
  const usersFile = join(dir, "users.json");
  await setUser(usersFile, { name: "ann", role: "agent", password: "roof" });
  await setUser(usersFile, { name: "family", role: "dashboard", password: "sun and moon" });
  const { ca: _, ...files } = await brokerCertificate(dir);
  refused = [];
  broker = await openBroker({
    ...{ host: "127.0.0.1", port: 0, wsPort: 0, usersFile, anonymous: "none" },
    tls: { ...files, port: 0, wsPort: 0 },
    limits: BROKER_LIMITS,
    log: (_level, message, { reason }) => {
      if (message === "login refused") refused.push(String(reason));
    },
  });
  const agent = mqtt.connect(`mqtt://127.0.0.1:${broker.port}`, {
    ...{ username: "ann", password: "roof", protocolVersion: 4 },
  });
  closers.push(() => agent.endAsync(true), broker.close);
  const balance = { at: "2026-03-21T12:00:00.000Z", balance: 217.5, reserved: 0 };
  const traded = { sold_today_kwh: 0, bought_today_kwh: 0, sold_total_kwh: 0, bought_total_kwh: 0 };
  const said = JSON.stringify({ ...balance, ...traded });
  await agent.publishAsync("pvtrading/ann/balance", said, { retain: true, qos: 1 });
}, 60_000);

afterAll(async () => {
  if (!hasChromium) return;
  for (const close of closers.splice(0)) await close();
  await browser.close();
  rmSync(dir, { recursive: true, force: true });
});

const pages: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of pages.splice(0).reverse()) await close();
});

test.skipIf(!hasChromium).each(["ws", "wss"] as const)(
  "the page asks for a login, says when it is wrong, and is live with the right one (%s)",
  async (scheme) => {
    const port = scheme === "ws" ? broker.wsPort : broker.wssPort;
    const page = await openPage({
      ...{ host: "127.0.0.1", port: 0, log: () => {} },
      config: { title: "Street", mqttUrl: `${scheme}://127.0.0.1:${port}`, homes: [] },
    });
    // As a browser does that knows the CA.
    const context = await browser.newContext({ locale: "en-US", ignoreHTTPSErrors: true });
    pages.push(page.close, () => context.close());
    const tab = await context.newPage();
    tab.setDefaultTimeout(20_000);
    await tab.goto(`${page.address}/#/operator`);
    await tab.getByText("Sign-in needed").waitFor();
    const give = async (user: string, password: string): Promise<void> => {
      await tab.getByLabel("User", { exact: true }).fill(user);
      await tab.getByLabel("Password").fill(password);
      await tab.getByRole("button", { name: "Connect" }).click();
    };
    refused = [];
    await give("family", "sun");
    await tab.getByText("does not accept this user and password").waitFor();
    expect(refused).toEqual(["wrongPassword"]);
    await give("family", "sun and moon");
    await tab.getByText("The broker lets you in.").waitFor();
    await tab.getByText("Live", { exact: true }).waitFor();
    await tab.goto(`${page.address}/#/home`);
    await tab.getByText("217.5").waitFor();
  },
  60_000,
);
