import { describe, expect, it } from "vitest";
import { listingId, pvId } from "../../../../agent/core/units/ids.ts";
import {
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
} from "../../../support/ledger.ts";

const [ALICE, BOB] = ["alice@vt.edu", "bob@vt.edu"];
const LISTING = "21Mar18-13:00";
/** The listing takes offers from 16:01 to 16:59 UTC. */
const T = (time: string) => `2018-03-21T${time}Z`;

function openChain(): TestChain {
  const chain = new TestChain(makeRules({ priceMax: perKwh(10) }));
  chain.add(
    T("16:10:00"),
    [ALICE, registration(ALICE)],
    [BOB, registration(BOB)],
    [ALICE, say.registerPv(ALICE, "roof", 6000)],
  );
  return chain;
}

const offerOf = (chain: TestChain) => chain.listing(LISTING)?.pvOffers.get(pvId("roof"));

describe("pvOffer", () => {
  it("stands on the listing, without a stamp until validators say when they received it", () => {
    const chain = openChain();
    const transaction = signed(
      chain.rules,
      ALICE,
      say.pvOffer(LISTING, "roof", { energy: kwh(6), reserve: perKwh(2) }),
    );
    const { events } = chain.addSigned(T("16:20:00"), [transaction]);
    const offer = {
      transactionId: transaction.id,
      memberId: ALICE,
      pvId: "roof",
      sequence: 0,
      energy: 6000,
      reservePrice: 2000,
      stamp: null,
    };
    expect(offerOf(chain)).toEqual(offer);
    expect(events).toEqual([{ type: "pvOfferPlaced", listingId: LISTING, offer }]);
    // One validator: f = 0, and its one receipt is the stamp.
    const receipt = chain.receipt("seller1@vt.edu", [[transaction, T("16:20:00.500")]]);
    const { events: after } = chain.add(T("16:20:01"), receipt);
    const stamp = Date.parse(T("16:20:00.500"));
    expect(offerOf(chain)).toEqual({ ...offer, stamp });
    const transactionId = transaction.id;
    const place = { listingId: LISTING, transactionId, memberId: ALICE, pvId: "roof" };
    expect(after).toEqual([{ type: "offerStamped", ...place, stamp }]);
  });

  it("is amended by a higher sequence, and goes to the end of the queue", () => {
    const chain = openChain();
    chain.add(T("16:20:00"), [ALICE, say.pvOffer(LISTING, "roof", { energy: kwh(6) })]);
    chain.addReceipts(T("16:20:01"));
    expect(offerOf(chain)?.stamp).toBe(Date.parse(T("16:20:01")));
    chain.add(T("16:30:00"), [
      ALICE,
      say.pvOffer(LISTING, "roof", { energy: kwh(2), sequence: 5 }),
    ]);
    expect(offerOf(chain)).toMatchObject({ energy: 2000, sequence: 5, stamp: null });
    chain.addReceipts(T("16:30:01"));
    expect(offerOf(chain)?.stamp).toBe(Date.parse(T("16:30:01")));
  });

  it("amendedTooLate: in a block at the cut-off what is offered stands; a first offer may still come", () => {
    const chain = openChain();
    const offer = say.pvOffer(LISTING, "roof", { energy: kwh(6) });
    const cancelled = say.pvOffer(LISTING, "roof", { energy: kwh(0), sequence: 1 });
    expect(chain.fork().add(T("16:59:00"), [ALICE, offer]).dropped).toEqual([]);
    chain.add(T("16:20:00"), [ALICE, offer]);
    expect(chain.fork().add(T("16:58:59.999"), [ALICE, cancelled]).dropped).toEqual([]);
    expect(chain.refusal(T("16:59:00"), ALICE, cancelled)).toEqual({
      code: "amendedTooLate",
      cutoffAt: Date.parse(T("16:59:00")),
    });
    expect(offerOf(chain)?.energy).toBe(6000);
  });

  it("is cancelled by 0 Wh, and its sequence stays used", () => {
    const chain = openChain();
    chain.add(T("16:20:00"), [
      ALICE,
      say.pvOffer(LISTING, "roof", { energy: kwh(6), sequence: 1 }),
    ]);
    chain.add(T("16:30:00"), [
      ALICE,
      say.pvOffer(LISTING, "roof", { energy: kwh(0), sequence: 2 }),
    ]);
    expect(offerOf(chain)).toMatchObject({ energy: 0, sequence: 2 });
    const late = say.pvOffer(LISTING, "roof", { energy: kwh(6), sequence: 1 });
    expect(chain.refusal(T("16:31:00"), ALICE, late)).toEqual({
      code: "staleSequence",
      have: 2,
      got: 1,
    });
  });

  it("sequenceBeyondMax: amendments have an end", () => {
    const chain = openChain();
    const offer = say.pvOffer(LISTING, "roof", { energy: kwh(6), sequence: 256 });
    expect(chain.refusal(T("16:20:00"), ALICE, offer)).toEqual({
      code: "sequenceBeyondMax",
      got: 256,
      max: 255,
    });
  });

  it("staleSequence: the same transaction again, in a later block", () => {
    const chain = openChain();
    const transaction = signed(
      chain.rules,
      ALICE,
      say.pvOffer(LISTING, "roof", { energy: kwh(6) }),
    );
    chain.addSigned(T("16:20:00"), [transaction]);
    const replay = chain.addSigned(T("16:21:00"), [transaction]);
    expect(replay.dropped).toEqual([
      { id: transaction.id, refusal: { code: "staleSequence", have: 0, got: 0 } },
    ]);
  });

  it("pvUnknown", () => {
    expect(
      openChain().refusal(T("16:20:00"), ALICE, say.pvOffer(LISTING, "barn", { energy: kwh(1) })),
    ).toEqual({ code: "pvUnknown", pv: "barn" });
  });

  it("notOwner: a foreign PV", () => {
    expect(
      openChain().refusal(T("16:20:00"), BOB, say.pvOffer(LISTING, "roof", { energy: kwh(1) })),
    ).toEqual({ code: "notOwner", pv: "roof", owner: ALICE });
  });

  it("beyondCapacity: 6 kW make at most 6 kWh in an hour", () => {
    const chain = openChain();
    const beyond = say.pvOffer(LISTING, "roof", { energy: kwh(6.001) });
    expect(chain.refusal(T("16:20:00"), ALICE, beyond)).toEqual({
      code: "beyondCapacity",
      offered: 6001,
      capacity: 6000,
    });
    expect(offerOf(chain)).toBeUndefined();
  });

  it("priceBeyondMax", () => {
    const dear = say.pvOffer(LISTING, "roof", { energy: kwh(1), reserve: perKwh(10.001) });
    expect(openChain().refusal(T("16:20:00"), ALICE, dear)).toEqual({
      code: "priceBeyondMax",
      price: 10_001,
      max: 10_000,
    });
  });

  it("listingUnknown: not opened yet", () => {
    const early = say.pvOffer("21Mar18-14:00", "roof", { energy: kwh(1) });
    expect(openChain().refusal(T("16:20:00"), ALICE, early)).toEqual({
      code: "listingUnknown",
      listingId: listingId("21Mar18-14:00"),
    });
  });

  it("listingNotOpen: once the bidding is closed; the closing block itself still takes it", () => {
    const offer = say.pvOffer(LISTING, "roof", { energy: kwh(1) });
    const inTime = openChain();
    expect(inTime.add(T("16:59:15"), [ALICE, offer]).dropped).toEqual([]);
    expect(inTime.listing(LISTING)?.state).toBe("AUCTION_CLOSED");
    const closed = openChain();
    closed.add(T("16:59:15"));
    expect(closed.refusal(T("16:59:15.001"), ALICE, offer)).toEqual({
      code: "listingNotOpen",
      listingId: LISTING,
      state: "AUCTION_CLOSED",
    });
  });

  it("is taken in the very block that opens the listing", () => {
    const chain = new TestChain();
    chain.add(T("16:00:30"), [ALICE, registration(ALICE)], [ALICE, say.registerPv(ALICE, "roof")]);
    expect(chain.listing(LISTING)).toBeUndefined();
    chain.add(T("16:01:00"), [ALICE, say.pvOffer(LISTING, "roof", { energy: kwh(1) })]);
    expect(offerOf(chain)).toMatchObject({ energy: 1000 });
  });
});
