// A validator's home says when it first heard of each offer and bid: these receipts order them, and nobody's
// own clock. What is heard is noted at once and said in batches, one receipt under way at a time, so that they
// form a chain without gaps.
//
//   the next cut-off is         a receipt is said
//   near, or just past          a fifth of receiptsWithin after its first news
//   more than two waits away    a longer wait after its first news: an offer's stamp is not needed yet, and a
//                               receipt costs the ledger more than the entries in it
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
/** The longer wait, in receiptsWithin: a minute by default. */
const LONG_WAIT = 12;
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
  #alarm: Cancel | null = null;
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
    this.#alarm?.();
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
        this.#note(event.listingId, event.offer.transactionId);
      } else if (event.type === "buyOfferPlaced") {
        this.#note(event.listingId, event.bid.transactionId);
      } else if (event.type === "biddingClosed" || event.type === "listingVoided") {
        this.#known.delete(event.listingId);
        this.#news = this.#news.filter(({ listingId }) => listingId !== event.listingId);
      }
    }
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
    if (!isValidator) return;
    for (const listing of state.listings.values()) {
      if (listing.state !== "ACCEPT_OFFERS") continue;
      const placed = [...listing.pvOffers.values(), ...listing.buyOffers.values()];
      for (const { transactionId, stamp } of placed) {
        if (stamp === null) this.#note(listing.listingId, transactionId);
      }
    }
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
    if (!this.#isRunning || this.#alarm !== null || first === undefined) return;
    if (this.#d.isPending()) return;
    this.#alarm = this.#d.clock.at(this.#saidAt(first.at), () => {
      this.#alarm = null;
      this.#say();
    });
  }

  #saidAt(first: UnixMs): UnixMs {
    const { rules, ledger } = this.#d;
    const { receiptsWithin } = rules.timeline;
    const longWait = LONG_WAIT * receiptsWithin;
    const isNear = [...ledger().listings.values()].some(
      ({ state, deliveryStart }) =>
        state === "ACCEPT_OFFERS" &&
        listingTimes(rules, deliveryStart).cutoffAt - first <= 2 * longWait,
    );
    return addTime(first, isNear ? Math.ceil(receiptsWithin / RECEIPTS_PER_WITHIN) : longWait);
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
      this.#alarm = clock.at(addTime(clock.now(), rules.timeline.receiptsWithin), () => {
        this.#alarm = null;
        this.#say();
      });
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
