// Which snapshot is chosen, by hand: n = 4, so two voices are enough.

import { describe, expect, it } from "vitest";
import type { BlockId, MemberId } from "../../../agent/core/units/ids.ts";
import {
  heightBelow,
  isYounger,
  type Offers,
  wantedAbove,
  wantedByVoices,
} from "../../../agent/loops/joinWanted.ts";

const FOUR = ["a", "b", "c", "d"].map((name) => ({ memberId: name as MemberId }));
const at = (height: number, id = "1") => ({ height, blockId: id.repeat(64) as BlockId });
type Said = { readonly [name: string]: readonly ReturnType<typeof at>[] };

function offers(said: Said, height = 2500): Offers {
  return new Map(
    Object.entries(said).map(([name, snapshots]) => [name as MemberId, { height, snapshots }]),
  );
}

describe("by voices", () => {
  const wanted = (said: Said) => wantedByVoices(offers(said), FOUR);

  it("two of four, the highest that both name", () => {
    expect(wanted({ a: [at(1000)] })).toBeNull();
    expect(wanted({ a: [at(2000), at(1000)], b: [at(1000)] })).toEqual({ ...at(1000), set: null });
    expect(wanted({ a: [at(2000), at(1000)], b: [at(1000), at(2000)] })?.height).toBe(2000);
  });

  it("not those who do not vote, and not one who says it twice", () => {
    expect(wanted({ a: [at(1000)], x: [at(1000)], y: [at(1000)] })).toBeNull();
    expect(wanted({ a: [at(1000), at(1000)] })).toBeNull();
  });

  it("not two who name other blocks at one height", () => {
    expect(wanted({ a: [at(1000, "1")], b: [at(1000, "2")] })).toBeNull();
  });
});

it("a chain is young when two of four say so", () => {
  const young = { validators: FOUR, than: 1000 };
  expect(isYounger(offers({ a: [] }, 999), young)).toBe(false);
  expect(isYounger(offers({ a: [], b: [] }, 999), young)).toBe(true);
  expect(isYounger(offers({ a: [], b: [] }, 1000), young)).toBe(false);
  expect(isYounger(offers({ a: [], x: [] }, 3), young)).toBe(false);
});

it("below a trusted block: the highest, of a snapshot's height, and not too far down", () => {
  const below = (trusted: number, ...heights: number[]) =>
    heightBelow(offers({ x: heights.map((height) => at(height)) }), { trusted, every: 1000 });
  expect(below(2500, 1000, 2000, 3000)).toBe(2000);
  expect(below(2000, 1000, 2000)).toBe(2000);
  expect(below(1999, 1000, 2000)).toBe(1000);
  expect(below(2500, 2499)).toBeNull();
  expect(below(6000, 1000)).toBeNull();
});

it("above a trusted block: the lowest, signed by the set that it names", () => {
  const said = offers({ x: [at(4000), at(3000), at(2000)] });
  expect(wantedAbove(said, { trusted: 2000, set: "s" })).toEqual({ ...at(3000), set: "s" });
  expect(wantedAbove(said, { trusted: 4000, set: "s" })).toBeNull();
});
