import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { messageId, SeenMessages, seenKey } from "../../../../agent/io/p2p/seen.ts";

const limits = { seenMax: 3, seenMs: 1_000, ignoredMs: 100 };

test("a message's id is the first 20 bytes of SHA-256 over topic and message", () => {
  const expected = createHash("sha256").update("/topic/1hello").digest().subarray(0, 20);
  expect(Buffer.from(messageId("/topic/1", Buffer.from("hello")))).toEqual(expected);
  expect(seenKey("consensus", Buffer.from("x"))).not.toBe(seenKey("transaction", Buffer.from("x")));
});

test("a verdict is kept its time; an ignored message may be said again earlier", () => {
  const seen = new SeenMessages(limits);
  seen.remember("a", "accept", 0);
  seen.remember("i", "ignore", 0);
  expect([seen.verdict("a", 99), seen.verdict("i", 99)]).toEqual(["accept", "ignore"]);
  expect([seen.verdict("a", 100), seen.verdict("i", 100)]).toEqual(["accept", null]);
  expect([seen.verdict("a", 999), seen.verdict("a", 1_000)]).toEqual(["accept", null]);
  expect(seen.verdict("never", 0)).toBeNull();
});

test("bounded: the one remembered longest ago goes first", () => {
  const seen = new SeenMessages(limits);
  for (const key of ["a", "b", "c", "a", "d"]) seen.remember(key, "reject", 0);
  expect(seen.size).toBe(3);
  expect(["a", "b", "c", "d"].map((key) => seen.verdict(key, 1))).toEqual([
    "reject",
    null,
    "reject",
    "reject",
  ]);
});
