// What the page works out of a market: hours of ids, the paper's clearing, depth.

import { describe, expect, test } from "vitest";
import { clear, sameFills } from "../../../../../broker/dashboard/page/market/clearing.ts";
import { depth } from "../../../../../broker/dashboard/page/market/depth.ts";
import {
  dayOf,
  deliveryStartOf,
  usualTimes,
} from "../../../../../broker/dashboard/page/market/listingTime.ts";

const NEW_YORK = "America/New_York";

describe("a listing's hour", () => {
  const iso = (id: string, zone: string) => {
    const at = deliveryStartOf(id, zone);
    return at === null ? null : new Date(at).toISOString();
  };
  test("is in the community's zone", () => {
    expect(iso("21Mar18-13:00", NEW_YORK)).toBe("2018-03-21T17:00:00.000Z");
    expect(iso("21Jan18-13:00", NEW_YORK)).toBe("2018-01-21T18:00:00.000Z");
    expect(iso("21Mar18-13:00", "UTC")).toBe("2018-03-21T13:00:00.000Z");
    expect(iso("01Jan19-00:00", "Asia/Kolkata")).toBe("2018-12-31T18:30:00.000Z");
  });
  test("on the day when clocks go forward, and beside the gap", () => {
    expect(iso("11Mar18-01:00", NEW_YORK)).toBe("2018-03-11T06:00:00.000Z");
    expect(iso("11Mar18-03:00", NEW_YORK)).toBe("2018-03-11T07:00:00.000Z");
  });
  test("with its offset, where the hour comes twice", () => {
    expect(iso("04Nov18-01:00-05:00", NEW_YORK)).toBe("2018-11-04T06:00:00.000Z");
    expect(iso("04Nov18-01:00-0500", NEW_YORK)).toBe("2018-11-04T06:00:00.000Z");
  });
  test("is none for what is none", () => {
    for (const id of ["", "roof", "21Xyz18-13:00", "2018-03-21"]) {
      expect(deliveryStartOf(id, NEW_YORK)).toBeNull();
    }
  });
  test("opens 59 minutes before, ends bidding one before, and lasts one hour", () => {
    const start = Date.parse("2018-03-21T17:00:00Z");
    expect(usualTimes(start)).toMatchObject({
      opensAt: start - 3_540_000,
      cutoffAt: start - 60_000,
      endsAt: start + 3_600_000,
    });
    expect(dayOf(Date.parse("2018-03-22T03:30:00Z"), NEW_YORK)).toBe("2018-03-21");
  });
});

describe("the paper's clearing", () => {
  const offers = [
    { pv: "seller1house", seller: "seller1", kWh: 6, reservePrice: 0 },
    { pv: "seller2house", seller: "seller2", kWh: 6, reservePrice: 0 },
  ];
  const bids = [
    { buyer: "buyer3", kWh: 1, price: 3 },
    { buyer: "buyer2", kWh: 3, price: 3 },
    { buyer: "buyer1", kWh: 5, price: 3 },
  ];

  test("of Table IV gives Table V", () => {
    const { mcp, value, kWh, buyers, fills } = clear(offers, bids, { guard: false });
    expect({ mcp, value, kWh }).toEqual({ mcp: 3, value: 27, kWh: 9 });
    expect(buyers.map(({ buyer, value: worth }) => [buyer, worth])).toEqual([
      ["buyer1", 15],
      ["buyer2", 9],
      ["buyer3", 3],
    ]);
    expect(fills.map((fill) => [fill.seller, fill.buyer, fill.kWh])).toEqual([
      ["seller1", "buyer1", 5],
      ["seller1", "buyer2", 1],
      ["seller2", "buyer2", 2],
      ["seller2", "buyer3", 1],
    ]);
  });

  test("leaves out who asks more than the price, and with the guard who bids less", () => {
    // (2 x 1 + 5 x 2) / 3 = 4
    const low = [
      { buyer: "a", kWh: 1, price: 2 },
      { buyer: "b", kWh: 2, price: 5 },
    ];
    const dear = [{ pv: "dear", seller: "c", kWh: 9, reservePrice: 4.001 }, ...offers];
    const guarded = clear(dear, low, { guard: true });
    expect(guarded.mcp).toBe(4);
    expect(guarded.sellers.map(({ isServed }) => isServed)).toEqual([false, true, true]);
    expect(guarded.fills.map(({ seller, buyer, kWh }) => [seller, buyer, kWh])).toEqual([
      ["seller1", "b", 2],
    ]);
    expect(clear(dear, low, { guard: false }).fills).toHaveLength(2);
  });

  test("rounds the price down, and nobody buys from themselves", () => {
    // (1 x 1 + 2 x 2) / 3 = 1.666...
    const own = [
      { buyer: "seller1", kWh: 1, price: 1 },
      { buyer: "b", kWh: 2, price: 2 },
    ];
    const { mcp, fills } = clear(offers, own, { guard: false });
    expect(mcp).toBe(1.666);
    expect(fills.map(({ seller, buyer }) => [seller, buyer])).toEqual([
      ["seller1", "b"],
      ["seller2", "seller1"],
    ]);
  });

  test("without a bid has no price", () => {
    expect(clear(offers, [], { guard: true })).toMatchObject({ mcp: null, fills: [] });
  });

  test("is compared by what everyone gets, not by the sequence", () => {
    const { fills } = clear(offers, bids, { guard: false });
    expect(sameFills(fills, [...fills].reverse())).toBe(true);
    expect(sameFills(fills, fills.slice(1))).toBe(false);
    expect(
      sameFills(
        fills,
        fills.map((fill) => ({ ...fill, price: 2 })),
      ),
    ).toBe(false);
  });
});

test("depth is cheapest offers and highest bids first", () => {
  expect(
    depth(
      [
        { kWh: 2, price: 3 },
        { kWh: 1, price: 2 },
      ],
      [{ kWh: 1.5, price: 4 }],
    ),
  ).toEqual({ kWh: [0, 1, 1.5, 3], supply: [2, 3, 3, 3], demand: [4, 4, 4, null] });
  expect(depth([], [])).toEqual({ kWh: [0], supply: [null], demand: [null] });
});
