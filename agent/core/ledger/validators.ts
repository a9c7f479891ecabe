// Who votes, as a header states it: the hash of the validator set in its canonical bytes. And how many of
// them may lie without anybody being harmed.

import { array, encode } from "../codec/shape.ts";
import { sha256Hex } from "../crypto.ts";
import { VALIDATORS_MAX, type Validator, validatorShape } from "./rules.ts";

/** The most of `count` validators that may lie: f, the greatest number below a third. */
export function liarsMax(count: number): number {
  return Math.floor((count - 1) / 3);
}

/** SHA-256 of the set, sorted by member id. */
export function validatorsHash(validators: readonly Validator[]): string {
  return sha256Hex(encode(array(validatorShape, VALIDATORS_MAX), validators));
}
