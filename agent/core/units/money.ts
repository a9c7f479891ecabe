// Money is micro-tokens (bigint), prices are milli-tokens per kWh: price x Wh is micro-tokens exactly.
//
//   3 tokens/kWh x 5 kWh = 3000 mT/kWh x 5000 Wh = 15 000 000 uT = 15 tokens
//
// because 1 mT/kWh = 1e-3 token / 1e3 Wh = 1e-6 token per Wh.

import { bug } from "../assert.ts";
import type { Wh } from "./energy.ts";

declare const unit: unique symbol;

/** 1 token = 1 000 000 micro-tokens. Signed, within SQLite's 64-bit INTEGER. */
export type MicroTokens = bigint & { readonly [unit]: "uT" };

/** Milli-tokens per kWh, a whole number from 0 to PRICE_MAX. */
export type MilliTokensPerKwh = number & { readonly [unit]: "mT/kWh" };

export const MICRO_TOKENS_PER_TOKEN = 1_000_000n;
export const MILLI_TOKENS_PER_TOKEN = 1000;

/** 1000 tokens/kWh; with energy at most 1e6 Wh a product stays at 1e12, a safe number. */
export const PRICE_MAX = 1_000_000;

/** SQLite INTEGER is a signed 64-bit number. */
const MONEY_LIMIT = 2n ** 63n;

export function microTokens(n: bigint): MicroTokens {
  if (n >= MONEY_LIMIT || n < -MONEY_LIMIT) bug(`money must fit 64 bits, not ${n}`);
  return n as MicroTokens;
}

export function milliTokensPerKwh(n: number): MilliTokensPerKwh {
  if (!Number.isInteger(n) || n < 0 || n > PRICE_MAX) {
    bug(`price must be a whole number of mT/kWh in [0, ${PRICE_MAX}], not ${n}`);
  }
  return n as MilliTokensPerKwh;
}

/** Exact: nothing is rounded, see the head of this file. */
export function cost(price: MilliTokensPerKwh, energy: Wh): MicroTokens {
  return microTokens(BigInt(price) * BigInt(energy));
}

export function addMoney(a: MicroTokens, b: MicroTokens): MicroTokens {
  return microTokens(a + b);
}

export function subtractMoney(a: MicroTokens, b: MicroTokens): MicroTokens {
  return microTokens(a - b);
}

/** Decimal text for people and doors: 218 or 12.5; never used in arithmetic. */
export function formatTokens(money: MicroTokens): string {
  const sign = money < 0n ? "-" : "";
  const absolute = money < 0n ? -money : money;
  const whole = absolute / MICRO_TOKENS_PER_TOKEN;
  const fraction = (absolute % MICRO_TOKENS_PER_TOKEN).toString().padStart(6, "0");
  return `${sign}${whole}${`.${fraction}`.replace(/\.?0+$/, "")}`;
}
