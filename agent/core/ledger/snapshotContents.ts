// What a state says, told as events: whoever writes tables from events can begin with a snapshot. What has
// left the state is not told: the offers, fills and postings of hours that are finished.

import type { TransactionId } from "../units/ids.ts";
import type { LedgerEvent } from "./event.ts";
import type { LedgerState, Listing } from "./state.ts";
import { setChange } from "./validatorSet.ts";

export type SnapshotContents = {
  readonly events: readonly LedgerEvent[];
  /**
   * Transactions that the state names: offers, bids, readings. By listing, in the order of the events that name
   * them; each once.
   */
  readonly named: readonly TransactionId[];
};

/**
 * Balances are told as one posting each, with the reason "snapshot": where they come from is not known. What had
 * changed of who votes since the rules is told as one change at the next height. Who reported a card that
 * signed twice is not known any more.
 */
export function snapshotContents(state: LedgerState): SnapshotContents {
  const listings = [...state.listings.values()];
  return {
    events: [
      ...registryEvents(state),
      ...setEvents(state),
      ...evidenceEvents(state),
      ...listings.flatMap(listingEvents),
    ],
    named: listings.flatMap(namedBy),
  };
}

function registryEvents({ members, pvs, removedPvs }: LedgerState): LedgerEvent[] {
  const joined = [...members.values()].flatMap((member): LedgerEvent[] => {
    const { memberId, balance: amount } = member;
    const posting = { memberId, amount, reason: "snapshot", listingId: null } as const;
    return [
      { type: "memberRegistered", member },
      { type: "posted", posting },
    ];
  });
  const all = [...pvs.values(), ...removedPvs.values()];
  const registered = all.map((pv): LedgerEvent => ({ type: "pvRegistered", pv }));
  const removed = [...removedPvs.values()].map(({ pvId, sequence }): LedgerEvent => {
    return { type: "pvRemoved", pvId, sequence };
  });
  return [...joined, ...registered, ...removed];
}

/** A block's voters stand two blocks before it: the next block's and the one's after that are in the state. */
function setEvents({ rules, height, validators, nextValidators }: LedgerState): LedgerEvent[] {
  return [
    setChange({ before: rules.validators, after: validators, fromHeight: height + 1 }),
    setChange({ before: validators, after: nextValidators, fromHeight: height + 2 }),
  ].filter((event) => event !== null);
}

function evidenceEvents({ evidence, height }: LedgerState): LedgerEvent[] {
  return [...evidence.values()].map(({ kind, offender, subject }) => {
    return { type: "evidence", kind, offender, subject, reporter: null, height };
  });
}

function listingEvents(listing: Listing): LedgerEvent[] {
  const { listingId, pvOffers, buyOffers, readings } = listing;
  const placed: LedgerEvent[] = [
    ...[...pvOffers.values()].map(
      (offer) => ({ type: "pvOfferPlaced", listingId, offer }) as const,
    ),
    ...[...buyOffers.values()].map((bid) => ({ type: "buyOfferPlaced", listingId, bid }) as const),
  ];
  const read = [...readings.values()].map(
    (reading): LedgerEvent => ({ type: "meterRead", listingId, reading }),
  );
  const created = { ...listing, state: "CREATED" } as const;
  return [
    { type: "listingCreated", listing: created },
    ...openingOf(listing),
    ...placed,
    ...endOf(listing),
    ...read,
  ];
}

function openingOf({ state, listingId, deliveryStart }: Listing): LedgerEvent[] {
  if (state === "CREATED") return [];
  return [{ type: "acceptOfferBroadcast", listingId, deliveryStart }];
}

function endOf({ state, listingId, mcp, fills, resultHash }: Listing): LedgerEvent[] {
  if (state === "VOID") return [{ type: "listingVoided", listingId }];
  if (state !== "AUCTION_CLOSED" || resultHash === null) return [];
  return [{ type: "biddingClosed", listingId, mcp, fills, resultHash }];
}

function namedBy({ pvOffers, buyOffers, readings }: Listing): TransactionId[] {
  const named = [...pvOffers.values(), ...buyOffers.values(), ...readings.values()];
  return named.map(({ transactionId }) => transactionId);
}
