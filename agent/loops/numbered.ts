// Offers, bids and receipts by what their card may sign only once: the smallest form in which two of them
// accuse it.

import { assert } from "../core/assert.ts";
import type { Accusation, AccusationOf } from "../core/ledger/accusation.ts";
import { receiptHead, type Transaction } from "../core/ledger/transaction.ts";
import type { MemberId, TransactionId } from "../core/units/ids.ts";

type NumberedKind = "doubleReceipt" | "doublePvOffer" | "doubleBuyOffer";

/** `a` and `b` are the same one; `key` is the same for two of which one must not have been signed. */
export type Numbered = {
  readonly key: string;
  readonly id: TransactionId;
  readonly author: MemberId;
  readonly single: AccusationOf<NumberedKind>;
};

/** Null for everything that has no number of its own. */
export function numbered({ id, author, payload, signature }: Transaction): Numbered | null {
  if (author === null) return null;
  const of = (single: Numbered["single"], ...parts: readonly (string | number)[]): Numbered => {
    return { key: [single.type, author, ...parts].join(" "), id, author, single };
  };
  switch (payload.type) {
    case "receipt": {
      const { sequence } = payload;
      const said = { ...receiptHead(payload), signature };
      return of({ type: "doubleReceipt", offender: author, sequence, a: said, b: said }, sequence);
    }
    case "pvOffer": {
      const { listingId, pvId, sequence, energy, reservePrice } = payload;
      const said = { energy, reservePrice, signature };
      const place = { offender: author, listingId, pvId, sequence };
      const single = { type: "doublePvOffer" as const, ...place, a: said, b: said };
      return of(single, listingId, pvId, sequence);
    }
    case "buyOffer": {
      const { listingId, sequence, energy, bidPrice } = payload;
      const said = { energy, bidPrice, signature };
      const place = { offender: author, listingId, sequence };
      const single = { type: "doubleBuyOffer" as const, ...place, a: said, b: said };
      return of(single, listingId, sequence);
    }
    default:
      return null;
  }
}

/** Two of one key. */
export function doubleSigned(first: Numbered, second: Numbered): Accusation {
  assert(first.key === second.key && first.id !== second.id, "two different ones of one number");
  return { ...first.single, b: second.single.b } as Accusation;
}
