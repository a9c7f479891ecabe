// What a client may take of the broker, and that one which does not read harms nobody else.

import net from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { setUser } from "../../../broker/users.ts";
import { passwordOf, TestBroker } from "../../support/broker.ts";

let broker: TestBroker;
afterEach(() => broker.close());

/** Sends bytes, and more after the first answer, and waits for the end; what came back. */
function talk(port: number, bytes: Uint8Array, more: Uint8Array | null = null): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = net.connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("data", (chunk) => {
      if (chunks.push(chunk) === 1 && more !== null) socket.write(more);
    });
    socket.on("close", () => resolve(Buffer.concat(chunks)));
    socket.on("error", (error) => {
      if ("code" in error && error.code === "ECONNRESET") return;
      reject(error);
    });
  });
}

/** CONNECT of MQTT 3.1.1 with a name and password, as the standard's section 3.1 draws it. */
function connectPacket(name: string): Buffer {
  const text = (value: string): Buffer =>
    Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
  const rest = [text(`c-${name}`), text(name), text(passwordOf(name))];
  const body = Buffer.concat([text("MQTT"), Buffer.from([4, 0xc2, 0, 60]), ...rest]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
}

describe("limits", () => {
  test("of a payload and a topic: left out, and the connection stays", async () => {
    const limits = { payloadBytesMax: 100, topicCharsMax: 40, topicLevelsMax: 4 };
    broker = await TestBroker.open({ limits });
    const [agent, reader] = [await broker.connect("home1"), await broker.connect("page")];
    await reader.subscribe("#");
    await agent.publish("pvtrading/home1/x", "1".repeat(101), true);
    await agent.publish(`pvtrading/home1/${"x".repeat(25)}`, "long");
    await agent.publish("pvtrading/home1/a/b/c", "deep");
    await agent.publish("pvtrading/home1/x", "2".repeat(100));
    await agent.publish(`pvtrading/home1/${"x".repeat(24)}`, "right");
    await agent.publish("pvtrading/home1/a/b", "right");
    await expect.poll(() => reader.heard.length).toBe(3);
    expect(reader.heard.map((line) => line.slice(-5))).toEqual(["22222", "right", "right"]);
    expect(agent.closes).toBe(0);
    expect(await reader.subscribe(`pvtrading/${"x".repeat(31)}`)).toEqual([128]);
  });

  test("of a packet: its connection ends by its header alone", async () => {
    broker = await TestBroker.open({ limits: { packetBytesMax: 1000 } });
    const { port } = broker.broker;
    const tooLarge = Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]);
    const answer = await talk(port, connectPacket("home1"), tooLarge);
    expect([...answer]).toEqual([0x20, 2, 0, 0]);
    expect(broker.warnings()).toEqual(["connection ended: this is not MQTT, or too large"]);
    const first = await talk(port, Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f, 0]));
    expect(first).toHaveLength(0);
  });

  test("of subscriptions, and of a client id", async () => {
    broker = await TestBroker.open({ limits: { subscriptionsMax: 2, clientIdCharsMax: 10 } });
    const reader = await broker.connect("page", { clientId: "1234567890" });
    const granted = await reader.subscribe("pvtrading/a", "pvtrading/b", "pvtrading/c");
    expect(granted).toEqual([1, 1, 128]);
    await reader.client.unsubscribeAsync("pvtrading/a");
    expect(await reader.subscribe("pvtrading/c")).toEqual([1]);
    const long = broker.connect("page", { clientId: "12345678901" });
    await expect(long).rejects.toThrow("Identifier rejected");
  });

  test("of subscriptions, of which Home Assistant needs more: it takes each topic by itself", async () => {
    const limits = { subscriptionsMax: 1, subscriptionsOfHomeAssistantMax: 3 };
    broker = await TestBroker.open({ limits });
    await broker.stop();
    const ha = { name: "ha", role: "homeassistant", password: passwordOf("ha") } as const;
    await setUser(broker.usersFile, ha);
    await broker.start({ limits });
    const topics = ["a", "b", "c", "d"].map((topic) => `pvtrading/home1/${topic}`);
    const [assistant, page] = [await broker.connect("ha"), await broker.connect("page")];
    expect(await assistant.subscribe(...topics)).toEqual([1, 1, 1, 128]);
    expect(await page.subscribe(...topics)).toEqual([1, 128, 128, 128]);
  });

  test("of retained messages: those there are stay", async () => {
    broker = await TestBroker.open({ limits: { retainedMax: 2 } });
    const agent = await broker.connect("home1");
    for (const topic of ["a", "b", "c"]) await agent.publish(`pvtrading/home1/${topic}`, "1", true);
    const reader = await broker.connect("page");
    await reader.subscribe("#");
    await expect
      .poll(() => reader.heard)
      .toEqual(["pvtrading/home1/a=1 r", "pvtrading/home1/b=1 r"]);
    expect(broker.warnings()).toEqual(["no room to retain a message"]);
  });

  test("of retained messages of one home: its neighbours have room, and its log lines an end", async () => {
    broker = await TestBroker.open({ limits: { retainedOfHomeMax: 2 } });
    const [greedy, agent] = [await broker.connect("home1"), await broker.connect("home2")];
    for (const topic of ["a", "b", "c", "d", "e"]) {
      await greedy.publish(`pvtrading/home1/${topic}`, "1", true);
    }
    await agent.publish("pvtrading/home2/status", "online", true);
    const reader = await broker.connect("page");
    await reader.subscribe("pvtrading/#");
    const heard = [
      "pvtrading/home1/a=1 r",
      "pvtrading/home1/b=1 r",
      "pvtrading/home2/status=online r",
    ];
    await expect.poll(() => reader.heard).toEqual(heard);
    expect(broker.warnings()).toEqual(["no room to retain a message"]);
  });

  test("of connections: one more is closed, and has its place when another has gone", async () => {
    broker = await TestBroker.open({ limits: { clientsMax: 2 } });
    const first = await broker.connect("home1");
    await broker.connect("home2");
    await expect(broker.connect("page")).rejects.toThrow();
    await first.client.endAsync();
    await expect
      .poll(() =>
        broker.connect("page").then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
  });

  test("of a connection that says nothing", async () => {
    broker = await TestBroker.open({ limits: { connectMsMax: 100 } });
    expect(await talk(broker.broker.port, Buffer.alloc(0))).toHaveLength(0);
  });
});

describe("garbage", () => {
  test("ends its connection and nothing else", async () => {
    broker = await TestBroker.open();
    const reader = await broker.connect("page");
    await reader.subscribe("#");
    const { port } = broker.broker;
    const login = connectPacket("home1");
    const pieces = [
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      Buffer.from([0x10, 0]),
      Buffer.from([0x10, 6, 0, 4, 0x4d, 0x51, 0x54, 0x54]),
      Buffer.concat([login, Buffer.from([0xf0, 0])]),
      Buffer.concat([login, login]),
      Buffer.concat([login, Buffer.from([0x82, 2, 0, 1])]),
      Buffer.concat([login, Buffer.from([0x30, 2, 0xff, 0xff])]),
      Buffer.concat([login, Buffer.from([0x36, 3, 0, 1, 0x61])]),
    ];
    for (const piece of pieces) await talk(port, piece);
    for (let i = 0; i < 50; i += 1) {
      // The same bytes each time: 0x10 first, so that the parser sees them.
      const noise = Buffer.from(Array.from({ length: 200 }, (_, j) => (i * 37 + j * 101) % 256));
      await talk(port, Buffer.concat([Buffer.from([0x10, 0x7f]), noise]));
    }
    await broker.connect("home1").then((agent) => agent.publish("pvtrading/home1/x", "fine"));
    await expect.poll(() => reader.heard).toEqual(["pvtrading/home1/x=fine"]);
    expect(reader.closes).toBe(0);
  });
});

describe("a subscriber that does not read", () => {
  test("is left out, then dropped, while the others go on", async () => {
    broker = await TestBroker.open({ limits: { drainMsMax: 4000 } });
    const frozen = net.connect(broker.broker.port, "127.0.0.1");
    const isClosed = new Promise<void>((resolve) => frozen.once("close", () => resolve()));
    frozen.on("error", () => {});
    const subscribe = [0x82, 6, 0, 1, 0, 1, 0x23, 0];
    frozen.write(Buffer.concat([connectPacket("page"), Buffer.from(subscribe)]));
    await expect.poll(() => frozen.bytesRead).toBeGreaterThanOrEqual(9);
    frozen.pause();
    const [agent, reader] = [await broker.connect("home1"), await broker.connect("root")];
    await reader.subscribe("pvtrading/#");
    const payload = Buffer.alloc(2000, "x");
    let [sent, slowestMs] = [0, 0];
    const isDropped = (): boolean =>
      broker.logged.some(({ facts: { reason } }) => reason === "drain timeout");
    const started = Date.now();
    while (!isDropped() && Date.now() - started < 20_000) {
      const before = Date.now();
      // More at once than aedes delivers at a time.
      for (let i = 0; i < 200; i += 1) agent.client.publish("pvtrading/home1/x", payload);
      sent += 200;
      await expect.poll(() => reader.heard.length, { interval: 2, timeout: 5000 }).toBe(sent);
      reader.heard.fill("");
      slowestMs = Math.max(slowestMs, Date.now() - before);
      await pause(20);
    }
    expect(isDropped()).toBe(true);
    expect(slowestMs).toBeLessThan(3000);
    expect(broker.warnings()).toContain("subscriber is too slow: messages left out");
    frozen.resume();
    await isClosed;
  });

  test("is not given what is retained as often as it asks", async () => {
    broker = await TestBroker.open();
    const agent = await broker.connect("home1");
    for (let i = 0; i < 20; i += 1)
      await agent.publish(`pvtrading/home1/${i}`, "x".repeat(1000), true);
    const asks = net.connect(broker.broker.port, "127.0.0.1");
    asks.on("error", () => {});
    let bytes = 0;
    asks.on("data", (chunk) => {
      bytes += chunk.length;
    });
    const once = Buffer.from([0x82, 6, 0, 1, 0, 1, 0x23, 0]);
    asks.write(Buffer.concat([connectPacket("page"), ...Array.from({ length: 40 }, () => once)]));
    const other = await broker.connect("home2");
    await expect.poll(() => bytes).toBeGreaterThan(20_000);
    await other.publish("pvtrading/home2/x", "later");
    await pause(300);
    // 40 times would be 800 kB; what is under way when it asks again is given once more.
    expect(bytes).toBeLessThan(100_000);
    asks.destroy();
  });

  test("gets all that is retained, at its own pace, if it reads at last", async () => {
    const limits = { drainMsMax: 5000, retainedBytesOfHomeMax: 16_777_216 };
    broker = await TestBroker.open({ limits });
    const agent = await broker.connect("home1");
    const payload = Buffer.alloc(100_000, "x");
    for (let i = 0; i < 130; i += 1) await agent.publish(`pvtrading/home1/${i}`, payload, true);
    const reader = await broker.connect("page");
    reader.client.stream.pause();
    const granted = reader.subscribe("#");
    await pause(500);
    // 13 MB wait for it, but not in its queue of 1 MiB: that has room for what is new.
    await agent.publish("pvtrading/home1/new", "news");
    reader.client.stream.resume();
    expect(await granted).toEqual([1]);
    await expect.poll(() => reader.heard.length, { timeout: 10_000 }).toBe(131);
    expect(reader.heard).toContain("pvtrading/home1/new=news");
    expect(broker.warnings()).toEqual([]);
  });
});
