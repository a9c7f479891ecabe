import { expect, test } from "vitest";
import { type Kept, Retained } from "../../../broker/retained.ts";

const kept = (topic: string, text: string): Kept => ({ topic, qos: 0, payload: Buffer.from(text) });
const texts = (retained: Retained, filter = "#"): string[] =>
  [...retained.matching(filter)].map(({ topic, payload }) => `${topic}=${payload}`);

test("the last word of each topic is kept until an empty one", () => {
  const retained = new Retained({ retainedMax: 10, retainedBytesMax: 1000 });
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
  const retained = new Retained({ retainedMax: 10, retainedBytesMax: 1000 });
  const chunk = Buffer.from("state");
  retained.keep({ topic: "a", qos: 0, payload: chunk });
  chunk.fill(0);
  expect(texts(retained)).toEqual(["a=state"]);
});

test("is full at so many topics, or bytes: two for a topic's letter, one for a payload's byte", () => {
  const few = new Retained({ retainedMax: 1, retainedBytesMax: 1000 });
  expect([few.keep(kept("a", "1")), few.keep(kept("b", "1")), few.keep(kept("a", "2"))]).toEqual([
    true,
    false,
    true,
  ]);
  const small = new Retained({ retainedMax: 10, retainedBytesMax: 10 });
  expect(small.keep(kept("a", "12345678"))).toBe(true);
  expect([small.keep(kept("a", "123456789")), small.keep(kept("b", "1"))]).toEqual([false, false]);
  expect(texts(small)).toEqual(["a=12345678"]);
  small.keep(kept("a", ""));
  expect(small.keep(kept("b", "12345678"))).toBe(true);
});
