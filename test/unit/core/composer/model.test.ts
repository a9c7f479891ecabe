// One definition of each type: the schema that is published says what the door checks.

import { expect, test } from "vitest";
import { acceptBody } from "../../../../agent/core/composer/accept.ts";
import { jsonSchemaOf, jsonSchemas } from "../../../../agent/core/composer/model.ts";
import { className, TYPES } from "../../../../agent/core/composer/names.ts";
import { CTX, refusalOf } from "../../../support/composer.ts";

test("Table I's parameters", () => {
  const fields = TYPES.map((type) => {
    const { properties } = jsonSchemaOf(CTX, type);
    return [type, Object.keys(properties as object).join(" ")];
  });
  expect(Object.fromEntries(fields)).toEqual({
    Member: "$class balance email firstName lastName",
    PV: "$class PVid owner capacityKw",
    kWhlisting: "$class listingid state pvoffers buyoffers",
    PVOffer: "$class reservePrice kWhavailable listingid pv transactionId timestamp",
    BUYOffer: "$class BidPrice kWhQuantity listingid member transactionId timestamp",
    AcceptOfferBroadcast: "$class listingid transactionId timestamp",
    CloseBidding: "$class listingid transactionId timestamp",
  });
  expect(Object.keys(jsonSchemas(CTX))).toEqual(TYPES.map((type) => className(CTX, type)));
});

test.each(TYPES)("what %s requires is what an empty body lacks", (type) => {
  const { required } = jsonSchemaOf(CTX, type);
  const { details } = refusalOf(acceptBody(CTX, { type, body: {}, operation: "create" }));
  expect(Object.keys((details as { codes: object }).codes)).toEqual(required);
});
