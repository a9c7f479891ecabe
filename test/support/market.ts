// Small markets for tests: readable makers, and the paper's Table IV.

import type { Fill } from "../../agent/core/ledger/state.ts";
import type { Market, MarketBid, MarketOffer } from "../../agent/core/market/mechanism.ts";
import { type Wh, wh } from "../../agent/core/units/energy.ts";
import type { MemberId, PvId, TransactionId } from "../../agent/core/units/ids.ts";
import { type MicroTokens, microTokens, milliTokensPerKwh } from "../../agent/core/units/money.ts";

/** Tokens as money. */
export function tokens(n: number): MicroTokens {
  return microTokens(BigInt(n) * 1_000_000n);
}

/** A transaction id that sorts as its number does. */
export function idOf(n: number): TransactionId {
  return n.toString(16).padStart(64, "0") as TransactionId;
}

export type BidOf = {
  readonly id: number;
  readonly member: string;
  readonly wh: number;
  /** mT/kWh */
  readonly price: number;
  /** Its place in the queue; the id unless said. */
  readonly at?: number;
};

export function bid({ id, member, wh: energy, price, at = id }: BidOf): MarketBid {
  return {
    id: idOf(id),
    memberId: member as MemberId,
    energy: wh(energy),
    price: milliTokensPerKwh(price),
    stamp: { bucket: at, tie: idOf(id) },
  };
}

export type OfferOf = {
  readonly id: number;
  readonly member: string;
  readonly wh: number;
  /** mT/kWh; 0 unless said. */
  readonly reserve?: number;
  readonly at?: number;
  /** The member's only PV unless said. */
  readonly pv?: string;
};

export function offer({ id, member, wh: energy, reserve = 0, at = id, pv }: OfferOf): MarketOffer {
  return {
    id: idOf(id),
    memberId: member as MemberId,
    pvId: (pv ?? `${member}house`) as PvId,
    energy: wh(energy),
    reservePrice: milliTokensPerKwh(reserve),
    stamp: { bucket: at, tie: idOf(id) },
  };
}

/** Every bidder has `each` tokens unless `funds` says otherwise. */
export function market(
  offers: readonly MarketOffer[],
  bids: readonly MarketBid[],
  options: { guard?: boolean; each?: number; funds?: ReadonlyMap<MemberId, MicroTokens> } = {},
): Market {
  const each = tokens(options.each ?? 200);
  const funds = options.funds ?? new Map(bids.map(({ memberId }) => [memberId, each]));
  return { offers, bids, funds, guard: options.guard ?? false };
}

/** "seller1 > buyer1: 3000 Wh" for each fill. */
export function fillLines(fills: readonly Fill[]): string[] {
  return fills.map(({ seller, buyer, energy }) => `${seller} > ${buyer}: ${energy} Wh`);
}

export function sumOf(energies: Iterable<Wh>): number {
  let sum = 0;
  for (const energy of energies) sum += energy;
  return sum;
}
