// Who votes, as a header states it: the hash of the validator set in its canonical bytes. And how many of
// them may lie without anybody being harmed.

import { sameBytes } from "../codec/bytes.ts";
import { array, decode, encode, type Malformed } from "../codec/shape.ts";
import { sha256Hex } from "../crypto.ts";
import type { Result } from "../result.ts";
import type { MemberId } from "../units/ids.ts";
import { VALIDATORS_MAX, type Validator, validatorShape } from "./rules.ts";

/** 21 of at most 170 bytes. */
export const VALIDATORS_BYTES_MAX = 4096;
const setShape = array(validatorShape, VALIDATORS_MAX);

/** The most of `count` validators that may lie: f, the greatest number below a third. */
export function liarsMax(count: number): number {
  return Math.floor((count - 1) / 3);
}

/**
 * How many have a word in something: those who vote now, and `others` who were heard and may vote no more.
 * Who is taken out of the set may be the liar: counted without it, its word alone could decide. And nothing
 * waits for ever: with k of them taken out, k + n - f have spoken or will, of which 2f'+1 are enough for the
 * f' of n + k.
 */
export function voicesOf(validators: readonly Validator[], others: readonly MemberId[]): number {
  return new Set([...validators.map(({ memberId }) => memberId), ...others]).size;
}

/** Whether a card has a seat in the set: with another key nobody would hear it. */
export function hasSeat(validators: readonly Validator[], card: Validator): boolean {
  const seat = validators.find(({ memberId }) => memberId === card.memberId);
  return seat !== undefined && sameBytes(seat.publicKey, card.publicKey);
}

/** SHA-256 of the set, sorted by member id. */
export function validatorsHash(validators: readonly Validator[]): string {
  return sha256Hex(encodeValidators(validators));
}

/** The set's canonical bytes, as a proof carries them. */
export function encodeValidators(validators: readonly Validator[]): Uint8Array {
  return encode(setShape, validators);
}

/** Reads a set; whether it is the one that a header names shows its hash. */
export function decodeValidators(encoded: Uint8Array): Result<readonly Validator[], Malformed> {
  return decode(setShape, encoded, VALIDATORS_BYTES_MAX);
}
