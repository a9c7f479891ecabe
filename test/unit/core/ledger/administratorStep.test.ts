// CreateListing, AcceptOfferBroadcast and CloseBidding by hand, as in the paper's lab.

import { describe, expect, it } from "vitest";
import { due, nextDue } from "../../../../agent/core/ledger/due.ts";
import type { Listing } from "../../../../agent/core/ledger/state.ts";
import { memberId } from "../../../../agent/core/units/ids.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";
import {
  ADMINISTRATOR,
  makeRules,
  registration,
  say,
  TestChain,
  testKey,
} from "../../../support/ledger.ts";

const LISTING = "21Mar18-13:00";
const T = (second: number) => Date.parse("2026-11-23T09:00:00Z") + 1000 * second;
const create = (sequence: number, listing = LISTING) =>
  say.administrator("createListing", sequence, listing);
const accept = (sequence: number) => say.administrator("acceptOfferBroadcast", sequence, LISTING);
const close = (sequence: number) => say.administrator("closeBidding", sequence, LISTING);

const manual = () => new TestChain(makeRules({ schedule: "manual" }));

describe("a manual community", () => {
  it("goes through its states by hand, whatever the clock says", () => {
    const chain = manual();
    const states = [create(1), accept(2), close(3)].map((payload, i) => {
      chain.add(T(i), [ADMINISTRATOR, payload]);
      return chain.listing(LISTING)?.state;
    });
    expect(states).toEqual(["ACCEPT_OFFERS", "ACCEPT_OFFERS", "AUCTION_CLOSED"]);
    expect(chain.listing(LISTING)?.deliveryStart).toBe(Date.parse("2018-03-21T17:00:00Z"));
    expect(chain.state.nextDelivery).toBeNull();
  });

  it("does nothing by itself", () => {
    const chain = manual();
    chain.add(T(0), [ADMINISTRATOR, create(1)], [ADMINISTRATOR, accept(2)]);
    const years = unixMs(T(0) + 3e11);
    expect([
      due(chain.state, { time: years, proposer: memberId("seller1@vt.edu") }),
      nextDue(chain.state),
    ]).toEqual([[], null]);
    chain.add(years);
    expect(chain.listing(LISTING)?.state).toBe("ACCEPT_OFFERS");
  });

  it("keeps its listings, and takes readings of them at any later time", () => {
    const chain = manual();
    const name = "seller1@vt.edu";
    chain.add(
      T(0),
      [ADMINISTRATOR, create(1)],
      [ADMINISTRATOR, accept(2)],
      [ADMINISTRATOR, close(3)],
    );
    chain.add(T(1), [name, registration(name)]);
    const reading = say.meterReading(LISTING, { imported: [0, 0], exported: [0, 5900] });
    chain.add(T(2e6), [name, reading]);
    expect(chain.listing(LISTING)?.readings.size).toBe(1);
  });

  it("staleSequence: each step is said once", () => {
    const chain = manual();
    chain.add(T(0), [ADMINISTRATOR, create(5)]);
    expect(chain.refusal(T(1), ADMINISTRATOR, create(5, "21Mar18-14:00"))).toEqual({
      code: "staleSequence",
      have: 5,
      got: 5,
    });
    expect(chain.refusal(T(2), ADMINISTRATOR, accept(4)).code).toBe("staleSequence");
    expect(chain.refusal(T(3), ADMINISTRATOR, close(4)).code).toBe("staleSequence");
    expect(chain.listing(LISTING)?.state).toBe("ACCEPT_OFFERS");
  });

  it("wrongListingState: what is closed neither opens nor closes again", () => {
    const chain = manual();
    const wrong = (state: string, needed: string) => {
      return { code: "wrongListingState", listingId: LISTING, state, needed };
    };
    chain.add(T(0), [ADMINISTRATOR, create(1)], [ADMINISTRATOR, close(2)]);
    expect(chain.refusal(T(5), ADMINISTRATOR, close(4))).toEqual(
      wrong("AUCTION_CLOSED", "ACCEPT_OFFERS"),
    );
    expect(chain.refusal(T(6), ADMINISTRATOR, accept(4))).toEqual(
      wrong("AUCTION_CLOSED", "CREATED or ACCEPT_OFFERS"),
    );
  });

  it("is broadcast as often as the administrator says so, and not by its creation", () => {
    const chain = manual();
    const told = [create(1), accept(2), accept(3)].map((payload, i) => {
      const { events } = chain.add(T(i), [ADMINISTRATOR, payload]);
      return events.map(({ type }) => type);
    });
    expect(told).toEqual([["listingCreated"], ["acceptOfferBroadcast"], ["acceptOfferBroadcast"]]);
  });

  it("listingExists, listingUnknown and notAnHour", () => {
    const chain = manual();
    chain.add(T(0), [ADMINISTRATOR, create(1)]);
    expect(chain.refusal(T(1), ADMINISTRATOR, create(2))).toEqual({
      code: "listingExists",
      listingId: LISTING,
    });
    expect(chain.refusal(T(2), ADMINISTRATOR, create(2, "11Mar18-02:00"))).toEqual({
      code: "notAnHour",
      listingId: "11Mar18-02:00",
    });
    for (const [i, type] of (["acceptOfferBroadcast", "closeBidding"] as const).entries()) {
      const unknown = say.administrator(type, 2, "21Mar18-14:00");
      expect(chain.refusal(T(3 + i), ADMINISTRATOR, unknown).code).toBe("listingUnknown");
    }
  });

  it("listingsMax", () => {
    const chain = manual();
    const id = (i: number) => {
      const [day, hour] = [1 + (Math.floor(i / 24) % 28), i % 24];
      const month = ["Jan", "Feb", "Apr", "May", "Jun", "Jul", "Aug"][Math.floor(i / 672) % 7];
      const year = 20 + Math.floor(i / 4704);
      const two = (n: number) => n.toString().padStart(2, "0");
      return `${two(day)}${month}${year}-${two(hour)}:00`;
    };
    const listing = manual();
    listing.add(T(0), [ADMINISTRATOR, create(1)]);
    const one = [...listing.state.listings.values()][0]!;
    const many = new Map<never, Listing>(
      Array.from({ length: 8783 }, (_, i) => [id(i), { ...one, listingId: id(i) }] as never),
    );
    expect(many.size).toBe(8783);
    chain.state = { ...chain.state, listings: many };
    chain.add(T(0), [ADMINISTRATOR, create(1, "01Mar18-00:00")]);
    expect(chain.refusal(T(1), ADMINISTRATOR, create(2, "01Mar18-01:00"))).toEqual({
      code: "listingsMax",
      max: 8784,
    });
  });

  it("notManual: the hours of an hourly community follow from block time", () => {
    const administrator = {
      memberId: ADMINISTRATOR as never,
      publicKey: testKey(ADMINISTRATOR).publicKey,
    };
    const chain = new TestChain(makeRules({ administrator }));
    for (const [i, payload] of [create(1), accept(1), close(1)].entries()) {
      expect(chain.refusal(T(i), ADMINISTRATOR, payload)).toEqual({ code: "notManual" });
    }
  });
});
