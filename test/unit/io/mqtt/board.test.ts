import { describe, expect, it } from "vitest";
import { backOffMs } from "../../../../agent/io/mqtt/backOff.ts";
import {
  type Board,
  createBoard,
  type Message,
  MOMENT_AGE_MAX_MS,
  MOMENTS_BYTES_MAX,
  MOMENTS_MAX,
} from "../../../../agent/io/mqtt/board.ts";

function all(board: Board, now = 0): Message[] {
  const found: Message[] = [];
  for (let one = board.next(now); one !== null; one = board.next(now)) found.push(one);
  return found;
}

const said = (messages: readonly Message[]) => messages.map(({ payload }) => payload);

describe("what waits for the broker", () => {
  it("is the last of each state, however often it changed", () => {
    const board = createBoard();
    for (let i = 0; i < 10_000; i += 1) board.put("a", String(i));
    board.put("b", "x");
    expect(all(board)).toEqual([
      { topic: "a", payload: "9999", retain: true, qos: 1 },
      { topic: "b", payload: "x", retain: true, qos: 1 },
    ]);
    expect(board.next(0)).toBeNull();
    expect(board.dropped()).toBe(0);
  });

  it("is nothing for a state that stayed as it was", () => {
    const board = createBoard();
    board.put("a", "1");
    all(board);
    board.put("a", "1");
    expect(board.next(0)).toBeNull();
  });

  it("is the end of what an earlier run has said, once, and never of what is said now", () => {
    const board = createBoard();
    board.put("a", "1");
    all(board);
    board.wipe("a");
    board.wipe("old");
    const wiped: Message = { topic: "old", payload: "", retain: true, qos: 1 };
    expect(all(board)).toEqual([wiped]);
    board.again(wiped);
    expect(all(board)).toEqual([wiped]);
    board.republish();
    expect(said(all(board))).toEqual(["1"]);
    for (let i = 0; i < 1000; i += 1) board.wipe(`old${i}`);
    expect(all(board)).toHaveLength(128);
    board.put("b", "2");
    expect(said(all(board))).toEqual(["2"]);
  });

  it("is everything again for a broker that forgot", () => {
    const board = createBoard();
    board.put("a", "1");
    board.put("b", "2");
    all(board);
    board.republish();
    expect(said(all(board))).toEqual(["1", "2"]);
    board.republish((topic) => topic === "b");
    expect(said(all(board))).toEqual(["2"]);
  });

  it("says a state again that did not get through, as it is by then", () => {
    const board = createBoard();
    board.put("a", "old");
    const message = board.next(0) as Message;
    board.put("a", "new");
    board.again(message);
    expect(said(all(board))).toEqual(["new"]);
  });

  it("is the newest moments, in order, after the states", () => {
    const board = createBoard();
    for (let i = 0; i < MOMENTS_MAX + 5; i += 1) {
      board.tell({ topic: "e", payload: String(i), qos: 0 }, 0);
    }
    board.put("a", "state");
    const messages = all(board);
    expect(messages).toHaveLength(MOMENTS_MAX + 1);
    expect(said(messages.slice(0, 2))).toEqual(["state", "5"]);
    expect(messages[1]).toEqual({ topic: "e", payload: "5", retain: false, qos: 0 });
    expect(board.dropped()).toBe(5);
  });

  it("is not more than so many bytes of moments", () => {
    const board = createBoard();
    const payload = "x".repeat(MOMENTS_BYTES_MAX / 4);
    for (let i = 0; i < 5; i += 1) board.tell({ topic: "e", payload, qos: 0 }, 0);
    expect(all(board)).toHaveLength(4);
    expect(board.dropped()).toBe(1);
  });

  it("is no moment that is old", () => {
    const board = createBoard();
    board.tell({ topic: "e", payload: "old", qos: 0 }, 0);
    board.tell({ topic: "e", payload: "new", qos: 0 }, 1);
    expect(said(all(board, MOMENT_AGE_MAX_MS + 1))).toEqual(["new"]);
  });
});

describe("the wait between two attempts", () => {
  it("doubles up to five minutes, half of it by chance", () => {
    expect([1, 2, 3, 4].map((n) => backOffMs(n, 0))).toEqual([500, 1000, 2000, 4000]);
    expect(backOffMs(1, 0.5)).toBe(750);
    expect(backOffMs(9, 0)).toBe(128_000);
    expect(backOffMs(10, 0)).toBe(150_000);
    expect(backOffMs(10_000, 0.999999)).toBe(300_000);
  });
});
