import { expect, test } from "vitest";
import { type Kept, ownerOf, Retained } from "../../../broker/retained.ts";

const LIMITS = {
  ...{ retainedMax: 10, retainedBytesMax: 1000 },
  ...{ retainedOfHomeMax: 10, retainedBytesOfHomeMax: 1000 },
};
const kept = (topic: string, text: string): Kept => ({ topic, qos: 0, payload: Buffer.from(text) });
const texts = (retained: Retained, filter = "#"): string[] =>
  [...retained.matching(filter)].map(({ topic, payload }) => `${topic}=${payload}`);

test("the last word of each topic is kept until an empty one", () => {
  const retained = new Retained(LIMITS);
  for (const [topic, text] of [
    ["a/b", "1"],
    ["c", "2"],
    ["a/b", "3"],
  ] as const) {
    expect(retained.keep(kept(topic, text))).toBe(true);
  }
  expect([texts(retained), texts(retained, "a/#")]).toEqual([["a/b=3", "c=2"], ["a/b=3"]]);
  retained.keep(kept("a/b", ""));
  expect(texts(retained)).toEqual(["c=2"]);
});

test("holds nothing of the buffer it came in", () => {
  const retained = new Retained(LIMITS);
  const chunk = Buffer.from("state");
  retained.keep({ topic: "a", qos: 0, payload: chunk });
  chunk.fill(0);
  expect(texts(retained)).toEqual(["a=state"]);
});

test("is full at so many topics, or bytes: two for a topic's letter, one for a payload's byte", () => {
  const few = new Retained({ ...LIMITS, retainedMax: 1 });
  expect([few.keep(kept("a", "1")), few.keep(kept("b", "1")), few.keep(kept("a", "2"))]).toEqual([
    true,
    false,
    true,
  ]);
  const small = new Retained({ ...LIMITS, retainedBytesMax: 10 });
  expect(small.keep(kept("a", "12345678"))).toBe(true);
  expect([small.keep(kept("a", "123456789")), small.keep(kept("b", "1"))]).toEqual([false, false]);
  expect(texts(small)).toEqual(["a=12345678"]);
  small.keep(kept("a", ""));
  expect(small.keep(kept("b", "12345678"))).toBe(true);
});

test("one home leaves room for the others, and has room again for what it takes back", () => {
  const retained = new Retained({ ...LIMITS, retainedOfHomeMax: 2, retainedBytesOfHomeMax: 200 });
  const keep = (topic: string, text: string): boolean => retained.keep(kept(topic, text));
  expect(keep("pvtrading/h1/a", "1")).toBe(true);
  expect(keep("homeassistant/device/pvtrading_h1/roof/config", "1")).toBe(true);
  expect([keep("pvtrading/h1/b", "1"), keep("pvtrading/h1/a", "2")]).toEqual([false, true]);
  expect(keep("pvtrading/h2/a", "1")).toBe(true);
  // Two for each of 14 letters: 28, and 172 more are 200.
  expect([
    keep("pvtrading/h2/a", "x".repeat(173)),
    keep("pvtrading/h2/a", "x".repeat(172)),
  ]).toEqual([false, true]);
  expect(keep("pvtrading/h2/a", "")).toBe(true);
  expect([keep("pvtrading/h1/a", ""), keep("pvtrading/h1/b", "1")]).toEqual([true, true]);
  expect(texts(retained)).toEqual([
    "homeassistant/device/pvtrading_h1/roof/config=1",
    "pvtrading/h1/b=1",
  ]);
});

test("whose a topic is", () => {
  const topics = ["pvtrading/h1", "pvtrading/h1/device/roof/state", "homeassistant/status", "x/h1"];
  expect(topics.map(ownerOf)).toEqual(["pvtrading_h1", "pvtrading_h1", "homeassistant", "x"]);
  expect(ownerOf("homeassistant/device/pvtrading_h1/config")).toBe("pvtrading_h1");
});
