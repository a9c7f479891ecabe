// From a request to the ledger: an answer comes after the commit, or says that there was none in time. What
// is late stays under way, and whoever says the same again waits for the same.

import type { Refusal } from "../../core/result.ts";
import type { TransactionId } from "../../core/units/ids.ts";
import type { AgentDoor, Intent, Signer } from "../../ports.ts";

export type Committed =
  | { readonly type: "committed"; readonly id: TransactionId }
  | { readonly type: "refused"; readonly refusal: Refusal }
  /** Still under way; null: it has no id yet. */
  | { readonly type: "late"; readonly id: TransactionId | null };

export type Commit = (intent: Intent, signer: Signer) => Promise<Committed>;

/** A commit answers within `withinMs`; it never rejects but for a bug or a failed disk. */
export function createCommit(door: Pick<AgentDoor, "submit">, withinMs: number): Commit {
  return (intent, signer) =>
    new Promise((resolve) => {
      let id: TransactionId | null = null;
      const timer = setTimeout(() => resolve({ type: "late", id }), withinMs);
      // An agent that ends does not wait for an answer that nobody reads any more.
      timer.unref();
      door.submit(
        intent,
        signer,
        (outcome) => {
          clearTimeout(timer);
          if (outcome.ok) resolve({ type: "committed", id: outcome.value });
          else resolve({ type: "refused", refusal: outcome.refusal });
        },
        (signed) => {
          id = signed;
        },
      );
    });
}
