// What clients may say and hear, as real ones see it.

import { chmodSync, renameSync, symlinkSync } from "node:fs";
import net from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { removeUser, setUser } from "../../../broker/users.ts";
import { passwordOf, TestBroker, type TestClient } from "../../support/broker.ts";

describe("rights", () => {
  let broker: TestBroker;
  let reader: TestClient;
  beforeAll(async () => {
    broker = await TestBroker.open();
    reader = await broker.connect("page");
    expect(await reader.subscribe("#")).toEqual([1]);
  });
  beforeEach(() => {
    reader.heard.length = 0;
    broker.logged.length = 0;
  });
  afterAll(() => broker.close());

  test("an agent's state is heard by all, and what it may not write by nobody", async () => {
    const agent = await broker.connect("home1");
    await agent.publish("pvtrading/home2/status", "fake", true);
    await agent.publish("homeassistant/status", "fake");
    await agent.publish("$SYS/x/new/clients", "fake");
    await agent.publish("pvtrading/home1/status", "online", true);
    await expect.poll(() => reader.heard).toEqual(["pvtrading/home1/status=online"]);
    const late = await broker.connect("");
    await late.subscribe("pvtrading/#");
    await expect.poll(() => late.heard).toEqual(["pvtrading/home1/status=online r"]);
  });

  test("a denied write neither ends the connection nor is said again and again", async () => {
    const agent = await broker.connect("home1", { reconnectPeriod: 20 });
    for (let i = 0; i < 50; i += 1) await agent.publish("pvtrading/home2/status", `${i}`);
    await agent.client.publishAsync("pvtrading/home2/status", "twice", { qos: 2 });
    await agent.publish("pvtrading/home1/status", "there");
    expect([agent.connects, agent.closes]).toEqual([1, 0]);
    await expect.poll(() => reader.heard).toEqual(["pvtrading/home1/status=there"]);
    expect(broker.warnings()).toEqual(["publish came to nothing"]);
    expect(broker.logged.at(-1)?.facts).toMatchObject({
      topic: "pvtrading/home2/status",
      reason: "notAllowed",
    });
  });

  test("commands reach their home, carry no retain flag, and nobody else sees them", async () => {
    const [home1, home2] = [await broker.connect("home1"), await broker.connect("home2")];
    const admin = await broker.connect("root");
    expect(await home1.subscribe("pvtrading/home1/set/#")).toEqual([1]);
    expect(await home2.subscribe("pvtrading/home1/set/#", "pvtrading/#")).toEqual([128, 1]);
    await admin.subscribe("#");
    expect(await reader.subscribe("pvtrading/+/set/#")).toEqual([128]);
    await reader.publish("pvtrading/home1/set/offer", "secret", true);
    await reader.publish("pvtrading/home1/offer", "not a command");
    await home1.publish("pvtrading/home1/response/1", "done");
    await expect.poll(() => admin.heard).toContain("pvtrading/home1/response/1=done");
    await expect.poll(() => reader.heard).toEqual(["pvtrading/home1/response/1=done"]);
    expect(home1.heard).toEqual(["pvtrading/home1/set/offer=secret"]);
    expect(home2.heard).toEqual([]);
    expect(admin.heard.filter((line) => line.includes("set"))).toEqual([]);
    const later = await broker.connect("home1");
    await later.subscribe("pvtrading/home1/#");
    await later.publish("pvtrading/home1/x", "end");
    await expect.poll(() => later.heard.at(-1)).toBe("pvtrading/home1/x=end");
    expect(later.heard).not.toContain("pvtrading/home1/set/offer=secret r");
  });

  test("$SYS is the administrator's, and without a name nothing is written", async () => {
    const [admin, nobody] = [await broker.connect("root"), await broker.connect("")];
    expect(await admin.subscribe("$SYS/#")).toEqual([1]);
    expect(await nobody.subscribe("$SYS/#", "pvtrading/#")).toEqual([128, 1]);
    await nobody.publish("pvtrading/home1/status", "fake");
    await expect.poll(() => admin.heard).toContain("$SYS/denied=");
    const fakes = [...reader.heard, ...nobody.heard].filter((line) => line.includes("fake"));
    expect(fakes).toEqual([]);
  });

  test("a wrong password is told as such, an unknown name too", async () => {
    const wrong = { username: "home1", password: "wrong" };
    await expect(broker.connect("home1", wrong)).rejects.toThrow("Bad username or password");
    await expect(broker.connect("nobody")).rejects.toThrow("Bad username or password");
  });

  test("a client of MQTT 5 is refused with a reason", async () => {
    const five = broker.connect("home1", { protocolVersion: 5 });
    await expect(five).rejects.toThrow(/[Uu]nacceptable protocol version|Unsupported Protocol/);
  });

  test("a user that is removed or has a new password must log in again", async () => {
    const file = broker.usersFile;
    await setUser(file, { name: "guest", role: "dashboard", password: "tseug" });
    await expect
      .poll(
        () =>
          broker.connect("guest").then(
            () => true,
            () => false,
          ),
        { timeout: 5000, interval: 200 },
      )
      .toBe(true);
    const guest = await broker.connect("guest");
    expect(guest.closes).toBe(0);
    chmodSync(file, 0o644);
    const failure = "users' file is not read again";
    await expect.poll(() => broker.warnings(), { timeout: 5000 }).toContain(failure);
    expect(guest.closes).toBe(0);
    const told = broker.logged.find(({ message }) => message === failure);
    expect(told?.facts["reason"]).toContain("others may read it");
    chmodSync(file, 0o600);
    // One that cannot even be asked about.
    renameSync(file, `${file}.away`);
    symlinkSync(file, file);
    const failures = (): number => broker.warnings().filter((text) => text === failure).length;
    await expect.poll(failures, { timeout: 5000 }).toBeGreaterThanOrEqual(2);
    renameSync(`${file}.away`, file);
    await removeUser(file, "guest");
    await expect.poll(() => guest.closes, { timeout: 5000 }).toBe(1);
    expect(reader.closes).toBe(0);
  });
});

describe("wills", () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.open();
  });
  afterAll(() => broker.close());

  const willOf = (topic: string) => ({
    will: { topic, payload: Buffer.from("offline"), qos: 1 as const, retain: true },
  });

  test("are said when a connection is lost, not when it is ended", async () => {
    const reader = await broker.connect("page");
    await reader.subscribe("pvtrading/#");
    const lost = await broker.connect("home1", willOf("pvtrading/home1/status"));
    const ended = await broker.connect("home2", willOf("pvtrading/home2/status"));
    await ended.client.endAsync();
    lost.client.stream.destroy();
    await expect.poll(() => reader.heard).toEqual(["pvtrading/home1/status=offline"]);
    const late = await broker.connect("page");
    await late.subscribe("pvtrading/#");
    await expect.poll(() => late.heard).toEqual(["pvtrading/home1/status=offline r"]);
  });

  test("obey the rights, and are topics", async () => {
    const reader = await broker.connect("root");
    await reader.subscribe("#", "$SYS/denied");
    reader.heard.length = 0;
    const topics = ["pvtrading/home2/status", "$SYS/x/new/clients", "pvtrading/home1/+"];
    for (const topic of topics) {
      const client = await broker.connect("home1", willOf(topic));
      client.client.stream.destroy();
    }
    await expect.poll(() => reader.heard).toEqual(["$SYS/denied=", "$SYS/denied=", "$SYS/denied="]);
  });
});

describe("client ids", () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await TestBroker.open({ limits: { takeoversPerMinuteMax: 2 } });
  });
  afterAll(() => broker.close());

  test("belong to their user: no other can take a connection's place", async () => {
    const home1 = await broker.connect("home1", { clientId: "same" });
    const home2 = await broker.connect("home2", { clientId: "same" });
    const nobody = await broker.connect("", { clientId: "home1/same" });
    await home1.publish("pvtrading/home1/x", "still there");
    expect([home1.closes, home2.closes, nobody.closes]).toEqual([0, 0, 0]);
  });

  test("change hands at once, but two programs with one id do not do so for ever", async () => {
    const id = { clientId: "twins" };
    const clients: TestClient[] = [];
    for (let i = 0; i < 3; i += 1) clients.push(await broker.connect("home1", id));
    await expect.poll(() => clients.map(({ closes }) => closes)).toEqual([1, 1, 0]);
    await expect(broker.connect("home1", id)).rejects.toThrow("Identifier rejected");
    await clients[2]!.publish("pvtrading/home1/x", "still there");
    expect(clients[2]!.closes).toBe(0);
  });

  test("are one client's each, also when two come at once", async () => {
    // The more one has subscribed the longer its end takes.
    const filters = Array.from({ length: 180 }, (_, i) => `pvtrading/h${i}/a`);
    const { port } = broker.broker;
    for (let i = 0; i < 20; i += 1) {
      const before = await broker.connect("page", { clientId: `at-once-${i}` });
      await before.client.subscribeAsync(filters);
      const both = [await opened(port, `at-once-${i}`), await opened(port, `at-once-${i}`)];
      for (const { socket, packet } of both) socket.write(packet);
      const alive = (): number => both.filter((one) => !one.isClosed()).length;
      await expect.poll(alive, { interval: 10 }).toBe(1);
      for (const { socket } of both) socket.destroy();
    }
  });
});

/** A connection that has said nothing yet, and the CONNECT of MQTT 3.1.1 for it. */
async function opened(port: number, id: string) {
  const text = (value: string): Buffer =>
    Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)]);
  const login = [text(id), text("page"), text(passwordOf("page"))];
  const body = Buffer.concat([text("MQTT"), Buffer.from([4, 0xc2, 0, 0]), ...login]);
  const socket = net.connect(port, "127.0.0.1");
  let isClosed = false;
  socket.on("data", () => {});
  socket.on("error", () => {});
  socket.on("close", () => {
    isClosed = true;
  });
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
  const packet = Buffer.concat([Buffer.from([0x10, body.length]), body]);
  return { socket, packet, isClosed: () => isClosed };
}
