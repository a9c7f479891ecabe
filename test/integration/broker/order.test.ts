// What two homes say at the same time: kept as a last word or not, everybody hears all of it, once.

import { afterEach, beforeEach, expect, test } from "vitest";
import { TestBroker } from "../../support/broker.ts";

let broker: TestBroker;
beforeEach(async () => {
  broker = await TestBroker.open();
});
afterEach(() => broker.close());

const EACH = 100;

for (const qos of [0, 1] as const) {
  test(`none of it is lost or heard twice, QoS ${qos}`, async () => {
    const reader = await broker.connect("");
    // Both match: aedes knows by the message's number that it is the same one.
    await reader.subscribe("pvtrading/#", "pvtrading/+/+");
    const homes = await Promise.all([broker.connect("home1"), broker.connect("home2")]);
    for (let i = 0; i < EACH; i += 1) {
      for (const [at, { client }] of homes.entries()) {
        const home = `pvtrading/home${at + 1}`;
        client.publish(`${home}/balance`, `b${i}`, { qos, retain: true });
        client.publish(`${home}/event/PVOffer`, `o${i}`, { qos });
        client.publish(`${home}/hour`, `h${i}`, { qos });
      }
    }
    const all = ["home1", "home2"].flatMap((home) =>
      Array.from({ length: EACH }, (_, i) => [
        `pvtrading/${home}/balance=b${i}`,
        `pvtrading/${home}/event/PVOffer=o${i}`,
        `pvtrading/${home}/hour=h${i}`,
      ]).flat(),
    );
    await expect
      .poll(() => reader.heard.length, { timeout: 5000 })
      .toBeGreaterThanOrEqual(all.length);
    expect(reader.heard.toSorted()).toEqual(all.toSorted());
  });
}
