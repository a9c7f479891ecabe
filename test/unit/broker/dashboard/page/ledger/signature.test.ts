import { describe, expect, test } from "vitest";
import { isCardKey, Verifier } from "../../../../../../agent/core/crypto.ts";
import {
  isSignedBy,
  isSoundKey,
} from "../../../../../../broker/dashboard/page/ledger/signature.ts";
import {
  mixedOrderSignatures,
  nonCanonicalEncodings,
  smallOrderEncodings,
  smallOrderPairs,
  torsionedKeys,
  wrongSignatures,
} from "../../../../../support/edgeSignatures.ts";
import { testKey } from "../../../../../support/ledger.ts";

describe("the page's rule of signatures is the agents'", () => {
  test("at every edge where verifiers differ", () => {
    const verifier = new Verifier();
    const all = [...smallOrderPairs(), ...mixedOrderSignatures(), ...wrongSignatures()];
    const verdicts = all.map((signed) => isSignedBy(signed));
    expect(verdicts).toEqual(all.map((signed) => verifier.verify(signed)));
    expect([verdicts.includes(true), verdicts.includes(false)]).toEqual([true, true]);
  });

  test("about keys: canonical, of prime order", () => {
    const keys = [
      ...smallOrderEncodings().map(({ bytes }) => bytes),
      ...torsionedKeys(),
      ...nonCanonicalEncodings(),
      new Uint8Array(31),
      new Uint8Array(33),
    ];
    // One of the torsioned is torsioned by nothing.
    expect(keys.filter(isSoundKey)).toHaveLength(1);
    expect(keys.map(isSoundKey)).toEqual(keys.map(isCardKey));
    expect(isSoundKey(testKey("a").publicKey)).toBe(true);
  });

  test("of wrong lengths nothing is signed", () => {
    const { publicKey, sign } = testKey("a");
    const message = Uint8Array.of(1, 2, 3);
    const signature = sign(message);
    expect(isSignedBy({ publicKey, message, signature })).toBe(true);
    expect(isSignedBy({ publicKey, message, signature: signature.slice(1) })).toBe(false);
    expect(isSignedBy({ publicKey: publicKey.slice(1), message, signature })).toBe(false);
    expect(isSignedBy({ publicKey, message: Uint8Array.of(1, 2), signature })).toBe(false);
  });
});
