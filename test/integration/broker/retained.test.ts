// Retained messages over a restart, a kill, and a damaged file.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Retained } from "../../../broker/retained.ts";
import { TestBroker } from "../../support/broker.ts";

const LIMITS = {
  ...{ retainedMax: 100, retainedBytesMax: 1000 },
  ...{ retainedOfHomeMax: 100, retainedBytesOfHomeMax: 1000 },
};

describe("the file of retained messages", () => {
  let broker: TestBroker;
  let retainedFile: string;
  beforeEach(async () => {
    broker = await TestBroker.open();
    await broker.stop();
    retainedFile = join(broker.dir, "retained.json");
    await broker.start({ retainedFile });
  });
  afterEach(() => broker.close());

  const heardByNew = async (count: number): Promise<readonly string[]> => {
    const reader = await broker.connect("");
    await reader.subscribe("#");
    await expect.poll(() => reader.heard.length).toBe(count);
    return reader.heard;
  };

  test("brings them back, after the wills of those who were connected", async () => {
    const will = { topic: "pvtrading/home1/status", payload: Buffer.from("offline"), retain: true };
    const agent = await broker.connect("home1", { will: { ...will, qos: 1 } });
    await agent.publish("pvtrading/home1/status", "online", true);
    await agent.publish("pvtrading/home1/balance", '{"balance":200}', true);
    await agent.publish("pvtrading/home1/hour", "gone", true);
    await agent.publish("pvtrading/home1/hour", "", true);
    await agent.publish("pvtrading/home1/event/PVOffer", "not retained");
    await broker.stop();
    await broker.start({ retainedFile });
    expect(await heardByNew(2)).toEqual([
      "pvtrading/home1/status=offline r",
      'pvtrading/home1/balance={"balance":200} r',
    ]);
  });

  test("is not written where nothing was said, nor over one that cannot be read", async () => {
    await broker.stop();
    expect(existsSync(retainedFile)).toBe(false);
    const folder = { retainedFile: broker.dir };
    await expect(broker.start(folder)).rejects.toThrow("cannot be read (EISDIR)");
  });

  test("is left aside when damaged: publishers say it again", async () => {
    await broker.stop();
    for (const text of ["{", '{"retained":[{"topic":"a/+","qos":0,"payload":"YQ=="}]}']) {
      writeFileSync(retainedFile, text);
      await broker.start({ retainedFile });
      expect(broker.warnings()).toContain("retained messages are lost: their file is damaged");
      const reader = await broker.connect("page");
      await reader.subscribe("#");
      expect(reader.heard).toEqual([]);
      await broker.stop();
      broker.logged.length = 0;
    }
  });

  test("tells of a power cut what was true then: nobody is online", async () => {
    const retained = new Retained(LIMITS);
    const online = { topic: "a/status", qos: 1 as const, payload: Buffer.from("online") };
    retained.keep(online);
    retained.keep({ ...online, topic: "b/status" });
    await retained.save(retainedFile, [
      { ...online, payload: Buffer.from("offline") },
      { ...online, topic: "b/status", payload: Buffer.alloc(0) },
    ]);
    const restored = new Retained(LIMITS);
    expect(await restored.restore(retainedFile)).toBe(true);
    const found = [...restored.matching("#")].map(({ topic, payload }) => `${topic}=${payload}`);
    expect(found).toEqual(["a/status=offline"]);
    expect([...retained.matching("#")]).toHaveLength(2);
    expect(JSON.parse(readFileSync(retainedFile, "utf8"))).toEqual({
      retained: [{ topic: "a/status", qos: 1, payload: "b2ZmbGluZQ==" }],
    });
  });
});
