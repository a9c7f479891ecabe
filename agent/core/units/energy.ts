// Energy is whole watt-hours, power whole watts. Neither is ever a fraction.

import { bug } from "../assert.ts";

declare const unit: unique symbol;

/** Whole watt-hours, a safe integer; negative only for differences. */
export type Wh = number & { readonly [unit]: "Wh" };

/** Whole watts, a safe integer; positive is production or import, as its owner says. */
export type Watts = number & { readonly [unit]: "W" };

export function wh(n: number): Wh {
  if (!Number.isSafeInteger(n)) bug(`energy must be whole watt-hours, not ${n}`);
  return n as Wh;
}

export function watts(n: number): Watts {
  if (!Number.isSafeInteger(n)) bug(`power must be whole watts, not ${n}`);
  return n as Watts;
}

export function addWh(a: Wh, b: Wh): Wh {
  return wh(a + b);
}

export function subtractWh(a: Wh, b: Wh): Wh {
  return wh(a - b);
}

export function minWh(a: Wh, b: Wh): Wh {
  return a < b ? a : b;
}

export function maxWh(a: Wh, b: Wh): Wh {
  return a > b ? a : b;
}
