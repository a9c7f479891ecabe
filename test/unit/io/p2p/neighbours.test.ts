import { expect, test } from "vitest";
import { latestWins } from "../../../../agent/io/p2p/neighbours.ts";

type Direction = "inbound" | "outbound";

/** The first connection was opened at 0; `own` and `peer` are peer ids. */
function wins(options: {
  first: Direction;
  latest: Direction;
  now: number;
  own: string;
  peer: string;
}): boolean {
  const first = { openedAt: 0, connection: { direction: options.first } };
  return latestWins(first, { ...options, direction: options.latest });
}

test("an old connection is stale: the latest wins, whoever dialled", () => {
  for (const first of ["inbound", "outbound"] as const) {
    for (const latest of ["inbound", "outbound"] as const) {
      expect(wins({ first, latest, now: 3_000, own: "a", peer: "b" })).toBe(true);
    }
  }
});

test("of two dialled at once both ends keep the same one, in whatever order they see them", () => {
  // "a" dials b: outbound at a, inbound at b. It must stay, for a is smaller.
  const atA = (first: Direction, latest: Direction): Direction =>
    wins({ first, latest, now: 10, own: "a", peer: "b" }) ? latest : first;
  const atB = (first: Direction, latest: Direction): Direction =>
    wins({ first, latest, now: 10, own: "b", peer: "a" }) ? latest : first;
  expect([atA("inbound", "outbound"), atA("outbound", "inbound")]).toEqual([
    "outbound",
    "outbound",
  ]);
  expect([atB("inbound", "outbound"), atB("outbound", "inbound")]).toEqual(["inbound", "inbound"]);
});

test("of two from one dialler within a moment the first stays", () => {
  expect(wins({ first: "inbound", latest: "inbound", now: 10, own: "a", peer: "b" })).toBe(false);
  expect(wins({ first: "outbound", latest: "outbound", now: 10, own: "b", peer: "a" })).toBe(false);
});
