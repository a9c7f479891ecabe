// What the laboratory remembers of the ledger's events, from all agents but each event once.

import type { LedgerEvent } from "../core/ledger/event.ts";
import type { Plain } from "../plain.ts";
import type { AgentEvent } from "../ports.ts";

export type LabEvent = Plain<LedgerEvent>;

export type ListingRecord = {
  readonly listingId: string;
  state: "ACCEPT_OFFERS" | "AUCTION_CLOSED" | "VOID";
  /** Delivery is over and the readings are in. */
  isFinished: boolean;
  /** Who has offered or bid. */
  readonly traders: Set<string>;
  mcp: number | null;
  fills: Extract<LabEvent, { type: "biddingClosed" }>["fills"];
  statements: Extract<LabEvent, { type: "listingFinished" }>["statements"];
};

/** Says of each agent's event whether it is news. All agents tell a block's events in one order. */
export class Deduplicator {
  readonly #places = new Map<string, { height: number; place: number }>();
  #height = 0;
  #place = 0;

  isNew(home: string, height: number): boolean {
    const before = this.#places.get(home);
    const place = before?.height === height ? before.place + 1 : 0;
    this.#places.set(home, { height, place });
    const isNew = height > this.#height || (height === this.#height && place > this.#place);
    if (isNew) [this.#height, this.#place] = [height, place];
    return isNew;
  }
}

/** The listings that were opened while the laboratory ran, in their order. */
export class LabRecord {
  readonly listings = new Map<string, ListingRecord>();
  readonly members = new Set<string>();
  readonly pvs = new Set<string>();
  readonly #balances = new Map<string, string>();

  add(event: LabEvent): void {
    if (event.type === "memberRegistered") this.members.add(event.member.memberId);
    if (event.type === "pvRegistered") this.pvs.add(event.pv.pvId);
    if (event.type === "pvRemoved") this.pvs.delete(event.pvId);
    if (event.type === "balanceChanged") this.#balances.set(event.memberId, event.balance);
    if (event.type === "listingCreated") {
      const { listingId } = event.listing;
      this.listings.set(listingId, {
        ...{ listingId, state: "ACCEPT_OFFERS", isFinished: false },
        ...{ traders: new Set(), mcp: null, fills: [], statements: [] },
      });
    }
    const listing = "listingId" in event ? this.listings.get(event.listingId) : undefined;
    if (listing !== undefined) change(listing, event);
  }

  /** Micro-tokens of each member whose balance changed since the laboratory runs. */
  balances(): ReadonlyMap<string, string> {
    return this.#balances;
  }

  /** Whether the first `count` listings are over and metered. */
  isFinished(count: number): boolean {
    const first = [...this.listings.values()].slice(0, count);
    return first.length === count && first.every((listing) => listing.isFinished);
  }
}

function change(listing: ListingRecord, event: LabEvent): void {
  if (event.type === "pvOfferPlaced") listing.traders.add(event.offer.memberId);
  if (event.type === "buyOfferPlaced") listing.traders.add(event.bid.memberId);
  if (event.type === "biddingClosed") {
    listing.state = "AUCTION_CLOSED";
    listing.mcp = event.mcp;
    listing.fills = event.fills;
  }
  if (event.type === "listingVoided") listing.state = "VOID";
  if (event.type === "listingFinished") {
    listing.isFinished = true;
    listing.statements = event.statements;
  }
}

/** Compares what the agents say of each height; a difference is a fork or a bug. */
export class RootCheck {
  readonly #roots = new Map<number, { readonly home: string; readonly stateRoot: string }>();

  /** null, or a sentence about two homes that disagree. */
  differs(
    home: string,
    { height, stateRoot }: Extract<AgentEvent, { type: "block" }>,
  ): string | null {
    const known = this.#roots.get(height);
    if (known === undefined) {
      this.#roots.set(height, { home, stateRoot });
      return null;
    }
    if (known.stateRoot === stateRoot) return null;
    return `state roots differ at height ${height}: ${known.home} ${known.stateRoot}, ${home} ${stateRoot}`;
  }
}
