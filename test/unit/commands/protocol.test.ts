// What programs may say to an agent on its stdin.

import { expect, test } from "vitest";
import { parseCommand, submitAnswer } from "../../../agent/commands/protocol.ts";
import type { TransactionId } from "../../../agent/core/units/ids.ts";

const offer = {
  ...{ type: "pvOffer", listingId: "21Mar18-13:00", pvId: "seller1house" },
  ...{ sequence: 1, energy: 6000, reservePrice: 0 },
};
const parse = (command: unknown) => parseCommand(JSON.stringify(command));

test("an offer in ledger units, for the member unless said otherwise", () => {
  expect(parse({ id: 7, submit: offer })).toEqual({
    ok: true,
    value: { id: 7, submit: offer, as: "member" },
  });
  const close = { type: "closeBidding", sequence: 3, listingId: "21Mar18-13:00" };
  expect(parse({ id: 8, submit: close, as: "administrator" })).toMatchObject({
    ok: true,
    value: { as: "administrator" },
  });
  expect(parse({ id: 9, status: true })).toEqual({ ok: true, value: { id: 9, status: true } });
});

test("an order is passed on as it came", () => {
  const order = { format: "pvtrading order 1", sequence: 7 };
  expect(parse({ id: 4, order })).toEqual({ ok: true, value: { id: 4, order } });
});

test.each([
  ["an order that is no object", JSON.stringify({ id: 1, order: "grant" })],
  ["an order with a card", JSON.stringify({ id: 1, order: {}, as: "administrator" })],
  ["not JSON", "{"],
  ["nothing", "null"],
  ["a number too large", JSON.stringify({ id: 1, submit: { ...offer, energy: 1_000_001 } })],
  ["a fraction", JSON.stringify({ id: 1, submit: { ...offer, energy: 0.5 } })],
  ["a wrong listing", JSON.stringify({ id: 1, submit: { ...offer, listingId: "today" } })],
  ["an unknown key", JSON.stringify({ id: 1, submit: { ...offer, discount: 1 } })],
  ["someone else", JSON.stringify({ id: 1, submit: offer, as: "ca" })],
  ["what only the agent says", JSON.stringify({ id: 1, submit: { type: "meterReading" } })],
  ["no id", JSON.stringify({ status: true })],
  ["an endless line", `"${"x".repeat(20_000)}"`],
])("%s is refused", (_what, line) => {
  const parsed = parseCommand(line);
  expect(parsed).toMatchObject({ ok: false, refusal: { code: "badCommand" } });
});

test("a refusal names its command if it can", () => {
  expect(parse({ id: 5, submit: {} })).toMatchObject({ ok: false, id: 5 });
  expect(parseCommand("{")).toMatchObject({ ok: false, id: null });
});

test("answers carry the transaction or the refusal's facts", () => {
  expect(submitAnswer(1, { ok: true, value: "ab" as TransactionId })).toEqual({
    ...{ type: "answer", id: 1, ok: true, transactionId: "ab" },
  });
  const refusal = { code: "insufficientFunds", have: "1", need: "2" };
  expect(submitAnswer(2, { ok: false, refusal })).toEqual({
    ...{ type: "answer", id: 2, ok: false, refusal },
  });
});
