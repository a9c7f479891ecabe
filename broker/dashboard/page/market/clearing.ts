// The paper's auction, worked out once more in the browser, so that a resident can check what the ledger says:
// the mean price, buyers by value, sellers by time, and who gets what. Whole thousandths, as on the ledger.

export type ClearingOffer = {
  readonly pv: string;
  readonly seller: string;
  readonly kWh: number;
  readonly reservePrice: number;
};

export type ClearingBid = { readonly buyer: string; readonly kWh: number; readonly price: number };

export type ClearingFill = {
  readonly seller: string;
  readonly pv: string;
  readonly buyer: string;
  readonly kWh: number;
  readonly price: number;
};

export type Clearing = {
  /** Tokens/kWh; null: no bid, no price. */
  readonly mcp: number | null;
  /** Tokens, over all bids. */
  readonly value: number;
  readonly kWh: number;
  /** By value, the first is served first. */
  readonly buyers: readonly (ClearingBid & {
    readonly value: number;
    readonly isServed: boolean;
  })[];
  /** By time. */
  readonly sellers: readonly (ClearingOffer & { readonly isServed: boolean })[];
  readonly fills: readonly ClearingFill[];
};

/** `offers` and `bids` by time. With the guard, who bid less than the MCP does not trade. All bids count as funded. */
export function clear(
  offers: readonly ClearingOffer[],
  bids: readonly ClearingBid[],
  { guard }: { readonly guard: boolean },
): Clearing {
  const ranked = bids
    .map((bid) => ({ ...bid, milli: milli(bid.price) * milli(bid.kWh) }))
    .sort((a, b) => b.milli - a.milli || b.price - a.price);
  const wh = ranked.reduce((sum, { kWh }) => sum + milli(kWh), 0);
  const microTokens = ranked.reduce((sum, bid) => sum + bid.milli, 0);
  const price = wh === 0 ? null : Math.floor(microTokens / wh);
  const isSelling = (offer: ClearingOffer) => price !== null && milli(offer.reservePrice) <= price;
  const isBuying = (bid: ClearingBid) => price !== null && (!guard || milli(bid.price) >= price);
  const left = offers.filter(isSelling).map((offer) => ({ offer, wh: milli(offer.kWh) }));
  const fills: ClearingFill[] = [];
  for (const bid of ranked.filter(isBuying)) {
    let missing = milli(bid.kWh);
    for (const place of left) {
      const { offer } = place;
      const taken = offer.seller === bid.buyer ? 0 : Math.min(place.wh, missing);
      if (taken === 0) continue;
      place.wh -= taken;
      missing -= taken;
      const { seller, pv } = offer;
      fills.push({ seller, pv, buyer: bid.buyer, kWh: taken / 1000, price: (price ?? 0) / 1000 });
    }
  }
  return {
    mcp: price === null ? null : price / 1000,
    value: microTokens / 1_000_000,
    kWh: wh / 1000,
    buyers: ranked.map(({ milli: value, ...bid }) => ({
      ...bid,
      value: value / 1_000_000,
      isServed: isBuying(bid),
    })),
    sellers: offers.map((offer) => ({ ...offer, isServed: isSelling(offer) })),
    fills,
  };
}

/** Whether both say the same of everyone. */
export function sameFills(a: readonly ClearingFill[], b: readonly ClearingFill[]): boolean {
  const text = (fills: readonly ClearingFill[]) =>
    fills
      .map(({ seller, pv, buyer, kWh, price }) =>
        JSON.stringify([seller, pv, buyer, milli(kWh), milli(price)]),
      )
      .sort()
      .join();
  return text(a) === text(b);
}

function milli(decimal: number): number {
  return Math.round(decimal * 1000);
}
