// Shortly before the cut-off the forecast is better: is it worth saying something else?
// An amendment takes a new stamp, and a seller's stamp is its place in the queue. So a seller amends only
// downwards (what it cannot deliver it pays for), a buyer, whose rank is its price and energy, both ways.

import type { Wh } from "../units/energy.ts";
import type { Decision } from "./decide.ts";

/** A change has to be larger than this. */
export const CHANGE_PERCENT_MIN = 20;

/** Our own offer or bid as it stands. */
export type Standing = { readonly action: "sell" | "buy"; readonly energy: Wh };

/** keep: leave it. replace: amend it to the new energy. withdraw: cancel it, then do what was decided, if anything. */
export type Reconsidered = "keep" | "replace" | "withdraw";

export function reconsider(standing: Standing, decision: Decision): Reconsidered {
  if (decision.action === "none") {
    return decision.reason === "tooLittle" ? "withdraw" : "keep";
  }
  if (decision.action !== standing.action) return "withdraw";
  const change = decision.energy - standing.energy;
  if (Math.abs(change) * 100 <= CHANGE_PERCENT_MIN * standing.energy) return "keep";
  return standing.action === "sell" && change > 0 ? "keep" : "replace";
}
