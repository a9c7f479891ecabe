import { expect, it } from "vitest";
import { blockId, encodeHeader } from "../../../../agent/core/ledger/block.ts";
import {
  formatReference,
  headerOf,
  parseReference,
} from "../../../../agent/core/ledger/blockReference.ts";
import { registration, TestChain } from "../../../support/ledger.ts";

const ID = "0f".repeat(32);

it("is written and read as HEIGHT:BLOCKID", () => {
  const reference = parseReference(`4711:${ID}`);
  expect(reference).toEqual({ height: 4711, blockId: ID });
  expect(reference && formatReference(reference)).toBe(`4711:${ID}`);
});

it.each([
  "",
  "4711",
  `0:${ID}`,
  `-1:${ID}`,
  `1.5:${ID}`,
  `9007199254740993:${ID}`,
  `1:${ID.toUpperCase()}`,
  `1:${ID}0`,
  `1:${ID.slice(2)}`,
  ` 1:${ID}`,
  `1:${ID}\n`,
])("refuses %j", (text) => {
  expect(parseReference(text)).toBeNull();
});

it("knows a header by its id alone", () => {
  const chain = new TestChain();
  const { block } = chain.add("2018-03-21T15:00:30Z", ["a@vt.edu", registration("a@vt.edu")]);
  const { header } = block;
  const named = { height: 1, blockId: blockId(header) };
  expect(headerOf(encodeHeader(header), named)).toEqual({ ok: true, value: header });
  const refusal = { ok: false, refusal: { code: "otherHeader", height: 1 } };
  expect(headerOf(encodeHeader({ ...header, height: 2 }), named)).toEqual(refusal);
  expect(headerOf(Uint8Array.of(1), named)).toEqual(refusal);
  expect(headerOf(encodeHeader(header), { ...named, height: 2 }).ok).toBe(false);
});
