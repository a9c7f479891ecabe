// Whatever anyone says in whatever order: tokens are neither made nor lost, nobody owes, nobody oversells.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reservationFor } from "../../../../agent/core/ledger/buyOffer.ts";
import { listingIdAt } from "../../../../agent/core/ledger/calendar.ts";
import { decodeState, encodeState, type LedgerState } from "../../../../agent/core/ledger/state.ts";
import type { Payload } from "../../../../agent/core/ledger/transaction.ts";
import { floorToHour, HOUR_MS, MINUTE_MS, unixMs } from "../../../../agent/core/units/time.ts";
import {
  at,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  TestChain,
  tokens,
  ZONE,
} from "../../../support/ledger.ts";

const HOMES = ["ann@vt.edu", "ben@vt.edu", "cyd@vt.edu"];
type Said = readonly [string | null, Payload];

const home = fc.constantFrom(...HOMES);
/** 0: above all before it; else a number that may be used up. */
const sequence = fc.constantFrom(0, 0, 0, 1, 4);
/** Hours after the one that delivers next. */
const hour = fc.constantFrom(-1, 0, 0, 1, 1, 1, 2);
const common = { home, sequence, hour };
const doing = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("offer" as const), ...common, n: fc.nat(11) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("bid" as const), ...common, n: fc.nat(22) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("grant" as const), ...common, n: fc.nat(400) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("revoke" as const), ...common, n: fc.nat(9) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("read" as const), ...common, n: fc.nat(9) }),
  },
);
type Doing = typeof doing extends fc.Arbitrary<infer D> ? D : never;
const blocks = fc.array(
  fc.record({
    minutes: fc.integer({ min: 1, max: 50 }),
    doings: fc.array(doing, { minLength: 2, maxLength: 8 }),
  }),
  { minLength: 6, maxLength: 12 },
);

/** What that is in a transaction; `fresh` grows with each block. */
function said(what: Doing, now: number, fresh: number): Said {
  const { kind, home: author, n } = what;
  const start = floorToHour(unixMs(now)) + (1 + what.hour) * HOUR_MS;
  const listing = listingIdAt(unixMs(start), ZONE);
  const order = { energy: kwh(n), sequence: what.sequence || fresh };
  switch (kind) {
    case "offer":
      return [author, say.pvOffer(listing, `${author}-pv`, { ...order, reserve: perKwh(n / 3) })];
    case "bid":
      return [author, say.buyOffer(listing, { ...order, price: perKwh(1 + ((n * 7) % 13)) })];
    case "grant":
      return [null, say.grant(what.sequence || fresh, author, tokens(n - 200))];
    case "revoke":
      return n === 0
        ? [null, say.revoke(what.sequence || fresh, author)]
        : [author, registration(author)];
    case "read":
      return [author, say.meterReading(listing, { imported: [n, 9], exported: [0, n * 100] })];
  }
}

function expectSound(state: LedgerState): void {
  const members = [...state.members.values()];
  expect(members.reduce((sum, { balance }) => sum + balance, 0n)).toBe(state.issued);
  for (const { memberId, balance, reserved } of members) {
    expect(reserved >= 0n && reserved <= balance).toBe(true);
    let held = 0n;
    for (const { state: at, buyOffers } of state.listings.values()) {
      const bid = buyOffers.get(memberId);
      if (at === "ACCEPT_OFFERS" && bid !== undefined) held += reservationFor(bid);
    }
    expect(reserved).toBe(held);
  }
  for (const { pvOffers, fills } of state.listings.values()) {
    for (const [pv, { energy: offered }] of pvOffers) {
      const sold = fills.filter(({ pvId }) => pvId === pv).reduce((sum, f) => sum + f.energy, 0);
      expect(sold).toBeLessThanOrEqual(offered);
    }
  }
}

describe("any sequence of transactions", () => {
  it.each([true, false])("keeps the books (guard %s)", (guard) => {
    let trades = 0;
    let refusals = 0;
    // A block closes a listing if it falls into 40 minutes of the hour, but for 15 s, and voids it else.
    const timeline = {
      ...makeRules().timeline,
      openBefore: (150 * MINUTE_MS) as never,
      cutoffBefore: (30 * MINUTE_MS) as never,
      closeWithin: (10 * MINUTE_MS) as never,
    };
    // The night in which 01:00 comes twice.
    const start = at("2018-11-04T02:10:00Z");
    const base = new TestChain(makeRules({ guard, timeline }));
    base.add(start, ...HOMES.map((name): Said => [name, registration(name)]));
    base.add(start + 1, ...HOMES.map((name): Said => [name, say.registerPv(name, `${name}-pv`)]));
    fc.assert(
      fc.property(blocks, (script) => {
        const chain = base.fork();
        let now: number = start;
        for (const [i, { minutes, doings }] of script.entries()) {
          now += minutes * MINUTE_MS;
          const { dropped, events } = chain.add(now, ...doings.map((d) => said(d, now, i + 1)));
          expectSound(chain.state);
          refusals += dropped.length;
          trades += events.filter((e) => e.type === "biddingClosed" && e.fills.length > 0).length;
          const posted = events.flatMap((e) => (e.type === "posted" ? [e.posting] : []));
          chain.addReceipts(now + 1);
          expectSound(chain.state);
          const traded = posted.filter(({ reason }) => reason === "fill");
          expect(traded.reduce((sum, { amount }) => sum + amount, 0n)).toBe(0n);
        }
        const { state } = chain;
        const again = decodeState(state.rules, encodeState(state), state.lastBlock);
        expect(again).toEqual({ ok: true, value: state });
      }),
      { numRuns: 60 },
    );
    // The script would prove nothing if nothing ever traded or was refused.
    expect(trades).toBeGreaterThan(20);
    expect(refusals).toBeGreaterThan(100);
  });
});
