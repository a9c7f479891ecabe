// A validator's home says when it first heard of each offer and bid: these receipts order them, and nobody's
// own clock. What is heard is noted at once and said in batches, one receipt under way at a time, so that they
// form a chain without gaps.
//
//   the next cut-off is    a receipt is said
//   near, or just past     a fifth of receiptsWithin after its first news
//   far                    when it begins to be near: stamps are not needed before, a receipt costs the ledger
//                          more than the entries in it, and all validators say theirs together, in one block;
//                          earlier only when it is full. Of n validators 2f + 1 suffice: the others speak a
//                          little later, where stamps are missing
//
// What was amended since, or has its stamp already, needs no entry.
//
// What an earlier run noted and never said is gone, and while the clock is not set nothing is noted. What stands
// on the ledger and lacks our entry is noted when it is seen there, or when the clock is set: late, but true.

import { assert } from "../core/assert.ts";
import { deliveryStartOf, listingTimes } from "../core/ledger/calendar.ts";
import type { LedgerEvent } from "../core/ledger/event.ts";
import type { Rules } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import {
  type PayloadOf,
  RECEIPT_ENTRIES_MAX,
  RECEIPT_SPAN_MAX,
  type Transaction,
} from "../core/ledger/transaction.ts";
import { hasSeat, liarsMax } from "../core/ledger/validators.ts";
import {
  type ListingId,
  type OfferPrefix,
  offerPrefix,
  type TransactionId,
} from "../core/units/ids.ts";
import {
  addTime,
  type DurationMs,
  HOUR_MS,
  SECOND_MS,
  type UnixMs,
  unixMs,
} from "../core/units/time.ts";
import type { Cancel, Clock, Log, Signer } from "../ports.ts";

/** A receipt is sent this many times before receipts must have arrived. */
const RECEIPTS_PER_WITHIN = 5;
/** A cut-off is near so many receiptsWithin before it: two minutes by default. */
export const NEAR = 24;
/** So many receiptsWithin later those speak whose entries are mostly not needed. */
const RESERVE_AFTER = 4;
/** How often it is looked whether a clock that was not set is by now. */
const LOOK_AGAIN_EVERY: DurationMs = SECOND_MS;
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

/** A listing of which offers were heard. */
type Hour = {
  /** What was noted, so that nothing is noted twice. */
  readonly known: Set<OfferPrefix>;
  /** Of these what stood on the ledger at some time. */
  readonly placed: Set<OfferPrefix>;
  /** From then on its cut-off is near. */
  readonly nearFrom: number;
};

type News = {
  readonly listingId: ListingId;
  readonly offer: OfferPrefix;
  readonly at: UnixMs;
  /** When it is worth a receipt. */
  readonly sayFrom: UnixMs;
};

export function createReceiptLoop(dependencies: ReceiptDependencies): ReceiptLoop {
  if (dependencies.rules.schedule === "hourly") return new Loop(dependencies);
  const nothing = (): void => {};
  return { start: nothing, stop: nothing, arrived: nothing, ledgerChanged: nothing };
}

class Loop implements ReceiptLoop {
  readonly #d: ReceiptDependencies;
  /** In the order of arrival; their times never go back, whatever the clock does. */
  #news: News[] = [];
  readonly #hours = new Map<ListingId, Hour>();
  /** A retry keeps its time, whatever is heard meanwhile. */
  #alarm: { readonly at: number; readonly cancel: Cancel } | null = null;
  /** Something came while the clock was not set. */
  #waitsForClock: Cancel | null = null;
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
    this.#waitsForClock?.();
    this.#waitsForClock = null;
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
        this.#hours.delete(event.listingId);
        this.#news = this.#news.filter(({ listingId }) => listingId !== event.listingId);
      }
    }
    this.#news = this.#news.filter((news) => !this.#isMoot(news));
    this.#arm();
  }

  /** Whether this card votes on the next block. Who begins to notes what stands; who ceases to is silent. */
  #look(): void {
    const { ledger, signer } = this.#d;
    const isValidator = hasSeat(ledger().validators, signer);
    if (isValidator === this.#isValidator) return;
    this.#isValidator = isValidator;
    this.#news = [];
    this.#hours.clear();
    if (isValidator) this.#noteStanding();
  }

  #noteStanding(): void {
    for (const listing of this.#d.ledger().listings.values()) {
      if (listing.state !== "ACCEPT_OFFERS") continue;
      const placed = [...listing.pvOffers.values(), ...listing.buyOffers.values()];
      for (const { transactionId, stamp } of placed) {
        if (stamp === null) this.#notePlaced(listing.listingId, transactionId);
      }
    }
  }

  /** It stood on the ledger, and was amended or got its stamp since: our entry would say nothing new. */
  #isMoot({ listingId, offer }: News): boolean {
    if (this.#hours.get(listingId)?.placed.has(offer) !== true) return false;
    const heard = this.#d.ledger().heard.get(offer);
    return heard === undefined || heard.place === null || heard.stamp !== null;
  }

  #notePlaced(listingId: ListingId, id: TransactionId): void {
    this.#note(listingId, id);
    const offer = offerPrefix(id);
    const hour = this.#hours.get(listingId);
    if (hour?.known.has(offer) === true) hour.placed.add(offer);
  }

  /** Notes the first time that we hear of it; not while our clock may be wrong. */
  #note(listingId: ListingId, id: TransactionId): void {
    const { rules, clock, ledger, log, signer } = this.#d;
    if (!this.#isValidator) return;
    if (!clock.isSynchronised()) {
      this.#waitForClock();
      return;
    }
    const offer = offerPrefix(id);
    const hour = this.#hours.get(listingId) ?? this.#hour(listingId);
    const { known } = hour;
    if (known.has(offer)) return;
    const said = ledger().heard.get(offer)?.entries ?? [];
    if (said.some(({ validator }) => validator === signer.memberId)) return;
    if (this.#news.length >= NEWS_MAX || known.size >= KNOWN_PER_LISTING_MAX) {
      log.warn("too many offers to receipt", { listingId, news: this.#news.length });
      return;
    }
    this.#hours.set(listingId, hour);
    known.add(offer);
    const now = clock.now();
    const last = this.#news.at(-1)?.at ?? now;
    const at = now > last ? now : last;
    const soon = addTime(at, Math.ceil(rules.timeline.receiptsWithin / RECEIPTS_PER_WITHIN));
    const sayFrom = unixMs(Math.max(soon, hour.nearFrom));
    this.#news.push({ listingId, offer, at, sayFrom });
  }

  /** Its listing may open in the next block only: its times follow from its id. */
  #hour(listingId: ListingId): Hour {
    const { rules } = this.#d;
    const start = deliveryStartOf(listingId, rules.timeZone);
    const { receiptsWithin } = rules.timeline;
    const empty = { known: new Set<OfferPrefix>(), placed: new Set<OfferPrefix>() };
    if (!start.ok) return { ...empty, nearFrom: 0 };
    const { cutoffAt } = listingTimes(rules, start.value);
    const after = this.#isReserve(start.value) ? RESERVE_AFTER * receiptsWithin : 0;
    return { ...empty, nearFrom: cutoffAt - NEAR * receiptsWithin + after };
  }

  /** 2f + 1 entries make a stamp: the others speak where one of these is missing. Whose turn it is changes. */
  #isReserve(deliveryStart: UnixMs): boolean {
    const { validators } = this.#d.ledger();
    const seat = validators.findIndex(({ memberId }) => memberId === this.#d.signer.memberId);
    const turn = (seat + deliveryStart / HOUR_MS) % validators.length;
    return turn > 2 * liarsMax(validators.length);
  }

  #waitForClock(): void {
    if (this.#waitsForClock !== null || !this.#isRunning) return;
    const { clock } = this.#d;
    this.#waitsForClock = clock.after(LOOK_AGAIN_EVERY, () => {
      this.#waitsForClock = null;
      if (!clock.isSynchronised()) {
        this.#waitForClock();
        return;
      }
      this.#noteStanding();
      this.#arm();
    });
  }

  #arm(): void {
    const [first] = this.#news;
    if (!this.#isRunning || first === undefined || this.#d.isPending()) return;
    const isFull = this.#news.length >= RECEIPT_ENTRIES_MAX;
    const at = isFull ? first.at : unixMs(Math.min(...this.#news.map(({ sayFrom }) => sayFrom)));
    if (this.#alarm !== null && this.#alarm.at <= at) return;
    this.#sayAt(at);
  }

  #sayAt(at: UnixMs): void {
    this.#alarm?.cancel();
    const cancel = this.#d.clock.at(at, () => {
      this.#alarm = null;
      this.#say();
    });
    this.#alarm = { at, cancel };
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
      // Not at a time of day: a clock that is not set may be an hour ahead.
      const cancel = clock.after(rules.timeline.receiptsWithin, () => {
        this.#alarm = null;
        this.#say();
      });
      this.#alarm = { at: 0, cancel };
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
