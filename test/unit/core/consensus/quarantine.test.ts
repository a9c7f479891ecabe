// The table of quarantine.ts, row by row, and both sides of its borders.

import { describe, expect, it } from "vitest";
import {
  type FoundMark,
  isNewerThan,
  markAtStart,
  type SigningMark,
} from "../../../../agent/core/consensus/quarantine.ts";
import { durationMs, unixMs } from "../../../../agent/core/units/time.ts";

const mark = (height: number, parts: Partial<SigningMark> = {}): SigningMark => ({
  ...{ height, freeAbove: 0, stopped: null },
  ...parts,
});
const start = (found: FoundMark, head: number, signed: number | null = head) => {
  const { mark: after, reason, isNewcomer } = markAtStart(found, { head, signed });
  return [after.height, after.freeAbove, reason, isNewcomer];
};

describe("a mark that fits the database", () => {
  it("lets the card sign: at its own height, at the next, and where the others went on alone", () => {
    expect(start(mark(57), 57)).toEqual([57, 0, null, false]);
    expect(start(mark(57), 56, 56)).toEqual([57, 0, null, false]);
    expect(start(mark(57), 900, 57)).toEqual([57, 0, null, false]);
  });

  it("grows to what the sign log says, when the card's folder is the older one", () => {
    expect(start(mark(40), 56, 57)).toEqual([57, 0, null, false]);
  });
});

describe("a mark beyond the database", () => {
  it("holds the card back for 2 heights more than the mark", () => {
    expect(start(mark(57), 55, 55)).toEqual([57, 59, "databaseBehind", false]);
    expect(start(mark(57), 0, null)).toEqual([57, 59, "databaseBehind", false]);
    expect(start(mark(2), 0, null)).toEqual([2, 4, "databaseBehind", false]);
  });

  it("still does after a restart in the middle of catching up", () => {
    const held = mark(57, { freeAbove: 59 });
    expect(start(held, 30, null)).toEqual([57, 59, "databaseBehind", false]);
    expect(start(held, 56, null)).toEqual([57, 59, "databaseBehind", false]);
    expect(start(held, 58, null)).toEqual([57, 59, "databaseBehind", false]);
    expect(start(held, 59, null)).toEqual([57, 0, null, false]);
  });
});

describe("no mark to go by", () => {
  it("is written again from a database that has signed", () => {
    expect(start("absent", 56, 57)).toEqual([57, 0, null, false]);
  });

  it("is a newcomer; where there are blocks, that is worth a word", () => {
    expect(start("absent", 0, null)).toEqual([0, null, null, true]);
    expect(start("absent", 1, null)).toEqual([0, null, "pastUnknown", true]);
  });

  it("waits for a new block where the file is damaged, whatever the database says", () => {
    expect(start("unreadable", 0, null)).toEqual([0, null, "markUnreadable", false]);
    expect(start("unreadable", 56, 57)).toEqual([57, null, "markUnreadable", false]);
    // And still after the next start, for the damaged file was written anew.
    expect(start(mark(57, { freeAbove: null }), 58, 57)).toEqual([57, null, "pastUnknown", false]);
  });
});

it("a card that was stopped stays stopped, whatever else is true", () => {
  const stopped = mark(57, { stopped: "cardUsedElsewhere" });
  expect(start(stopped, 900, 57)).toEqual([57, 0, "cardUsedElsewhere", false]);
  expect(start(stopped, 0, null)).toEqual([57, 0, "cardUsedElsewhere", false]);
});

it("a block is newer than the start when it is later by more than two clocks' difference", () => {
  // A second apart at most: proposer ahead of voter, voter ahead of us.
  const precision = durationMs(1000);
  const start = unixMs(50_000);
  expect(isNewerThan(start, { time: unixMs(52_000), precision })).toBe(false);
  expect(isNewerThan(start, { time: unixMs(52_001), precision })).toBe(true);
});
