import { expect, test } from "vitest";
import { proposer } from "../../../../agent/core/consensus/proposer.ts";
import { community, id } from "./harness.ts";

const four = community(4);

test("before the first block the count starts at the first validator", () => {
  // (0 + r) mod 4
  expect([0, 1, 2, 3, 4, 5].map((r) => proposer(four, null, r).charAt(0)).join("")).toBe("abcdab");
});

test("after a block it is the next one's turn, and each further round the next after that", () => {
  // b has index 1: (1 + 1 + r) mod 4 = 2, 3, 0, 1, 2
  expect([0, 1, 2, 3, 4].map((r) => proposer(four, id("b"), r).charAt(0)).join("")).toBe("cdabc");
  // d has index 3: (3 + 1 + 0) mod 4 = 0
  expect(proposer(four, id("d"), 0)).toBe(id("a"));
});

test("when the last proposer is no validator any more, the next id after it", () => {
  const without = [id("a"), id("c"), id("d")];
  expect([0, 1, 2].map((r) => proposer(without, id("b"), r).charAt(0)).join("")).toBe("cda");
  expect(proposer(without, id("e"), 0)).toBe(id("a"));
  expect(proposer([id("b"), id("c")], id("a"), 0)).toBe(id("b"));
});

test("one validator always has the turn", () => {
  expect(proposer([id("a")], id("a"), 7)).toBe(id("a"));
});

test("no validators, or a round that is none, is a bug of ours", () => {
  expect(() => proposer([], null, 0)).toThrow("Bug");
  expect(() => proposer(four, null, -1)).toThrow("Bug");
});
