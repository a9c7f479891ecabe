import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DraftMap } from "../../../../agent/core/ledger/draftMap.ts";

const key = fc.integer({ min: 0, max: 9 });
const change = fc.oneof(
  fc.record({ do: fc.constant("set" as const), key, value: fc.integer() }),
  fc.record({ do: fc.constant("delete" as const), key, value: fc.constant(0) }),
);

describe("DraftMap", () => {
  it("does what a copied map would do, and leaves the base alone", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.integer())), fc.array(change), (entries, changes) => {
        const base = new Map(entries);
        const draft = new DraftMap<number, number>(base);
        const copy = new Map(base);
        for (const { do: what, key, value } of changes) {
          if (what === "set") {
            draft.set(key, value);
            copy.set(key, value);
          } else {
            draft.delete(key);
            copy.delete(key);
          }
          expect(draft.size).toBe(copy.size);
          expect(draft.get(key)).toBe(copy.get(key));
          expect(draft.has(key)).toBe(copy.has(key));
        }
        expect([...draft.values()].sort()).toEqual([...copy.values()].sort());
        expect(draft.finish()).toEqual(copy);
        expect(base).toEqual(new Map(entries));
      }),
    );
  });

  it("tells what changed, and hands the base back if nothing did", () => {
    const base = new Map([["a", 1]]);
    expect(new DraftMap(base).finish()).toBe(base);
    const draft = new DraftMap(base);
    draft.set("a", 2);
    draft.set("b", 3);
    expect([...draft.changes()]).toEqual([
      { key: "a", before: 1, now: 2 },
      { key: "b", before: undefined, now: 3 },
    ]);
  });
});
