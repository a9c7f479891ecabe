import { generateKeyPairSync, type KeyObject, sign as signBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  CERTIFICATE_BYTES_MAX,
  checkCertificate,
  readCertificate,
} from "../../../agent/core/certificate.ts";
import { hexToBytes } from "../../../agent/core/codec/hex.ts";
import { Verifier } from "../../../agent/core/crypto.ts";
import { type UnixMs, unixMs } from "../../../agent/core/units/time.ts";
import { publicKeyOf } from "../../../agent/io/keys.ts";

// A writer of DER by hand, so that certificates can be wrong in one place and right in all others.

type Part = Uint8Array | string | readonly number[];

function der(tag: number, ...parts: readonly Part[]): Uint8Array {
  const content = Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Uint8Array.from(part))),
  );
  const n = content.length;
  const length = n < 0x80 ? [n] : n < 0x100 ? [0x81, n] : [0x82, n >> 8, n & 0xff];
  return Uint8Array.from([tag, ...length, ...content]);
}

const sequence = (...parts: readonly Part[]): Uint8Array => der(0x30, ...parts);
const bits = (...parts: readonly Part[]): Uint8Array => der(0x03, [0], ...parts);
const ED25519 = sequence(der(0x06, [0x2b, 0x65, 0x70]));
const commonName = (name: string): Uint8Array =>
  sequence(der(0x31, sequence(der(0x06, [0x55, 0x04, 0x03]), der(0x0c, name))));
const extension = (id: number, value: Uint8Array, ...critical: readonly Part[]): Uint8Array =>
  sequence(der(0x06, [0x55, 0x1d, id]), ...critical, der(0x04, value));
const TRUE = der(0x01, [0xff]);
const email = (...addresses: readonly string[]): Uint8Array =>
  extension(17, sequence(...addresses.map((address) => der(0x81, address))));
const NO_CA = extension(19, sequence(), TRUE);
const SIGNING = extension(15, der(0x03, [7, 0x80]), TRUE);

const ca = generateKeyPairSync("ed25519").privateKey;
const caPublicKey = publicKeyOf(ca);
const member = publicKeyOf(generateKeyPairSync("ed25519").privateKey);

const FIELDS = {
  version: der(0xa0, der(0x02, [2])),
  serial: der(0x02, [0x7f, 1]),
  algorithm: ED25519,
  issuer: commonName("Neighbourhood CA"),
  notBefore: der(0x17, "180301000000Z"),
  notAfter: der(0x17, "190301000000Z"),
  subject: commonName("Seller One"),
  key: sequence(ED25519, bits(member)),
  extensions: [NO_CA, SIGNING, email("seller1@vt.edu")],
};
type Fields = { -readonly [K in keyof typeof FIELDS]: (typeof FIELDS)[K] };

type Rest = { outerAlgorithm?: Uint8Array; trailing?: readonly number[]; by?: KeyObject };

function build(fields: Partial<Fields> = {}, rest: Rest = {}): Uint8Array {
  const f = { ...FIELDS, ...fields };
  const validity = sequence(f.notBefore, f.notAfter);
  const extensions = der(0xa3, sequence(...f.extensions));
  const tbs = sequence(
    f.version,
    f.serial,
    f.algorithm,
    f.issuer,
    validity,
    f.subject,
    f.key,
    extensions,
  );
  const signature = signBytes(null, tbs, rest.by ?? ca);
  const file = sequence(tbs, rest.outerAlgorithm ?? ED25519, bits(signature));
  return Uint8Array.from([...file, ...(rest.trailing ?? [])]);
}

function problem(certificate: Uint8Array): string {
  const read = readCertificate(certificate);
  return read.ok ? "accepted" : read.refusal.problem;
}

// 2018-03-01 is 17591 days after 1970-01-01: 48 x 365 + 12 leap days (1972 to 2016) + 59.
const FROM = 17_591 * 86_400_000;
const UNTIL = (17_591 + 365) * 86_400_000;
const DURING = unixMs(FROM + 20 * 86_400_000);

describe("readCertificate", () => {
  it("reads the member, the key and the times", () => {
    const read = readCertificate(build());
    expect(read).toMatchObject({
      ok: true,
      value: { memberId: "seller1@vt.edu", publicKey: member, notBefore: FROM, notAfter: UNTIL },
    });
  });

  it.each([
    // 2000 is a leap year: 30 x 365 + 7 leap days + 31 + 28 = 11016 days to 2000-02-29.
    ["UTCTime on a leap day", der(0x17, "000229000001Z"), 11_016 * 86_400_000 + 1000],
    ["the last UTCTime", der(0x17, "491231235959Z"), 29_220 * 86_400_000 - 1000],
    ["the first second", der(0x17, "700101000000Z"), 0],
    ["GeneralizedTime", der(0x18, "20500101000000Z"), 29_220 * 86_400_000],
    ["no end (RFC 5280 4.1.2.5)", der(0x18, "99991231235959Z"), 253_402_300_799_000],
  ])("reads %s", (_, notAfter, expected) => {
    // 2050-01-01: 80 x 365 + 20 leap days (1972 to 2048) = 29220 days.
    expect(readCertificate(build({ notAfter }))).toMatchObject({ value: { notAfter: expected } });
  });

  it("agrees with the platform's calendar on any second until 9999", () => {
    const second = fc.integer({ min: 0, max: 253_402_300_799 });
    fc.assert(
      fc.property(second, (s) => {
        const text = new Date(s * 1000).toISOString().replace(/[-:T]|\.\d+/g, "");
        const read = readCertificate(build({ notAfter: der(0x18, text) }));
        expect(read).toMatchObject({ value: { notAfter: s * 1000 } });
      }),
      { numRuns: 50 },
    );
  });

  it.each<[string, Partial<Fields>, string]>([
    ["version 1", { version: der(0xa0, der(0x02, [0])) }, "not version 3"],
    ["a version that reaches beyond its wrapper", { version: der(0xa0, [2, 5, 2]) }, "truncated"],
    ["a negative serial", { serial: der(0x02, [0x80]) }, "serialNumber is not"],
    ["serial 0", { serial: der(0x02, [0]) }, "serialNumber is not"],
    ["a serial with a spare 0", { serial: der(0x02, [0, 1]) }, "serialNumber is not"],
    ["a serial of 21 bytes", { serial: der(0x02, new Uint8Array(21).fill(1)) }, "serialNumber is"],
    ["another algorithm", { algorithm: sequence(der(0x06, [0x2b, 0x65, 0x71])) }, "not Ed25519"],
    [
      "parameters",
      { algorithm: sequence(der(0x06, [0x2b, 0x65, 0x70]), [5, 0]) },
      "trailing bytes in signature",
    ],
    [
      "a key of another algorithm",
      { key: sequence(sequence(der(0x06, [0x2b, 0x65, 0x6e])), bits(member)) },
      "key algorithm is not Ed25519",
    ],
    ["a key of 31 bytes", { key: sequence(ED25519, bits(member.slice(1))) }, "key of another"],
    ["a key of half bytes", { key: sequence(ED25519, der(3, [1], member)) }, "not whole bytes"],
    ["a 13th month", { notBefore: der(0x17, "181301000000Z") }, "no such time"],
    ["30 February", { notBefore: der(0x17, "180230000000Z") }, "no such time"],
    ["29 February 2100", { notAfter: der(0x18, "21000229000000Z") }, "no such time"],
    ["31 June", { notBefore: der(0x17, "180631000000Z") }, "no such time"],
    ["hour 24", { notBefore: der(0x17, "180301240000Z") }, "no such time"],
    ["second 60", { notBefore: der(0x17, "180301000060Z") }, "no such time"],
    ["1950", { notBefore: der(0x17, "500101000000Z") }, "no such time"],
    ["a time without seconds", { notBefore: der(0x17, "1803010000Z") }, "not a time"],
    ["a time with a zone", { notBefore: der(0x17, "180301000000+0100") }, "not a time"],
    ["a time with fractions", { notAfter: der(0x18, "20190301000000.5Z") }, "not a time"],
    ["a date as text", { notBefore: der(0x0c, "180301000000Z") }, "a time expected"],
    ["no address", { extensions: [NO_CA, SIGNING] }, "no subjectAltName"],
    [
      "two addresses",
      { extensions: [email("a@b.c", "d@e.f")] },
      "trailing bytes in subjectAltName",
    ],
    ["an empty list", { extensions: [email()] }, "truncated"],
    ["a host name", { extensions: [extension(17, sequence(der(0x82, "vt.edu")))] }, "e-mail"],
    ["upper case", { extensions: [email("Seller1@vt.edu")] }, "not a lower-case"],
    ["no address at all", { extensions: [email("seller1")] }, "not a lower-case"],
    ["a NUL inside", { extensions: [email("seller1@vt.edu\0.x")] }, "not a lower-case"],
    ["the address twice", { extensions: [email("a@b.c"), email("a@b.c")] }, "2.5.29.17 twice"],
    ["a CA", { extensions: [extension(19, sequence(TRUE)), email("a@b.c")] }, "a CA's certificate"],
    [
      "CA false in full",
      { extensions: [extension(19, sequence(der(1, [0]))), email("a@b.c")] },
      "a CA's certificate",
    ],
    [
      "a key for other uses",
      { extensions: [extension(15, der(3, [5, 0x20])), email("a@b.c")] },
      "without digitalSignature",
    ],
    [
      "key uses with spare bits",
      { extensions: [extension(15, der(3, [0, 0x80])), email("a@b.c")] },
      "keyUsage is not DER",
    ],
    [
      "an unknown critical extension",
      { extensions: [extension(30, sequence(), TRUE), email("a@b.c")] },
      "unknown critical extension 2.5.29.30",
    ],
    [
      "critical FALSE in full",
      { extensions: [extension(15, der(3, [7, 0x80]), der(1, [0])), email("a@b.c")] },
      "critical is not DER's TRUE",
    ],
    [
      "critical 0x01",
      { extensions: [extension(15, der(3, [7, 0x80]), der(1, [1])), email("a@b.c")] },
      "critical is not DER's TRUE",
    ],
    [
      "an identifier in long form",
      { issuer: sequence(der(0x31, sequence(der(6, [0x55, 0x80, 4]), der(12, "x")))) },
      "not in short form",
    ],
    [
      "an identifier cut off",
      { issuer: sequence(der(0x31, sequence(der(6, [0x55, 0x84]), der(12, "x")))) },
      "cut off",
    ],
    ["17 parts of a name", { subject: sequence(...Array(17).fill(partOf("x"))) }, "too many parts"],
    ["a name of two values", { subject: sequence(der(0x31, twoOf("x"), twoOf("y"))) }, "trailing"],
    [
      "17 extensions",
      { extensions: Array.from({ length: 17 }, (_, i) => extension(40 + i, sequence())) },
      "too many extensions",
    ],
  ])("refuses %s", (_, fields, expected) => {
    expect(problem(build(fields))).toContain(expected);
  });

  it("steps over an unknown extension that is not critical", () => {
    const extensions = [extension(30, sequence()), email("a@b.c")];
    expect(readCertificate(build({ extensions }))).toMatchObject({ value: { memberId: "a@b.c" } });
  });

  it("refuses another algorithm outside the signed part, and trailing bytes", () => {
    const outerAlgorithm = sequence(der(0x06, [0x2b, 0x65, 0x71]));
    expect(problem(build({}, { outerAlgorithm }))).toBe("signatureAlgorithm is not Ed25519");
    expect(problem(build({}, { trailing: [0] }))).toBe("trailing bytes in the file");
  });

  it("refuses lengths that are not DER", () => {
    const good = build();
    const content = [...good.subarray(4)];
    expect(good[1]).toBe(0x82);
    expect(problem(Uint8Array.from([0x30, 0x80, ...content, 0, 0]))).toBe(
      "indefinite or huge length",
    );
    const [high = 0, low = 0] = good.subarray(2, 4);
    expect(problem(Uint8Array.from([0x30, 0x83, 0, high, low, ...content]))).toBe(
      "indefinite or huge length",
    );
    expect(problem(build({ serial: Uint8Array.from([2, 0x81, 1, 5]) }))).toBe(
      "longer length than needed",
    );
    expect(problem(build({ serial: Uint8Array.from([2, 0x82, 0, 1, 5]) }))).toBe(
      "longer length than needed",
    );
  });

  it("refuses more than its limit without looking", () => {
    expect(problem(new Uint8Array(CERTIFICATE_BYTES_MAX + 1))).toBe("2049 bytes, at most 2048");
  });

  it("refuses every truncation and never throws on noise", () => {
    const good = build();
    for (let length = 0; length < good.length; length += 1) {
      expect(readCertificate(good.slice(0, length)).ok, `${length} bytes`).toBe(false);
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (b) => !readCertificate(b).ok));
  });
});

function partOf(name: string): Uint8Array {
  return der(0x31, twoOf(name));
}

function twoOf(name: string): Uint8Array {
  return sequence(der(0x06, [0x55, 0x04, 0x03]), der(0x0c, name));
}

describe("checkCertificate", () => {
  const verifier = new Verifier();
  const check = (certificate: Uint8Array, at: UnixMs = DURING): string => {
    const checked = checkCertificate(certificate, { caPublicKey, verifier, at });
    return checked.ok ? checked.value.memberId : checked.refusal.code;
  };

  it("accepts what the CA issued, from the first to the last second", () => {
    const certificate = build();
    expect(check(certificate)).toBe("seller1@vt.edu");
    expect(check(certificate, unixMs(FROM))).toBe("seller1@vt.edu");
    expect(check(certificate, unixMs(UNTIL))).toBe("seller1@vt.edu");
  });

  it("refuses outside its time, with the facts", () => {
    expect(check(build(), unixMs(FROM - 1))).toBe("notYetValid");
    const at = unixMs(UNTIL + 1);
    const late = checkCertificate(build(), { caPublicKey, verifier, at });
    expect(late).toMatchObject({ refusal: { code: "expired", notAfter: UNTIL, at } });
  });

  it("refuses another's signature and what is no certificate", () => {
    const by = generateKeyPairSync("ed25519").privateKey;
    expect(check(build({}, { by }))).toBe("notIssuedByCa");
    expect(check(new Uint8Array(3))).toBe("badCertificate");
  });

  it("refuses a key that no card may have, even from the CA", () => {
    const identity = hexToBytes(`01${"00".repeat(31)}`);
    expect(check(build({ key: sequence(ED25519, bits(identity)) }))).toBe("unsuitableKey");
  });

  // Any bit of any byte is read without a throw; one bit of each byte is also held against the
  // signature, which costs about 2 ms where the form survives.
  it("notices every flipped bit", () => {
    const good = build();
    for (let i = 0; i < 8 * good.length; i += 1) {
      const bad = good.slice();
      bad[i >> 3] = (bad[i >> 3] ?? 0) ^ (1 << (i & 7));
      const isChecked = (i & 7) === (i >> 3) % 8;
      const outcome = isChecked ? check(bad) : readCertificate(bad).ok;
      const expected = isChecked ? ["badCertificate", "notIssuedByCa"] : [true, false];
      expect(expected, `bit ${i}`).toContain(outcome);
    }
  });
});
