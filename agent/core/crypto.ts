// The one signature rule, and hashing. Pure: no randomness here (signing with Ed25519 needs none).
//
// Accept iff OpenSSL accepts OR noble with zip215 accepts. OpenSSL-accept implies ZIP215-accept, so the
// rule is ZIP215 exactly, at OpenSSL's speed for honest messages, and does not change with Node's version.
// docs/decisions/0002-signature-rule.md

import { createHash, createPublicKey, type KeyObject, verify as opensslVerify } from "node:crypto";
import * as noble from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "./codec/hex.ts";

noble.hashes.sha512 = sha512;

export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

/** Keys of a large community, with room for strangers; the oldest goes first. */
const KEYS_MAX = 1024;
/** Verdicts kept, so that a message seen twice costs one verification. */
const VERDICTS_MAX = 8192;

/** DER of SubjectPublicKeyInfo for Ed25519 up to the key's 32 bytes (RFC 8410). */
const SPKI_PREFIX = Uint8Array.of(
  0x30,
  0x2a,
  0x30,
  0x05,
  0x06,
  0x03,
  0x2b,
  0x65,
  0x70,
  0x03,
  0x21,
  0x00,
);

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export type SignedBytes = {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
};

/** Verifies signatures with cached keys and cached verdicts; both caches are bounded. */
export class Verifier {
  readonly #keys = new Map<string, KeyObject | null>();
  readonly #verdicts = new Map<string, boolean>();
  readonly #cardKeys = new Map<string, boolean>();

  /** True iff `signature` is valid under ZIP215. Wrong lengths are false, nothing throws. */
  verify({ publicKey, message, signature }: SignedBytes): boolean {
    if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
    const digest = createHash("sha256").update(publicKey).update(signature).update(message);
    const key = digest.digest("hex");
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const verdict =
      this.#openssl({ publicKey, message, signature }) || zip215({ publicKey, message, signature });
    remember(this.#verdicts, { key, value: verdict, max: VERDICTS_MAX });
    return verdict;
  }

  /** `isCardKey`, remembered: it costs a scalar multiplication. */
  isCardKey(publicKey: Uint8Array): boolean {
    const name = bytesToHex(publicKey);
    const known = this.#cardKeys.get(name);
    if (known !== undefined) return known;
    const verdict = isCardKey(publicKey);
    remember(this.#cardKeys, { key: name, value: verdict, max: KEYS_MAX });
    return verdict;
  }

  #openssl({ publicKey, message, signature }: SignedBytes): boolean {
    const key = this.#key(publicKey);
    if (key === null) return false;
    try {
      return opensslVerify(null, message, key, signature);
    } catch {
      // A throw is a rejection of the fast path only; zip215 has the last word.
      return false;
    }
  }

  #key(publicKey: Uint8Array): KeyObject | null {
    const name = bytesToHex(publicKey);
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const key = importKey(publicKey);
    remember(this.#keys, { key: name, value: key, max: KEYS_MAX });
    return key;
  }
}

/** The reference half of the rule: noble with zip215. Slow (about 1 ms), never throws. */
export function zip215({ publicKey, message, signature }: SignedBytes): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  try {
    return noble.verify(signature, message, publicKey, { zip215: true });
  } catch {
    return false;
  }
}

/** Keys on cards: canonical encoding, on the curve, in the prime-order subgroup, not small-order. */
export function isCardKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES) return false;
  try {
    const point = noble.Point.fromBytes(publicKey, false);
    return !point.isSmallOrder() && point.isTorsionFree();
  } catch {
    return false;
  }
}

function importKey(publicKey: Uint8Array): KeyObject | null {
  try {
    const der = Buffer.concat([SPKI_PREFIX, publicKey]);
    return createPublicKey({ key: der, format: "der", type: "spki" });
  } catch {
    return null;
  }
}

type Entry<V> = { readonly key: string; readonly value: V; readonly max: number };

function remember<V>(cache: Map<string, V>, { key, value, max }: Entry<V>): void {
  if (cache.size >= max) {
    const oldest = cache.keys().next().value;
    if (oldest !== undefined) cache.delete(oldest);
  }
  cache.set(key, value);
}
