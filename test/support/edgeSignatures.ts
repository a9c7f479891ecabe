// Ed25519 signatures at the edges where verifiers differ (ZIP215; Chalkias et al., "Taming the many
// EdDSAs"; Valsorda, CCTV), made here from the curve's arithmetic: keys and nonces with a part of small
// order, every encoding of the points of small order, S beyond the order, the wrong challenge.

import { Point } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";

export type EdgeSignature = {
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
};

const { p: P, n: L } = Point.CURVE();
const SIGN_BIT = 1n << 255n;

/** Any known secret scalar and nonce will do. */
const SECRET = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdefn;
const NONCE = 0xfedc_ba98_7654_3210_fedc_ba98_7654_3210n;

/** A point of order 8: RFC 8032's decoding of one of the four y of order 8. */
const ORDER_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05";

/** The 8 points whose order divides 8; the neutral one first. */
export function smallOrderPoints(): Point[] {
  const generator = Point.fromHex(ORDER_8);
  const points = [Point.ZERO];
  for (let i = 1; i < 8; i += 1) points.push((points[i - 1] as Point).add(generator));
  return points;
}

export type Encoding = {
  readonly bytes: Uint8Array;
  readonly point: Point;
  readonly isCanonical: boolean;
};

/** Their 14 encodings: y or y + p below 2^255, and where x is 0 either sign. */
export function smallOrderEncodings(): Encoding[] {
  return smallOrderPoints().flatMap((point) => {
    const canonical = numberOf(point.toBytes());
    const y = canonical % SIGN_BIT;
    const signs = point.x === 0n ? [0n, SIGN_BIT] : [canonical - y];
    const ys = [y, y + P].filter((candidate) => candidate < SIGN_BIT);
    return ys.flatMap((candidate) =>
      signs.map((sign) => {
        const number = candidate + sign;
        return { bytes: bytesOf(number), point, isCanonical: number === canonical };
      }),
    );
  });
}

/** All pairs of those as key and R with S = 0, over "Zcash": ZIP215 accepts each of the 196. */
export function smallOrderPairs(): EdgeSignature[] {
  const encodings = smallOrderEncodings().map(({ bytes }) => bytes);
  const message = new TextEncoder().encode("Zcash");
  return encodings.flatMap((publicKey, i) =>
    encodings.map((r, j) => {
      const signature = join(r, new Uint8Array(32));
      return { name: `small key ${i}, small R ${j}`, publicKey, message, signature };
    }),
  );
}

type Half = { readonly name: string; readonly scalar: bigint; readonly bytes: Uint8Array };

function mixed(what: string, scalar: bigint): Half[] {
  const base = Point.BASE.multiply(scalar);
  return smallOrderPoints().map((torsion, i) => {
    return { name: `${what} + torsion ${i}`, scalar, bytes: base.add(torsion).toBytes() };
  });
}

function small(what: string): Half[] {
  return smallOrderEncodings().map(({ bytes }, i) => {
    return { name: `small ${what} ${i}`, scalar: 0n, bytes };
  });
}

const MESSAGE = new TextEncoder().encode("pvtrading edge signature");

/** S = r + H(R, A, M) a: valid once both sides are multiplied by the cofactor. */
function sign(key: Half, r: Half, hashedR: Uint8Array = r.bytes): EdgeSignature {
  const k = numberOf(sha512(join(hashedR, key.bytes, MESSAGE))) % L;
  const s = (r.scalar + k * key.scalar) % L;
  const signature = join(r.bytes, bytesOf(s));
  return { name: `${key.name}, ${r.name}`, publicKey: key.bytes, message: MESSAGE, signature };
}

function pairs(keys: readonly Half[], rs: readonly Half[]): EdgeSignature[] {
  return keys.flatMap((key) => rs.map((r) => sign(key, r)));
}

/** 8 x 8 mixed, 8 x 14 with a small R, 14 x 8 with a small key: 288 that ZIP215 accepts. */
export function mixedOrderSignatures(): EdgeSignature[] {
  const [keys, rs] = [mixed("key", SECRET), mixed("R", NONCE)];
  return [...pairs(keys, rs), ...pairs(keys, small("R")), ...pairs(small("key"), rs)];
}

/** 64 with S + L, 64 over another message, 48 hashed with R re-encoded: ZIP215 refuses each of the 176. */
export function wrongSignatures(): EdgeSignature[] {
  const keys = mixed("key", SECRET);
  const good = pairs(keys, mixed("R", NONCE));
  const beyond = good.map((edge) => {
    const s = numberOf(edge.signature.subarray(32)) + L;
    const signature = join(edge.signature.subarray(0, 32), bytesOf(s));
    return { ...edge, name: `${edge.name}, S + L`, signature };
  });
  const other = good.map((edge) => {
    return { ...edge, name: `${edge.name}, other message`, message: new Uint8Array(3) };
  });
  const reencoded = keys.flatMap((key) =>
    smallOrderEncodings()
      .filter(({ isCanonical }) => !isCanonical)
      .map(({ bytes, point }, i) => {
        const r = { name: `re-encoded R ${i}`, scalar: 0n, bytes };
        return sign(key, r, point.toBytes());
      }),
  );
  return [...beyond, ...other, ...reencoded];
}

/** A key that nobody may have on a card: a scalar times the base, and a part of small order. */
export function torsionedKeys(): Uint8Array[] {
  return mixed("key", SECRET).map(({ bytes }) => bytes);
}

/** The encodings of y = p to 2^255 - 1, either sign: 38, of which some are on the curve. */
export function nonCanonicalEncodings(): Uint8Array[] {
  const ys = Array.from({ length: 19 }, (_, i) => P + BigInt(i));
  return ys.flatMap((y) => [bytesOf(y), bytesOf(y + SIGN_BIT)]);
}

function numberOf(littleEndian: Uint8Array): bigint {
  return littleEndian.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function bytesOf(number: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((number >> BigInt(8 * i)) & 0xffn));
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
