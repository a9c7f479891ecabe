// Types and relationships as Composer wrote and read them.

import fc from "fast-check";
import { expect, test } from "vitest";
import {
  className,
  collectionName,
  idOf,
  isIdOf,
  modelName,
  readRelationship,
  relationshipTo,
  TYPES,
  typeOf,
} from "../../../../agent/core/composer/names.ts";
import { CTX, refusalOf } from "../../../support/composer.ts";

test("the paper's names", () => {
  expect(className(CTX, "Member")).toBe("org.acme.pv.auction.Member");
  expect(modelName(CTX, "Member")).toBe("org_acme_pv_auction_Member");
  expect(collectionName(CTX, "Member")).toBe("Participant:org.acme.pv.auction.Member");
  expect(collectionName(CTX, "PV")).toBe("Asset:org.acme.pv.auction.PV");
  expect(collectionName(CTX, "PVOffer")).toBe("Transaction:org.acme.pv.auction.PVOffer");
  expect(relationshipTo(CTX, "kWhlisting", "21Mar18-13:00")).toBe(
    "resource:org.acme.pv.auction.kWhlisting#21Mar18-13:00",
  );
});

test("a type is known by its name, Table IV's title included", () => {
  for (const type of TYPES) expect(typeOf(CTX, className(CTX, type))).toBe(type);
  expect(typeOf(CTX, "org.acme.pv.auction.KWHListing")).toBe("kWhlisting");
  for (const other of [
    "Member",
    "org.acme.pv.auction.member",
    "org.acme.pv.auction.",
    "a.Member",
  ]) {
    expect(typeOf(CTX, other)).toBeNull();
  }
});

test.each([
  "resource:org.acme.pv.auction.Member#seller1@vt.edu",
  "org.acme.pv.auction.Member#seller1@vt.edu",
  "resource:seller1@vt.edu",
  "seller1@vt.edu",
  " seller1@vt.edu ",
  "seller1%40vt.edu",
  "resource:org.acme.pv.auction.Member#seller1%40vt.edu",
  "resource:org.acme.pv.auction.Member#  seller1@vt.edu%20",
])("%s names seller1", (text) => {
  expect(readRelationship(CTX, "Member", text)).toEqual({ ok: true, id: "seller1@vt.edu" });
});

test("a bare id with a colon is an id, not a scheme", () => {
  const id = "21Mar18-13:00";
  expect(readRelationship(CTX, "kWhlisting", id)).toEqual({ ok: true, id });
  expect(readRelationship(CTX, "kWhlisting", "21Mar18-13%3A00")).toEqual({ ok: true, id });
  expect(readRelationship(CTX, "PV", "roof:1")).toEqual({ ok: true, id: "roof:1" });
});

test.each([
  [5, "notText"],
  [{ $class: "org.acme.pv.auction.Member", email: "seller1@vt.edu" }, "notText"],
  ["http://vt.edu/seller1@vt.edu", "scheme"],
  ["http:org.acme.pv.auction.Member#seller1@vt.edu", "scheme"],
  ["resource:org.acme.pv.auction.PV#seller1house", "type"],
  ["resource:org.acme.other.Member#seller1@vt.edu", "type"],
  ["#seller1@vt.edu", "type"],
  ["Seller1@VT.edu", "id"],
  ["seller1", "id"],
  ["resource:org.acme.pv.auction.Member#", "id"],
  ["%zz@vt.edu%", "id"],
  [`${"a".repeat(2000)}@vt.edu`, "id"],
] as const)("%j is no member: %s", (value, problem) => {
  expect(readRelationship(CTX, "Member", value)).toMatchObject({ ok: false, problem });
});

test("whoever has no field to name is told in a sentence", () => {
  expect(refusalOf(idOf(CTX, "Member", "http://x/y"))).toEqual({
    statusCode: 422,
    name: "ValidationException",
    message: "Invalid URI scheme: http://x/y",
  });
});

test("what is written is read again, whatever an id holds", () => {
  const local = fc.stringMatching(/^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,20}$/);
  fc.assert(
    fc.property(local, (name) => {
      const id = `${name}@vt.edu`;
      fc.pre(isIdOf("Member", id));
      const text = relationshipTo(CTX, "Member", id);
      expect(readRelationship(CTX, "Member", text)).toEqual({ ok: true, id });
    }),
  );
});

test("no text makes anything throw", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.constantFrom(...TYPES), (text, type) => {
      expect(relationshipTo(CTX, type, text).startsWith("resource:")).toBe(true);
      idOf(CTX, type, text);
      idOf(CTX, type, relationshipTo(CTX, type, text));
    }),
  );
});
