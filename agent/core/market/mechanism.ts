// What every way of clearing a listing takes and gives. A community names its mechanism in its rules.

import type { QueuePlace } from "../ledger/stamp.ts";
import type { Fill } from "../ledger/state.ts";
import type { Wh } from "../units/energy.ts";
import type { MemberId, PvId, TransactionId } from "../units/ids.ts";
import type { MicroTokens, MilliTokensPerKwh } from "../units/money.ts";

export type MarketOffer = {
  readonly id: TransactionId;
  readonly memberId: MemberId;
  readonly pvId: PvId;
  /** For sale, at least 1 Wh. */
  readonly energy: Wh;
  /** Not below this; 0 is "any price". */
  readonly reservePrice: MilliTokensPerKwh;
  /** Its place in the queue. */
  readonly stamp: QueuePlace;
};

export type MarketBid = {
  readonly id: TransactionId;
  readonly memberId: MemberId;
  /** Wanted, at least 1 Wh. */
  readonly energy: Wh;
  /** At least 1. */
  readonly price: MilliTokensPerKwh;
  /** Its place in the queue. */
  readonly stamp: QueuePlace;
};

export type MarketRefusalCode =
  /** Bid: the member had less than price x energy. The member buys or sells less. */
  | "unfunded"
  /** Bid: below the MCP, and the guard is on. The member may bid more next time. */
  | "belowMcp"
  /** Bid: the MCP is above the bid, and the member could not pay a single Wh at it. */
  | "fundsBelowMcp"
  /** Bid: nothing was left to buy from anyone else. */
  | "unserved"
  /** Offer: it wanted more than the MCP. The member may ask less next time. */
  | "reserveAboveMcp"
  /** Offer: nobody was left to buy it, or no bid made a price. */
  | "unsold";

export type MarketRefusal = { readonly id: TransactionId; readonly code: MarketRefusalCode };

export type MarketResult = {
  /** The MCP, the same for every fill; null when no valid bid made one. */
  readonly price: MilliTokensPerKwh | null;
  /** In the order of matching; no two share both PV and bid. */
  readonly fills: readonly Fill[];
  /** Each bid and then each offer that did not trade at all, in the mechanism's own order. */
  readonly refusals: readonly MarketRefusal[];
};

export type Market = {
  /** Live offers and bids in any sequence; cancelled ones (energy 0) are left out by the caller. */
  readonly offers: readonly MarketOffer[];
  readonly bids: readonly MarketBid[];
  /** What each member can spend here, reservations for these bids included; absent is nothing. */
  readonly funds: ReadonlyMap<MemberId, MicroTokens>;
  /** No buyer below the MCP trades. */
  readonly guard: boolean;
};

/** Pure, and the same for any sequence of the input. */
export type Mechanism = (market: Market) => MarketResult;
