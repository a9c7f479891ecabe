// Offers and bids as an order book's depth: how much is for sale at a price or less, how much wanted at a price or more.

export type Depth = {
  /** kWh added up, ascending, with 0 first. */
  readonly kWh: readonly number[];
  /** The price of the kWh right of it; null: there is none. */
  readonly supply: readonly (number | null)[];
  readonly demand: readonly (number | null)[];
};

export type Priced = { readonly kWh: number; readonly price: number };

export function depth(offers: readonly Priced[], bids: readonly Priced[]): Depth {
  const supply = steps(offers.toSorted((a, b) => a.price - b.price));
  const demand = steps(bids.toSorted((a, b) => b.price - a.price));
  const kWh = [...new Set([0, ...supply.ends, ...demand.ends])].sort((a, b) => a - b);
  return { kWh, supply: kWh.map(supply.priceAfter), demand: kWh.map(demand.priceAfter) };
}

function steps(sorted: readonly Priced[]): {
  readonly ends: readonly number[];
  readonly priceAfter: (kWh: number) => number | null;
} {
  const ends: number[] = [];
  let sum = 0;
  for (const { kWh } of sorted) {
    // Thousandths: adding decimals would split one step in two.
    sum = Math.round((sum + kWh) * 1000) / 1000;
    ends.push(sum);
  }
  const priceAfter = (kWh: number): number | null => {
    const index = ends.findIndex((end) => end > kWh);
    if (index >= 0) return sorted[index]?.price ?? null;
    // The last step is drawn to its end.
    return kWh === ends.at(-1) ? (sorted.at(-1)?.price ?? null) : null;
  };
  return { ends, priceAfter };
}
