// Chance without state: a number that depends on nothing but its keys, so that the same instant always looks the same.

/**
 * Uniform in [0, 1), the same for the same keys (whole numbers) on every machine. The keys are
 * parameters one by one because a year of minutes asks for them.
 */
export function chance(seed: number, a: number, b = 0, c = 0, d = 0): number {
  const hash = stir(stir(stir(stir(mix(seed | 0), a), b), c), d);
  return (hash >>> 0) / 0x1_0000_0000;
}

function stir(hash: number, key: number): number {
  return mix(hash ^ Math.imul(key | 0, 0x9e3779b1));
}

/** Chance that drifts: equals chance() at whole `x` and is smooth between. */
export function drift(seed: number, stream: number, x: number): number {
  const left = Math.floor(x);
  const ease = (1 - Math.cos((x - left) * Math.PI)) / 2;
  return chance(seed, stream, left) * (1 - ease) + chance(seed, stream, left + 1) * ease;
}

/** The finaliser of MurmurHash3 (Austin Appleby, public domain): every bit of the input moves every bit. */
function mix(value: number): number {
  let h = value + 0x6d2b79f5;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
