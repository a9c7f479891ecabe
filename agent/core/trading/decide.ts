// One hour's decision: sell the excess, bid for the deficit, or do nothing, and why.
//
//   forecast                        then
//   either side unknown             nothing: a home never offers what it cannot know
//   excess of TRADE_MIN or more     sell it, at most the PV's capacity and the home's limit
//   deficit of TRADE_MIN or more    bid for it, at most the connection, the home's limit and its free balance
//   less                            nothing

import type { Forecast } from "../forecast/forecast.ts";
import { minWh, type Watts, type Wh, wh } from "../units/energy.ts";
import type { PvId } from "../units/ids.ts";
import type { MicroTokens, MilliTokensPerKwh } from "../units/money.ts";
import type { TradingLimits } from "./limits.ts";

/** Less is within the noise of a forecast and not worth a transaction. */
export const TRADE_MIN: Wh = wh(50);

export type Circumstances = {
  readonly forecast: Pick<Forecast, "production" | "consumption">;
  readonly limits: TradingLimits;
  /** null: the home has no PV that it may sell from. */
  readonly pv: { readonly pvId: PvId; readonly capacity: Watts } | null;
  /** The community's most for one bid. */
  readonly bidMax: Wh;
  /** Balance that no open bid of other listings holds. */
  readonly freeBalance: MicroTokens;
};

export type Decision =
  | {
      readonly action: "sell";
      readonly pvId: PvId;
      readonly energy: Wh;
      readonly reservePrice: MilliTokensPerKwh;
      readonly reason: "excess" | "cappedByCapacity" | "cappedByLimit";
    }
  | {
      readonly action: "buy";
      readonly energy: Wh;
      readonly bidPrice: MilliTokensPerKwh;
      readonly reason: "deficit" | "cappedByConnection" | "cappedByLimit" | "cappedByBalance";
    }
  | {
      readonly action: "none";
      readonly reason:
        | "forecastUnknown"
        | "tooLittle"
        | "sellingIsOff"
        | "noPv"
        | "buyingIsOff"
        | "balanceTooLow";
    };

export function decide(circumstances: Circumstances): Decision {
  const { production, consumption } = circumstances.forecast;
  if (production === null || consumption === null) {
    return { action: "none", reason: "forecastUnknown" };
  }
  const excess = production - consumption;
  if (Math.abs(excess) < TRADE_MIN) return { action: "none", reason: "tooLittle" };
  return excess > 0 ? sell(wh(excess), circumstances) : buy(wh(-excess), circumstances);
}

function sell(excess: Wh, { limits, pv }: Circumstances): Decision {
  if (limits.sell === null) return { action: "none", reason: "sellingIsOff" };
  if (pv === null) return { action: "none", reason: "noPv" };
  const { reservePrice, mostEnergy } = limits.sell;
  // A capacity in W is as many Wh in an hour.
  const { energy, reason } = least(excess, "excess", [
    ["cappedByCapacity", wh(pv.capacity)],
    ["cappedByLimit", mostEnergy],
  ]);
  if (energy < TRADE_MIN) return { action: "none", reason: "tooLittle" };
  return { action: "sell", pvId: pv.pvId, energy, reservePrice, reason };
}

function buy(deficit: Wh, { limits, bidMax, freeBalance }: Circumstances): Decision {
  // The ledger takes no bid at a price of 0.
  if (limits.buy === null || limits.buy.bidPrice === 0)
    return { action: "none", reason: "buyingIsOff" };
  const { bidPrice, mostEnergy } = limits.buy;
  const { energy, reason } = least(deficit, "deficit", [
    ["cappedByConnection", bidMax],
    ["cappedByLimit", mostEnergy],
    ["cappedByBalance", affordableFloor(freeBalance, bidPrice, deficit)],
  ]);
  if (energy >= TRADE_MIN) return { action: "buy", energy, bidPrice, reason };
  return { action: "none", reason: reason === "cappedByBalance" ? "balanceTooLow" : "tooLittle" };
}

/** The wanted energy under all caps, and which one was the last to lower it. */
function least<R extends string, C extends string>(
  wanted: Wh,
  uncapped: R,
  caps: readonly (readonly [C, Wh])[],
): { readonly energy: Wh; readonly reason: R | C } {
  let result: { energy: Wh; reason: R | C } = { energy: wanted, reason: uncapped };
  for (const [reason, cap] of caps) {
    if (cap < result.energy) result = { energy: minWh(cap, result.energy), reason };
  }
  return result;
}

/** What the balance pays for at this price (uT / (uT per Wh)), rounded down, at most `wanted`. */
function affordableFloor(free: MicroTokens, price: MilliTokensPerKwh, wanted: Wh): Wh {
  if (free <= 0n) return wh(0);
  const affordable = free / BigInt(price);
  return affordable < BigInt(wanted) ? wh(Number(affordable)) : wanted;
}
