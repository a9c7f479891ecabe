// What a state says, told as events: whoever writes tables from events can begin with a snapshot. What has
// left the state is not told: the offers, fills and postings of hours that are finished.

import type { TransactionId } from "../units/ids.ts";
import type { LedgerEvent } from "./event.ts";
import type { LedgerState, Listing } from "./state.ts";
import type { Transaction } from "./transaction.ts";

/** A transaction that the state names and whose bytes are in a block that is not there. */
export type EarlierTransaction = Pick<Transaction, "id" | "author"> & { readonly type: string };

export type SnapshotContents = {
  readonly events: readonly LedgerEvent[];
  /** By listing, in the order of the events that name them; each once. */
  readonly earlier: readonly EarlierTransaction[];
};

/** Balances are told as one posting each, with the reason "snapshot": where they come from is not known. */
export function snapshotContents(state: LedgerState): SnapshotContents {
  const listings = [...state.listings.values()];
  return {
    events: [...registryEvents(state), ...listings.flatMap(listingEvents)],
    earlier: listings.flatMap(namedBy),
  };
}

function registryEvents({ members, pvs }: LedgerState): LedgerEvent[] {
  const joined = [...members.values()].flatMap((member): LedgerEvent[] => {
    const { memberId, balance: amount } = member;
    const posting = { memberId, amount, reason: "snapshot", listingId: null } as const;
    return [
      { type: "memberRegistered", member },
      { type: "posted", posting },
    ];
  });
  const registered = [...pvs.values()].map((pv): LedgerEvent => ({ type: "pvRegistered", pv }));
  return [...joined, ...registered];
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

function namedBy({ pvOffers, buyOffers, readings }: Listing): EarlierTransaction[] {
  const named =
    (type: string) =>
    ({ transactionId: id, memberId: author }: Named): EarlierTransaction => ({ id, type, author });
  return [
    ...[...pvOffers.values()].map(named("pvOffer")),
    ...[...buyOffers.values()].map(named("buyOffer")),
    ...[...readings.values()].map(named("meterReading")),
  ];
}

type Named = {
  readonly transactionId: TransactionId;
  readonly memberId: NonNullable<Transaction["author"]>;
};
