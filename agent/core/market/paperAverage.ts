// The paper's auction, defined in every corner ("paper-avg/1").
//
//   | bid              | guard off                        | guard on            |
//   | funds too small  | out, and not in the mean         | the same            |
//   | price >= MCP     | served in order of value         | the same            |
//   | price <  MCP     | served too, above its own price  | out; MCP stays      |
//   | offer            | reserve <= MCP: first come, first served; above: out, blocks nobody |

import { assert } from "../assert.ts";
import { compareStamps } from "../ledger/stamp.ts";
import type { Fill } from "../ledger/state.ts";
import type { Wh } from "../units/energy.ts";
import type { MemberId, TransactionId } from "../units/ids.ts";
import { type MilliTokensPerKwh, milliTokensPerKwh } from "../units/money.ts";
import type {
  Market,
  MarketBid,
  MarketOffer,
  MarketRefusal,
  MarketRefusalCode,
  MarketResult,
} from "./mechanism.ts";
import { type SellerQueue, sellerQueue, takeFirst, untouched } from "./sellerQueue.ts";

/** PRICE_MAX x ENERGY_MAX: the worth of one bid in uT is a safe number, of many perhaps not. */
const VALUE_MAX = 1e12;

/** `value`: price x energy, uT. */
type RankedBid = {
  readonly bid: MarketBid;
  readonly value: number;
  readonly funds: bigint;
  readonly isFunded: boolean;
};

/**
 * Clears one listing at one price: MCP = floor(sum(price x Wh) / sum(Wh)) over the funded bids.
 * Buyers: value descending, price descending, stamp, id. Sellers: stamp, id.
 * A buyer never spends more than its funds, never buys from itself, and sells on at no other price.
 * Fills sum to the same Wh on both sides. O(n log n).
 * Source: Pipattanasomporn et al. 2018, eq. (1) and Fig. 3; ARCHITECTURE.md "Clearing".
 */
export function paperAverage({ offers, bids, funds, guard }: Market): MarketResult {
  const ranked = bids.map((bid) => rank(bid, funds.get(bid.memberId) ?? 0n)).sort(compareBids);
  const queued = offers.toSorted(compareOffers);
  const price = meanPrice(ranked);
  if (price === null) {
    const unfunded = ranked.map(({ bid }) => refusal(bid, "unfunded"));
    return { price, fills: [], refusals: [...unfunded, ...queued.map(unsold)] };
  }
  const queue = sellerQueue(queued.filter((offer) => offer.reservePrice <= price));
  const { fills, refusals } = serve({ ranked, queue, price, guard });
  for (const offer of queued) {
    if (offer.reservePrice > price) refusals.push(refusal(offer, "reserveAboveMcp"));
  }
  for (const offer of untouched(queue)) refusals.push(unsold(offer));
  return { price, fills, refusals };
}

type Serving = {
  readonly ranked: readonly RankedBid[];
  readonly queue: SellerQueue;
  readonly price: MilliTokensPerKwh;
  readonly guard: boolean;
};

/** Buyer by buyer from the head of the queue, both sides in parts. */
function serve({ ranked, queue, price, guard }: Serving): {
  fills: Fill[];
  refusals: MarketRefusal[];
} {
  const fills: Fill[] = [];
  const refusals: MarketRefusal[] = [];
  const spent = new Map<MemberId, bigint>();
  for (const { bid, funds, isFunded } of ranked) {
    const buyer = bid.memberId;
    if (!isFunded || (guard && bid.price < price)) {
      refusals.push(refusal(bid, isFunded ? "belowMcp" : "unfunded"));
      continue;
    }
    const before = spent.get(buyer) ?? 0n;
    const affordable = affordableAt(price, bid.energy, funds - before);
    let missing = affordable;
    while (missing > 0) {
      const taken = takeFirst(queue, buyer, missing);
      if (taken === null) break;
      const { offer, energy } = taken;
      fills.push({ seller: offer.memberId, pvId: offer.pvId, buyer, energy, price });
      missing -= energy;
    }
    const bought = affordable - missing;
    if (bought > 0) spent.set(buyer, before + BigInt(bought * price));
    else refusals.push(refusal(bid, affordable === 0 ? "fundsBelowMcp" : "unserved"));
  }
  return { fills, refusals };
}

function rank(bid: MarketBid, funds: bigint): RankedBid {
  const value = bid.price * bid.energy;
  assert(bid.price > 0 && bid.energy > 0, "a bid has a price and an energy");
  assert(value <= VALUE_MAX, `a bid is worth at most ${VALUE_MAX} uT`);
  return { bid, value, funds, isFunded: reaches(funds, value) };
}

/** floor(budget / price), at most `energy`. */
function affordableAt(price: MilliTokensPerKwh, energy: Wh, budget: bigint): number {
  return reaches(budget, price * energy) ? energy : Number(budget / BigInt(price));
}

/** Is `budget` at least `value`? Rounding a bigint is monotonic and a value is a safe number. */
function reaches(budget: bigint, value: number): boolean {
  return Number(budget) >= value;
}

/** Exact: the running sums are put aside before they could leave the safe numbers. */
function meanPrice(ranked: readonly RankedBid[]): MilliTokensPerKwh | null {
  let value = 0n;
  let energy = 0n;
  let partialValue = 0;
  let partialEnergy = 0;
  for (const bid of ranked) {
    if (!bid.isFunded) continue;
    partialValue += bid.value;
    partialEnergy += bid.bid.energy;
    if (partialValue <= Number.MAX_SAFE_INTEGER - VALUE_MAX) continue;
    value += BigInt(partialValue);
    energy += BigInt(partialEnergy);
    partialValue = 0;
    partialEnergy = 0;
  }
  value += BigInt(partialValue);
  energy += BigInt(partialEnergy);
  return energy === 0n ? null : milliTokensPerKwh(Number(value / energy));
}

function compareBids(a: RankedBid, b: RankedBid): number {
  return b.value - a.value || b.bid.price - a.bid.price || compareOffers(a.bid, b.bid);
}

type Stamped = Pick<MarketOffer, "id" | "stamp">;

function compareOffers(a: Stamped, b: Stamped): number {
  return compareStamps(a.stamp, b.stamp) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}

function refusal({ id }: { readonly id: TransactionId }, code: MarketRefusalCode): MarketRefusal {
  return { id, code };
}

function unsold(offer: MarketOffer): MarketRefusal {
  return refusal(offer, "unsold");
}
