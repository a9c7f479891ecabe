// The paper's Tables II to V, field by field, and the way back.

import fc from "fast-check";
import { expect, test } from "vitest";
import { acceptBody } from "../../../../agent/core/composer/accept.ts";
import { showDecimal } from "../../../../agent/core/composer/decimals.ts";
import type { TypeName } from "../../../../agent/core/composer/names.ts";
import {
  presentBid,
  presentHistorianRecord,
  presentIdentity,
  presentListing,
  presentMember,
  presentOffer,
  presentPv,
  presentTransaction,
  type Timed,
} from "../../../../agent/core/composer/present.ts";
import { sha256Hex } from "../../../../agent/core/crypto.ts";
import type {
  Fill,
  Member,
  PlacedBid,
  PlacedOffer,
  Pv,
} from "../../../../agent/core/ledger/state.ts";
import type { Payload } from "../../../../agent/core/ledger/transaction.ts";
import { watts } from "../../../../agent/core/units/energy.ts";
import {
  listingId,
  type MemberId,
  memberId,
  pvId,
  type TransactionId,
} from "../../../../agent/core/units/ids.ts";
import type { MicroTokens, MilliTokensPerKwh } from "../../../../agent/core/units/money.ts";
import { CTX, taken } from "../../../support/composer.ts";
import { at, kwh, perKwh, say, testKey, tokens } from "../../../support/ledger.ts";

const NS = "org.acme.pv.auction";
const SYSTEM = "org.hyperledger.composer.system";
const LISTING = listingId("21Mar18-13:00");
/** Of a PV; what it says of it is not shown. */
const REGISTRATION = { type: "registerPv" } as Payload;

function member(name: string, balance: MicroTokens): Member {
  const id = memberId(`${name}@vt.edu`);
  const names = { memberId: id, firstName: name, lastName: name };
  const { publicKey } = testKey(name);
  return { ...names, publicKey, balance, reserved: tokens(0), revoked: false } as Member;
}

function pv(id: string, owner: string, capacity = 50_000): Pv {
  return { pvId: pvId(id), owner: memberId(owner), capacity: watts(capacity) } as Pv;
}

function id(n: number): TransactionId {
  return n.toString(16).padStart(64, "0") as TransactionId;
}

/** They were on the ledger when the cut-off came; their stamps are the table's times. */
const BLOCK_TIME = at("2018-03-21T12:59:00Z");

/** Table IV: 6 kWh of each seller, without a reserve price. */
function offer(n: number, seller: string, time: string): Timed<PlacedOffer> {
  const stamp = at(`2018-03-21T${time}Z`);
  return {
    ...{
      transactionId: id(n),
      memberId: memberId(`${seller}@vt.edu`),
      pvId: pvId(`${seller}house`),
    },
    ...{ sequence: 1, energy: kwh(6), reservePrice: perKwh(0), stamp, time: BLOCK_TIME },
  };
}

function bid(n: number, buyer: string, energy: number, time: string): Timed<PlacedBid> {
  const stamp = at(`2018-03-21T${time}Z`);
  return {
    ...{ transactionId: id(n), memberId: memberId(`${buyer}@vt.edu`), sequence: 1 },
    ...{ energy: kwh(energy), bidPrice: perKwh(3), stamp, time: BLOCK_TIME },
  };
}

const OFFERS = [offer(2, "seller2", "12:50:27.462"), offer(1, "seller1", "12:50:06.040")];
const BIDS = [
  bid(3, "buyer1", 5, "12:51:51.612"),
  bid(4, "buyer2", 3, "12:51:28.912"),
  bid(5, "buyer3", 1, "12:50:57.814"),
];

test("Table II and Table V", () => {
  const shown = presentMember(CTX, member("seller1", tokens(218)));
  expect(JSON.stringify(shown)).toBe(
    `{"$class":"${NS}.Member","balance":218,"email":"seller1@vt.edu","firstName":"seller1","lastName":"seller1"}`,
  );
});

test("Table III, and a PV that is not as large as the community takes them", () => {
  expect(JSON.stringify(presentPv(CTX, pv("seller1house", "seller1@vt.edu")))).toBe(
    `{"$class":"${NS}.PV","PVid":"seller1house","owner":"resource:${NS}.Member#seller1@vt.edu"}`,
  );
  expect(presentPv(CTX, pv("roof", "a@b.c", 6400))).toHaveProperty("capacityKw", 6.4);
});

test("Table IV after CloseBidding: bids by value though their times run the other way", () => {
  const fill: Fill = {
    ...{ seller: memberId("seller1@vt.edu"), pvId: pvId("seller1house") },
    ...{ buyer: memberId("buyer1@vt.edu"), energy: kwh(5), price: perKwh(3) },
  };
  const listing = { listingId: LISTING, state: "AUCTION_CLOSED", mcp: perKwh(3) } as const;
  const shown = presentListing(CTX, {
    ...{ ...listing, pvOffers: OFFERS, fills: [fill] },
    buyOffers: BIDS.toReversed(),
  });
  expect(Object.keys(shown)).toEqual(
    "$class listingid state pvoffers buyoffers mcp fills".split(" "),
  );
  expect(shown).toEqual({
    $class: `${NS}.kWhlisting`,
    listingid: "21Mar18-13:00",
    state: "AUCTION_CLOSED",
    pvoffers: [
      {
        $class: `${NS}.PVOffer`,
        reservePrice: 0,
        kWhavailable: 6,
        listingid: `resource:${NS}.kWhlisting#21Mar18-13:00`,
        pv: `resource:${NS}.PV#seller1house`,
        transactionId: id(1),
        timestamp: "2018-03-21T12:50:06.040Z",
      },
      expect.objectContaining({ transactionId: id(2), timestamp: "2018-03-21T12:50:27.462Z" }),
    ],
    buyoffers: [
      {
        $class: `${NS}.BUYOffer`,
        BidPrice: 3,
        kWhQuantity: 5,
        listingid: `resource:${NS}.kWhlisting#21Mar18-13:00`,
        member: `resource:${NS}.Member#buyer1@vt.edu`,
        transactionId: id(3),
        timestamp: "2018-03-21T12:51:51.612Z",
      },
      expect.objectContaining({ kWhQuantity: 3 }),
      expect.objectContaining({ kWhQuantity: 1 }),
    ],
    mcp: 3,
    fills: [
      {
        seller: `resource:${NS}.Member#seller1@vt.edu`,
        pv: `resource:${NS}.PV#seller1house`,
        buyer: `resource:${NS}.Member#buyer1@vt.edu`,
        kWh: 5,
        price: 3,
      },
    ],
  });
});

test("while it is open: by time, without those that were cancelled, and nothing of a result", () => {
  const [first] = BIDS as [Timed<PlacedBid>];
  const { pvoffers, buyoffers, ...rest } = presentListing(CTX, {
    ...{ listingId: LISTING, state: "ACCEPT_OFFERS", mcp: null, fills: [] },
    pvOffers: OFFERS.map((one) => ({ ...one, energy: kwh(0) })),
    buyOffers: [{ ...first, memberId: memberId("buyer4@vt.edu"), energy: kwh(0) }, ...BIDS],
  });
  expect(pvoffers).toEqual([]);
  expect(buyoffers).toMatchObject([{ kWhQuantity: 1 }, { kWhQuantity: 3 }, { kWhQuantity: 5 }]);
  expect(Object.keys(rest)).toEqual(["$class", "listingid", "state"]);
});

test("equal values are told apart by price, then by time, then by id", () => {
  const dear = { ...bid(9, "buyer4", 2, "12:59:00.000"), bidPrice: perKwh(6) };
  const cheap = { ...bid(8, "buyer5", 6, "12:00:00.000"), bidPrice: perKwh(2) };
  const twin = { ...cheap, transactionId: id(7) };
  const { buyoffers, mcp } = presentListing(CTX, {
    ...{ listingId: LISTING, state: "AUCTION_CLOSED", mcp: null, fills: [] },
    ...{ pvOffers: [], buyOffers: [cheap, twin, dear] },
  });
  expect(buyoffers).toMatchObject([
    { transactionId: id(9) },
    { transactionId: id(7) },
    { transactionId: id(8) },
  ]);
  expect(mcp).toBeNull();
});

test("without a stamp the block's time counts", () => {
  const one = {
    ...offer(1, "seller1", "12:50:06.040"),
    stamp: null,
    time: at("2018-03-21T13:00Z"),
  };
  expect(presentOffer(CTX, LISTING, one)).toHaveProperty("timestamp", "2018-03-21T13:00:00.000Z");
});

test("amounts are numbers where the number says the same, else texts", () => {
  expect(showDecimal(218_000_000n, 6)).toBe(218);
  expect(showDecimal(1n, 6)).toBe(0.000_001);
  // A double would print 1e-7.
  expect(showDecimal(1n, 7)).toBe("0.0000001");
  expect(showDecimal(100n, 3)).toBe(0.1);
  expect(showDecimal(2n ** 62n, 6)).toBe("4611686018427.387904");
  expect(showDecimal(-1500, 3)).toBe(-1.5);
});

test("transactions by their own routes", () => {
  const author = memberId("seller1@vt.edu");
  const time = at("2018-03-21T12:50:06.040Z");
  const payload = say.pvOffer(LISTING, "seller1house", { energy: kwh(6) });
  expect(presentTransaction(CTX, { id: id(1), author, payload, time })).toMatchObject({
    ...{ $class: `${NS}.PVOffer`, kWhavailable: 6, transactionId: id(1) },
    timestamp: "2018-03-21T12:50:06.040Z",
  });
  const close = { type: "closeBidding", sequence: 3, listingId: LISTING } as const;
  expect(presentTransaction(CTX, { id: id(2), author, payload: close, time })).toEqual({
    $class: `${NS}.CloseBidding`,
    listingid: `resource:${NS}.kWhlisting#21Mar18-13:00`,
    transactionId: id(2),
    timestamp: "2018-03-21T12:50:06.040Z",
  });
  const pvPayload = REGISTRATION;
  expect(presentTransaction(CTX, { id: id(3), author, payload: pvPayload, time })).toBeNull();
});

test("a line of the historian", () => {
  const time = at("2018-03-21T12:50:06.040Z");
  const [author, payload] = [memberId("seller1@vt.edu"), REGISTRATION];
  const entry = { id: id(3), author, payload, time };
  expect(presentHistorianRecord(CTX, entry, { identityUsed: "ab" })).toEqual({
    $class: `${SYSTEM}.HistorianRecord`,
    transactionId: id(3),
    transactionType: `${SYSTEM}.AddAsset`,
    transactionInvoked: `resource:${SYSTEM}.AddAsset#${id(3)}`,
    participantInvoking: `resource:${NS}.Member#seller1@vt.edu`,
    identityUsed: `resource:${SYSTEM}.Identity#ab`,
    eventsEmitted: [],
    transactionTimestamp: "2018-03-21T12:50:06.040Z",
  });
  const grant = { type: "grant" } as Payload;
  expect(presentHistorianRecord(CTX, { ...entry, author: null, payload: grant })).toMatchObject({
    ...{
      transactionType: `${NS}.Grant`,
      participantInvoking: `resource:${SYSTEM}.NetworkAdmin#ca`,
    },
  });
});

test("an identity, by the SHA-256 of its key; none without a key", () => {
  const one = member("seller1", tokens(200));
  const { publicKey } = testKey("seller1");
  expect(presentIdentity(CTX, one)).toEqual({
    $class: `${SYSTEM}.Identity`,
    identityId: sha256Hex(publicKey),
    name: "seller1@vt.edu",
    issuer: sha256Hex(CTX.rules.caPublicKey),
    certificate: "",
    state: "ACTIVATED",
    participant: `resource:${NS}.Member#seller1@vt.edu`,
  });
  expect(presentIdentity(CTX, { ...one, revoked: true })).toHaveProperty("state", "REVOKED");
  expect(presentIdentity(CTX, one, "BOUND")).toHaveProperty("state", "BOUND");
  expect(presentIdentity(CTX, { ...one, publicKey: null })).toBeNull();
});

const anyEmail = fc.stringMatching(/^[a-z0-9._+%#&-]{1,12}@[a-z]{1,5}\.[a-z]{2}$/);
const anyPvId = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._:@-]{0,20}$/);
const anyName = fc.string({ minLength: 1, maxLength: 16 });
const anyPrice = fc.integer({ min: 1, max: 1_000_000 });
const anyEnergy = fc.integer({ min: 0, max: 1_000_000 });

/** GET, then the same body in a PUT or POST. */
function back(type: TypeName, shown: object): unknown {
  const { transactionId: _, timestamp: __, ...body } = JSON.parse(JSON.stringify(shown));
  return taken(acceptBody(CTX, { type, body, operation: "create" })).wanted;
}

test("what is shown is accepted, and means the same", () => {
  const anyBalance = fc.bigInt({ min: 0n, max: 2n ** 62n });
  fc.assert(
    fc.property(anyEmail, anyName, anyBalance, anyPvId, anyPrice, anyEnergy, (...all) => {
      const [email, firstName, balance, pvName, price, energy] = all;
      const who = email as MemberId;
      const one = { ...member("x", balance as MicroTokens), memberId: who, firstName };
      expect(back("Member", presentMember(CTX, one))).toEqual({
        ...{ type: "Member", memberId: who, firstName, lastName: "x", balance },
      });
      const roof = { ...pv(pvName, "a@b.c", Math.max(1, energy)), owner: who };
      expect(back("PV", presentPv(CTX, roof))).toEqual({
        ...{ type: "PV", pvId: pvName, owner: who, capacity: roof.capacity },
      });
      const placed = { ...offer(1, "seller1", "12:00:00Z".slice(0, 8)), energy: energy as never };
      const reservePrice = price as MilliTokensPerKwh;
      const sells = { ...placed, pvId: roof.pvId, reservePrice };
      expect(back("PVOffer", presentOffer(CTX, LISTING, sells))).toEqual({
        ...{ type: "PVOffer", listingId: LISTING, pvId: pvName, energy, reservePrice },
      });
      const bidPrice = price as MilliTokensPerKwh;
      const buys = { ...BIDS[0]!, memberId: who, energy: energy as never, bidPrice };
      expect(back("BUYOffer", presentBid(CTX, LISTING, buys))).toEqual({
        ...{ type: "BUYOffer", listingId: LISTING, memberId: who, energy, bidPrice },
      });
    }),
  );
});
