// TLS and WebSocket, and which pages may come in.

import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { isForeign, isLoopback, isSameSite } from "../../../broker/doors.ts";
import { TestBroker } from "../../support/broker.ts";
import { brokerCertificate } from "../../support/brokerCertificate.ts";

let broker: TestBroker;
afterEach(() => broker.close());

describe("TLS", () => {
  test("serves who trusts its certificate, and counts who does not end a handshake", async () => {
    broker = await TestBroker.open();
    await broker.stop();
    const { ca, ...files } = await brokerCertificate(broker.dir);
    const tls = { ...files, port: 0 };
    await broker.start({ tls, limits: { clientsMax: 2, connectMsMax: 300 } });
    const url = `mqtts://127.0.0.1:${broker.broker.tlsPort}`;
    await expect(broker.connect("home1", { url })).rejects.toThrow(/unable to verify/);
    const agent = await broker.connect("home1", { url, ca });
    await agent.subscribe("pvtrading/home1/#");
    await agent.publish("pvtrading/home1/x", "secret");
    await expect.poll(() => agent.heard).toEqual(["pvtrading/home1/x=secret"]);
    const idle = net.connect(broker.broker.tlsPort ?? 0, "127.0.0.1");
    const isOver = new Promise<void>((resolve) => idle.once("close", () => resolve()));
    await new Promise<void>((resolve) => idle.once("connect", () => resolve()));
    await expect(broker.connect("home2", { url, ca })).rejects.toThrow();
    await isOver;
    await expect
      .poll(() =>
        broker.connect("home2", { url, ca }).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
  });

  test("carries WebSockets, too, with the same files and rights", async () => {
    broker = await TestBroker.open();
    await broker.stop();
    const { ca, ...files } = await brokerCertificate(broker.dir);
    await broker.start({
      tls: { ...files, port: 0, wsPort: 0 },
      limits: { clientsMax: 3, connectMsMax: 300 },
    });
    expect(broker.broker.wsPort).toBeNull();
    const port = broker.broker.wssPort ?? 0;
    const url = `wss://127.0.0.1:${port}`;
    await expect(broker.connect("page", { url })).rejects.toThrow(/unable to verify/);
    const page = await broker.connect("page", { url, ca });
    const agent = await broker.connect("home1");
    await page.subscribe("#");
    await agent.publish("pvtrading/home1/x", "1");
    await page.publish("pvtrading/home1/x", "denied");
    await agent.publish("pvtrading/home1/y", "2");
    await expect.poll(() => page.heard).toEqual(["pvtrading/home1/x=1", "pvtrading/home1/y=2"]);
    // Who says nothing takes the last place, and loses it; who speaks no TLS is let go.
    const idle = net.connect(port, "127.0.0.1");
    const isOver = new Promise<void>((resolve) => idle.once("close", () => resolve()));
    await new Promise<void>((resolve) => idle.once("connect", () => resolve()));
    await expect(broker.connect("", { url, ca })).rejects.toThrow();
    await isOver;
    await expect(broker.connect("", { url: `ws://127.0.0.1:${port}` })).rejects.toThrow();
    const strange = new WebSocket(url, "mqtt", { origin: "https://elsewhere.example", ca });
    const why = await new Promise((resolve) => strange.once("error", resolve));
    expect(String(why)).toContain("403");
    expect(page.closes).toBe(0);
  });

  test("says which files it cannot use", async () => {
    broker = await TestBroker.open();
    await broker.stop();
    const none = join(tmpdir(), "no-such-file");
    const tls = { certFile: none, keyFile: none, port: 0, wsPort: 0 };
    await expect(broker.start({ tls })).rejects.toThrow(`TLS with ${none} and ${none}: ENOENT`);
  });
});

describe("WebSocket", () => {
  const open = async (): Promise<string> => {
    broker = await TestBroker.open();
    await broker.stop();
    await broker.start({ wsPort: 0 });
    return `ws://127.0.0.1:${broker.broker.wsPort}`;
  };

  test("speaks MQTT as the other doors do", async () => {
    const url = await open();
    const page = await broker.connect("page", { url });
    const nobody = await broker.connect("", { url: `${url}/mqtt` });
    const agent = await broker.connect("home1");
    await page.subscribe("#");
    await nobody.subscribe("#");
    const long = "x".repeat(100_000);
    await agent.publish("pvtrading/home1/x", long);
    await page.publish("pvtrading/home2/offer", "denied");
    await agent.publish("pvtrading/home1/y", "end");
    const heard = [`pvtrading/home1/x=${long}`, "pvtrading/home1/y=end"];
    await expect.poll(() => page.heard).toEqual(heard);
    await expect.poll(() => nobody.heard).toEqual(heard);
    expect(page.closes).toBe(0);
  });

  test("sends each packet as one message", async () => {
    const url = await open();
    const socket = new WebSocket(url, "mqtt");
    const messages: Buffer[] = [];
    socket.on("message", (data) => messages.push(data as Buffer));
    await new Promise((resolve) => socket.once("open", resolve));
    expect(socket.protocol).toBe("mqtt");
    // CONNECT without a name, then SUBSCRIBE to "#".
    socket.send(
      Buffer.from([0x10, 14, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 2, 0x61, 0x62]),
    );
    await expect.poll(() => messages.length).toBe(1);
    socket.send(Buffer.from([0x82, 6, 0, 1, 0, 1, 0x23, 0]));
    await expect.poll(() => messages.length).toBe(2);
    const agent = await broker.connect("home1");
    await agent.publish("pvtrading/home1/x", "1");
    await expect.poll(() => messages.length).toBe(3);
    expect(messages[2]?.subarray(0, 4).toString("hex")).toBe("30140011");
    socket.terminate();
  });

  test("is closed to pages of other sites, and is no web server", async () => {
    const url = await open();
    const asPage = (origin: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = new WebSocket(url, "mqtt", { origin });
        socket.on("open", () => {
          socket.terminate();
          resolve("open");
        });
        socket.on("error", (error) => resolve(error.message));
      });
    expect(await asPage("http://127.0.0.1:8080")).toBe("open");
    expect(await asPage("http://localhost:8080")).toBe("open");
    expect(await asPage("https://example.org")).toContain("403");
    expect(await asPage("null")).toContain("403");
    const status = await new Promise((resolve, reject) => {
      const request = http.get(url.replace("ws:", "http:"), (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on("error", reject);
    });
    expect(status).toBe(426);
  });

  test("is read without a name by pages of this network alone, for a name can be pointed anywhere", async () => {
    const url = await open();
    const asPage = (name: string, host: string) =>
      broker.connect(name, {
        url,
        wsOptions: { origin: `http://${host}:8080`, headers: { host } },
      });
    await expect(asPage("", "evil.example")).rejects.toThrow("Not authorized");
    await asPage("page", "evil.example");
    await asPage("", "pi.local");
    const foreign = (origin: string): boolean => isForeign({ origin });
    const own = ["http://192.168.1.5:8080", "http://[fe80::1]", "http://pi", "http://pi.home.arpa"];
    expect(own.filter(foreign)).toEqual([]);
    const others = [
      "http://evil.example",
      "http://local.evil.example",
      "http://192.168.1.5.evil.example",
    ];
    expect(others.filter(foreign)).toEqual(others);
    expect(isForeign({})).toBe(false);
  });

  test("ends with a message that is too large, and with one that is no MQTT", async () => {
    const url = await open();
    for (const bytes of [Buffer.alloc(1_048_577, 0x10), Buffer.from("hello")]) {
      const socket = new WebSocket(url, "mqtt");
      const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      socket.on("error", () => {});
      socket.once("open", () => socket.send(bytes));
      await closed;
    }
    await broker.connect("page", { url });
  });
});

describe("a broker", () => {
  test("opens all its doors or none", async () => {
    broker = await TestBroker.open();
    const { port } = broker.broker;
    const second = new TestBroker();
    const taken = second.start({ usersFile: null, port: 0, wsPort: port });
    await expect(taken).rejects.toThrow(`127.0.0.1 port ${port}: is taken`);
    await expect(second.start({ usersFile: null, anonymous: "none" })).rejects.toThrow("nobody");
    await second.close();
  });

  test("says what it opens to the network", async () => {
    broker = new TestBroker();
    await broker.start({ usersFile: null, host: "0.0.0.0" });
    expect(broker.warnings()).toEqual(["whoever reaches this port reads all homes"]);
  });

  test("knows this machine, and a page of the same host", () => {
    const local = ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1", "localhost", "[::1]"];
    expect(local.map(isLoopback)).toEqual(local.map(() => true));
    const others = ["10.0.0.1", "0.0.0.0", "::", "localhost.example.org", "127.evil.example"];
    expect([...others, "127.0.0.1.evil.example", "::ffff:127.a"].filter(isLoopback)).toEqual([]);
    const same = (origin: string, host: string): boolean => isSameSite({ origin, host });
    expect(same("http://pi.local:8080", "pi.local:9001")).toBe(true);
    expect(same("http://localhost:8080", "127.0.0.1:9001")).toBe(true);
    expect(same("http://evil.example", "pi.local:9001")).toBe(false);
    expect(same("http://127.evil.example", "127.0.0.1:9001")).toBe(false);
    expect(same("http://localhost:8080", "pi.local:9001")).toBe(false);
    expect(same("file://", "127.0.0.1:9001")).toBe(false);
    expect(isSameSite({ host: "pi.local" })).toBe(true);
    broker = new TestBroker();
  });
});
