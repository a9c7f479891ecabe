import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Market, MarketResult } from "../../../../agent/core/market/mechanism.ts";
import { mechanism } from "../../../../agent/core/market/mechanisms.ts";
import { paperAverage } from "../../../../agent/core/market/paperAverage.ts";
import type { MemberId } from "../../../../agent/core/units/ids.ts";
import { cost, type MicroTokens, microTokens } from "../../../../agent/core/units/money.ts";
import { bid, fillLines, idOf, market, offer, sumOf, tokens } from "../../../support/market.ts";
import { slowMarket } from "../../../support/slowMarket.ts";

/** What a member gained in this listing, uT. */
function gainOf(member: string, { fills }: MarketResult): bigint {
  let gain = 0n;
  for (const { seller, buyer, energy, price } of fills) {
    if (seller === member) gain += cost(price, energy);
    if (buyer === member) gain -= cost(price, energy);
  }
  return gain;
}

const refusalLines = ({ refusals }: MarketResult): string[] =>
  refusals.map(({ id, code }) => `${Number.parseInt(id, 16)} ${code}`);

describe("the paper's own listing, Table IV", () => {
  // All bid 3 tokens/kWh for 5, 3 and 1 kWh: MCP 3, in order of value 15, 9, 3. Seller1 came first and
  // sells its 6 kWh: 5 to buyer1 and 1 to buyer2; seller2 sells 2 to buyer2 and 1 to buyer3.
  const listing = market(
    [offer({ id: 1, member: "seller1", wh: 6000 }), offer({ id: 2, member: "seller2", wh: 6000 })],
    [
      bid({ id: 5, member: "buyer1", wh: 5000, price: 3000 }),
      bid({ id: 4, member: "buyer2", wh: 3000, price: 3000 }),
      bid({ id: 3, member: "buyer3", wh: 1000, price: 3000 }),
    ],
  );

  it.each([true, false])("gives Table V, guard %s", (guard) => {
    const result = mechanism("paper-average")({ ...listing, guard });
    expect(result.price).toBe(3000);
    expect(fillLines(result.fills)).toEqual([
      "seller1 > buyer1: 5000 Wh",
      "seller1 > buyer2: 1000 Wh",
      "seller2 > buyer2: 2000 Wh",
      "seller2 > buyer3: 1000 Wh",
    ]);
    expect(result.refusals).toEqual([]);
    const balances = ["seller1", "seller2", "buyer1", "buyer2", "buyer3"].map(
      (member) => tokens(200) + gainOf(member, result),
    );
    expect(balances).toEqual([218, 209, 185, 191, 197].map(tokens));
  });
});

describe("the guard", () => {
  // (10 x 4 + 2 x 4) / 8 = 6 tokens/kWh; the second buyer would pay 6 x 4 = 24 for what it values at 8.
  const listing = market(
    [offer({ id: 1, member: "s", wh: 8000 })],
    [
      bid({ id: 2, member: "high", wh: 4000, price: 10_000 }),
      bid({ id: 3, member: "low", wh: 4000, price: 2000 }),
    ],
  );

  it("off: a buyer below the MCP pays more than its bid, as the paper has it", () => {
    const result = paperAverage({ ...listing, guard: false });
    expect(result.price).toBe(6000);
    expect(fillLines(result.fills)).toEqual(["s > high: 4000 Wh", "s > low: 4000 Wh"]);
    expect(gainOf("low", result)).toBe(-tokens(24));
  });

  it("on: it does not trade, 4 kWh stay unsold, and the MCP is not recomputed", () => {
    const result = paperAverage({ ...listing, guard: true });
    expect(result.price).toBe(6000);
    expect(fillLines(result.fills)).toEqual(["s > high: 4000 Wh"]);
    expect(refusalLines(result)).toEqual(["3 belowMcp"]);
  });

  it("lets a buyer at the MCP trade", () => {
    const bids = [bid({ id: 2, member: "b", wh: 1, price: 7 })];
    const result = paperAverage(
      market([offer({ id: 1, member: "s", wh: 1 })], bids, { guard: true }),
    );
    expect(fillLines(result.fills)).toEqual(["s > b: 1 Wh"]);
  });
});

describe("the price", () => {
  const price = (...bids: Parameters<typeof bid>[0][]): number | null =>
    paperAverage(market([], bids.map(bid))).price;

  it("is the mean weighted by energy, rounded down", () => {
    // (3 x 2 + 4 x 1) / 3 = 10 / 3 = 3.33; (1 x 1 + 2 x 1) / 2 = 1.5
    expect(
      price({ id: 1, member: "a", wh: 2, price: 3 }, { id: 2, member: "b", wh: 1, price: 4 }),
    ).toBe(3);
    expect(
      price({ id: 1, member: "a", wh: 1, price: 1 }, { id: 2, member: "b", wh: 1, price: 2 }),
    ).toBe(1);
  });

  it("is null without a bid, and there without an offer", () => {
    expect(paperAverage(market([offer({ id: 1, member: "s", wh: 1 })], []))).toEqual({
      price: null,
      fills: [],
      refusals: [{ id: idOf(1), code: "unsold" }],
    });
    const result = paperAverage(market([], [bid({ id: 1, member: "b", wh: 5, price: 9 })]));
    expect(result.price).toBe(9);
    expect(refusalLines(result)).toEqual(["1 unserved"]);
  });

  it("is exact where floating point is not", () => {
    // 19999 bids of 1e6 Wh at 1e6 and one of 1 Wh at 999999. Energy E = 19999e6 + 1, value 1e6 x E - 1,
    // which is beyond 2^53 = 9.007e15. Mean = 1e6 - 1/E = 999999.99999999995, which a double rounds to 1e6.
    const bids = Array.from({ length: 19_999 }, (_, i) =>
      bid({ id: i + 1, member: `m${i}`, wh: 1_000_000, price: 1_000_000 }),
    );
    const odd = bid({ id: 20_000, member: "odd", wh: 1, price: 999_999 });
    expect(paperAverage(market([], [...bids, odd], { each: 1_000_000 })).price).toBe(999_999);
    expect(paperAverage(market([], bids, { each: 1_000_000 })).price).toBe(1_000_000);
  });

  it("leaves unfunded bids out of the mean and of the trade", () => {
    // Two bids of 4 kWh x 3 = 12 tokens; the second member is one uT short.
    const funds = new Map([
      ["rich" as MemberId, tokens(12)],
      ["poor" as MemberId, microTokens(11_999_999n)],
    ]);
    const bids = [
      bid({ id: 2, member: "rich", wh: 4000, price: 3000 }),
      bid({ id: 3, member: "poor", wh: 4000, price: 3000 }),
      bid({ id: 4, member: "unknown", wh: 4000, price: 9000 }),
    ];
    const result = paperAverage(market([offer({ id: 1, member: "s", wh: 9000 })], bids, { funds }));
    expect(result.price).toBe(3000);
    expect(fillLines(result.fills)).toEqual(["s > rich: 4000 Wh"]);
    expect(refusalLines(result)).toEqual(["4 unfunded", "3 unfunded"]);
    const none = paperAverage(market([offer({ id: 1, member: "s", wh: 1 })], bids, { each: 0 }));
    expect(none.price).toBeNull();
    expect(refusalLines(none)).toEqual(["4 unfunded", "2 unfunded", "3 unfunded", "1 unsold"]);
  });
});

describe("buyers", () => {
  const served = (...bids: Parameters<typeof bid>[0][]): string[] => {
    const offers = [offer({ id: 1, member: "s", wh: 1_000_000 })];
    return paperAverage(market(offers, bids.map(bid))).fills.map(({ buyer }) => buyer);
  };

  it("are ranked by value, then price, then stamp, then id", () => {
    // Values 12, 12, 12, 10, 6: a and b bid 4 x 3, c bids 6 x 2 for the same value, at a higher price.
    expect(
      served(
        { id: 9, member: "e", wh: 6, price: 1 },
        { id: 5, member: "b", wh: 4, price: 3, at: 50 },
        { id: 8, member: "a", wh: 4, price: 3, at: 40 },
        { id: 7, member: "c", wh: 2, price: 6, at: 99 },
        { id: 6, member: "d", wh: 5, price: 2, at: 1 },
      ),
    ).toEqual(["c", "a", "b", "d", "e"]);
    expect(
      served(
        { id: 3, member: "later id", wh: 1, price: 1, at: 7 },
        { id: 2, member: "earlier id", wh: 1, price: 1, at: 7 },
      ),
    ).toEqual(["earlier id", "later id"]);
  });

  it("buy no more than their funds reach at the MCP", () => {
    // MCP = (9 x 100 + 1 x 100) / 200 = 5. The low bidder has 250 uT: 250 / 5 = 50 of its 100 Wh; with
    // 254 uT it is still 50, for 51 Wh cost 255.
    for (const low of [250n, 254n]) {
      const funds = new Map([
        ["high" as MemberId, microTokens(900n)],
        ["low" as MemberId, microTokens(low)],
      ]);
      const bids = [
        bid({ id: 2, member: "high", wh: 100, price: 9 }),
        bid({ id: 3, member: "low", wh: 100, price: 1 }),
      ];
      const result = paperAverage(
        market([offer({ id: 1, member: "s", wh: 500 })], bids, { funds }),
      );
      expect(result.price).toBe(5);
      expect(fillLines(result.fills)).toEqual(["s > high: 100 Wh", "s > low: 50 Wh"]);
    }
  });

  it("are refused when they could not pay a single Wh", () => {
    // MCP = (9 + 1) / 2 = 5, and "low" has 1 uT.
    const funds = new Map([
      ["high" as MemberId, microTokens(9n)],
      ["low" as MemberId, microTokens(1n)],
    ]);
    const bids = [
      bid({ id: 2, member: "high", wh: 1, price: 9 }),
      bid({ id: 3, member: "low", wh: 1, price: 1 }),
    ];
    const result = paperAverage(market([offer({ id: 1, member: "s", wh: 9 })], bids, { funds }));
    expect(refusalLines(result)).toEqual(["3 fundsBelowMcp"]);
  });

  it("spend their funds once, even over several bids", () => {
    // 3 bids of 10 x 10 = 100 uT each, funds 150 uT: each is funded alone, MCP 10; 10 + 5 + 0 Wh.
    const funds = new Map([["b" as MemberId, microTokens(150n)]]);
    const bids = [2, 3, 4].map((id) => bid({ id, member: "b", wh: 10, price: 10 }));
    const result = paperAverage(market([offer({ id: 1, member: "s", wh: 99 })], bids, { funds }));
    expect(fillLines(result.fills)).toEqual(["s > b: 10 Wh", "s > b: 5 Wh"]);
    expect(refusalLines(result)).toEqual(["4 fundsBelowMcp"]);
  });
});

describe("sellers", () => {
  it("are first come, first served; equal stamps by id", () => {
    const offers = [
      offer({ id: 3, member: "third", wh: 1, at: 20 }),
      offer({ id: 4, member: "first", wh: 1, at: 10 }),
      offer({ id: 2, member: "second", wh: 1, at: 20 }),
    ];
    const bids = [bid({ id: 9, member: "b", wh: 2, price: 5 })];
    const result = paperAverage(market(offers, bids));
    expect(fillLines(result.fills)).toEqual(["first > b: 1 Wh", "second > b: 1 Wh"]);
    expect(refusalLines(result)).toEqual(["3 unsold"]);
  });

  it("with a reserve above the MCP are passed over and block nobody; at the MCP they sell", () => {
    const offers = [
      offer({ id: 1, member: "dear", wh: 5, reserve: 6 }),
      offer({ id: 2, member: "exact", wh: 5, reserve: 5 }),
    ];
    const result = paperAverage(market(offers, [bid({ id: 9, member: "b", wh: 5, price: 5 })]));
    expect(fillLines(result.fills)).toEqual(["exact > b: 5 Wh"]);
    expect(refusalLines(result)).toEqual(["1 reserveAboveMcp"]);
  });

  it("are stepped over by themselves only, and keep their place", () => {
    // "both" bids most and stands first and third in the queue: it buys from s2 (4 of 4) and s4 (2 of 9).
    // Then b takes from the head again: both's 3 + 3 Wh, then s4.
    const offers = [
      offer({ id: 1, member: "both", pv: "roof", wh: 3 }),
      offer({ id: 2, member: "s2", wh: 4 }),
      offer({ id: 3, member: "both", pv: "barn", wh: 3 }),
      offer({ id: 4, member: "s4", wh: 9 }),
    ];
    const bids = [
      bid({ id: 5, member: "both", wh: 6, price: 9 }),
      bid({ id: 6, member: "b", wh: 8, price: 5 }),
    ];
    const { fills } = paperAverage(market(offers, bids));
    expect(fills.map(({ pvId, buyer, energy }) => `${pvId} > ${buyer}: ${energy}`)).toEqual([
      "s2house > both: 4",
      "s4house > both: 2",
      "roof > b: 3",
      "barn > b: 3",
      "s4house > b: 2",
    ]);
  });

  it("never sell to themselves, even when nobody else is there", () => {
    const offers = [offer({ id: 1, member: "both", wh: 3 })];
    const result = paperAverage(market(offers, [bid({ id: 2, member: "both", wh: 3, price: 9 })]));
    expect(refusalLines(result)).toEqual(["2 unserved", "1 unsold"]);
  });
});

// ------------------------------------------------------------------------------------ any market

const MEMBERS = ["ann", "bob", "cem", "dia"];

/** Few members, few stamps and small numbers, so that ties and own offers are common. */
const anyMarket: fc.Arbitrary<Market> = fc
  .record({
    offers: fc.array(
      fc.record({
        member: fc.constantFrom(...MEMBERS),
        wh: fc.integer({ min: 1, max: 8 }),
        reserve: fc.integer({ min: 0, max: 8 }),
        at: fc.integer({ min: 0, max: 3 }),
      }),
      { maxLength: 9 },
    ),
    bids: fc.array(
      fc.record({
        member: fc.constantFrom(...MEMBERS),
        wh: fc.integer({ min: 1, max: 8 }),
        price: fc.integer({ min: 1, max: 8 }),
        at: fc.integer({ min: 0, max: 3 }),
      }),
      { maxLength: 9 },
    ),
    funds: fc.array(fc.bigInt(0n, 70n), { minLength: 4, maxLength: 4 }),
    guard: fc.boolean(),
    ids: fc.shuffledSubarray(
      Array.from({ length: 18 }, (_, i) => i),
      { minLength: 18 },
    ),
  })
  .map(({ offers, bids, funds, guard, ids }) => ({
    offers: offers.map((o, i) => offer({ ...o, id: ids[i]!, pv: `pv${i}` })),
    bids: bids.map((b, i) => bid({ ...b, id: ids[9 + i]! })),
    funds: new Map(MEMBERS.map((m, i) => [m as MemberId, microTokens(funds[i]!)])),
    guard,
  }));

describe("in any market", () => {
  const RUNS = { numRuns: 1500 };

  it("the result is that of the slow reference, Wh by Wh", () => {
    fc.assert(
      fc.property(anyMarket, (any) => {
        const fast = paperAverage(any);
        const slow = slowMarket(any);
        const sold = new Map<string, number>();
        for (const { pvId, buyer, energy } of fast.fills) {
          sold.set(`${pvId}>${buyer}`, (sold.get(`${pvId}>${buyer}`) ?? 0) + energy);
        }
        expect(fast.price === null ? null : BigInt(fast.price)).toBe(slow.price);
        expect([...sold].sort()).toEqual([...slow.sold].sort());
      }),
      RUNS,
    );
  });

  it("the sequence of the input changes nothing", () => {
    const shuffled = anyMarket.chain((any) =>
      fc.record({
        any: fc.constant(any),
        offers: fc.shuffledSubarray([...any.offers], { minLength: any.offers.length }),
        bids: fc.shuffledSubarray([...any.bids], { minLength: any.bids.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ any, offers, bids }) => {
        const other = { ...any, offers, bids, funds: new Map([...any.funds].reverse()) };
        expect(paperAverage(other)).toEqual(paperAverage(any));
      }),
      RUNS,
    );
  });

  it("nobody gives or pays more than they said or have", () => {
    fc.assert(
      fc.property(anyMarket, (any) => {
        const { fills, price } = paperAverage(any);
        for (const { pvId, reservePrice, energy } of any.offers) {
          const own = fills.filter((fill) => fill.pvId === pvId);
          expect(sumOf(own.map((fill) => fill.energy))).toBeLessThanOrEqual(energy);
          if (own.length > 0) expect(reservePrice).toBeLessThanOrEqual(price ?? -1);
        }
        for (const member of MEMBERS) {
          const own = fills.filter(({ buyer }) => buyer === member);
          const asked = any.bids.filter(({ memberId }) => memberId === member);
          const paid = own.reduce((sum, fill) => sum + cost(fill.price, fill.energy), 0n);
          expect(paid <= (any.funds.get(member as MemberId) ?? (0n as MicroTokens))).toBe(true);
          const energies = own.map(({ energy }) => energy);
          expect(sumOf(energies)).toBeLessThanOrEqual(sumOf(asked.map(({ energy }) => energy)));
          const highest = Math.max(0, ...asked.map((b) => b.price));
          if (any.guard && own.length > 0) expect(price).toBeLessThanOrEqual(highest);
        }
        for (const fill of fills) {
          expect(fill.price).toBe(price);
          expect(fill.energy).toBeGreaterThan(0);
          expect(fill.seller).not.toBe(fill.buyer);
        }
      }),
      RUNS,
    );
  });

  it("every offer and bid trades or is refused with a code, never both", () => {
    fc.assert(
      fc.property(anyMarket, (any) => {
        const { fills, refusals } = paperAverage(any);
        const refusedIds = new Set(refusals.map(({ id }) => id));
        expect(refusedIds.size).toBe(refusals.length);
        const soldPvs = new Set(fills.map(({ pvId }) => pvId));
        for (const { id, pvId } of any.offers) expect(refusedIds.has(id)).toBe(!soldPvs.has(pvId));
        const buyers = new Set(fills.map(({ buyer }) => buyer));
        for (const member of MEMBERS) {
          const asked = any.bids.filter(({ memberId }) => memberId === member);
          const isServed = asked.some(({ id }) => !refusedIds.has(id));
          expect(isServed).toBe(buyers.has(member as MemberId));
        }
      }),
      RUNS,
    );
  });
});
