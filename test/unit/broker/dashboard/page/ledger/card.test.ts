// Whose key it is, as a card says it.

import { expect, test } from "vitest";
import { join } from "../../../../../../broker/dashboard/page/ledger/bytes.ts";
import { cardIn } from "../../../../../../broker/dashboard/page/ledger/card.ts";
import { testCa, testCard, testCertificate, testKey } from "../../../../../support/ledger.ts";

const ca = testCa().publicKey;
const { certificate, publicKey, memberId } = testCard("seller1@vt.edu");

test("a card of the CA's names the member and its key", () => {
  expect(cardIn(certificate, ca)).toEqual({ memberId, publicKey: new Uint8Array(publicKey) });
});

test("another CA's says nothing", () => {
  expect(cardIn(certificate, testKey("another CA").publicKey)).toBe(null);
  const own = testCertificate({ memberId, publicKey, ca: testKey("another CA") });
  expect(cardIn(own, ca)).toBe(null);
});

test("nor one with a changed bit, cut off, or with more behind it", () => {
  for (let at = 0; at < certificate.length; at += 1) {
    const changed = Uint8Array.from(certificate, (byte, i) => (i === at ? byte ^ 1 : byte));
    expect(cardIn(changed, ca), String(at)).toBe(null);
  }
  for (let length = 0; length < certificate.length; length += 5) {
    expect(cardIn(certificate.slice(0, length), ca)).toBe(null);
  }
  expect(cardIn(join(certificate, Uint8Array.of(0x30, 0)), ca)).toBe(null);
  expect(cardIn(join(certificate, certificate), ca)).toBe(null);
});
