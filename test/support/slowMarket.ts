// The paper's auction once more, written only from its rules and for small markets: Wh by Wh, by search
// instead of sorting, in BigInt. It shares no line with agent/core/market.

import type { Market, MarketBid, MarketOffer } from "../../agent/core/market/mechanism.ts";

export type SlowResult = {
  readonly price: bigint | null;
  /** "pv>buyer" to Wh. */
  readonly sold: ReadonlyMap<string, number>;
};

export function slowMarket({ offers, bids, funds, guard }: Market): SlowResult {
  const worth = (bid: MarketBid): bigint => BigInt(bid.price) * BigInt(bid.energy);
  const valid = bids.filter((bid) => worth(bid) <= (funds.get(bid.memberId) ?? 0n));
  const wanted = valid.reduce((sum, bid) => sum + BigInt(bid.energy), 0n);
  const sold = new Map<string, number>();
  if (wanted === 0n) return { price: null, sold };
  const price = valid.reduce((sum, bid) => sum + worth(bid), 0n) / wanted;

  const isEarlier = (a: MarketBid | MarketOffer, b: MarketBid | MarketOffer): boolean =>
    a.stamp.bucket !== b.stamp.bucket ? a.stamp.bucket < b.stamp.bucket : a.id < b.id;
  const isBetter = (a: MarketBid, b: MarketBid): boolean => {
    if (worth(a) !== worth(b)) return worth(a) > worth(b);
    return a.price !== b.price ? a.price > b.price : isEarlier(a, b);
  };
  const wallets = new Map<string, bigint>(funds);
  const stock = new Map(offers.map(({ id, energy }) => [id, Number(energy)]));
  const waiting = valid.filter((bid) => !guard || BigInt(bid.price) >= price);
  while (waiting.length > 0) {
    const best = waiting.reduce((a, b) => (isBetter(b, a) ? b : a));
    waiting.splice(waiting.indexOf(best), 1);
    for (let n = 0; n < best.energy; n += 1) {
      const wallet = wallets.get(best.memberId) ?? 0n;
      const sellers = offers.filter(
        (offer) =>
          offer.memberId !== best.memberId &&
          BigInt(offer.reservePrice) <= price &&
          (stock.get(offer.id) ?? 0) > 0,
      );
      if (wallet < price || sellers.length === 0) break;
      const first = sellers.reduce((a, b) => (isEarlier(b, a) ? b : a));
      wallets.set(best.memberId, wallet - price);
      stock.set(first.id, (stock.get(first.id) ?? 0) - 1);
      const pair = `${first.pvId}>${best.memberId}`;
      sold.set(pair, (sold.get(pair) ?? 0) + 1);
    }
  }
  return { price, sold };
}
