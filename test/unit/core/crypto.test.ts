import { createPublicKey, verify as opensslVerify } from "node:crypto";
import { sign as nobleSign } from "@noble/ed25519";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hexToBytes } from "../../../agent/core/codec/hex.ts";
import { isCardKey, sha256Hex, Verifier, zip215 } from "../../../agent/core/crypto.ts";
import {
  type EdgeSignature,
  mixedOrderSignatures,
  nonCanonicalEncodings,
  smallOrderEncodings,
  smallOrderPairs,
  torsionedKeys,
  wrongSignatures,
} from "../../support/edgeSignatures.ts";
import { type PublicSet, placeOf, publicSignatures } from "../../support/publicSignatures.ts";

/** What node:crypto alone says; a throw is a no. */
function openssl({ publicKey, message, signature }: EdgeSignature): boolean {
  try {
    const x = Buffer.from(publicKey).toString("base64url");
    const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
    return opensslVerify(null, message, key, signature);
  } catch {
    return false;
  }
}

type Verdicts = { readonly accepted: number; readonly byOpenssl: number };

/** Holds the rule against zip215 for each vector, and counts. */
function verdictsOn(vectors: readonly EdgeSignature[]): Verdicts {
  const verifier = new Verifier();
  let accepted = 0;
  let byOpenssl = 0;
  for (const vector of vectors) {
    const reference = zip215(vector);
    const fast = openssl(vector);
    expect(verifier.verify(vector), vector.name).toBe(reference);
    expect(verifier.verify(vector), `${vector.name}, from the cache`).toBe(reference);
    expect(fast && !reference, `${vector.name}: OpenSSL accepts what zip215 refuses`).toBe(false);
    accepted += reference ? 1 : 0;
    byOpenssl += fast ? 1 : 0;
  }
  return { accepted, byOpenssl };
}

describe("the signature rule is ZIP215", () => {
  it("on all pairs of small-order encodings: 196 of 196", () => {
    const vectors = smallOrderPairs();
    expect(vectors).toHaveLength(196);
    expect(verdictsOn(vectors).accepted).toBe(196);
  });

  it("on keys and nonces with a part of small order: 288 of 288", () => {
    const vectors = mixedOrderSignatures();
    expect(vectors).toHaveLength(288);
    const { accepted, byOpenssl } = verdictsOn(vectors);
    expect(accepted).toBe(288);
    // OpenSSL's equation has no cofactor: it accepts some of these, and the first (no torsion) surely.
    expect(byOpenssl).toBeGreaterThan(0);
    expect(byOpenssl).toBeLessThan(288);
    expect(openssl(vectors[0]!)).toBe(true);
  });

  it("on S beyond the order, other messages and re-encoded challenges: 0 of 176", () => {
    const vectors = wrongSignatures();
    expect(vectors).toHaveLength(176);
    expect(verdictsOn(vectors)).toEqual({ accepted: 0, byOpenssl: 0 });
  });

  it("on honest signatures with any one bit changed", () => {
    const secret = new Uint8Array(32).fill(7);
    const message = new TextEncoder().encode("MCP");
    const signature = nobleSign(message, secret);
    const publicKey = hexToBytes(RFC_8032[0]!.publicKey);
    const honest = { name: "honest", publicKey, message, signature };
    fc.assert(
      fc.property(
        fc.constantFrom("publicKey", "message", "signature"),
        fc.nat(511),
        (part, bit) => {
          const bytes = Uint8Array.from(honest[part]);
          const at = (bit >> 3) % bytes.length;
          bytes[at] = bytes[at]! ^ (1 << (bit & 7));
          verdictsOn([{ ...honest, [part]: bytes }]);
        },
      ),
      { numRuns: 60 },
    );
  });
});

// RFC 8032 section 7.1, TEST 1 to 3.
const RFC_8032 = [
  {
    secret: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    publicKey: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    message: "",
    signature:
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  },
  {
    secret: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    message: "72",
    signature:
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  },
  {
    secret: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    publicKey: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    message: "af82",
    signature:
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  },
];

const EXPECTED: readonly [PublicSet, number, number][] = [
  ["ed25519-speccheck", 12, 9],
  ["Wycheproof", 151, 89],
  ["ZIP215", 196, 196],
  ["CCTV", 914, 826],
];

describe("public vectors", () => {
  it.each(RFC_8032)("RFC 8032, message 0x$message", ({ secret, ...texts }) => {
    const [publicKey, message, signature] = [
      hexToBytes(texts.publicKey),
      hexToBytes(texts.message),
      hexToBytes(texts.signature),
    ];
    expect(nobleSign(message, hexToBytes(secret))).toEqual(signature);
    const vector = { name: "RFC 8032", publicKey, message, signature };
    expect(verdictsOn([vector])).toEqual({ accepted: 1, byOpenssl: 1 });
  });

  for (const [set, size, accepted] of EXPECTED) {
    const vectors = publicSignatures(set);
    if (vectors === null) process.stdout.write(`skipped: ${set}, no ${placeOf(set)} here\n`);
    it.skipIf(vectors === null)(`${set}: ${accepted} of ${size}`, () => {
      expect(vectors).toHaveLength(size);
      expect(verdictsOn(vectors ?? []).accepted).toBe(accepted);
    });
  }

  it("ed25519-speccheck: all but 6, 7 and 8", ({ skip }) => {
    const vectors = publicSignatures("ed25519-speccheck") ?? skip("no file");
    const refused = vectors.flatMap((vector, i) => (zip215(vector) ? [] : [i]));
    expect(refused).toEqual([6, 7, 8]);
  });
});

describe("Verifier", () => {
  const [first] = RFC_8032;
  const publicKey = hexToBytes(first!.publicKey);
  const signature = hexToBytes(first!.signature);
  const message = new Uint8Array();

  it("refuses other lengths and throws for nothing", () => {
    const verifier = new Verifier();
    const longer = Uint8Array.of(...signature, 0);
    expect(verifier.verify({ publicKey, message, signature })).toBe(true);
    expect(verifier.verify({ publicKey, message, signature: longer })).toBe(false);
    expect(verifier.verify({ publicKey, message, signature: signature.slice(1) })).toBe(false);
    expect(verifier.verify({ publicKey: publicKey.slice(1), message, signature })).toBe(false);
    expect(verifier.verify({ publicKey: new Uint8Array(0), message, signature })).toBe(false);
    // y = 2 is on no point of the curve.
    const nowhere = Uint8Array.of(2, ...new Uint8Array(31));
    expect(verifier.verify({ publicKey: nowhere, message, signature })).toBe(false);
  });

  it("does not take a verdict for another message's", () => {
    const verifier = new Verifier();
    // The same bytes end to end, cut elsewhere: 32 + 64 + n bytes have one cut only.
    expect(verifier.verify({ publicKey, message, signature })).toBe(true);
    expect(verifier.verify({ publicKey, message: Uint8Array.of(0), signature })).toBe(false);
    expect(verifier.verify({ publicKey, message, signature })).toBe(true);
  });
});

describe("isCardKey", () => {
  it("accepts keys as they are generated", () => {
    for (const { publicKey } of RFC_8032) expect(isCardKey(hexToBytes(publicKey))).toBe(true);
  });

  it("is remembered by a Verifier", () => {
    const verifier = new Verifier();
    const [good, bad] = [hexToBytes(RFC_8032[0]!.publicKey), smallOrderEncodings()[0]!.bytes];
    const verdicts = [good, bad, good, bad].map((key) => verifier.isCardKey(key));
    expect(verdicts).toEqual([true, false, true, false]);
  });

  it("refuses each of the 14 encodings of small order", () => {
    const encodings = smallOrderEncodings();
    expect(encodings).toHaveLength(14);
    expect(encodings.filter(({ bytes }) => isCardKey(bytes))).toEqual([]);
  });

  it("refuses a key with a part of small order, and only because of it", () => {
    const keys = torsionedKeys();
    expect(keys.map((key) => isCardKey(key))).toEqual([true, ...Array(7).fill(false)]);
  });

  it("refuses every non-canonical encoding, off the curve, and other lengths", () => {
    const encodings = nonCanonicalEncodings();
    expect(encodings).toHaveLength(38);
    expect(encodings.filter((bytes) => isCardKey(bytes))).toEqual([]);
    expect(isCardKey(Uint8Array.of(2, ...new Uint8Array(31)))).toBe(false);
    const [first] = RFC_8032;
    expect(isCardKey(hexToBytes(first!.publicKey).slice(1))).toBe(false);
    expect(isCardKey(hexToBytes(`${first!.publicKey}00`))).toBe(false);
  });
});

describe("sha256Hex", () => {
  it("is FIPS 180-4's", () => {
    // The standard's example: SHA-256("abc").
    expect(sha256Hex(new TextEncoder().encode("abc"))).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
  });
});
