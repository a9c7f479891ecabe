// A validator's receipt: when its home first heard of which offers and bids. Receipts of one validator form a
// chain without gaps, and their times never go back: nobody can put in later what it did not say in time.
// What the entries do is heard.ts; what they are good for is stamp.ts.

import { accepted, type Result, refused } from "../result.ts";
import type { MemberId, TransactionId } from "../units/ids.ts";
import { addTime } from "../units/time.ts";
import type { Draft } from "./draft.ts";
import { hear } from "./heard.ts";
import type { StaleSequence } from "./openListing.ts";
import type { PayloadOf } from "./transaction.ts";

export type ReceiptRefusal =
  /** In a manual community the place in the chain is the stamp. */
  | { readonly code: "receiptsUnused" }
  | StaleSequence
  /** The one before is not on the ledger yet: it applies later. */
  | ReceiptAhead
  /** It goes on from another receipt than the ledger's last: its validator signed two for one number. */
  | { readonly code: "receiptForked"; readonly needed: string | null; readonly got: string | null }
  | { readonly code: "receiptEmpty" }
  /** `at`: the first entry that is before the one before it or not within from and to; -1: these two. */
  | { readonly code: "receiptTimes"; readonly at: number }
  /** `at`: the first entry whose offer was named already. */
  | { readonly code: "receiptRepeats"; readonly at: number };

export type ReceiptAhead = {
  readonly code: "receiptAhead";
  readonly needed: number;
  readonly got: number;
};

/** Whether a refusal only says that a receipt came before the one before it: it is worth keeping. */
export function appliesLater({ code }: { readonly code: string }): boolean {
  return code === ("receiptAhead" satisfies ReceiptAhead["code"]);
}

export type Receipt = {
  readonly id: TransactionId;
  /** A validator. */
  readonly author: MemberId;
  readonly payload: PayloadOf<"receipt">;
};

export function receipt(
  draft: Draft,
  { id, author, payload }: Receipt,
): Result<void, ReceiptRefusal> {
  if (draft.rules.schedule === "manual") return refused({ code: "receiptsUnused" });
  const linked = checkChain(draft, author, payload);
  if (!linked.ok) return linked;
  const { sequence, from, to, entries } = payload;
  if (entries.length === 0) return refused({ code: "receiptEmpty" });
  const at = firstWrongTime(payload);
  if (at !== null) return refused({ code: "receiptTimes", at });
  const named = new Set<string>();
  for (const [i, { offer }] of entries.entries()) {
    if (named.has(offer)) return refused({ code: "receiptRepeats", at: i });
    named.add(offer);
  }

  draft.receipts.set(author, { validator: author, sequence, id, to });
  hear(
    draft,
    author,
    entries.map(({ offer, after }) => ({ offer, at: addTime(from, after) })),
  );
  return accepted(undefined);
}

function checkChain(
  draft: Draft,
  author: MemberId,
  { sequence, previous, from }: PayloadOf<"receipt">,
): Result<void, ReceiptRefusal> {
  const last = draft.receipts.get(author);
  const needed = (last?.sequence ?? 0) + 1;
  if (sequence < needed) return refused({ code: "staleSequence", have: needed - 1, got: sequence });
  if (sequence > needed) return refused({ code: "receiptAhead", needed, got: sequence });
  const id = last?.id ?? null;
  if (previous !== id) return refused({ code: "receiptForked", needed: id, got: previous });
  if (last !== undefined && from < last.to) return refused({ code: "receiptTimes", at: -1 });
  return accepted(undefined);
}

function firstWrongTime({ from, to, entries }: PayloadOf<"receipt">): number | null {
  if (to < from) return -1;
  let last = 0;
  for (const [i, { after }] of entries.entries()) {
    if (after < last || from + after > to) return i;
    last = after;
  }
  return null;
}
