// How long one listing takes to clear: half offers, half bids, everyone a member of their own.

import type { Market } from "../../agent/core/market/mechanism.ts";
import { paperAverage } from "../../agent/core/market/paperAverage.ts";
import { Random } from "../simulation/random.ts";
import { bid, market, offer } from "../support/market.ts";
import { type Figures, measure } from "./measure.ts";

const SIZES = [100, 1000, 10_000, 100_000];
const RUNS = 15;

/** Milliseconds to clear a listing of 1e2 to 1e5 offers and bids, the median and the best of 15 runs. */
export function clearing(): Figures {
  const figures: Record<string, number> = {};
  for (const size of SIZES) {
    const listing = randomMarket(size);
    const { median, best } = measure(() => paperAverage(listing), { runs: RUNS, warmUps: RUNS });
    figures[`${size} orders, ms`] = Number(median.toFixed(3));
    figures[`${size} orders, best ms`] = Number(best.toFixed(3));
  }
  return figures;
}

/** Prices 8 to 30 tokens/kWh to the milli-token, energies 50 Wh to 3 kWh, stamps within an hour. */
function randomMarket(size: number): Market {
  const random = new Random(size);
  const offers = Array.from({ length: size / 2 }, (_, i) =>
    offer({
      id: anyId(random),
      member: `seller${i}`,
      wh: random.integer(50, 3000),
      reserve: random.integer(8000, 30_000),
      at: random.integer(0, 3_600_000),
    }),
  );
  const bids = Array.from({ length: size / 2 }, (_, i) =>
    bid({
      id: anyId(random),
      member: `buyer${i}`,
      wh: random.integer(50, 3000),
      price: random.integer(8000, 30_000),
      at: random.integer(0, 3_600_000),
    }),
  );
  return market(offers, bids, { guard: true });
}

/** 53 random bits: ids of one listing do not come in order. */
function anyId(random: Random): number {
  return random.integer(0, 2 ** 21 - 1) * 2 ** 32 + random.integer(0, 2 ** 32 - 1);
}
