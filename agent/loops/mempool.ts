// Transactions on their way: checked once on arrival, kept until a block holds them or the ledger moves
// past them. Order of arrival decides nothing that matters; blocks do.
//
// A receipt that came before the one before it is kept too, but is no reason for a block yet.

import type { Verifier } from "../core/crypto.ts";
import { TransactionCheck } from "../core/ledger/checkTransaction.ts";
import { appliesLater } from "../core/ledger/receipt.ts";
import { communityId } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import { decodeTransaction, type Transaction } from "../core/ledger/transaction.ts";
import { accepted, type Refusal, type Result, refused } from "../core/result.ts";
import type { TransactionId } from "../core/units/ids.ts";
import type { Clock, Reception } from "../ports.ts";
import { ID_PREFIX_BYTES } from "./wire.ts";

/** Two hours of a large community's offers. */
const PENDING_MAX = 5000;
/** More than any home has reason to have under way. */
const PENDING_PER_AUTHOR_MAX = 64;
/** An honest validator has one under way; 28 of the largest fill a block, and everybody else would wait. */
const RECEIPTS_PER_AUTHOR_MAX = 4;

export type Pending = {
  readonly transaction: Transaction;
  readonly encoded: Uint8Array;
};

/** What whoever passed it on could have told as well, whatever the ledger says. */
const FORGED: ReadonlySet<string> = new Set([
  ...["malformed", "badSignature", "evidenceNotTwo", "evidenceUnproven"],
]);

/** `isEarly`: it applies only after another that is not on the ledger yet. */
type Kept = Pending & { readonly isEarly: boolean };

export type Mempool = {
  /** Checks and keeps; `isNew` is false if it was pending already. */
  readonly add: (encoded: Uint8Array) => Result<{ pending: Pending; isNew: boolean }, Refusal>;
  readonly all: () => readonly Pending[];
  /** How many are ready for a block. */
  readonly size: () => number;
  readonly has: (id: TransactionId) => boolean;
  readonly drop: (ids: Iterable<TransactionId>) => void;
  /** After a committed block: forgets what it held and what can no longer be in any. */
  readonly committed: (transactions: readonly Transaction[]) => void;
  /** Hex prefixes of the pending ids. */
  readonly prefixes: () => readonly string[];
};

export type MempoolDependencies = {
  readonly verifier: Verifier;
  readonly clock: Clock;
  readonly ledger: () => LedgerState;
  /** Called once for each transaction that is taken in, our own included. */
  readonly arrived: (transaction: Transaction) => void;
  /** Whether it is no reason for a block by itself, for a moment; nothing waits unless told. */
  readonly isWaiting?: (id: TransactionId) => boolean;
};

export function createMempool(dependencies: MempoolDependencies): Mempool {
  const { verifier, clock, ledger, arrived, isWaiting = () => false } = dependencies;
  const pending = new Map<TransactionId, Kept>();
  const perAuthor = new Map<string, number>();
  const community = communityId(ledger().rules);
  const checks = new TransactionCheck(verifier);

  const add: Mempool["add"] = (encoded) => {
    const decoded = decodeTransaction(community, encoded);
    if (!decoded.ok) return decoded;
    const transaction = decoded.value;
    const known = pending.get(transaction.id);
    if (known !== undefined) return accepted({ pending: known, isNew: false });
    const author = transaction.author ?? "";
    const mine = perAuthor.get(author) ?? 0;
    if (pending.size >= PENDING_MAX) return refused({ code: "mempoolFull", max: PENDING_MAX });
    if (mine >= PENDING_PER_AUTHOR_MAX) {
      return refused({ code: "authorHasTooMany", max: PENDING_PER_AUTHOR_MAX });
    }
    if (isReceipt(transaction) && mine >= RECEIPTS_PER_AUTHOR_MAX) {
      const others = pending.values().filter((one) => one.transaction.author === author);
      const receipts = others.reduce((n, one) => n + (isReceipt(one.transaction) ? 1 : 0), 0);
      if (receipts >= RECEIPTS_PER_AUTHOR_MAX) {
        return refused({ code: "authorHasTooMany", max: RECEIPTS_PER_AUTHOR_MAX });
      }
    }
    const checked = checks.check(ledger(), transaction, clock.now());
    if (!checked.ok && !appliesLater(checked.refusal)) return checked;
    const entry = { transaction, encoded, isEarly: !checked.ok };
    pending.set(transaction.id, entry);
    perAuthor.set(author, mine + 1);
    arrived(transaction);
    return accepted({ pending: entry, isNew: true });
  };

  const drop: Mempool["drop"] = (ids) => {
    for (const id of ids) {
      const entry = pending.get(id);
      if (entry === undefined) continue;
      pending.delete(id);
      const author = entry.transaction.author ?? "";
      const left = (perAuthor.get(author) ?? 1) - 1;
      if (left === 0) perAuthor.delete(author);
      else perAuthor.set(author, left);
    }
  };

  const committed: Mempool["committed"] = (transactions) => {
    drop(transactions.map(({ id }) => id));
    const state = ledger();
    const time = clock.now();
    const ended: TransactionId[] = [];
    for (const kept of pending.values()) {
      const { transaction } = kept;
      const checked = checks.check(state, transaction, time);
      if (!checked.ok && !appliesLater(checked.refusal)) ended.push(transaction.id);
      else if (checked.ok === kept.isEarly) {
        pending.set(transaction.id, { ...kept, isEarly: !checked.ok });
      }
    }
    drop(ended);
  };

  return {
    add,
    drop,
    committed,
    all: () => [...pending.values()],
    size: () => {
      let ready = 0;
      for (const [id, { isEarly }] of pending) if (!isEarly && !isWaiting(id)) ready += 1;
      return ready;
    },
    has: (id) => pending.has(id),
    prefixes: () => [...pending.keys()].map((id) => id.slice(0, 2 * ID_PREFIX_BYTES)),
  };
}

function isReceipt({ payload: { type } }: Transaction): boolean {
  return type === "receipt";
}

/**
 * What a refused transaction says of who passed it on. Only what nobody honest can have passed on is
 * punished; a neighbour who is a block behind or ahead may see the rest differently.
 */
export function receptionOf(refusal: Refusal): Reception {
  return FORGED.has(refusal.code) ? "reject" : "ignore";
}
