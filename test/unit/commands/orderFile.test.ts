// An order's file: what is read is what the ledger gets, or nothing is.

import { describe, expect, it, test } from "vitest";
import {
  orderJson,
  readOrder,
  readOrderFile,
  writeOrderFile,
} from "../../../agent/commands/orderFile.ts";
import { orderRefusalSentence } from "../../../agent/commands/orderText.ts";
import { bytesToHex } from "../../../agent/core/codec/hex.ts";
import { isOrder, type Order } from "../../../agent/core/ledger/order.ts";
import { communityId } from "../../../agent/core/ledger/rules.ts";
import { encodeTransaction, type Payload } from "../../../agent/core/ledger/transaction.ts";
import { memberId } from "../../../agent/core/units/ids.ts";
import { makeRules, registration, say, signed, testKey, tokens } from "../../support/ledger.ts";

const ANN = "ann@vt.edu";
const rules = makeRules();
const community = communityId(rules);

function byCa(payload: Payload): Order {
  const order = signed(rules, null, payload);
  if (!isOrder(order)) throw new Error("an order");
  return order;
}

const grant = byCa(say.grant(7, ANN, tokens(2.5)));
const seat = { memberId: memberId(ANN), publicKey: testKey(ANN).publicKey };
const change = byCa({
  ...{ type: "validatorChange", sequence: 8, add: [seat], remove: [memberId("ben@vt.edu")] },
});

describe("an order's file", () => {
  it("says for people what the transaction says", () => {
    expect(JSON.parse(writeOrderFile(community, grant))).toEqual({
      format: "pvtrading order 1",
      community,
      orderId: grant.id,
      sequence: 7,
      order: { type: "grant", memberId: ANN, tokens: "2.5", reason: "a test" },
      transaction: bytesToHex(encodeTransaction(community, grant)),
    });
    expect(JSON.parse(writeOrderFile(community, change)).order).toEqual({
      type: "validatorChange",
      add: [{ memberId: ANN, publicKey: bytesToHex(testKey(ANN).publicKey) }],
      remove: ["ben@vt.edu"],
    });
  });

  it.each([
    ["a grant", grant],
    ["tokens taken back", byCa(say.grant(7, ANN, tokens(-0.000001)))],
    ["a revocation", byCa(say.revoke(1, ANN))],
    ["who votes", change],
  ])("of %s is read back", (_what, order) => {
    const read = readOrderFile(writeOrderFile(community, order), community);
    expect(read).toMatchObject({ ok: true, value: { order: { id: order.id } } });
    if (!read.ok) return;
    expect(read.value.encoded).toEqual(encodeTransaction(community, order));
  });

  const text = writeOrderFile(community, grant);
  const other = writeOrderFile(community, byCa(say.grant(7, ANN, tokens(9))));
  const hexOf = (file: string) => String(JSON.parse(file).transaction);
  const replaced = (what: string, by: string) => {
    expect(text).toContain(what);
    return text.replace(what, by);
  };
  it.each([
    ["another amount for people", () => replaced(`"tokens": "2.5"`, `"tokens": "1"`)],
    ["another transaction under it", () => replaced(hexOf(text), hexOf(other))],
    [
      "a name twice, for who reads the first",
      () => replaced(`"order": {`, `"order": 1, "order": {`),
    ],
    ["something more", () => replaced(`"sequence": 7`, `"note": "hello", "sequence": 7`)],
    ["half of it", () => text.slice(0, text.length / 2)],
    ["a transaction cut short", () => replaced(hexOf(text), hexOf(text).slice(0, -2))],
    ["no transaction", () => replaced(hexOf(text), "")],
    ["more than may be", () => `${text}${" ".repeat(32_768)}`],
    ["nothing", () => "null"],
    ["another format", () => replaced("order 1", "restart 1")],
  ])("with %s is refused", (_what, altered) => {
    expect(readOrderFile(altered(), community)).toMatchObject({
      ...{ ok: false, refusal: { code: "noOrderFile" } },
    });
  });

  it("is of one community", () => {
    const elsewhere = communityId(makeRules({ name: "another" }));
    expect(readOrderFile(text, elsewhere)).toEqual({
      ok: false,
      refusal: { code: "noOrderFile", problem: "the transaction: otherCommunity" },
    });
  });

  it("holds nothing but an order of the CA's", () => {
    for (const [author, payload] of [
      [ANN, registration(ANN)],
      [ANN, say.grant(7, ANN, tokens(2.5))],
    ] as const) {
      const transaction = bytesToHex(encodeTransaction(community, signed(rules, author, payload)));
      const problem = "the transaction is no order of a CA's";
      const read = readOrderFile(replaced(hexOf(text), transaction), community);
      expect(read).toEqual({ ok: false, refusal: { code: "noOrderFile", problem } });
    }
  });
});

test("an order as an object may have its names in any order, and no other content", () => {
  const json = orderJson(community, grant);
  const turned = Object.fromEntries(Object.entries(json).reverse());
  expect(readOrder(turned, community)).toMatchObject({ ok: true });
  expect(readOrder({ ...json, sequence: 8 }, community).ok).toBe(false);
  expect(readOrder({ ...json, more: 1 }, community).ok).toBe(false);
  expect(readOrder([], community).ok).toBe(false);
});

test("a refusal is a sentence", () => {
  expect(orderRefusalSentence({ code: "staleSequence", have: 9, got: 7 })).toBe(
    "It is number 7 of the CA's, and number 9 is on the ledger already: the CA must sign it again.",
  );
  const most = { code: "validatorChangesMax", max: 1, recent: 1, got: 2, blocks: 100 };
  expect(orderRefusalSentence(most)).toBe(
    "It changes 2, and in 100 blocks at most 1 may change, of which 1 did lately: change fewer, or wait.",
  );
  expect(orderRefusalSentence({ code: "later", n: 1 })).toBe(`{"code":"later","n":1}.`);
});
