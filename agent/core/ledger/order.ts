// An order: what the CA signs off line and any home may carry to the ledger. A restart is none, for it is
// for a market that has stopped, and goes to each home by its operator's hand.

import type { PayloadOf, Transaction } from "./transaction.ts";

/** `author` null is the CA. */
export type Order = Transaction & {
  readonly author: null;
  readonly payload: PayloadOf<"grant" | "revoke" | "validatorChange" | "bindIdentity">;
};

/** Says nothing about its signature. */
export function isOrder(transaction: Transaction): transaction is Order {
  const { author, payload } = transaction;
  if (author !== null) return false;
  switch (payload.type) {
    case "grant":
    case "revoke":
    case "validatorChange":
    case "bindIdentity":
      return true;
    default:
      return false;
  }
}
