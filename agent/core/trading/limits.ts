// What a home allows its agent to do by itself.

import type { Wh } from "../units/energy.ts";
import type { MilliTokensPerKwh } from "../units/money.ts";

export type TradingLimits = {
  /** null: never sells. Below the reserve price nothing is sold, and never more than this an hour. */
  readonly sell: { readonly reservePrice: MilliTokensPerKwh; readonly mostEnergy: Wh } | null;
  /** null: never buys. */
  readonly buy: { readonly bidPrice: MilliTokensPerKwh; readonly mostEnergy: Wh } | null;
  /** true: offers and bids by itself in a manual community too. */
  readonly auto?: boolean;
};
