import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeBlock, SYSTEM_STEPS_MAX } from "../../../../agent/core/ledger/block.ts";
import { due, nextDue } from "../../../../agent/core/ledger/due.ts";
import { BLOCK_BYTES_MAX } from "../../../../agent/core/ledger/rules.ts";
import { memberId } from "../../../../agent/core/units/ids.ts";
import { HOUR_MS, MINUTE_MS, unixMs } from "../../../../agent/core/units/time.ts";
import {
  at,
  kwh,
  makeRules,
  perKwh,
  type RuleOptions,
  registration,
  say,
  TestChain,
} from "../../../support/ledger.ts";

// 21 March 2018 in Virginia is UTC-4: the hour from 17:00Z on is the listing 21Mar18-13:00.
const T = (time: string) => `2018-03-21T${time}Z`;
const BUYER = "buyer1@vt.edu";
const LISTING = "21Mar18-13:00";

const BY = memberId("seller1@vt.edu");
const steps = (chain: TestChain, time: string, proposer: string = BY) =>
  due(chain.state, { time: at(time), proposer: memberId(proposer) }).map(
    ({ step, listingId }) => `${step} ${listingId}`,
  );
const done = (chain: TestChain) =>
  chain.last.block.header.systemSteps.map(({ step, listingId }) => `${step} ${listingId}`);
const timeline = (change: Partial<Record<string, number>>): RuleOptions => {
  return { timeline: { ...makeRules().timeline, ...change } as never };
};

describe("due", () => {
  it("opens in the first block of all what can still take offers", () => {
    const chain = new TestChain();
    expect(nextDue(chain.state)).toBe(1);
    chain.add(T("16:30:00"));
    expect(done(chain)).toEqual([`createListing ${LISTING}`, `acceptOfferBroadcast ${LISTING}`]);
    expect(chain.last.events.map(({ type }) => type)).toEqual([
      "listingCreated",
      "acceptOfferBroadcast",
    ]);
    expect(nextDue(chain.state)).toBe(at(T("16:59:15")));
  });

  it("opens nothing in a first block between cut-off and the next opening, but knows what is next", () => {
    const chain = new TestChain();
    chain.add(T("16:59:00"));
    expect(done(chain)).toEqual([]);
    expect(nextDue(chain.state)).toBe(at(T("17:01:00")));
    chain.add(T("18:01:00"));
    expect(done(chain)).toEqual([
      // Nobody said anything from 17:01 to 17:59: that auction was missed, but it was due.
      "createListing 21Mar18-14:00",
      "voidListing 21Mar18-14:00",
      "createListing 21Mar18-15:00",
      "acceptOfferBroadcast 21Mar18-15:00",
    ]);
  });

  it("goes through the paper's hour to the millisecond", () => {
    const chain = new TestChain();
    chain.add(T("15:59:30"));
    expect(steps(chain, T("16:00:59.999"))).toEqual([]);
    chain.add(T("16:01:00"));
    expect(done(chain)).toEqual([`createListing ${LISTING}`, `acceptOfferBroadcast ${LISTING}`]);
    expect(steps(chain, T("16:59:14.999"))).toEqual([]);
    expect(steps(chain, T("16:59:15"))).toEqual([`closeBidding ${LISTING}`]);
    expect(steps(chain, T("16:59:59.999"))).toEqual([`closeBidding ${LISTING}`]);
    expect(steps(chain, T("17:00:00"))).toEqual([`voidListing ${LISTING}`]);
    chain.add(T("16:59:15"));
    chain.add(T("17:01:00"));
    chain.add(T("17:59:15"));
    expect(nextDue(chain.state)).toBe(at(T("18:01:00")));
    chain.add(T("18:01:00"));
    expect(steps(chain, T("18:14:59.999"))).toEqual([]);
    expect(steps(chain, T("18:15:00"))).toEqual([`finishListing ${LISTING}`]);
    expect(nextDue(chain.state)).toBe(at(T("18:15:00")));
  });

  it("voids by deadline: no trades, and the reservation is released", () => {
    const chain = new TestChain();
    chain.add(T("16:10:00"), [BUYER, registration(BUYER)]);
    chain.add(T("16:11:00"), [BUYER, say.buyOffer(LISTING, { energy: kwh(5), price: perKwh(3) })]);
    expect(chain.reserved(BUYER)).toBe(15);
    const { events } = chain.add(T("17:00:00"));
    expect(chain.listing(LISTING)).toMatchObject({ state: "VOID", mcp: null, fills: [] });
    expect([chain.balance(BUYER), chain.reserved(BUYER)]).toEqual([200, 0]);
    expect(events.map(({ type }) => type)).toEqual(["listingVoided", "balanceChanged"]);
  });

  it("may close until closeWithin after the hour began, if the rules say so", () => {
    const chain = new TestChain(makeRules(timeline({ closeWithin: 10 * MINUTE_MS })));
    chain.add(T("16:10:00"));
    // By then the next listing opens too, at 17:01.
    expect(steps(chain, T("17:09:59.999"))[0]).toBe(`closeBidding ${LISTING}`);
    expect(steps(chain, T("17:10:00"))[0]).toBe(`voidListing ${LISTING}`);
  });

  it("voids all missed hours in order after a jump, and opens only the current one", () => {
    const chain = new TestChain();
    chain.add(T("16:30:00"));
    chain.add(T("21:30:00"));
    expect(done(chain)).toEqual([
      `voidListing ${LISTING}`,
      `finishListing ${LISTING}`,
      "createListing 21Mar18-14:00",
      "voidListing 21Mar18-14:00",
      "finishListing 21Mar18-14:00",
      "createListing 21Mar18-15:00",
      "voidListing 21Mar18-15:00",
      "finishListing 21Mar18-15:00",
      "createListing 21Mar18-16:00",
      "voidListing 21Mar18-16:00",
      // Delivered until 21:00Z, readings until 21:15Z: finished.
      "finishListing 21Mar18-16:00",
      "createListing 21Mar18-17:00",
      "voidListing 21Mar18-17:00",
      "createListing 21Mar18-18:00",
      "acceptOfferBroadcast 21Mar18-18:00",
    ]);
    const left = [...chain.state.listings.values()].map(({ listingId, state }) => [
      listingId,
      state,
    ]);
    expect(left).toEqual([
      ["21Mar18-17:00", "VOID"],
      ["21Mar18-18:00", "ACCEPT_OFFERS"],
    ]);
    expect(chain.state.nextDelivery).toBe(at(T("23:00:00")));
  });

  it("lists a month of missed hours after a year, in a block that still has room", () => {
    const chain = new TestChain();
    chain.add(T("16:30:00"));
    const late = at("2019-03-21T16:30:00Z");
    const { block } = chain.add(late, [BUYER, registration(BUYER)]);
    // The old one: void, finish. 744 hours: create, void, finish, but the last still waits for 17:15Z.
    // The current one: create, accept. 2 + 3 x 744 - 1 + 2 = 2235.
    expect(block.header.systemSteps.length).toBe(2235);
    expect(block.header.systemSteps.length).toBeLessThan(SYSTEM_STEPS_MAX);
    expect(block.transactions.length).toBe(1);
    expect(encodeBlock(block).length).toBeLessThan(BLOCK_BYTES_MAX);
    expect(chain.state.listings.size).toBe(2);
    // 744 hours are 31 days: the first is the hour from 18 Feb 17:00Z on, then UTC-5.
    expect(block.header.systemSteps[2]?.listingId).toBe("18Feb19-12:00");
  });

  it("stays within its bound with the widest rules there are", () => {
    const wide = { openBefore: 48 * HOUR_MS, readingsWithin: 72 * HOUR_MS, cutoffBefore: 1000 };
    const chain = new TestChain(makeRules(timeline({ ...wide, closeWithin: 0 })));
    for (let hour = 0; hour < 125; hour += 1) {
      chain.add(at(T("16:59:59.500")) + hour * HOUR_MS);
    }
    expect(chain.state.listings.size).toBeGreaterThan(100);
    const { block } = chain.add("2019-03-21T16:30:00Z");
    expect(block.header.systemSteps.length).toBeLessThan(SYSTEM_STEPS_MAX);
    expect(encodeBlock(block).length).toBeLessThan(BLOCK_BYTES_MAX);
  });

  it("has 23 listings on 11 March 2018 and 25 on 4 November 2018", () => {
    const listed = (day: string, hours: number) => {
      const chain = new TestChain();
      const first = at(day);
      const ids: string[] = [];
      for (let hour = 0; hour < hours; hour += 1) {
        chain.add(first + hour * HOUR_MS - 30 * MINUTE_MS);
        ids.push(...done(chain).filter((step) => step.startsWith("createListing")));
      }
      return ids.map((step) => step.replace("createListing ", ""));
    };
    const spring = listed("2018-03-11T05:00:00Z", 24);
    expect(spring.filter((id) => id.startsWith("11Mar18")).length).toBe(23);
    expect(spring).not.toContain("11Mar18-02:00");
    const autumn = listed("2018-11-04T04:00:00Z", 25);
    expect(autumn.filter((id) => id.startsWith("04Nov18")).length).toBe(25);
    expect(autumn.slice(0, 4)).toEqual([
      "04Nov18-00:00",
      "04Nov18-01:00",
      "04Nov18-01:00-05:00",
      "04Nov18-02:00",
    ]);
    expect(new Set(autumn).size).toBe(25);
  });

  it("nextDue is the first time at which something is due, after any blocks", () => {
    const minutes = (min: number, max: number) =>
      fc.integer({ min: min * MINUTE_MS, max: max * MINUTE_MS });
    fc.assert(
      fc.property(
        fc.record({
          openBefore: minutes(70, 300),
          cutoffBefore: minutes(1, 60),
          receiptsWithin: fc.constant(5000),
          sealAfter: fc.integer({ min: 5000, max: 20 * MINUTE_MS }),
          closeWithin: minutes(0, 10),
          readingsWithin: minutes(1, 200),
        }),
        fc.array(minutes(1, 400), { minLength: 1, maxLength: 6 }),
        (offsets, waits) => {
          const chain = new TestChain(makeRules(timeline(offsets)));
          let now: number = at(T("12:34:56"));
          for (const wait of waits) {
            chain.add(now);
            const next = nextDue(chain.state);
            expect(next).toBeGreaterThan(now);
            expect(due(chain.state, { time: unixMs(next! - 1), proposer: BY })).toEqual([]);
            expect(due(chain.state, { time: next!, proposer: BY }).length).toBeGreaterThan(0);
            now += wait;
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
