// Bodies as the paper's clients send them (Figs. 7 to 12), and as nobody should.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { acceptBody, type SentBody } from "../../../../agent/core/composer/accept.ts";
import type { ComposerError } from "../../../../agent/core/composer/context.ts";
import { TYPES, type TypeName } from "../../../../agent/core/composer/names.ts";
import { pvId } from "../../../../agent/core/units/ids.ts";
import { CTX, refusalOf, taken } from "../../../support/composer.ts";

const NS = "org.acme.pv.auction";
const LISTING = `resource:${NS}.kWhlisting#21Mar18-13:00`;

const MEMBER = {
  $class: `${NS}.Member`,
  balance: 200,
  email: "seller1@vt.edu",
  firstName: "seller1",
  lastName: "seller1",
};
const PV = { $class: `${NS}.PV`, PVid: "seller1house", owner: "seller1@vt.edu" };
const OFFER = { reservePrice: 0, kWhavailable: 6, listingid: LISTING, pv: "seller1house" };
const BID = { BidPrice: 3, kWhQuantity: 5, listingid: LISTING, member: "buyer1@vt.edu" };

function accept(type: TypeName, body: unknown, more: Partial<SentBody> = {}) {
  return acceptBody(CTX, { type, body, operation: "create", ...more });
}

function wanted(type: TypeName, body: unknown, more: Partial<SentBody> = {}) {
  return taken(accept(type, body, more)).wanted;
}

function refusal(type: TypeName, body: unknown, more: Partial<SentBody> = {}): ComposerError {
  return refusalOf(accept(type, body, more));
}

function codes(type: TypeName, body: unknown, more: Partial<SentBody> = {}): object {
  const error = refusal(type, body, more);
  expect(error.statusCode).toBe(422);
  return (error.details as { codes: object }).codes;
}

describe("the paper's figures", () => {
  test("Fig. 7: a member with 200 tokens", () => {
    expect(taken(accept("Member", MEMBER))).toEqual({
      echo: MEMBER,
      wanted: {
        type: "Member",
        memberId: "seller1@vt.edu",
        firstName: "seller1",
        lastName: "seller1",
        balance: 200_000_000n,
      },
    });
  });
  test("Fig. 8: a PV with a blank after its id and a bare owner, echoed as sent", () => {
    const body = { ...PV, PVid: "seller1house " };
    expect(taken(accept("PV", body))).toEqual({
      echo: body,
      wanted: { type: "PV", pvId: "seller1house", owner: "seller1@vt.edu", capacity: 50_000 },
    });
  });
  test("Fig. 9: a listing with KWHavailable, which is echoed and dropped", () => {
    const body = {
      ...{ $class: `${NS}.kWhlisting`, listingid: "21Mar18-13:00", KWHavailable: 0 },
      ...{ state: "ACCEPT_OFFERS", pvoffers: [], buyoffers: [] },
    };
    expect(taken(accept("kWhlisting", body))).toEqual({
      echo: body,
      wanted: { type: "kWhlisting", listingId: "21Mar18-13:00", state: "ACCEPT_OFFERS" },
    });
  });
  test("Fig. 11: 6 kWh at any price", () => {
    expect(wanted("PVOffer", OFFER)).toEqual({
      ...{ type: "PVOffer", listingId: "21Mar18-13:00", pvId: "seller1house" },
      ...{ energy: 6000, reservePrice: 0 },
    });
  });
  test("Fig. 12: `listing` instead of `listingid`, and no other field for it", () => {
    const { listingid, ...rest } = BID;
    const body = { ...rest, listing: listingid };
    const { echo, wanted: bid } = taken(accept("BUYOffer", body));
    expect(echo).toEqual({ $class: `${NS}.BUYOffer`, ...body });
    expect(bid).toEqual({
      ...{ type: "BUYOffer", listingId: "21Mar18-13:00", memberId: "buyer1@vt.edu" },
      ...{ energy: 5000, bidPrice: 3000 },
    });
  });
  test("Table I: homeowner, and the owner of one PV", () => {
    const { member, ...bid } = BID;
    expect(wanted("BUYOffer", { ...bid, homeowner: member })).toMatchObject({ memberId: member });
    const { pv, reservePrice, ...offer } = OFFER;
    const pvOf = (owner: string) => (owner === "seller1@vt.edu" ? pvId(pv) : null);
    const body = { ...offer, owner: "seller1@vt.edu" };
    expect(wanted("PVOffer", body, { pvOf })).toMatchObject({ pvId: pv, reservePrice: 0 });
    expect(codes("PVOffer", { ...body, owner: "buyer1@vt.edu" }, { pvOf })).toEqual({
      pv: ["presence"],
    });
    expect(codes("PVOffer", body)).toEqual({ pv: ["presence"] });
  });
  test("Table IV's FOR_SALE is ACCEPT_OFFERS", () => {
    const body = { listingid: "21Mar18-13:00", state: "FOR_SALE" };
    expect(wanted("kWhlisting", body)).toMatchObject({ state: "ACCEPT_OFFERS" });
  });
  test.each(["AcceptOfferBroadcast", "CloseBidding"] as const)("%s, both names", (type) => {
    const said = { type, listingId: "21Mar18-13:00" };
    expect(wanted(type, { listingid: LISTING })).toEqual(said);
    expect(wanted(type, { listing: "21Mar18-13:00" })).toEqual(said);
  });
  test("a field's own name comes before the other one", () => {
    const body = { ...BID, listing: "22Mar18-13:00" };
    expect(wanted("BUYOffer", body)).toMatchObject({ listingId: "21Mar18-13:00" });
  });
});

describe("LoopBack's validation", () => {
  test("one blank, in its words", () => {
    const { balance: _, ...body } = MEMBER;
    expect(refusal("Member", body)).toEqual({
      statusCode: 422,
      name: "ValidationError",
      message:
        "The `org_acme_pv_auction_Member` instance is not valid. Details: `balance` can't be blank (value: undefined).",
      details: {
        context: "org_acme_pv_auction_Member",
        codes: { balance: ["presence"] },
        messages: { balance: ["can't be blank"] },
      },
    });
  });
  test("all blanks at once, none for what is optional", () => {
    expect(refusal("Member", { firstName: "", lastName: null }).message).toBe(
      "The `org_acme_pv_auction_Member` instance is not valid. Details: " +
        "`balance` can't be blank (value: undefined); `email` can't be blank (value: undefined); " +
        "`firstName` can't be blank (value: \"\"); `lastName` can't be blank (value: null).",
    );
    expect(codes("PVOffer", undefined)).toEqual({
      kWhavailable: ["presence"],
      listingid: ["presence"],
      pv: ["presence"],
    });
  });
  test("a text in a number is NaN", () => {
    expect(refusal("Member", { ...MEMBER, balance: "many" }).message).toContain(
      "`balance` can't be blank (value: NaN).",
    );
    for (const balance of [true, {}, [], [5], "", " ", "0x10", "1,5", "--1", ".", "e5"]) {
      expect(codes("Member", { ...MEMBER, balance })).toEqual({ balance: ["presence"] });
    }
  });
  test("a token in the body is not repeated", () => {
    const body = { ...MEMBER, access_token: "secret", colour: "red" };
    expect(taken(accept("Member", body)).echo).toEqual({ ...MEMBER, colour: "red" });
  });
  test("numbers and texts become each other, and the echo shows it", () => {
    const body = { ...MEMBER, balance: "200", firstName: 5, lastName: true };
    const { echo, wanted: member } = taken(accept("Member", body));
    expect(echo).toEqual({ ...MEMBER, balance: 200, firstName: "5", lastName: "true" });
    expect(member).toMatchObject({ balance: 200_000_000n, firstName: "5", lastName: "true" });
    expect(wanted("PV", { ...PV, PVid: 5 })).toMatchObject({ pvId: "5" });
  });
  test("a transactionId is the ledger's to give, a timestamp is dropped unless it is none", () => {
    expect(refusal("BUYOffer", { ...BID, transactionId: "abc" }).message).toContain(
      '`transactionId` can\'t be set (value: "abc").',
    );
    expect(codes("BUYOffer", { ...BID, transactionId: 7 })).toEqual({ transactionId: ["absence"] });
    const timestamp = "2018-03-21T12:51:51.612Z";
    expect(taken(accept("BUYOffer", { ...BID, timestamp })).echo).toMatchObject({ timestamp });
    expect(refusal("BUYOffer", { ...BID, timestamp: "soon" }).message).toContain(
      "`timestamp` is not a valid date",
    );
  });
  test.each([
    ["Seller1@vt.edu", "upper case"],
    ["seller1", "no address"],
    [`${"a".repeat(65)}@vt.edu`, "too long"],
    [{}, "an object"],
  ])("the id %j is refused: %s", (email, _why) => {
    expect(codes("Member", { ...MEMBER, email })).toEqual({ email: ["format"] });
  });
  test("a blank id is none", () => {
    expect(codes("Member", { ...MEMBER, email: "  " })).toEqual({ email: ["presence"] });
  });
  test("names have as many bytes as the ledger takes, and are texts", () => {
    const fits = "é".repeat(32);
    expect(wanted("Member", { ...MEMBER, firstName: fits })).toMatchObject({ firstName: fits });
    expect(codes("Member", { ...MEMBER, firstName: `${fits}e` })).toEqual({
      firstName: ["length"],
    });
    for (const firstName of ["\ud800", ["a"], {}]) {
      expect(codes("Member", { ...MEMBER, firstName })).toEqual({ firstName: ["format"] });
    }
  });
  test("a long value is cut in the message as LoopBack cut it", () => {
    const email = "x".repeat(40);
    expect(refusal("Member", { ...MEMBER, email }).message).toContain(
      `(value: "${"x".repeat(25)}...xxx")`,
    );
    // Brackets and blanks at the end stay.
    const list = [["abcdefghijklmnopqrstuvwxyz", ["abc"]]];
    expect(refusal("Member", { ...MEMBER, firstName: list }).message).toContain(
      '(value: [["abcdefghijklmnopqrstuv...]]]).',
    );
  });
});

describe("amounts, digit by digit", () => {
  test.each([
    [6, 6000],
    ["6", 6000],
    [0.001, 1],
    ["0.0010", 1],
    ["5.", 5000],
    [".5", 500],
    ["+1.25", 1250],
    ["1e-3", 1],
    ["1e3", 1_000_000],
    [0, 0],
    [-0, 0],
    ["0e999999", 0],
    [1000, 1_000_000],
  ])("%j kWh are %i Wh", (kWhavailable, energy) => {
    expect(wanted("PVOffer", { ...OFFER, kWhavailable })).toMatchObject({ energy });
  });
  test.each([
    [0.0001, "3 places behind the point at most"],
    ["1.0005", "3 places behind the point at most"],
    // As a double this is 6: the text says otherwise.
    ["6.0000000000000000001", "3 places behind the point at most"],
    [1e-7, "3 places behind the point at most"],
    ["1e-999999", "3 places behind the point at most"],
    [-1, "must not be negative"],
    [-0.001, "must not be negative"],
    [1000.001, "must be at most 1000 kWh"],
    [1e21, "must be at most 1000 kWh"],
    [1e300, "must be at most 1000 kWh"],
    [Number.POSITIVE_INFINITY, "must be at most 1000 kWh"],
    ["Infinity", "must be at most 1000 kWh"],
    ["1e999999", "must be at most 1000 kWh"],
    ["9".repeat(60), "must be at most 1000 kWh"],
  ])("%j kWh: %s", (kWhavailable, sentence) => {
    const error = refusal("PVOffer", { ...OFFER, kWhavailable });
    expect(error.details).toMatchObject({ codes: { kWhavailable: ["numericality"] } });
    expect(error.message).toContain(sentence);
  });
  test("minus infinity is refused too", () => {
    const body = { ...OFFER, kWhavailable: Number.NEGATIVE_INFINITY };
    expect(codes("PVOffer", body)).toEqual({ kWhavailable: ["numericality"] });
  });
  test("prices have three places, tokens six, a PV's capacity three", () => {
    expect(wanted("BUYOffer", { ...BID, BidPrice: 0.105 })).toMatchObject({ bidPrice: 105 });
    expect(codes("BUYOffer", { ...BID, BidPrice: 3.0001 })).toEqual({ BidPrice: ["numericality"] });
    expect(codes("BUYOffer", { ...BID, BidPrice: 1000.001 })).toEqual({
      BidPrice: ["numericality"],
    });
    const balance = 0.000001;
    expect(wanted("Member", { ...MEMBER, balance })).toMatchObject({ balance: 1n });
    expect(codes("Member", { ...MEMBER, balance: -1 })).toEqual({ balance: ["numericality"] });
    expect(codes("Member", { ...MEMBER, balance: 0.0000001 })).toEqual({
      balance: ["numericality"],
    });
    expect(wanted("PV", { ...PV, capacityKw: 6.4 })).toMatchObject({ capacity: 6400 });
    expect(codes("PV", { ...PV, capacityKw: 0 })).toEqual({ capacityKw: ["numericality"] });
  });
  test("a balance that no double holds is a text, and stays exact in the echo", () => {
    const balance = "2000000000000.000001";
    const { echo, wanted: member } = taken(accept("Member", { ...MEMBER, balance }));
    expect(member).toMatchObject({ balance: 2_000_000_000_000_000_001n });
    expect(echo).toHaveProperty("balance", balance);
  });
  test("a bid of nothing cancels whatever its price; a bid of something has one", () => {
    const cancelled = { ...BID, BidPrice: 0, kWhQuantity: 0 };
    expect(wanted("BUYOffer", cancelled)).toMatchObject({ energy: 0, bidPrice: 1 });
    const least = { ...BID, BidPrice: 0, kWhQuantity: 0.001 };
    expect(codes("BUYOffer", least)).toEqual({ BidPrice: ["numericality"] });
  });
});

describe("Composer's own checks", () => {
  test.each([
    ["http://vt.edu/seller1", "Error", "Invalid URI scheme: http://vt.edu/seller1"],
    [{ email: "seller1@vt.edu" }, "Error", "Found a value that is not a string"],
    [
      `resource:${NS}.PV#seller1house`,
      "ValidationException",
      `Instance ${NS}.PV#seller1house has property owner with type ${NS}.PV that is not derived from ${NS}.Member`,
    ],
    ["nobody", "Error", "must be an e-mail address in lower case"],
  ])("owner %j", (owner, name, message) => {
    const error = refusal("PV", { ...PV, owner });
    expect(error).toMatchObject({ statusCode: 422, name });
    expect(error.message).toContain(message);
    expect(error.details).toMatchObject({ codes: { owner: ["relationship"] } });
  });
  test.each([
    [`${NS}.PV`, "Error", `Cannot add type: ${NS}.PV to ${NS}.Member`],
    [`${NS}.Vehicle`, "TypeNotFoundException", `Type Vehicle is not defined in namespace ${NS}`],
    [
      "org.other.Member",
      "TypeNotFoundException",
      "Namespace is not defined for type org.other.Member",
    ],
    [5, "TypeNotFoundException", "Namespace is not defined for type 5"],
  ])("$class %j", ($class, name, message) => {
    const error = refusal("Member", { ...MEMBER, $class });
    expect(error).toMatchObject({ statusCode: 422, name, message });
  });
  test("blanks are told before a wrong $class", () => {
    expect(codes("Member", { ...PV })).toHaveProperty("balance");
  });
  test("no $class is the route's", () => {
    const { $class, ...body } = MEMBER;
    expect(taken(accept("Member", body)).echo).toEqual(MEMBER);
    expect(taken(accept("Member", { ...body, $class: null })).echo).toEqual(MEMBER);
    expect($class).toBe(`${NS}.Member`);
  });
  test("a state that is none, and a new listing that is not open or not empty", () => {
    const body = { listingid: "21Mar18-13:00", state: "SOLD" };
    expect(refusal("kWhlisting", body)).toMatchObject({
      ...{ statusCode: 422, name: "ValidationException" },
      message: `Instance ${NS}.kWhlisting#21Mar18-13:00 invalid enum value SOLD for field ListingState`,
    });
    const closed = { ...body, state: "AUCTION_CLOSED" };
    expect(codes("kWhlisting", closed)).toEqual({ state: ["custom"] });
    const full = { ...body, state: "ACCEPT_OFFERS", pvoffers: [OFFER], buyoffers: "none" };
    expect(codes("kWhlisting", full)).toEqual({ pvoffers: ["custom"], buyoffers: ["format"] });
    const update = { operation: "update", pathId: "21Mar18-13:00" } as const;
    expect(wanted("kWhlisting", { ...closed, pvoffers: [OFFER] }, update)).toEqual({
      ...{ type: "kWhlisting", listingId: "21Mar18-13:00", state: "AUCTION_CLOSED" },
    });
  });
  test("what is not declared is echoed and dropped", () => {
    const body = { ...MEMBER, phone: { home: [1, null] }, constructor: 1 };
    const { echo, wanted: member } = taken(accept("Member", body));
    expect(echo).toEqual(body);
    expect(Object.keys(member).sort()).toEqual(
      ["type", "memberId", "firstName", "lastName", "balance"].sort(),
    );
  });
  test("__proto__ is a name like any other", () => {
    const text = `{"__proto__": {"email": "x@y.z"}, ${JSON.stringify(MEMBER).slice(1)}`;
    const { echo, wanted: member } = taken(accept("Member", JSON.parse(text)));
    expect(member).toMatchObject({ memberId: "seller1@vt.edu" });
    expect(Object.getPrototypeOf(echo)).toBe(Object.prototype);
    expect(JSON.parse(JSON.stringify(echo))).toEqual(JSON.parse(text));
    const inherited = JSON.parse('{"__proto__": {"email": "x@y.z", "balance": 1}}');
    expect(codes("Member", inherited)).toHaveProperty("email");
  });
});

describe("PUT", () => {
  const update = { operation: "update", pathId: "seller1@vt.edu" } as const;
  test("takes the id from the path", () => {
    const { email, ...body } = MEMBER;
    const { echo, wanted: member } = taken(accept("Member", body, update));
    expect(echo).toEqual(MEMBER);
    expect(member).toMatchObject({ memberId: email });
    expect(taken(accept("Member", MEMBER, update)).echo).toEqual(MEMBER);
  });
  test("does not move an id", () => {
    expect(refusal("Member", { ...MEMBER, email: "seller2@vt.edu" }, update)).toEqual({
      ...{ statusCode: 400, name: "Error" },
      message: "id property (email) cannot be updated from seller1@vt.edu to seller2@vt.edu",
    });
  });
  test("is a whole replacement", () => {
    expect(codes("Member", { firstName: "x" }, update)).toHaveProperty("lastName");
  });
});

describe("what is no body", () => {
  test.each([5, "text", true, [MEMBER], null])("%j", (body) => {
    const { statusCode } = refusal("Member", body);
    expect(statusCode).toBe(body === null ? 422 : 400);
  });
  test("too deep", () => {
    const deep = JSON.parse(`${"[".repeat(5000)}${"]".repeat(5000)}`);
    expect(refusal("Member", { ...MEMBER, deep })).toMatchObject({ statusCode: 400 });
  });
});

const anyType = fc.constantFrom(...TYPES);
const anyName = fc.constantFrom(
  ...["$class", "balance", "email", "firstName", "lastName", "PVid", "owner", "listingid", "state"],
  ...[
    "pvoffers",
    "kWhavailable",
    "pv",
    "BidPrice",
    "kWhQuantity",
    "member",
    "timestamp",
    "listing",
  ],
  ...["__proto__", "constructor", "transactionId", "capacityKw", "hasOwnProperty", "toString"],
);
const anyField = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: "binary" }),
  fc.double(),
  fc.constantFrom(LISTING, "seller1@vt.edu", "seller1house", 3, "6", "ACCEPT_OFFERS", 1e-7, 1e21),
);
const anyBody = fc
  .array(fc.tuple(anyName, anyField), { maxLength: 12 })
  .map((entries) => Object.fromEntries(entries));

test("no JSON makes it throw, and every refusal is the client's", () => {
  fc.assert(
    fc.property(anyType, fc.oneof(fc.jsonValue(), anyBody), fc.boolean(), (type, body, isPut) => {
      const more = isPut ? ({ operation: "update", pathId: "seller1@vt.edu" } as const) : {};
      const answer = accept(type, body, more);
      if (answer.ok) JSON.stringify(answer.value.echo);
      else expect([400, 422]).toContain(JSON.parse(JSON.stringify(answer.refusal)).statusCode);
    }),
    { numRuns: 500 },
  );
});
