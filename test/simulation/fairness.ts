// First come, first served, whoever lies: what the receipts promise, checked from what was said on the wire
// and what was committed, without the code that orders (docs/decisions/0007-receipts.md).
//
//   G1  a stamp lies between the times at which honest validators say to have received the offer
//   G2  what all honest validators received before another is served before it, but within a bucket
//   G3  no stamp is before its offer was first said, as far as honest clocks agree
//   G4  what all honest validators received before the cut-off takes part, in calm weather; and no hour is void then
//
// Besides: the bidding is closed neither too early, nor by too few proposers, nor with a late offer in it.

import { decodeBlock } from "../../agent/core/ledger/block.ts";
import type { LedgerEvent } from "../../agent/core/ledger/event.ts";
import { communityId, type Rules } from "../../agent/core/ledger/rules.ts";
import type { Fill } from "../../agent/core/ledger/state.ts";
import { decodeTransaction, type Transaction } from "../../agent/core/ledger/transaction.ts";
import type { CommunityId, ListingId, MemberId } from "../../agent/core/units/ids.ts";
import { MINUTE_MS } from "../../agent/core/units/time.ts";
import type { CommittedBlock } from "../../agent/ports.ts";
import { HONEST_SKEW_MAX, short, Violation } from "./invariants.ts";

/** Hex digits of an id by which receipts name an offer. */
const PREFIX_DIGITS = 32;

/** An offer or bid as it was said, and what became of it. */
type Order = {
  readonly key: string;
  readonly author: MemberId;
  readonly listingId: ListingId;
  readonly firstSaid: number;
  /** When each validator's home first got it, by its own clock. */
  readonly reached: Map<MemberId, number>;
  stamp: number | null;
};

type Hour = {
  readonly cutoffAt: number;
  readonly deliveryStart: number;
  /** The newest offer of each PV and bid of each member on the ledger. */
  readonly live: Map<string, Live>;
};

type Live = {
  readonly transactionId: string;
  readonly memberId: MemberId;
  readonly energy: number;
  readonly reservePrice: number;
  readonly placedAt: number;
};

export type FairnessWorld = {
  readonly rules: Rules;
  /** Validators that neither lie nor have a wrong clock. */
  readonly honest: ReadonlySet<MemberId>;
  /** How many vote at a height. */
  readonly seats: (height: number) => number;
  /** Validators that say what they like: their own offers may fare as they will. */
  readonly liars: ReadonlySet<MemberId>;
  /** Unix time as that home's clock shows it. */
  readonly clockOf: (home: MemberId) => number;
  /** The real time. */
  readonly now: () => number;
};

export class Fairness {
  readonly #world: FairnessWorld;
  readonly #community: CommunityId;
  readonly #decoded = new WeakMap<Uint8Array, Transaction | null>();
  readonly #orders = new Map<string, Order>();
  /** By prefix: what honest validators say. */
  readonly #claims = new Map<string, Map<MemberId, number>>();
  readonly #hours = new Map<ListingId, Hour>();
  readonly #blocks: { readonly time: number; readonly proposer: MemberId }[] = [];
  #calmSince = Number.POSITIVE_INFINITY;
  #lateInTime = 0;

  constructor(world: FairnessWorld) {
    this.#world = world;
    this.#community = communityId(world.rules);
  }

  /** Offers that took part though their block came after the cut-off: without any, G4 would prove little. */
  get lateInTime(): number {
    return this.#lateInTime;
  }

  /** From now on every home is up and every message arrives soon. */
  calm(): void {
    this.#calmSince = this.#world.now();
  }

  /** `home` is about to say a transaction; what an honest home claims in it is noted. */
  said(home: MemberId, message: Uint8Array): void {
    const transaction = this.#decode(message);
    if (transaction === null) return;
    const { payload } = transaction;
    if (payload.type === "receipt" && transaction.author === home) {
      if (this.#world.honest.has(home)) this.#claim(home, payload);
      return;
    }
    this.#noteOrder(transaction);
    this.reached(home, message);
  }

  /** A liar says one: only what it can sign itself is news. */
  lied(home: MemberId, message: Uint8Array): void {
    const transaction = this.#decode(message);
    if (transaction?.author === home) this.said(home, message);
  }

  /** A transaction gets to a home. */
  reached(home: MemberId, message: Uint8Array): void {
    const transaction = this.#decode(message);
    const order = transaction === null ? undefined : this.#orders.get(transaction.id);
    if (order === undefined || order.reached.has(home)) return;
    order.reached.set(home, this.#world.clockOf(home));
  }

  /** A block is committed for the first time anywhere. */
  committed(block: CommittedBlock): void {
    const decoded = decodeBlock(block.block);
    if (!decoded.ok) throw new Violation("G1", `block ${block.height} cannot be read`);
    this.#blocks.push({ time: block.time, proposer: decoded.value.header.proposer });
    for (const event of block.events) this.#event(event, block);
  }

  #decode(message: Uint8Array): Transaction | null {
    // The same bytes get to every home.
    const known = this.#decoded.get(message);
    if (known !== undefined) return known;
    const decoded = decodeTransaction(this.#community, message);
    const transaction = decoded.ok ? decoded.value : null;
    this.#decoded.set(message, transaction);
    return transaction;
  }

  #noteOrder({ id, author, payload }: Transaction): void {
    if (payload.type !== "pvOffer" && payload.type !== "buyOffer") return;
    if (this.#orders.has(id) || author === null) return;
    const { listingId } = payload;
    const key = payload.type === "pvOffer" ? payload.pvId : author;
    const firstSaid = this.#world.now();
    const reached = new Map<MemberId, number>();
    this.#orders.set(id, { key, author, listingId, firstSaid, reached, stamp: null });
  }

  #claim(
    home: MemberId,
    { from, entries }: Extract<Transaction["payload"], { type: "receipt" }>,
  ): void {
    for (const { offer, after } of entries) {
      const claims = this.#claims.get(offer) ?? new Map<MemberId, number>();
      this.#claims.set(offer, claims);
      if (!claims.has(home)) claims.set(home, from + after);
    }
  }

  #event(event: LedgerEvent, block: CommittedBlock): void {
    switch (event.type) {
      case "listingCreated": {
        const { listingId, deliveryStart } = event.listing;
        const cutoffAt = deliveryStart - this.#world.rules.timeline.cutoffBefore;
        this.#hours.set(listingId, { cutoffAt, deliveryStart, live: new Map() });
        break;
      }
      case "pvOfferPlaced": {
        const { transactionId, memberId, pvId, energy, reservePrice, stamp } = event.offer;
        const live = { transactionId, memberId, energy, reservePrice };
        this.#place(event.listingId, pvId, live, block);
        if (stamp !== null) this.#stamped(transactionId, stamp);
        break;
      }
      case "buyOfferPlaced": {
        const { transactionId, memberId, energy, stamp } = event.bid;
        const live = { transactionId, memberId, energy, reservePrice: 0 };
        this.#place(event.listingId, memberId, live, block);
        if (stamp !== null) this.#stamped(transactionId, stamp);
        break;
      }
      case "offerStamped":
        this.#stamped(event.transactionId, event.stamp);
        break;
      case "biddingClosed":
        this.#closed(event, block);
        break;
      case "listingVoided":
        this.#voided(event.listingId);
        break;
      default:
    }
  }

  #place(
    listingId: ListingId,
    key: string,
    live: Omit<Live, "placedAt">,
    { time }: CommittedBlock,
  ): void {
    this.#hours.get(listingId)?.live.set(key, { ...live, placedAt: time });
  }

  /** G1 and G3. */
  #stamped(id: string, stamp: number): void {
    const order = this.#orders.get(id);
    if (order === undefined) throw new Violation("G3", `${short(id)} was never said`);
    if (order.stamp !== null && order.stamp !== stamp) {
      throw new Violation("G1", `${short(id)} is stamped twice, ${order.stamp} and ${stamp}`);
    }
    order.stamp = stamp;
    const ahead = order.firstSaid - HONEST_SKEW_MAX - stamp;
    if (ahead > 0) throw new Violation("G3", `${short(id)} has a stamp ${ahead} ms too early`);
    const claims = [...(this.#claimsOf(id)?.values() ?? [])];
    if (stamp < Math.min(...claims) || stamp > Math.max(...claims)) {
      const text = claims.join(" ");
      throw new Violation("G1", `${short(id)} is stamped ${stamp}, honest say ${text}`);
    }
  }

  #claimsOf(id: string): ReadonlyMap<MemberId, number> | undefined {
    return this.#claims.get(id.slice(0, PREFIX_DIGITS));
  }

  #closed(event: Extract<LedgerEvent, { type: "biddingClosed" }>, block: CommittedBlock): void {
    const hour = this.#hours.get(event.listingId);
    if (hour === undefined) throw new Violation("G4", `${event.listingId} was never created`);
    this.#checkSeal(hour, block);
    for (const { pvId, buyer } of event.fills) {
      for (const key of [pvId, buyer]) this.#checkInTime(hour, key);
    }
    this.#checkOrder(hour, event.mcp ?? 0, event.fills);
    if (this.#isCalmFor(hour.cutoffAt)) this.#checkAllIn(event.listingId, hour);
  }

  /** Whether nothing is the matter from a minute before that cut-off on. */
  #isCalmFor(cutoffAt: number): boolean {
    return cutoffAt > this.#calmSince + MINUTE_MS;
  }

  /** Never in calm weather; and in foul weather only where too few built a block in time to seal it. */
  #voided(listingId: ListingId): void {
    const hour = this.#hours.get(listingId);
    if (hour === undefined) throw new Violation("G4", `${listingId} was never created`);
    const { cutoffAt, deliveryStart } = hour;
    if (this.#isCalmFor(cutoffAt)) throw new Violation("G4", `${listingId} is void`);
    const { validators, timeline } = this.#world.rules;
    const proposers = new Set<MemberId>();
    for (const { time, proposer } of this.#blocks) {
      if (time < cutoffAt + timeline.receiptsWithin) continue;
      if (time >= deliveryStart + timeline.closeWithin) break;
      proposers.add(proposer);
      if (time >= cutoffAt + timeline.sealAfter && 3 * proposers.size > validators.length - 1) {
        throw new Violation("G4", `${listingId} is void, though ${proposers.size} built blocks`);
      }
    }
  }

  #checkSeal({ cutoffAt, deliveryStart }: Hour, { height, time }: CommittedBlock): void {
    const { timeline } = this.#world.rules;
    const { receiptsWithin, sealAfter, closeWithin } = timeline;
    if (time < cutoffAt + sealAfter || time >= deliveryStart + closeWithin) {
      throw new Violation("G4", `block ${height} closes at the wrong time`);
    }
    const counted = this.#blocks.filter((block) => block.time >= cutoffAt + receiptsWithin);
    const proposers = new Set(counted.map(({ proposer }) => proposer));
    if (3 * proposers.size <= this.#world.seats(height) - 1) {
      throw new Violation("G4", `block ${height} closes with ${proposers.size} proposers`);
    }
  }

  #checkInTime({ cutoffAt, live }: Hour, key: string): void {
    const id = live.get(key)?.transactionId ?? "";
    const stamp = this.#orders.get(id)?.stamp ?? null;
    if (stamp === null || stamp >= cutoffAt) {
      throw new Violation("G4", `${key} trades with stamp ${stamp}, cut-off ${cutoffAt}`);
    }
  }

  /** G2, in money: nobody sells past a seller that everyone honest heard first. */
  #checkOrder({ live }: Hour, mcp: number, fills: readonly Fill[]): void {
    const sold = new Map<string, number>();
    for (const { pvId, energy } of fills) sold.set(pvId, (sold.get(pvId) ?? 0) + energy);
    for (const [first, offer] of live) {
      const rest = offer.energy - (sold.get(first) ?? 0);
      if (rest <= 0 || offer.reservePrice > mcp || !first.endsWith("house")) continue;
      for (const { pvId, buyer } of fills) {
        const other = live.get(pvId);
        if (other === undefined || pvId === first || buyer === offer.memberId) continue;
        if (this.#isBefore(offer.transactionId, other.transactionId)) {
          throw new Violation("G2", `${pvId} sold, though all heard ${first} before it`);
        }
      }
    }
  }

  /** Every honest validator heard `a` before any heard `b`, by more than a bucket; both count. */
  #isBefore(a: string, b: string): boolean {
    const [ofA, ofB] = [this.#claimsOf(a), this.#claimsOf(b)];
    const { honest, rules } = this.#world;
    if (ofA?.size !== honest.size || ofB?.size !== honest.size) return false;
    if ((this.#orders.get(a)?.stamp ?? null) === null) return false;
    return Math.max(...ofA.values()) + rules.stampBucket <= Math.min(...ofB.values());
  }

  /** G4. An amendment that no block held before the cut-off is not taken any more; a first offer is. */
  #checkAllIn(listingId: ListingId, { cutoffAt, live }: Hour): void {
    for (const [id, order] of this.#orders) {
      if (order.listingId !== listingId || this.#world.liars.has(order.author)) continue;
      const { honest } = this.#world;
      const isInTime = [...honest].every((one) => (order.reached.get(one) ?? cutoffAt) < cutoffAt);
      if (!isInTime) continue;
      const placed = live.get(order.key);
      if (placed === undefined) {
        throw new Violation("G4", `${short(id)} of ${order.key} came in time and is not in`);
      }
      if (placed.transactionId !== id) continue;
      if (order.stamp === null || order.stamp >= cutoffAt) {
        throw new Violation("G4", `${short(id)} came in time and has stamp ${order.stamp}`);
      }
      if (placed.placedAt >= cutoffAt) this.#lateInTime += 1;
    }
  }
}
