// A validator's home says when it first heard of each offer and bid: these receipts order them, and nobody's
// own clock. What is heard is noted at once and said in batches, one receipt under way at a time, so that they
// form a chain without gaps.
//
//   the next cut-off is    a receipt is said
//   near, or just past     a fifth of receiptsWithin after its first news
//   far                    when it begins to be near: stamps are not needed before, a receipt costs the ledger
//                          more than the entries in it, and all validators say theirs together, in few blocks;
//                          earlier only when it is full
//
// What was amended since, or has its stamp already, needs no entry.
//
// What an earlier run noted and never said is gone. What stands on the ledger and lacks our entry is noted when
// it is seen there: late, but true.

import { assert } from "../core/assert.ts";
import { listingTimes } from "../core/ledger/calendar.ts";
import type { LedgerEvent } from "../core/ledger/event.ts";
import type { Rules } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import {
  type PayloadOf,
  RECEIPT_ENTRIES_MAX,
  RECEIPT_SPAN_MAX,
  type Transaction,
} from "../core/ledger/transaction.ts";
import { hasSeat } from "../core/ledger/validators.ts";
import {
  type ListingId,
  type OfferPrefix,
  offerPrefix,
  type TransactionId,
} from "../core/units/ids.ts";
import { addTime, type UnixMs } from "../core/units/time.ts";
import type { Cancel, Clock, Log, Signer } from "../ports.ts";

/** A receipt is sent this many times before receipts must have arrived. */
const RECEIPTS_PER_WITHIN = 5;
/** A cut-off is near so many receiptsWithin before it: two minutes by default. */
const NEAR = 24;
/** Offers heard of and not said yet; more than a mempool holds. */
const NEWS_MAX = 8192;
/** Offers remembered for each listing, so that none is noted twice. */
const KNOWN_PER_LISTING_MAX = 65_536;

export type ReceiptLoop = {
  readonly start: () => void;
  readonly stop: () => void;
  /** A transaction was taken into the mempool, for the first time. */
  readonly arrived: (transaction: Transaction) => void;
  /** After each block, with what it changed. */
  readonly ledgerChanged: (events: readonly LedgerEvent[]) => void;
};

export type ReceiptDependencies = {
  readonly rules: Rules;
  readonly signer: Pick<Signer, "memberId" | "publicKey">;
  readonly clock: Clock;
  readonly log: Log;
  readonly ledger: () => LedgerState;
  /** Signs, keeps and sends. */
  readonly submit: (payload: PayloadOf<"receipt">) => void;
  /** Whether this home knows its own receipts, and its card is not held back. */
  readonly maySay: () => boolean;
  /** Whether a receipt of ours is neither on the ledger nor refused. */
  readonly isPending: () => boolean;
};

type News = { readonly listingId: ListingId; readonly offer: OfferPrefix; readonly at: UnixMs };

export function createReceiptLoop(dependencies: ReceiptDependencies): ReceiptLoop {
  if (dependencies.rules.schedule === "hourly") return new Loop(dependencies);
  const nothing = (): void => {};
  return { start: nothing, stop: nothing, arrived: nothing, ledgerChanged: nothing };
}

class Loop implements ReceiptLoop {
  readonly #d: ReceiptDependencies;
  /** In the order of arrival; their times never go back, whatever the clock does. */
  #news: News[] = [];
  readonly #known = new Map<ListingId, Set<OfferPrefix>>();
  /** Of the known ones those that stood on the ledger at some time. */
  readonly #placed = new Map<ListingId, Set<OfferPrefix>>();
  /** A retry keeps its time, whatever is heard meanwhile. */
  #alarm: { readonly at: number; readonly cancel: Cancel } | null = null;
  #isRunning = false;
  #isValidator = false;

  constructor(dependencies: ReceiptDependencies) {
    this.#d = dependencies;
  }

  start(): void {
    assert(!this.#isRunning, "a receipt loop is started once");
    this.#isRunning = true;
    this.#look();
    this.#arm();
  }

  stop(): void {
    this.#isRunning = false;
    this.#alarm?.cancel();
    this.#alarm = null;
  }

  arrived({ id, payload }: Transaction): void {
    if (payload.type !== "pvOffer" && payload.type !== "buyOffer") return;
    this.#note(payload.listingId, id);
    this.#arm();
  }

  ledgerChanged(events: readonly LedgerEvent[]): void {
    this.#look();
    for (const event of events) {
      if (event.type === "pvOfferPlaced") {
        this.#notePlaced(event.listingId, event.offer.transactionId);
      } else if (event.type === "buyOfferPlaced") {
        this.#notePlaced(event.listingId, event.bid.transactionId);
      } else if (event.type === "biddingClosed" || event.type === "listingVoided") {
        this.#known.delete(event.listingId);
        this.#placed.delete(event.listingId);
        this.#news = this.#news.filter(({ listingId }) => listingId !== event.listingId);
      }
    }
    this.#news = this.#news.filter((news) => !this.#isMoot(news));
    this.#arm();
  }

  /** Whether this card votes on the next block. Who begins to notes what stands; who ceases to is silent. */
  #look(): void {
    const { ledger, signer } = this.#d;
    const state = ledger();
    const isValidator = hasSeat(state.validators, signer);
    if (isValidator === this.#isValidator) return;
    this.#isValidator = isValidator;
    this.#news = [];
    this.#known.clear();
    this.#placed.clear();
    if (!isValidator) return;
    for (const listing of state.listings.values()) {
      if (listing.state !== "ACCEPT_OFFERS") continue;
      const placed = [...listing.pvOffers.values(), ...listing.buyOffers.values()];
      for (const { transactionId, stamp } of placed) {
        if (stamp === null) this.#notePlaced(listing.listingId, transactionId);
      }
    }
  }

  /** It stood on the ledger, and was amended or got its stamp since: our entry would say nothing new. */
  #isMoot({ listingId, offer }: News): boolean {
    if (this.#placed.get(listingId)?.has(offer) !== true) return false;
    const heard = this.#d.ledger().heard.get(offer);
    return heard === undefined || heard.place === null || heard.stamp !== null;
  }

  #notePlaced(listingId: ListingId, id: TransactionId): void {
    this.#note(listingId, id);
    const placed = this.#placed.get(listingId) ?? new Set();
    const offer = offerPrefix(id);
    if (this.#known.get(listingId)?.has(offer)) this.#placed.set(listingId, placed.add(offer));
  }

  /** Notes the first time that we hear of it; not while our clock may be wrong. */
  #note(listingId: ListingId, id: TransactionId): void {
    const { clock, ledger, log, signer } = this.#d;
    if (!this.#isValidator || !clock.isSynchronised()) return;
    const offer = offerPrefix(id);
    const known = this.#known.get(listingId) ?? new Set();
    if (known.has(offer)) return;
    const said = ledger().heard.get(offer)?.entries ?? [];
    if (said.some(({ validator }) => validator === signer.memberId)) return;
    if (this.#news.length >= NEWS_MAX || known.size >= KNOWN_PER_LISTING_MAX) {
      log.warn("too many offers to receipt", { listingId, news: this.#news.length });
      return;
    }
    this.#known.set(listingId, known.add(offer));
    const now = clock.now();
    const last = this.#news.at(-1)?.at ?? now;
    this.#news.push({ listingId, offer, at: now > last ? now : last });
  }

  #arm(): void {
    const [first] = this.#news;
    if (!this.#isRunning || first === undefined || this.#d.isPending()) return;
    const isFull = this.#news.length >= RECEIPT_ENTRIES_MAX;
    const at = isFull ? first.at : this.#saidAt(first.at);
    if (this.#alarm !== null && this.#alarm.at <= at) return;
    this.#sayAt(at);
  }

  #sayAt(at: UnixMs, isRetry = false): void {
    this.#alarm?.cancel();
    const cancel = this.#d.clock.at(at, () => {
      this.#alarm = null;
      this.#say();
    });
    this.#alarm = { at: isRetry ? 0 : at, cancel };
  }

  #saidAt(first: UnixMs): UnixMs {
    const { rules, ledger } = this.#d;
    const { receiptsWithin } = rules.timeline;
    const soon = addTime(first, Math.ceil(receiptsWithin / RECEIPTS_PER_WITHIN));
    const nearFrom = [...ledger().listings.values()]
      .filter(({ state }) => state === "ACCEPT_OFFERS")
      .map(({ deliveryStart }) => listingTimes(rules, deliveryStart).cutoffAt)
      .map((cutoffAt) => cutoffAt - NEAR * receiptsWithin);
    return nearFrom.length === 0 ? soon : (Math.max(soon, Math.min(...nearFrom)) as UnixMs);
  }

  #say(): void {
    const { isPending, maySay, submit, clock, rules } = this.#d;
    // The one under way says when it has ended: ledgerChanged.
    if (isPending() || this.#news.length === 0) return;
    const isReady = clock.isSynchronised() && maySay();
    const batch = isReady ? this.#batch() : [];
    if (isReady) submit(this.#payload(batch));
    if (isPending()) this.#news = this.#news.slice(batch.length);
    else if (this.#isRunning) {
      this.#sayAt(addTime(clock.now(), rules.timeline.receiptsWithin), true);
    }
  }

  #batch(): readonly News[] {
    const most = this.#news.slice(0, RECEIPT_ENTRIES_MAX);
    const first = most[0]?.at ?? 0;
    return most.filter(({ at }) => at - first <= RECEIPT_SPAN_MAX);
  }

  #payload(batch: readonly News[]): PayloadOf<"receipt"> {
    const { ledger, signer } = this.#d;
    const last = ledger().receipts.get(signer.memberId);
    const floor = last?.to ?? 0;
    const times = batch.map(({ at }) => (at > floor ? at : (floor as UnixMs)));
    const [from, to] = [times[0], times.at(-1)];
    assert(from !== undefined && to !== undefined, "a receipt has entries");
    return {
      type: "receipt",
      sequence: (last?.sequence ?? 0) + 1,
      previous: last?.id ?? null,
      from,
      to,
      entries: batch.map(({ offer }, i) => ({ offer, after: (times[i] ?? from) - from })),
    };
  }
}
