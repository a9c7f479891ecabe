// Our own transactions: signed once, on the disk before anyone hears of them, said again until the
// ledger has them or can never take them.
//
// A card that signs two offers, bids or receipts of one number has lied, and is named for it. So what was
// refused for good, and yet was heard, stays on the disk while its number could be used again.
//
// An order of the CA's, signed elsewhere, is carried the same way; nothing is signed for it here.

import { assert } from "../core/assert.ts";
import type { Verifier } from "../core/crypto.ts";
import { keyOf } from "../core/ledger/accusation.ts";
import { TransactionCheck } from "../core/ledger/checkTransaction.ts";
import { isOrder } from "../core/ledger/order.ts";
import { communityId } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import {
  decodeTransaction,
  encodeTransaction,
  type Payload,
  signTransaction,
  type Transaction,
  transactionId,
} from "../core/ledger/transaction.ts";
import { accepted, type Refusal, type Result, refused } from "../core/result.ts";
import type { TransactionId } from "../core/units/ids.ts";
import type { Clock, Network, Publisher, Signer, Store } from "../ports.ts";
import type { Mempool } from "./mempool.ts";

/** Own transactions under way; a home has a handful. */
const OUTBOX_MAX = 64;

/** Refusals that the ledger's next blocks may lift: it is worth saying these again. */
const PASSING: ReadonlySet<string> = new Set([
  "unknownMember",
  "pvUnknown",
  "mempoolFull",
  "authorHasTooMany",
  "receiptAhead",
  "evidenceEarly",
]);

/** Refusals that any other of the same number would meet as well, whatever the clock says by then. */
const PASSED: ReadonlySet<string> = new Set(["staleSequence"]);

/** What no block that an order's home has yet to fetch can lift. */
const ORDER_IS_OVER: ReadonlySet<string> = new Set([
  ...["badSignature", "staleSequence", "validatorChangeEmpty"],
]);

/** The purpose of a receipt: each goes on from the last, so there is one under way at a time. */
export const RECEIPT = "receipt";

export type SubmitAs = "member" | "administrator";
export type Submitted = (outcome: Result<TransactionId, Refusal>) => void;

export type Outbox = {
  /** Signs, stores and sends; calls back when it is on the ledger or refused for good. */
  readonly submit: (payload: Payload, as: SubmitAs, done: Submitted) => void;
  /**
   * Stores and sends what the CA has signed; nobody else's is taken. Calls back as `submit` does. A home that
   * has not caught up keeps an order that does not fit yet, and tells after a block.
   */
  readonly say: (encoded: Uint8Array, done: Submitted) => void;
  /** Whether something for this purpose (see `purposeOf`) is under way. */
  readonly isPending: (purpose: string) => boolean;
  /** The bytes of what is under way, oldest first. */
  readonly pending: () => readonly Uint8Array[];
  /** After each committed block: what landed, and what now never can. */
  readonly committed: (transactions: readonly Transaction[]) => void;
};

export type OutboxDependencies = {
  readonly store: Store;
  readonly signer: Signer;
  readonly administrator: Signer | null;
  readonly verifier: Verifier;
  readonly clock: Clock;
  readonly network: Network;
  readonly publisher: Publisher;
  readonly mempool: Mempool;
  readonly ledger: () => LedgerState;
  /** Whether what this ledger says of an order counts, or the neighbours' may say something else. */
  readonly isCaughtUp: () => boolean;
};

type Entry = {
  readonly transaction: Transaction;
  readonly encoded: Uint8Array;
  readonly done: Submitted | null;
};

export function openOutbox(dependencies: OutboxDependencies): Outbox {
  const { store, signer, administrator, verifier, clock, network, publisher } = dependencies;
  const { mempool, ledger, isCaughtUp } = dependencies;
  const community = communityId(ledger().rules);
  const checks = new TransactionCheck(verifier);
  const entries = new Map<TransactionId, Entry>();
  /** Ended without being on the ledger: their purposes must not be signed for again. */
  const spent = new Map<TransactionId, Transaction>();
  for (const own of store.ownTransactions()) {
    const decoded = decodeTransaction(community, own.bytes);
    assert(decoded.ok, `stored own transaction ${own.id} decodes`);
    entries.set(own.id, { transaction: decoded.value, encoded: own.bytes, done: null });
  }

  const check = (transaction: Transaction): Result<void, Refusal> =>
    checks.check(ledger(), transaction, clock.now());

  /** Refused, and no block to come lifts it. */
  const hasEnded = (
    transaction: Transaction,
    checked: Result<void, Refusal>,
  ): checked is Refused => {
    if (!isOrder(transaction)) return hasOwnEnded(transaction, checked);
    return !checked.ok && (ORDER_IS_OVER.has(checked.refusal.code) || isCaughtUp());
  };

  /** What an earlier run left behind and is on the ledger by now, or can never be. */
  function forgetEnded(): void {
    const ended = [...entries.values()].flatMap(({ transaction }) => {
      const checked = check(transaction);
      return hasEnded(transaction, checked) ? [{ transaction, refusal: checked.refusal }] : [];
    });
    for (const { transaction } of ended) entries.delete(transaction.id);
    const over = ended.filter((one) => !keepAsSpent(one));
    if (over.length > 0) store.dropOwnTransactions(over.map(({ transaction }) => transaction.id));
  }

  /** True if it must stay on the disk. */
  function keepAsSpent({ transaction, refusal }: Ended): boolean {
    const isKept = !PASSED.has(refusal.code) && isNumberOpen(ledger(), transaction);
    if (isKept) spent.set(transaction.id, transaction);
    return isKept;
  }

  function forgetSpent(): void {
    const over = [...spent.values()].filter((one) => !isNumberOpen(ledger(), one));
    for (const { id } of over) spent.delete(id);
    if (over.length > 0) store.dropOwnTransactions(over.map(({ id }) => id));
  }

  /** Whether this card has signed something else under the same number. */
  function isSignedOtherwise(payload: Payload, id: TransactionId): boolean {
    const number = numberOf(payload);
    if (number === null) return false;
    const said = [...spent.values(), ...[...entries.values()].map((one) => one.transaction)];
    return said.some((one) => one.id !== id && numberOf(one.payload) === number);
  }

  const submit: Outbox["submit"] = (payload, as, done) => {
    const author = as === "administrator" ? administrator : signer;
    if (author === null) return done(refused({ code: "noAdministratorCard" }));
    if (entries.size + spent.size >= OUTBOX_MAX)
      return done(refused({ code: "outboxFull", max: OUTBOX_MAX }));
    const unsigned = { author: author.memberId, payload };
    if (isSignedOtherwise(payload, transactionId(community, unsigned))) {
      return done(refused({ code: "alreadySigned", purpose: purposeOf(payload) }));
    }
    const transaction = signTransaction(community, unsigned, author.sign);
    const known = entries.get(transaction.id);
    if (known !== undefined) return done(refused({ code: "alreadyPending", id: transaction.id }));
    const checked = check(transaction);
    if (isFinal(checked)) return done(checked);
    enter({ transaction, encoded: encodeTransaction(community, transaction), done });
  };

  const say: Outbox["say"] = (encoded, done) => {
    const decoded = decodeTransaction(community, encoded);
    if (!decoded.ok) return done(decoded);
    const { value: transaction } = decoded;
    if (!isOrder(transaction)) return done(refused({ code: "notAllowed", who: "CA" }));
    const { id } = transaction;
    const known = entries.get(id);
    // One asker for each: what was left by an earlier run has none.
    if (known?.done === null) return void entries.set(id, { ...known, done });
    if (known !== undefined) return done(refused({ code: "alreadyPending", id }));
    const checked = check(transaction);
    if (hasEnded(transaction, checked)) return done(checked);
    if (entries.size + spent.size >= OUTBOX_MAX)
      return done(refused({ code: "outboxFull", max: OUTBOX_MAX }));
    enter({ transaction, encoded, done });
  };

  function enter(entry: Entry): void {
    const { encoded } = entry;
    const { id } = entry.transaction;
    store.saveOwnTransaction({ id, bytes: encoded });
    entries.set(id, entry);
    mempool.add(encoded);
    network.publish("transaction", encoded);
  }

  const finish = (id: TransactionId, outcome: Result<TransactionId, Refusal>): void => {
    const entry = entries.get(id);
    if (entry === undefined) return;
    entries.delete(id);
    entry.done?.(outcome);
    if (outcome.ok) return;
    publisher.publish({ type: "refused", transactionId: id, refusal: outcome.refusal });
  };

  const committed: Outbox["committed"] = (transactions) => {
    forgetSpent();
    if (entries.size === 0) return;
    const landed = transactions.filter(({ id }) => entries.has(id)).map(({ id }) => id);
    const ended = new Map<TransactionId, Result<TransactionId, Refusal>>();
    for (const id of landed) ended.set(id, accepted(id));
    for (const [id, { transaction, encoded }] of entries) {
      if (ended.has(id)) continue;
      const checked = check(transaction);
      if (checked.ok) mempool.add(encoded);
      else if (hasEnded(transaction, checked)) ended.set(id, checked);
    }
    if (ended.size === 0) return;
    const over = [...ended].filter(([id, outcome]) => {
      const entry = entries.get(id);
      return outcome.ok || entry === undefined || !keepAsSpent({ ...entry, ...outcome });
    });
    if (over.length > 0) store.dropOwnTransactions(over.map(([id]) => id));
    for (const [id, outcome] of ended) finish(id, outcome);
  };

  forgetEnded();
  // A home without neighbours is its own only hope.
  for (const { encoded } of entries.values()) mempool.add(encoded);
  return {
    submit,
    say,
    committed,
    isPending: (purpose) =>
      [...entries.values()].some(({ transaction }) => purposeOf(transaction.payload) === purpose),
    pending: () => [...entries.values()].map(({ encoded }) => encoded),
  };
}

type Ended = { readonly transaction: Transaction; readonly refusal: Refusal };

/** What a card signs once; null for what has no number, or one that only the ledger counts. */
function numberOf(payload: Payload): string | null {
  switch (payload.type) {
    case "pvOffer":
    case "buyOffer":
      return purposeOf(payload);
    case "receipt":
      return `${RECEIPT}:${payload.sequence}`;
    default:
      return null;
  }
}

/** Whether another one of this number could still reach the ledger, or be held against this one. */
function isNumberOpen(state: LedgerState, { author, payload }: Transaction): boolean {
  switch (payload.type) {
    case "pvOffer":
    case "buyOffer":
      return state.listings.get(payload.listingId)?.state === "ACCEPT_OFFERS";
    case "receipt":
      return author !== null && payload.sequence > (state.receipts.get(author)?.sequence ?? 0);
    default:
      return false;
  }
}

type Refused = Extract<Result<void, Refusal>, { readonly ok: false }>;

/** `isFinal` for what others may have heard: a receipt waits for its validator to get its seat back. */
function hasOwnEnded({ payload }: Transaction, checked: Result<void, Refusal>): checked is Refused {
  const isWithoutSeat = !checked.ok && checked.refusal.code === "notAllowed";
  return isFinal(checked) && !(payload.type === "receipt" && isWithoutSeat);
}

/** Refused, and no block to come lifts it. */
function isFinal(checked: Result<void, Refusal>): checked is Refused {
  return !checked.ok && !PASSING.has(checked.refusal.code);
}

/** Names what a transaction is for, so that one home does not say the same thing twice at a time. */
export function purposeOf(payload: Payload): string {
  switch (payload.type) {
    case "registerMember":
      return "registerMember";
    case "registerPv":
      return `registerPv:${payload.pvId}`;
    case "pvOffer":
      return `pvOffer:${payload.listingId}:${payload.pvId}:${payload.sequence}`;
    case "buyOffer":
      return `buyOffer:${payload.listingId}:${payload.sequence}`;
    case "receipt":
      return RECEIPT;
    case "evidence":
      return `evidence:${keyOf(payload.accusation)}`;
    case "meterReading":
      return `meterReading:${payload.listingId}`;
    case "restart":
      return `restart:${payload.sequence}`;
    case "validatorChange":
      return `validatorChange:${payload.sequence}`;
    case "removePv":
      return `removePv:${payload.pvId}:${payload.sequence}`;
    case "grant":
    case "revoke":
    case "bindIdentity":
    case "changeMember":
      return `${payload.type}:${payload.memberId}:${payload.sequence}`;
    case "createListing":
    case "acceptOfferBroadcast":
    case "closeBidding":
      return `${payload.type}:${payload.listingId}`;
    default:
      return unreachable(payload);
  }
}

function unreachable(payload: never): never {
  throw new Error(`Bug: no purpose for ${JSON.stringify(payload)}`);
}
