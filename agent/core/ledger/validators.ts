// Who votes, as a header states it: the hash of the validator set in its canonical bytes.

import { array, encode } from "../codec/shape.ts";
import { sha256Hex } from "../crypto.ts";
import { VALIDATORS_MAX, type Validator, validatorShape } from "./rules.ts";

/** SHA-256 of the set, sorted by member id. */
export function validatorsHash(validators: readonly Validator[]): string {
  return sha256Hex(encode(array(validatorShape, VALIDATORS_MAX), validators));
}
