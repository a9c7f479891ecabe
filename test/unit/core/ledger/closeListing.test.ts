import { describe, expect, it } from "vitest";
import { sha256Hex } from "../../../../agent/core/crypto.ts";
import {
  ADMINISTRATOR,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  TestChain,
  tokens,
} from "../../../support/ledger.ts";

const LISTING = "21Mar18-13:00";
const [SELLER1, SELLER2] = ["seller1@vt.edu", "seller2@vt.edu"];
const [BUYER1, BUYER2, BUYER3] = ["buyer1@vt.edu", "buyer2@vt.edu", "buyer3@vt.edu"];
const MEMBERS = [SELLER1, SELLER2, BUYER1, BUYER2, BUYER3];
const T = (time: string) => `2018-03-21T${time}Z`;

/** The five homes of the paper with 200 tokens each, their PVs, and the listing open. */
function paperChain(options: { readonly guard?: boolean } = {}): TestChain {
  const chain = new TestChain(makeRules({ schedule: "manual", ...options }));
  chain.add(T("12:00:00"), ...MEMBERS.map((name) => [name, registration(name)] as const));
  chain.add(
    T("12:01:00"),
    [SELLER1, say.registerPv(SELLER1, "seller1house")],
    [SELLER2, say.registerPv(SELLER2, "seller2house")],
    [ADMINISTRATOR, say.administrator("createListing", 1, LISTING)],
    [ADMINISTRATOR, say.administrator("acceptOfferBroadcast", 2, LISTING)],
  );
  return chain;
}

const close = [ADMINISTRATOR, say.administrator("closeBidding", 3, LISTING)] as const;
const bid = (energy: number, price: number) =>
  say.buyOffer(LISTING, { energy: kwh(energy), price: perKwh(price) });
const offer = (pv: string, energy: number, reserve = 0) =>
  say.pvOffer(LISTING, pv, { energy: kwh(energy), reserve: perKwh(reserve) });

describe("closeListing", () => {
  it.each([true, false])("turns Table IV into Table V (guard %s)", (guard) => {
    const chain = paperChain({ guard });
    // The times of Table IV.
    chain.add(T("12:50:06.040"), [SELLER1, offer("seller1house", 6)]);
    chain.add(T("12:50:27.462"), [SELLER2, offer("seller2house", 6)]);
    chain.add(T("12:51:51.612"), [BUYER1, bid(5, 3)]);
    chain.add(T("12:52:20.000"), [BUYER2, bid(3, 3)]);
    chain.add(T("12:52:40.000"), [BUYER3, bid(1, 3)]);
    expect(MEMBERS.map((name) => chain.reserved(name))).toEqual([0, 0, 15, 9, 3]);
    const { events } = chain.add(T("12:59:00"), close);
    // MCP 3; seller1 sells 6 = 5 + 1, seller2 the other 3 = 2 + 1.
    expect(MEMBERS.map((name) => chain.balance(name))).toEqual([218, 209, 185, 191, 197]);
    expect(MEMBERS.map((name) => chain.reserved(name))).toEqual([0, 0, 0, 0, 0]);
    expect(chain.listing(LISTING)).toMatchObject({ state: "AUCTION_CLOSED", mcp: 3000 });
    expect(chain.listing(LISTING)?.fills).toEqual([
      { seller: SELLER1, pvId: "seller1house", buyer: BUYER1, energy: 5000, price: 3000 },
      { seller: SELLER1, pvId: "seller1house", buyer: BUYER2, energy: 1000, price: 3000 },
      { seller: SELLER2, pvId: "seller2house", buyer: BUYER2, energy: 2000, price: 3000 },
      { seller: SELLER2, pvId: "seller2house", buyer: BUYER3, energy: 1000, price: 3000 },
    ]);
    const postings = events.flatMap((event) => (event.type === "posted" ? [event.posting] : []));
    expect(postings.length).toBe(8);
    expect(postings.reduce((sum, { amount }) => sum + amount, 0n)).toBe(0n);
    expect(events.filter(({ type }) => type === "balanceChanged")).toMatchObject([
      { memberId: BUYER1, balance: tokens(185), reserved: 0n },
      { memberId: BUYER2, balance: tokens(191), reserved: 0n },
      { memberId: BUYER3, balance: tokens(197), reserved: 0n },
      { memberId: SELLER1, balance: tokens(218), reserved: 0n },
      { memberId: SELLER2, balance: tokens(209), reserved: 0n },
    ]);
  });

  it("serves the seller that came first, unless it amended", () => {
    const chain = paperChain();
    chain.add(T("12:50:00"), [SELLER1, offer("seller1house", 6)]);
    chain.add(T("12:51:00"), [SELLER2, offer("seller2house", 6)]);
    const amended = say.pvOffer(LISTING, "seller1house", { energy: kwh(6), sequence: 1 });
    chain.add(T("12:52:00"), [SELLER1, amended], [BUYER1, bid(5, 3)]);
    chain.add(T("12:59:00"), close);
    expect([SELLER1, SELLER2].map((name) => chain.balance(name))).toEqual([200, 215]);
  });

  it("lets a buyer spend its reservation and what is free, and never more", () => {
    const chain = paperChain({ guard: false });
    // 2 kWh x 1 and 2 kWh x 99: MCP (2 + 198) / 4 = 50. With 200 tokens buyer1 pays 2 x 50 = 100.
    chain.add(T("12:50:00"), [SELLER1, offer("seller1house", 10)]);
    chain.add(T("12:51:00"), [BUYER1, bid(2, 1)], [BUYER2, bid(2, 99)]);
    chain.add(T("12:59:00"), close);
    expect([BUYER1, BUYER2].map((name) => chain.balance(name))).toEqual([100, 100]);
    // The same with only 60 tokens: it gets 60 / 50 = 1.2 kWh.
    const poor = paperChain({ guard: false });
    poor.add(T("12:49:00"), [null, say.grant(1, BUYER1, tokens(-140))]);
    poor.add(T("12:50:00"), [SELLER1, offer("seller1house", 10)]);
    poor.add(T("12:51:00"), [BUYER1, bid(2, 1)], [BUYER2, bid(2, 99)]);
    poor.add(T("12:59:00"), close);
    expect(poor.balance(BUYER1)).toBe(0);
    expect(poor.listing(LISTING)?.fills).toContainEqual(
      expect.objectContaining({ buyer: BUYER1, energy: 1200 }),
    );
  });

  it("keeps what another listing reserves out of a buyer's reach", () => {
    const chain = paperChain({ guard: false });
    const other = "21Mar18-14:00";
    chain.add(
      T("12:02:00"),
      [ADMINISTRATOR, say.administrator("createListing", 3, other)],
      [ADMINISTRATOR, say.administrator("acceptOfferBroadcast", 4, other)],
      [BUYER1, say.buyOffer(other, { energy: kwh(14), price: perKwh(10) })],
    );
    chain.add(T("12:50:00"), [SELLER1, offer("seller1house", 10)]);
    chain.add(T("12:51:00"), [BUYER1, bid(2, 1)], [BUYER2, bid(2, 99)]);
    chain.add(T("12:59:00"), [ADMINISTRATOR, say.administrator("closeBidding", 5, LISTING)]);
    // 200 - 140 reserved = 60 to spend at MCP 50: 1.2 kWh; the other 140 stay reserved.
    expect([chain.balance(BUYER1), chain.reserved(BUYER1)]).toEqual([140, 140]);
  });

  it("does it all in the first block, if the administrator says so", () => {
    const chain = new TestChain(makeRules({ schedule: "manual" }));
    chain.add(
      T("12:00:00"),
      [SELLER1, registration(SELLER1)],
      [BUYER1, registration(BUYER1)],
      [SELLER1, say.registerPv(SELLER1, "seller1house")],
      [ADMINISTRATOR, say.administrator("createListing", 1, LISTING)],
      [ADMINISTRATOR, say.administrator("acceptOfferBroadcast", 2, LISTING)],
      [SELLER1, offer("seller1house", 6)],
      [BUYER1, bid(5, 3)],
      close,
    );
    // 5 kWh at 3 tokens/kWh
    expect([chain.balance(SELLER1), chain.balance(BUYER1)]).toEqual([215, 185]);
  });

  it("closes without a price when there is no bid", () => {
    const chain = paperChain();
    chain.add(T("12:50:00"), [SELLER1, offer("seller1house", 6)]);
    const { events } = chain.add(T("12:59:00"), close);
    expect(chain.listing(LISTING)).toMatchObject({ state: "AUCTION_CLOSED", mcp: null, fills: [] });
    expect(events.map(({ type }) => type)).toEqual(["biddingClosed"]);
  });

  it("leaves cancelled offers and bids out", () => {
    const chain = paperChain();
    chain.add(
      T("12:50:00"),
      [SELLER1, offer("seller1house", 6)],
      [SELLER2, offer("seller2house", 6)],
    );
    chain.add(T("12:51:00"), [BUYER1, bid(5, 3)], [BUYER2, bid(3, 9)]);
    chain.add(
      T("12:52:00"),
      [SELLER1, say.pvOffer(LISTING, "seller1house", { energy: kwh(0), sequence: 1 })],
      [BUYER2, say.buyOffer(LISTING, { energy: kwh(0), price: perKwh(9), sequence: 1 })],
    );
    chain.add(T("12:59:00"), close);
    expect(chain.listing(LISTING)).toMatchObject({ mcp: 3000 });
    expect(MEMBERS.map((name) => chain.balance(name))).toEqual([200, 215, 185, 200, 200]);
  });

  it("hashes its result in canonical bytes", () => {
    const chain = paperChain();
    chain.add(T("12:59:00"), close);
    // [ "21Mar18-13:00", null, [] ]: array of 3, text of 13 bytes, null, array of 0
    const bytes = [0x83, 0x6d, ...new TextEncoder().encode(LISTING), 0xf6, 0x80];
    expect(chain.listing(LISTING)?.resultHash).toBe(sha256Hex(Uint8Array.from(bytes)));
  });
});
