// Whatever members say and in whoever's name, with their own keys: the sum of tokens is what it was.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { listingIdAt } from "../../../../agent/core/ledger/calendar.ts";
import { communityId } from "../../../../agent/core/ledger/rules.ts";
import type { LedgerState } from "../../../../agent/core/ledger/state.ts";
import type { Payload } from "../../../../agent/core/ledger/transaction.ts";
import { signTransaction } from "../../../../agent/core/ledger/transaction.ts";
import { type ListingId, listingId, memberId } from "../../../../agent/core/units/ids.ts";
import { floorToHour, HOUR_MS, MINUTE_MS, unixMs } from "../../../../agent/core/units/time.ts";
import {
  ADMINISTRATOR,
  at,
  keylessRegistration,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  TestChain,
  testKey,
  tokens,
  ZONE,
} from "../../../support/ledger.ts";

const MEMBERS = ["ann@vt.edu", "ben@vt.edu", "cyd@vt.edu"];
/** Registered by hand where that can be, and nobody's. */
const KEYLESS = "keyless@vt.edu";
const START = at("2018-03-21T15:10:00Z");
const FIRST_HOUR = listingId("21Mar18-12:00");

/** The author is who it claims to be, mostly; the key is a member's, always. */
const said = fc.record({
  key: fc.constantFrom(...MEMBERS),
  claims: fc.oneof(
    { weight: 6, arbitrary: fc.constant("itself") },
    { weight: 1, arbitrary: fc.constantFrom(null, ADMINISTRATOR, KEYLESS, ...MEMBERS) },
  ),
  about: fc.constantFrom(...MEMBERS, ADMINISTRATOR, KEYLESS, "new@vt.edu"),
  kind: fc.integer({ min: 0, max: 15 }),
  n: fc.integer({ min: 0, max: 30 }),
});
type Said = typeof said extends fc.Arbitrary<infer S> ? S : never;
const script = fc.array(
  fc.record({
    minutes: fc.integer({ min: 1, max: 30 }),
    all: fc.array(said, { minLength: 3, maxLength: 9 }),
  }),
  { minLength: 4, maxLength: 9 },
);

type When = { readonly listing: ListingId; readonly fresh: number };

function payloadOf({ kind, about, key, n }: Said, { listing, fresh }: When): Payload {
  const more = { balance: tokens(1000 + n) };
  switch (kind) {
    case 0:
      return registration(about, tokens(1000));
    case 1:
      return keylessRegistration(about, tokens(1000));
    case 2:
      return say.changeMember(fresh, about, more);
    case 3:
      return say.changeMember(fresh, about, {});
    case 4:
      return say.grant(fresh, about, tokens(n - 15));
    case 5:
      return n < 25 ? say.revoke(fresh, KEYLESS) : say.revoke(fresh, about);
    case 6:
      return say.bindIdentity(fresh, about, key);
    case 7:
      return say.administrator("createListing", fresh, listing);
    case 8:
      return say.administrator("closeBidding", fresh, listing);
    case 9:
      return say.registerPv(n < 25 ? key : about, `${key}-${n % 3}`, 9000, fresh);
    case 10:
      return say.removePv(`${key}-${n % 3}`, fresh);
    case 11:
    case 12: {
      const offer = { energy: kwh(n % 8), reserve: perKwh(n % 3), sequence: fresh };
      return say.pvOffer(listing, `${key}-${n % 3}`, offer);
    }
    default:
      return say.buyOffer(listing, {
        ...{ energy: kwh(n % 7), price: perKwh(1 + (n % 5)), sequence: fresh },
      });
  }
}

function expectConserved({ members, issued }: LedgerState, sum: bigint): void {
  const balances = [...members.values()].reduce((all, { balance }) => all + balance, 0n);
  expect([balances, issued]).toEqual([sum, sum]);
}

describe.each(["hourly", "manual"] as const)("in a community with schedule %s", (schedule) => {
  it("members neither make nor lose a token", () => {
    const { publicKey } = testKey(ADMINISTRATOR);
    const administrator = { memberId: memberId(ADMINISTRATOR), publicKey };
    const { timeline } = makeRules();
    const longer = {
      ...{ openBefore: 150 * MINUTE_MS, cutoffBefore: 30 * MINUTE_MS },
      closeWithin: 10 * MINUTE_MS,
    };
    const rules = makeRules({
      ...{ schedule, administrator, guard: false },
      timeline: { ...timeline, ...(longer as Partial<typeof timeline>) },
    });
    const base = new TestChain(rules);
    base.add(START, ...MEMBERS.map((name) => [name, registration(name)] as const));
    base.add(
      START + 1,
      ...MEMBERS.map((name) => [name, say.registerPv(name, `${name}-0`)] as const),
    );
    if (schedule === "manual") {
      const open = say.administrator("createListing", 1, FIRST_HOUR);
      base.add(START + 2, [ADMINISTRATOR, keylessRegistration(KEYLESS)], [ADMINISTRATOR, open]);
    }
    const sum = base.state.issued;
    const count = { taken: 0, dropped: 0, fills: 0 };
    fc.assert(
      fc.property(script, (blocks) => {
        const chain = base.fork();
        let now: number = START + 10;
        for (const [i, { minutes, all }] of blocks.entries()) {
          now += minutes * MINUTE_MS;
          const transactions = all.map((one) => {
            const author = one.claims === "itself" ? one.key : one.claims;
            const hour = floorToHour(unixMs(now)) + (1 + (one.n % 2)) * HOUR_MS;
            const listing = schedule === "manual" ? FIRST_HOUR : listingIdAt(unixMs(hour), ZONE);
            const payload = payloadOf(one, { listing, fresh: i + 1 });
            const unsigned = { author: author === null ? null : memberId(author), payload };
            return signTransaction(communityId(rules), unsigned, testKey(one.key).sign);
          });
          const { dropped, events } = chain.addSigned(now, transactions);
          expectConserved(chain.state, sum);
          count.dropped += dropped.length;
          count.taken += all.length - dropped.length;
          for (const event of events)
            if (event.type === "biddingClosed") count.fills += event.fills.length;
          chain.addReceipts(now + 1);
          expectConserved(chain.state, sum);
        }
      }),
      { numRuns: 60 },
    );
    // Where nothing is taken nothing is proved.
    expect(count.taken).toBeGreaterThan(200);
    expect(count.dropped).toBeGreaterThan(300);
    if (schedule === "hourly") expect(count.fills).toBeGreaterThan(3);
  });
});
