// The one rule about signatures, as every agent has it (docs/decisions/0002-signature-rule.md): ZIP215, and keys that
// are canonical and of prime order. In JavaScript, for a page from a home's own machine has no crypto.subtle.

import { hashes, Point, verify } from "@noble/ed25519";
import { sha256 as hash, sha512 } from "@noble/hashes/sha2.js";

hashes.sha512 = sha512;

export function sha256(bytes: Uint8Array): Uint8Array {
  return hash(bytes);
}

export type Signed = {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
};

/** Wrong lengths are false, nothing throws. */
export function isSignedBy({ publicKey, message, signature }: Signed): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    return verify(signature, message, publicKey, { zip215: true });
  } catch {
    return false;
  }
}

/** With a key of small order anybody could sign; one that is not canonical is no card's. */
export function isSoundKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== 32) return false;
  try {
    const point = Point.fromBytes(publicKey, false);
    return !point.isSmallOrder() && point.isTorsionFree();
  } catch {
    return false;
  }
}
