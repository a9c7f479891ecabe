// Where bytes went wrong, told as a place in them.

/** The first place at which the two differ; the shorter one's length if it is the other's beginning. */
export function firstDifference(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) if (a[i] !== b[i]) return i;
  return length;
}

/**
 * The byte in which a single flipped bit explains everything: with that bit flipped back, `isRight` holds.
 * null if no single bit does. Asks 8 times for each byte.
 */
export function findFlippedBit(
  bytes: Uint8Array,
  isRight: (tried: Uint8Array) => boolean,
): number | null {
  const tried = bytes.slice();
  for (const [at, byte] of bytes.entries()) {
    for (let bit = 1; bit <= 0x80; bit <<= 1) {
      tried[at] = byte ^ bit;
      if (isRight(tried)) return at;
    }
    tried[at] = byte;
  }
  return null;
}

/** Where `part` begins in `whole`; null if it is not in it. */
export function placeOf(part: Uint8Array, whole: Uint8Array): number | null {
  for (let at = 0; at + part.length <= whole.length; at += 1) {
    if (part.every((byte, i) => whole[at + i] === byte)) return at;
  }
  return null;
}
