import { describe, expect, it } from "vitest";
import { memberId } from "../../../../agent/core/units/ids.ts";
import { HOUR_MS, MINUTE_MS } from "../../../../agent/core/units/time.ts";
import {
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
  tokens,
} from "../../../support/ledger.ts";

const BUYER = "buyer1@vt.edu";
const [LISTING, NEXT] = ["21Mar18-13:00", "21Mar18-14:00"];
const T = (time: string) => `2018-03-21T${time}Z`;

/** Listings open two hours ahead here, so that two are open at 16:10: 13:00 and 14:00. */
function openChain(): TestChain {
  const timeline = { ...makeRules().timeline, openBefore: (2 * HOUR_MS - MINUTE_MS) as never };
  const chain = new TestChain(makeRules({ timeline, priceMax: perKwh(50), bidMax: kwh(20) }));
  chain.add(T("16:10:00"), [BUYER, registration(BUYER)]);
  return chain;
}

const bid = (energy: number, price: number, sequence = 0, listing = LISTING) =>
  say.buyOffer(listing, { energy: kwh(energy), price: perKwh(price), sequence });

describe("buyOffer", () => {
  it("stands on the listing and reserves what it can cost", () => {
    const chain = openChain();
    const transaction = signed(chain.rules, BUYER, bid(5, 3));
    const { events } = chain.addSigned(T("16:20:00"), [transaction]);
    // 5 kWh x 3 tokens/kWh = 15 tokens
    expect([chain.balance(BUYER), chain.reserved(BUYER)]).toEqual([200, 15]);
    const placed = {
      transactionId: transaction.id,
      memberId: BUYER,
      sequence: 0,
      energy: 5000,
      bidPrice: 3000,
      stamp: null,
    };
    expect(chain.listing(LISTING)?.buyOffers.get(memberId(BUYER))).toEqual(placed);
    expect(events).toEqual([
      { type: "buyOfferPlaced", listingId: LISTING, bid: placed },
      { type: "balanceChanged", memberId: BUYER, balance: tokens(200), reserved: tokens(15) },
    ]);
  });

  it("moves its reservation when amended, up and down, and frees it when cancelled", () => {
    const chain = openChain();
    const reserved = [bid(5, 3, 1), bid(10, 4, 2), bid(1, 2, 3), bid(0, 2, 4)].map((payload, i) => {
      chain.add(T(`16:2${i}:00`), [BUYER, payload]);
      return chain.reserved(BUYER);
    });
    // 5x3, 10x4, 1x2, 0x2
    expect(reserved).toEqual([15, 40, 2, 0]);
  });

  it("sequenceBeyondMax: nobody fills everyone's disk with amendments, which cost nothing", () => {
    const chain = openChain();
    const refusal = { code: "sequenceBeyondMax", got: 256, max: 255 };
    expect(chain.refusal(T("16:20:00"), BUYER, bid(5, 3, 256))).toEqual(refusal);
    chain.add(T("16:21:00"), [BUYER, bid(5, 3, 255)]);
    expect(chain.reserved(BUYER)).toBe(15);
    expect(chain.refusal(T("16:22:00"), BUYER, bid(6, 3, 256))).toEqual(refusal);
    // Each listing counts anew.
    expect(chain.add(T("16:23:00"), [BUYER, bid(1, 3, 0, NEXT)]).dropped).toEqual([]);
  });

  it("says a change once a block, as it is in the end, and not at all if there is none", () => {
    const chain = openChain();
    const { events } = chain.add(T("16:20:00"), [BUYER, bid(5, 3, 1)], [BUYER, bid(2, 3, 2)]);
    expect(events.filter(({ type }) => type === "balanceChanged")).toEqual([
      { type: "balanceChanged", memberId: BUYER, balance: tokens(200), reserved: tokens(6) },
    ]);
    const same = chain.add(T("16:21:00"), [BUYER, bid(3, 2, 3)]);
    expect(same.events.map(({ type }) => type)).toEqual(["buyOfferPlaced"]);
  });

  it("insufficientFunds: what other listings reserve is not free; its own reservation is", () => {
    const chain = openChain();
    chain.add(T("16:20:00"), [BUYER, bid(20, 8, 0, NEXT)]);
    // 200 - 20 x 8 = 40 free
    expect(chain.refusal(T("16:21:00"), BUYER, bid(10, 4.001))).toEqual({
      code: "insufficientFunds",
      free: "40",
      need: "40.01",
    });
    chain.add(T("16:22:00"), [BUYER, bid(10, 4, 1)]);
    expect(chain.reserved(BUYER)).toBe(200);
    // Its own 40 count as free: 10 x 3.9 fits, 10 x 4.1 does not.
    expect(chain.refusal(T("16:23:00"), BUYER, bid(10, 4.1, 2))).toMatchObject({
      code: "insufficientFunds",
      free: "40",
      need: "41",
    });
    chain.add(T("16:24:00"), [BUYER, bid(10, 3.9, 2)]);
    expect(chain.reserved(BUYER)).toBe(199);
  });

  it("beyondBidMax and priceBeyondMax", () => {
    expect(openChain().refusal(T("16:20:00"), BUYER, bid(20.001, 1))).toEqual({
      code: "beyondBidMax",
      wanted: 20_001,
      max: 20_000,
    });
    expect(openChain().refusal(T("16:20:00"), BUYER, bid(1, 50.001))).toEqual({
      code: "priceBeyondMax",
      price: 50_001,
      max: 50_000,
    });
  });

  it("amendedTooLate: in a block at the cut-off the bid and its reservation stand", () => {
    const chain = openChain();
    chain.add(T("16:20:00"), [BUYER, bid(5, 3)]);
    expect(chain.refusal(T("16:59:00"), BUYER, bid(0, 3, 1))).toEqual({
      code: "amendedTooLate",
      cutoffAt: Date.parse(T("16:59:00")),
    });
    expect(chain.reserved(BUYER)).toBe(15);
  });

  it("staleSequence: an old bid, and the same one again", () => {
    const chain = openChain();
    const transaction = signed(chain.rules, BUYER, bid(5, 3, 7));
    chain.addSigned(T("16:20:00"), [transaction]);
    const [replayed] = chain.addSigned(T("16:21:00"), [transaction]).dropped;
    expect(replayed?.refusal).toEqual({ code: "staleSequence", have: 7, got: 7 });
    expect(chain.refusal(T("16:22:00"), BUYER, bid(9, 3, 6)).code).toBe("staleSequence");
    expect(chain.reserved(BUYER)).toBe(15);
  });

  it("listingUnknown and listingNotOpen", () => {
    const chain = openChain();
    expect(chain.refusal(T("16:20:00"), BUYER, bid(1, 1, 0, "21Mar18-16:00")).code).toBe(
      "listingUnknown",
    );
    chain.add(T("16:59:15"));
    expect(chain.refusal(T("16:59:16"), BUYER, bid(1, 1))).toEqual({
      code: "listingNotOpen",
      listingId: LISTING,
      state: "AUCTION_CLOSED",
    });
  });
});
