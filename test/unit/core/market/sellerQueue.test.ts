import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type SellerQueue,
  sellerQueue,
  takeFirst,
} from "../../../../agent/core/market/sellerQueue.ts";
import type { MemberId } from "../../../../agent/core/units/ids.ts";
import { offer } from "../../../support/market.ts";

const a = "a" as MemberId;
const b = "b" as MemberId;

function runsOf({ head }: SellerQueue): string[] {
  const owners: string[] = [];
  for (let run = head; run !== null; run = run.next) {
    expect(run.next === null || run.next.previous === run).toBe(true);
    owners.push(run.memberId);
  }
  return owners;
}

const offersOf = (owners: readonly string[], wh = 1): ReturnType<typeof offer>[] =>
  owners.map((member, i) => offer({ id: i + 1, member, pv: `pv${i}`, wh }));

describe("the sellers' queue", () => {
  it("takes from the head, in parts", () => {
    const queue = sellerQueue(offersOf(["a", "b"], 5));
    const wanted = [3, 9, 9, 9].map((wh) => takeFirst(queue, "x" as MemberId, wh));
    expect(wanted.map((taken) => taken && [taken.offer.pvId, taken.energy])).toEqual([
      ["pv0", 3],
      ["pv0", 2],
      ["pv1", 5],
      null,
    ]);
    expect(queue.head).toBeNull();
  });

  it("is empty without offers", () => {
    expect(takeFirst(sellerQueue([]), a, 1)).toBeNull();
  });

  it("joins what becomes neighbours, so that a step over own offers is one step", () => {
    // a b a b a, and a buys: when both b are sold the three a are one run.
    const queue = sellerQueue(offersOf(["a", "b", "a", "b", "a"]));
    expect(runsOf(queue)).toEqual(["a", "b", "a", "b", "a"]);
    expect(takeFirst(queue, a, 1)?.offer.pvId).toBe("pv1");
    expect(runsOf(queue)).toEqual(["a", "b", "a"]);
    expect(takeFirst(queue, a, 1)?.offer.pvId).toBe("pv3");
    expect(runsOf(queue)).toEqual(["a"]);
    expect(takeFirst(queue, a, 1)).toBeNull();
    expect([1, 2, 3].map(() => takeFirst(queue, b, 1)?.offer.pvId)).toEqual(["pv0", "pv2", "pv4"]);
  });

  it("takes as a plain list would, and never keeps two runs of one owner side by side", () => {
    const owners = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 12 });
    const takes = fc.array(
      fc.tuple(fc.constantFrom("a", "b", "c", "x"), fc.integer({ min: 1, max: 5 })),
    );
    fc.assert(
      fc.property(owners, takes, (members, steps) => {
        const queue = sellerQueue(offersOf(members, 3));
        const list = members.map((member, i) => ({ member, pv: `pv${i}`, left: 3 }));
        for (const [buyer, wanted] of steps) {
          const first = list.find(({ member, left }) => member !== buyer && left > 0);
          const energy = Math.min(wanted, first?.left ?? 0);
          if (first !== undefined) first.left -= energy;
          const taken = takeFirst(queue, buyer as MemberId, wanted);
          expect(taken && [taken.offer.pvId, taken.energy]).toEqual(
            first ? [first.pv, energy] : null,
          );
          const runs = runsOf(queue);
          expect(runs.every((owner, i) => owner !== runs[i + 1])).toBe(true);
        }
      }),
    );
  });
});
