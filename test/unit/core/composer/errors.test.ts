// Every refusal has an honest status and a sentence; Composer's own texts are Composer's.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  type Asked,
  doesNotExist,
  errorOf,
  expiredToken,
  forbidden,
  noMethod,
  noSharedMethod,
  notCommitted,
  unauthorized,
  unknownId,
} from "../../../../agent/core/composer/errors.ts";
import { REFUSALS } from "../../../../agent/core/composer/refusals.ts";
import type { Refusal } from "../../../../agent/core/result.ts";
import { CTX } from "../../../support/composer.ts";

const NS = "org.acme.pv.auction";
const ASKED: Asked = {
  ...{ operation: "create", type: "PVOffer" },
  ...{ id: null, participant: "seller1@vt.edu" },
};
const AGENT = join(import.meta.dirname, "../../../../agent");

/** Rooms whose refusals can reach whoever asked; what they say of blocks and snapshots cannot. */
const BLOCKS =
  /^(?:applyBlock|buildBlock|blockReference|block|snapshot|snapshotContents|state)\.ts$/;
const WAY = /^(?:outbox|mempool|intents|numbering)\.ts$/;

function codesIn(room: string, isWanted: (file: string) => boolean): readonly string[] {
  const files = readdirSync(join(AGENT, room)).filter(
    (file) => file.endsWith(".ts") && isWanted(file),
  );
  const texts = files.map((file) => readFileSync(join(AGENT, room, file), "utf8"));
  return [
    ...new Set(
      texts.flatMap((text) => [...text.matchAll(/\bcode: "(\w+)"/g)]).map(([, code]) => code!),
    ),
  ];
}

describe("every refusal", () => {
  const all = Object.entries(REFUSALS);
  test("of the ledger's rules and on the way to it is told", () => {
    const codes = [
      ...codesIn("core/ledger", (file) => !BLOCKS.test(file)),
      ...codesIn("loops", (file) => WAY.test(file)),
    ];
    expect(codes.length).toBeGreaterThan(60);
    const known = new Set(Object.keys(REFUSALS));
    expect(codes.filter((code) => !known.has(code))).toEqual([]);
  });
  test.each(all)("%s has a status of the client's or of now, and a sentence", (code) => {
    const facts = new Proxy({ code }, { get: (_, name) => (name === "code" ? code : "FACT") });
    const error = errorOf(CTX, facts as Refusal, ASKED);
    expect([403, 404, 409, 422, 429, 503]).toContain(error.statusCode);
    expect(error.message.length).toBeGreaterThan(12);
    expect(error.message).not.toMatch(/undefined|NaN|null|\[object/);
    if (error.statusCode === 422) expect(error.details).toHaveProperty("codes");
  });
  test("one that nobody thought of is a conflict", () => {
    for (const code of ["brandNew", "constructor", "__proto__"]) {
      expect(errorOf(CTX, { code }, ASKED)).toMatchObject({ statusCode: 409 });
    }
  });
});

test.each([
  [
    { code: "memberExists", memberId: "seller1@vt.edu" },
    409,
    `Failed to add object with ID 'seller1@vt.edu' in collection with ID 'Participant:${NS}.Member' as the object already exists`,
  ],
  [
    { code: "pvUnknown", pv: "seller9house" },
    404,
    `Object with ID 'seller9house' in collection with ID 'Asset:${NS}.PV' does not exist`,
  ],
  [
    { code: "listingNotOpen", listingId: "21Mar18-13:00", state: "AUCTION_CLOSED" },
    409,
    "Listing 21Mar18-13:00 is not ACCEPT_OFFERS but AUCTION_CLOSED: offer in one that is open",
  ],
  [
    { code: "beyondCapacity", offered: 6401, capacity: 6400 },
    422,
    "The PV makes 6.4 kWh in an hour at most: offer no more, not 6.401",
  ],
  [
    { code: "amendedTooLate", cutoffAt: 1_521_651_540_000 },
    409,
    "What is offered stands since 2018-03-21T16:59:00.000Z: offer in the next listing",
  ],
  [
    { code: "insufficientFunds", free: "2.5", need: "15" },
    409,
    "15 tokens are needed and 2.5 are free: bid less, or cancel another bid",
  ],
])("%j", (refusal, statusCode, message) => {
  expect(errorOf(CTX, refusal, ASKED)).toMatchObject({ statusCode, message, code: refusal.code });
});

test("a 422 of the ledger names the field that was sent, as LoopBack's do", () => {
  const refusal = { code: "priceBeyondMax", price: 200_000, max: 100_000 };
  const message = "The highest price is 100 tokens/kWh: name no more, not 200";
  const bid = errorOf(CTX, refusal, { ...ASKED, type: "BUYOffer" });
  expect(bid).toEqual({
    ...{ statusCode: 422, name: "ValidationError", message, code: "priceBeyondMax" },
    details: {
      context: "org_acme_pv_auction_BUYOffer",
      ...{ codes: { BidPrice: ["custom"] }, messages: { BidPrice: [message] }, refusal },
    },
  });
  expect(errorOf(CTX, refusal, ASKED).details).toMatchObject({
    codes: { reservePrice: ["custom"] },
  });
});

test("what somebody may not is told in Composer's words, and why beside them", () => {
  const refusal = { code: "notOwner", pv: "seller1house", owner: "seller1@vt.edu" };
  const asked = { ...ASKED, participant: "buyer1@vt.edu" };
  expect(errorOf(CTX, refusal, asked)).toMatchObject({
    ...{ statusCode: 403, code: "ACCESS_DENIED" },
    message: `Participant '${NS}.Member#buyer1@vt.edu' does not have 'CREATE' access to resource '${NS}.PVOffer'`,
    details: { reason: "PV seller1house belongs to seller1@vt.edu: only its owner offers from it" },
  });
  const one = { operation: "update", type: "Member", id: "a@b.c", participant: null } as const;
  expect(forbidden(CTX, one).message).toBe(
    `Participant 'anonymous' does not have 'UPDATE' access to resource '${NS}.Member#a@b.c'`,
  );
});

test("Composer's texts for what is not there", () => {
  expect(unknownId(CTX, "Member", "x")).toEqual({
    ...{ statusCode: 404, name: "Error", code: "MODEL_NOT_FOUND" },
    message: 'Unknown "org_acme_pv_auction_Member" id "x".',
  });
  expect(doesNotExist(CTX, "Member", "x").message).toBe(
    `Object with ID 'x' in collection with ID 'Participant:${NS}.Member' does not exist`,
  );
  expect(noMethod("GET", `/${NS}.Vehicle`)).toEqual({
    ...{ statusCode: 404, name: "Error" },
    message: `There is no method to handle GET /${NS}.Vehicle`,
  });
  expect(noSharedMethod(CTX, { type: "Member", method: "PATCH", path: "/x" }).message).toBe(
    'Shared class "org_acme_pv_auction_Member" has no method handling PATCH /x',
  );
});

test("tokens, and what is late", () => {
  expect(unauthorized()).toEqual({
    ...{ statusCode: 401, name: "Error", code: "AUTHORIZATION_REQUIRED" },
    message: "Authorization Required",
  });
  expect(expiredToken()).toMatchObject({ message: "Invalid Access Token", code: "INVALID_TOKEN" });
  expect(notCommitted("abc")).toMatchObject({ statusCode: 503, details: { transactionId: "abc" } });
});
