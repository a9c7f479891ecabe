// Sellers first come, first served, where nobody buys from themselves: a buyer's own offers are stepped
// over and keep their place. However the own offers lie, a step costs the same.
//
// Neighbouring offers of one member form a run. Two runs side by side never have one owner (they are
// joined when what stood between them is sold out), so a buyer steps over at most one run.

import type { Wh } from "../units/energy.ts";
import type { MemberId } from "../units/ids.ts";
import type { MarketOffer } from "./mechanism.ts";

type Place = { readonly offer: MarketOffer; left: number; next: Place | null };

type Run = {
  readonly memberId: MemberId;
  first: Place;
  last: Place;
  previous: Run | null;
  next: Run | null;
};

/** The runs in order; `head` null is "sold out". Changed in place by `takeFirst`. */
export type SellerQueue = { head: Run | null; readonly places: readonly Place[] };

/** A queue of `offers`, which stand in their order already. */
export function sellerQueue(offers: readonly MarketOffer[]): SellerQueue {
  const places = offers.map((offer): Place => ({ offer, left: offer.energy, next: null }));
  const queue: SellerQueue = { head: null, places };
  let last: Run | null = null;
  for (const place of places) {
    const { memberId } = place.offer;
    if (last !== null && last.memberId === memberId) {
      last.last.next = place;
      last.last = place;
      continue;
    }
    const previous: Run | null = last;
    last = { memberId, first: place, last: place, previous, next: null };
    if (previous === null) queue.head = last;
    else previous.next = last;
  }
  return queue;
}

export type Taken = { readonly offer: MarketOffer; readonly energy: Wh };

/** Takes at most `wanted` Wh from the first offer that is not `buyer`'s; null if there is none. */
export function takeFirst(queue: SellerQueue, buyer: MemberId, wanted: number): Taken | null {
  const run = queue.head?.memberId === buyer ? queue.head.next : queue.head;
  if (run === null) return null;
  const place = run.first;
  const energy = Math.min(wanted, place.left);
  place.left -= energy;
  if (place.left === 0) {
    if (place.next === null) removeRun(queue, run);
    else run.first = place.next;
  }
  return { offer: place.offer, energy: energy as Wh };
}

/** The offers, in order, of which nothing was taken. */
export function untouched({ places }: SellerQueue): readonly MarketOffer[] {
  return places.filter(({ left, offer }) => left === offer.energy).map(({ offer }) => offer);
}

function removeRun(queue: SellerQueue, { previous, next }: Run): void {
  if (previous === null) queue.head = next;
  else previous.next = next;
  if (next === null) return;
  next.previous = previous;
  if (previous === null || previous.memberId !== next.memberId) return;
  previous.last.next = next.first;
  previous.last = next.last;
  previous.next = next.next;
  if (next.next !== null) next.next.previous = previous;
}
