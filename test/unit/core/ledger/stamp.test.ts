import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256Hex } from "../../../../agent/core/crypto.ts";
import { compareStamps, queuePlace, stampOf } from "../../../../agent/core/ledger/stamp.ts";
import type { BlockId, TransactionId } from "../../../../agent/core/units/ids.ts";
import { type DurationMs, type UnixMs, unixMs } from "../../../../agent/core/units/time.ts";
import { makeRules } from "../../../support/ledger.ts";

const times = (...list: number[]) => list.map((time) => unixMs(time));
const PREVIOUS = "0".repeat(64) as BlockId;
const idOf = (digit: string) => digit.repeat(64) as TransactionId;

describe("stampOf", () => {
  it.each<[number, number[], number | null]>([
    // n = 1: f = 0, the only one.
    [1, [], null],
    [1, [70], 70],
    // n = 3: f = 0 still, so the first receipt of all decides.
    [3, [70], 70],
    // n = 4: f = 1, the second of three.
    [4, [70, 90], null],
    [4, [70, 90, 80], 80],
    // One liar at either end moves it only to an honest neighbour's time.
    [4, [0, 90, 80], 80],
    [4, [99_999, 90, 80], 90],
    [4, [80, 80, 99], 80],
    // n = 6: f = 1 as well.
    [6, [3, 1, 2], 2],
    // n = 7: f = 2, the third of five.
    [7, [70, 90, 80, 60], null],
    [7, [70, 90, 80, 60, 100], 80],
    [7, [0, 0, 80, 60, 100], 60],
    [7, [99_999, 99_998, 80, 60, 100], 100],
    // n = 13: f = 4, the fifth of nine.
    [13, [9, 8, 7, 6, 5, 4, 3, 2, 1], 5],
  ])("of %i validators, heard at %o: %o", (validators, heard, stamp) => {
    expect(stampOf(times(...heard), validators)).toBe(stamp);
  });

  it("lies between honest times whatever f liars say (G1)", () => {
    const time = fc.integer({ min: 0, max: 1000 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }).chain((f) =>
          fc.record({
            f: fc.constant(f),
            honest: fc.array(time, { minLength: f + 1, maxLength: f + 1 }),
            lies: fc.array(fc.oneof(time, fc.constant(0), fc.constant(10 ** 12)), {
              minLength: f,
              maxLength: f,
            }),
          }),
        ),
        ({ f, honest, lies }) => {
          const stamp = stampOf(times(...lies, ...honest), 3 * f + 1) as UnixMs;
          expect(stamp).toBeGreaterThanOrEqual(Math.min(...honest));
          expect(stamp).toBeLessThanOrEqual(Math.max(...honest));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("queuePlace", () => {
  const at = (stamp: number, digit: string, bucket = 500) => {
    const rules = makeRules({ stampBucket: bucket as DurationMs });
    const transactionId = idOf(digit);
    return queuePlace(rules, { stamp: unixMs(stamp), transactionId, previous: PREVIOUS });
  };
  const digits = (bucket: number, ...offers: [number, string][]) => {
    const named = offers.map(([stamp, digit]) => ({ digit, place: at(stamp, digit, bucket) }));
    named.sort((a, b) => compareStamps(a.place, b.place));
    return named.map(({ digit }) => digit).join("");
  };

  it("is the bucket, and in it the hash of the last block's id and the offer's", () => {
    // floor(1499 / 500) = 2
    const tie = sha256Hex(Uint8Array.from(Buffer.from(`${PREVIOUS}${idOf("a")}`, "hex")));
    expect(at(1499, "a")).toEqual({ bucket: 2, tie });
    expect(at(1500, "a").bucket).toBe(3);
  });

  it("within a bucket the hash decides, not the time; with 1 ms the time alone", () => {
    const byHash = ["a", "b", "c"].sort((x, y) => (at(0, x).tie < at(0, y).tie ? -1 : 1)).join("");
    for (const order of [
      [0, 1, 499],
      [499, 1, 0],
      [250, 250, 250],
    ] as const) {
      const [a, b, c] = order;
      expect(digits(500, [a, "a"], [b, "b"], [c, "c"])).toBe(byHash);
    }
    expect(digits(1, [2, "a"], [1, "b"], [0, "c"])).toBe("cba");
    expect(digits(1, [0, "c"], [2, "a"], [1, "b"])).toBe("cba");
    // Across a bucket's edge the time decides again.
    expect(digits(500, [500, "a"], [499, "b"])).toBe("ba");
    expect(digits(500, [499, "a"], [500, "b"])).toBe("ab");
  });

  it("turns with the block before the closing one", () => {
    const rules = makeRules();
    const orders = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => {
      const previous = n.toString().repeat(64) as BlockId;
      const [a, b] = [idOf("a"), idOf("b")].map((transactionId) =>
        queuePlace(rules, { stamp: unixMs(0), transactionId, previous }),
      );
      return compareStamps(a!, b!) < 0;
    });
    expect(new Set(orders).size).toBe(2);
  });

  it("by hand: the block's time, then the smaller id", () => {
    const rules = makeRules({ schedule: "manual" });
    const place = (stamp: number, digit: string) =>
      queuePlace(rules, { stamp: unixMs(stamp), transactionId: idOf(digit), previous: PREVIOUS });
    const places = [place(2, "0"), place(1, "b"), place(1, "a"), place(10, "0")];
    expect(places.sort(compareStamps).map(({ bucket, tie: [d] }) => `${bucket}${d}`)).toEqual([
      "1a",
      "1b",
      "20",
      "100",
    ]);
  });

  it("compares as equal only the same transaction", () => {
    expect(compareStamps(at(1, "a"), at(1, "a"))).toBe(0);
    expect(compareStamps(at(1, "a"), at(1, "b"))).not.toBe(0);
    expect(Math.sign(compareStamps(at(1, "a"), at(1, "b")))).toBe(
      -Math.sign(compareStamps(at(1, "b"), at(1, "a"))),
    );
  });
});
