import { describe, expect, it } from "vitest";
import { memberId, pvId } from "../../../../agent/core/units/ids.ts";
import {
  ADMINISTRATOR,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  TestChain,
} from "../../../support/ledger.ts";

const [ALICE, BOB] = ["alice@vt.edu", "bob@vt.edu"];
const LISTING = "21Mar18-13:00";
const T = (time: string) => `2018-03-21T${time}Z`;

/** Alice sells and buys at once, Bob sells; both in the open listing. */
function chainOfTwo(): TestChain {
  const chain = new TestChain();
  chain.add(
    T("16:10:00"),
    [ALICE, registration(ALICE)],
    [BOB, registration(BOB)],
    [ALICE, say.registerPv(ALICE, "alices")],
    [BOB, say.registerPv(BOB, "bobs")],
  );
  chain.add(
    T("16:11:00"),
    [ALICE, say.pvOffer(LISTING, "alices", { energy: kwh(6) })],
    [BOB, say.pvOffer(LISTING, "bobs", { energy: kwh(6) })],
    [ALICE, say.buyOffer(LISTING, { energy: kwh(5), price: perKwh(3) })],
  );
  return chain;
}

describe("revoke", () => {
  it("ends the card, cancels what is open and frees the reservation; the balance stays", () => {
    const chain = chainOfTwo();
    expect(chain.reserved(ALICE)).toBe(15);
    const { events } = chain.add(T("16:20:00"), [null, say.revoke(1, ALICE)]);
    expect(chain.member(ALICE)).toMatchObject({ revoked: true, reserved: 0n });
    expect(chain.balance(ALICE)).toBe(200);
    const listing = chain.listing(LISTING);
    expect(listing?.pvOffers.get(pvId("alices"))?.energy).toBe(0);
    expect(listing?.buyOffers.get(memberId(ALICE))?.energy).toBe(0);
    expect(listing?.pvOffers.get(pvId("bobs"))?.energy).toBe(6000);
    expect(events.map(({ type }) => type)).toEqual([
      "memberRevoked",
      "pvOfferPlaced",
      "buyOfferPlaced",
      "balanceChanged",
    ]);
  });

  it("takes nothing from a revoked member, not even in the same block", () => {
    const chain = chainOfTwo();
    const offer = say.pvOffer(LISTING, "alices", { energy: kwh(1), sequence: 9 });
    const { dropped } = chain.add(T("16:20:00"), [null, say.revoke(1, ALICE)], [ALICE, offer]);
    expect(dropped.map(({ refusal }) => refusal)).toEqual([{ code: "revoked", memberId: ALICE }]);
  });

  it("trades nothing of a revoked member at the close", () => {
    const chain = chainOfTwo();
    chain.addReceipts(T("16:12:00"));
    chain.add(T("16:20:00"), [null, say.revoke(1, ALICE)]);
    chain.add(T("16:59:15"));
    expect(chain.listing(LISTING)).toMatchObject({ state: "AUCTION_CLOSED", mcp: null, fills: [] });
  });

  it("leaves closed listings as they are", () => {
    const chain = chainOfTwo();
    chain.add(T("16:59:15"));
    const closed = chain.listing(LISTING);
    chain.add(T("17:00:00"), [null, say.revoke(1, ALICE)]);
    expect(chain.listing(LISTING)).toEqual(closed);
  });

  it("by hand counts the administrator's numbers, not the CA's", () => {
    const chain = new TestChain(makeRules({ schedule: "manual" }));
    chain.add(T("16:10:00"), [ALICE, registration(ALICE)], [BOB, registration(BOB)]);
    chain.add(T("16:20:00"), [ADMINISTRATOR, say.revoke(7, ALICE)]);
    expect(chain.member(ALICE).revoked).toBe(true);
    expect(chain.state).toMatchObject({ administratorSequence: 7, caSequence: 0 });
    const stale = chain.refusal(T("16:21:00"), ADMINISTRATOR, say.revoke(7, BOB));
    expect(stale).toEqual({ code: "staleSequence", have: 7, got: 7 });
  });

  it("alreadyRevoked and unknownMember", () => {
    const chain = chainOfTwo();
    chain.add(T("16:20:00"), [null, say.revoke(1, ALICE)]);
    expect(chain.refusal(T("16:21:00"), null, say.revoke(2, ALICE))).toEqual({
      code: "alreadyRevoked",
      memberId: ALICE,
    });
    expect(chain.refusal(T("16:22:00"), null, say.revoke(2, "carol@vt.edu"))).toEqual({
      code: "unknownMember",
      memberId: "carol@vt.edu",
    });
  });
});
