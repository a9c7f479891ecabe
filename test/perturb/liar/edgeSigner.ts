// A card that signs at the edge of what the signature rule accepts: R carries a part of order 8, so that the
// cofactored equation holds and the plain one does not. Every home must say yes, or the network forks.

import { Point } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import { smallOrderPoints } from "../../support/edgeSignatures.ts";

const { n: L } = Point.CURVE();

/** Signs with the card's Ed25519 seed (32 bytes); the nonce depends on the message, as RFC 8032 wants it. */
export function edgeSignature(seed: Uint8Array, message: Uint8Array): Uint8Array {
  const hashed = sha512(seed);
  const scalar = clamped(hashed.slice(0, 32)) % L;
  const nonce = numberOf(sha512(Buffer.concat([hashed.slice(32), message]))) % L;
  // Never the neutral one: that would be an ordinary signature.
  const [, ...torsions] = smallOrderPoints();
  const torsion = torsions[Number(nonce % BigInt(torsions.length))] ?? Point.ZERO;
  const r = Point.BASE.multiply(nonce).add(torsion).toBytes();
  const key = Point.BASE.multiply(scalar).toBytes();
  const k = numberOf(sha512(Buffer.concat([r, key, message]))) % L;
  return Uint8Array.from(Buffer.concat([r, bytesOf((nonce + k * scalar) % L)]));
}

function clamped(bytes: Uint8Array): bigint {
  const [first = 0] = bytes;
  const last = bytes[31] ?? 0;
  bytes[0] = first & 248;
  bytes[31] = (last & 127) | 64;
  return numberOf(bytes);
}

function numberOf(littleEndian: Uint8Array): bigint {
  return littleEndian.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function bytesOf(number: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((number >> BigInt(8 * i)) & 0xffn));
}
