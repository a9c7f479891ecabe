// Brokers as people run them: with passwords and rights (docs/mqtt.md), over TLS, over WebSocket.

import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";
import { Aedes } from "aedes";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createWebSocketStream, WebSocketServer } from "ws";
import { homeTopics } from "../../../broker/topics.ts";
import { hasMosquitto, openListener, openMosquitto } from "../../support/brokers.ts";
import { HOME, openMqttHome } from "../../support/mqttHome.ts";

const topics = homeTopics(HOME);
let dir = "";
const closers: (() => Promise<unknown> | unknown)[] = [];
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), "pv-secured-"));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  fs.rmSync(dir, { recursive: true, force: true });
});

function keep<T extends { readonly close: () => Promise<unknown> }>(one: T): T {
  closers.push(() => one.close());
  return one;
}

function secret(name: string, text: string): string {
  const file = path.join(dir, name);
  fs.writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** The rules that docs/mqtt.md gives people for their Mosquitto. */
function documentedRights(): string {
  const page = fs.readFileSync(path.join(import.meta.dirname, "../../../docs/mqtt.md"), "utf8");
  return /^user seller1_vt_edu\n[^`]+/m.exec(page)?.[0] ?? "";
}

const hasPasswords = hasMosquitto && spawnSync("mosquitto_passwd", ["--help"]).error === undefined;
// biome-ignore lint/suspicious/noConsole: what is left out is said
if (!hasPasswords) console.log("mosquitto is not installed: its rights are not tried");

it.skipIf(!hasPasswords)(
  "the rights of docs/mqtt.md are enough, and no more than that",
  async () => {
    const passwords = secret("passwords", "");
    for (const [user, word] of [
      [HOME, "roof"],
      ["dashboard", "look"],
    ] as const) {
      execFileSync("mosquitto_passwd", ["-b", passwords, user, word], { stdio: "ignore" });
    }
    const broker = keep(
      await openMosquitto(0, {
        rules: "allow_anonymous false\npassword_file %/passwords\nacl_file %/rights",
        files: { passwords: fs.readFileSync(passwords, "utf8"), rights: documentedRights() },
      }),
    );
    const dashboard = keep(
      await openListener(broker.port, { username: "dashboard", password: "look" }),
    );
    const passwordFile = secret("password", "roof\n");
    const home = keep(
      await openMqttHome(`mqtt://127.0.0.1:${broker.port}`, { username: HOME, passwordFile }),
    );
    await dashboard.until("its balance", () => dashboard.last(topics.balance) !== null);
    await dashboard.until("online", () => dashboard.last(topics.status) === "online");
    await dashboard.client.publishAsync(topics.set("offer"), '{"id":"one"}', { qos: 1 });
    await dashboard.until("an answer", () => dashboard.last(topics.response("one")) !== null);
    // Tokens are for the home's agent alone; a dashboard says nothing in a home's name.
    expect(dashboard.last(topics.set("offer"))).toBeNull();
    await dashboard.client.publishAsync(topics.balance, "{}", { qos: 1, retain: true });
    await dashboard.client.publishAsync(topics.set("offer"), '{"id":"two"}', { qos: 1 });
    await dashboard.until("an answer", () => dashboard.last(topics.response("two")) !== null);
    expect(dashboard.last(topics.balance)).not.toBe("{}");
    expect(home.mqtt().isConnected()).toBe(true);
  },
);

it("a password file that others may read is refused, and told by its name", async () => {
  const passwordFile = secret("password", "roof");
  fs.chmodSync(passwordFile, 0o644);
  await expect(
    openMqttHome("mqtt://127.0.0.1:1", { username: HOME, passwordFile }),
  ).rejects.toThrow(/password.*chmod 600/);
});

it("TLS trusts the CA that it was given, and no other", async () => {
  const make = (name: string): { readonly key: string; readonly cert: string } => {
    const [key, cert] = [path.join(dir, `${name}.key`), path.join(dir, `${name}.pem`)];
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    const args = ["req", "-x509", ...kind, ...subject, "-keyout", key, "-out", cert];
    execFileSync("openssl", args, { stdio: "ignore" });
    return { key, cert };
  };
  const [own, other] = [make("own"), make("other")];
  const aedes = await Aedes.createBroker();
  const server = tls.createServer(
    { key: fs.readFileSync(own.key), cert: fs.readFileSync(own.cert) },
    aedes.handle,
  );
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(
    () => new Promise((resolve) => server.close(resolve)),
    () => new Promise<void>((resolve) => aedes.close(() => resolve())),
  );
  const url = `mqtts://localhost:${(server.address() as AddressInfo).port}`;
  const files = { certificateFile: null, keyFile: null };
  const home = keep(await openMqttHome(url, { tls: { ...files, caFile: own.cert } }));
  await connected(() => home.mqtt().isConnected());
  const stranger = keep(await openMqttHome(url, { tls: { ...files, caFile: other.cert } }));
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(stranger.mqtt().isConnected()).toBe(false);
});

it("a WebSocket is as good", async () => {
  const aedes = await Aedes.createBroker();
  const server = createHttpServer();
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket, request) => {
    aedes.handle(createWebSocketStream(socket), request);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(
    () => new Promise((resolve) => server.close(resolve)),
    () => new Promise<void>((resolve) => aedes.close(() => resolve())),
  );
  const home = keep(await openMqttHome(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`));
  await connected(() => home.mqtt().isConnected());
});

async function connected(is: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!is()) {
    if (Date.now() > end) throw new Error("it does not connect");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
