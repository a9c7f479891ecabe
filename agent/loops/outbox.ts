// Our own transactions: signed once, on the disk before anyone hears of them, said again until the
// ledger has them or can never take them.
//
// A card that signs two offers, bids or receipts of one number has lied, and is named for it. So what was
// refused for good, and yet was heard, stays on the disk while its number could be used again. A home may keep
// several cards: each has its own numbers.
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
  type PayloadOf,
  signTransaction,
  type Transaction,
  transactionId,
  type Unsigned,
} from "../core/ledger/transaction.ts";
import { accepted, type Refusal, type RefusedOne, type Result, refused } from "../core/result.ts";
import type { ListingId, MemberId, TransactionId } from "../core/units/ids.ts";
import type { Clock, Intent, Network, Publisher, Signer, Store } from "../ports.ts";
import type { Mempool } from "./mempool.ts";
import { ALONE, lastOnLedger, numberFrom, type Sharing, seriesOf } from "./numbering.ts";

/** Own transactions under way, of all cards; a home has a handful, a laboratory's some hundreds. */
export const OUTBOX_MAX = 512;
/** Of one card: as many as a mempool takes of it. */
export const OUTBOX_PER_AUTHOR_MAX = 64;
/** Who may wait for one transaction. */
const ASKERS_MAX = 64;

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

export type Submitted = (outcome: Result<TransactionId, Refusal>) => void;

export type Outbox = {
  /**
   * Signs, stores and sends; calls back when it is on the ledger or refused for good. Gives the id that is
   * under way; null: refused at once. What does not fit yet is kept and said again, or with `ifItFits` refused.
   */
  readonly submit: (
    payload: Payload,
    signer: Signer,
    done: Submitted,
    ifItFits?: boolean,
  ) => TransactionId | null;
  /** Waits with whoever waits for it already; false: it is not under way, or too many wait. */
  readonly join: (id: TransactionId, done: Submitted) => boolean;
  /**
   * The last number of an intent's row: the ledger's, or the highest that this card has signed as far as is
   * known here, whether it is under way, refused, or heard from another home. null: it has none.
   */
  readonly lastNumber: (intent: Intent, author: MemberId) => number | null;
  /** The next one, which is above. */
  readonly freeNumber: (intent: Intent, author: MemberId) => number | null;
  /**
   * Stores and sends what the CA has signed; nobody else's is taken. Calls back as `submit` does. A home that
   * has not caught up keeps an order that does not fit yet, and tells after a block.
   */
  readonly say: (encoded: Uint8Array, done: Submitted) => void;
  /** The first of these that the ledger would refuse, each on top of those before it; null: it takes all. */
  readonly firstRefused: (unsigned: readonly Unsigned[]) => RefusedOne | null;
  /** Whether this card has something for this purpose (see `purposeOf`) under way. */
  readonly isPending: (purpose: string, author: MemberId) => boolean;
  /** Whether this card has an offer or a bid for the listing under way. */
  readonly isOffering: (listingId: ListingId, author: MemberId) => boolean;
  /** Whether this card may have one more under way. */
  readonly hasRoom: (author: MemberId, perAuthorMax: number) => boolean;
  /** The bytes of what is under way, oldest first. */
  readonly pending: () => readonly Uint8Array[];
  /** After each committed block: what landed, and what now never can. */
  readonly committed: (transactions: readonly Transaction[]) => void;
};

export type OutboxDependencies = {
  readonly store: Store;
  readonly verifier: Verifier;
  readonly clock: Clock;
  readonly network: Network;
  readonly publisher: Publisher;
  readonly mempool: Mempool;
  readonly ledger: () => LedgerState;
  /** Whether what this ledger says of an order counts, or the neighbours' may say something else. */
  readonly isCaughtUp: () => boolean;
  /** Left out: each card signs here alone. */
  readonly sharing?: Sharing;
};

type Entry = {
  readonly transaction: Transaction;
  readonly encoded: Uint8Array;
  /** Nobody waits for what was left by an earlier run. */
  readonly askers: Submitted[];
};

export function openOutbox(dependencies: OutboxDependencies): Outbox {
  const { store, verifier, clock, network, publisher } = dependencies;
  const { mempool, ledger, isCaughtUp, sharing = ALONE } = dependencies;
  const community = communityId(ledger().rules);
  const checks = new TransactionCheck(verifier);
  const entries = new Map<TransactionId, Entry>();
  /** Ended without being on the ledger: their purposes must not be signed for again. */
  const spent = new Map<TransactionId, Transaction>();
  for (const own of store.ownTransactions()) {
    const decoded = decodeTransaction(community, own.bytes);
    assert(decoded.ok, `stored own transaction ${own.id} decodes`);
    entries.set(own.id, { transaction: decoded.value, encoded: own.bytes, askers: [] });
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
    const { type } = transaction.payload;
    // Receipts go on without a gap, and the member has another card now, whose number it is.
    const isOldCards = type === "receipt" && refusal.code === "badSignature";
    const isPassed = isOldCards || PASSED.has(refusal.code);
    const isKept = !isPassed && isNumberOpen(ledger(), transaction);
    if (isKept) spent.set(transaction.id, transaction);
    return isKept;
  }

  function forgetSpent(): void {
    const over = [...spent.values()].filter((one) => !isNumberOpen(ledger(), one));
    for (const { id } of over) spent.delete(id);
    if (over.length > 0) store.dropOwnTransactions(over.map(({ id }) => id));
  }

  /** What this card has said, and may not contradict: under way here, refused, or heard of. */
  function saidBy(author: MemberId | null): readonly Transaction[] {
    const own = [...entries.values()].map(({ transaction }) => transaction);
    const heard = mempool.all().map(({ transaction }) => transaction);
    return [...own, ...spent.values(), ...heard].filter((one) => one.author === author);
  }

  /** By this run, or by an earlier one whose database was lost: then a neighbour has it. */
  function isUnderWay(author: MemberId, matches: (payload: Payload) => boolean): boolean {
    const own = [...entries.values(), ...mempool.all()];
    return own.some(
      ({ transaction: { author: by, payload } }) => by === author && matches(payload),
    );
  }

  function hasRoom(author: MemberId | null, perAuthorMax: number): boolean {
    // Who asks at the doors leaves room for what the home says by itself.
    const isForDoors = perAuthorMax < OUTBOX_PER_AUTHOR_MAX;
    const max = isForDoors ? OUTBOX_MAX - OUTBOX_PER_AUTHOR_MAX : OUTBOX_MAX;
    if (entries.size + spent.size >= max) return false;
    let mine = 0;
    for (const { transaction } of entries.values()) if (transaction.author === author) mine += 1;
    for (const transaction of spent.values()) if (transaction.author === author) mine += 1;
    return mine < perAuthorMax;
  }

  /** Whether this card has signed something else under the same number. */
  function isSignedOtherwise({ author, payload }: Unsigned, id: TransactionId): boolean {
    const number = numberOf(payload);
    if (number === null) return false;
    return saidBy(author).some((one) => one.id !== id && numberOf(one.payload) === number);
  }

  const lastNumber: Outbox["lastNumber"] = (intent, author) => {
    const { rules } = ledger();
    const series = seriesOf(rules, author, intent);
    if (series === null) return null;
    const said = saidBy(author).flatMap(({ payload }) =>
      "sequence" in payload && seriesOf(rules, author, payload) === series
        ? [payload.sequence]
        : [],
    );
    return Math.max(lastOnLedger(ledger(), author, intent), ...said);
  };

  const freeNumber: Outbox["freeNumber"] = (intent, author) => {
    const last = lastNumber(intent, author);
    return last === null ? null : numberFrom(last + 1, sharing);
  };

  const submit: Outbox["submit"] = (payload, signer, done, ifItFits = false) => {
    const refuse = (refusal: Refusal): null => {
      done(refused(refusal));
      return null;
    };
    const { memberId: author } = signer;
    if (!hasRoom(author, OUTBOX_PER_AUTHOR_MAX)) return refuse(full());
    const unsigned = { author, payload };
    if (isSignedOtherwise(unsigned, transactionId(community, unsigned))) {
      return refuse({ code: "alreadySigned", purpose: purposeOf(payload) });
    }
    const transaction = signTransaction(community, unsigned, signer.sign);
    const { id } = transaction;
    if (entries.has(id)) return refuse({ code: "alreadyPending", id });
    const checked = check(transaction);
    if (!checked.ok && (ifItFits || isFinal(checked))) return refuse(checked.refusal);
    enter({ transaction, encoded: encodeTransaction(community, transaction), askers: [done] });
    return id;
  };

  const join: Outbox["join"] = (id, done) => {
    const entry = entries.get(id);
    if (entry === undefined || entry.askers.length >= ASKERS_MAX) return false;
    entry.askers.push(done);
    return true;
  };

  const say: Outbox["say"] = (encoded, done) => {
    const decoded = decodeTransaction(community, encoded);
    if (!decoded.ok) return done(decoded);
    const { value: transaction } = decoded;
    if (!isOrder(transaction)) return done(refused({ code: "notAllowed", who: "CA" }));
    const { id } = transaction;
    const known = entries.get(id);
    // One asker for each: what was left by an earlier run has none.
    if (known?.askers.length === 0) return void known.askers.push(done);
    if (known !== undefined) return done(refused({ code: "alreadyPending", id }));
    const checked = check(transaction);
    if (hasEnded(transaction, checked)) return done(checked);
    if (!hasRoom(null, OUTBOX_PER_AUTHOR_MAX)) return done(refused(full()));
    enter({ transaction, encoded, askers: [done] });
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
    for (const done of entry.askers) done(outcome);
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
    ...{ submit, join, say, committed, lastNumber, freeNumber, hasRoom },
    firstRefused: (unsigned) => checks.firstRefused(ledger(), unsigned, clock.now()),
    isPending: (purpose, author) => isUnderWay(author, (payload) => purposeOf(payload) === purpose),
    isOffering: (listingId, author) =>
      isUnderWay(author, (payload) => isOffer(payload) && payload.listingId === listingId),
    pending: () => [...entries.values()].map(({ encoded }) => encoded),
  };
}

function full(): Refusal {
  return { code: "outboxFull", max: OUTBOX_PER_AUTHOR_MAX };
}

function isOffer(payload: Payload): payload is PayloadOf<"pvOffer" | "buyOffer"> {
  return payload.type === "pvOffer" || payload.type === "buyOffer";
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

/** What a validator waits out: to get its seat back, or its card. */
const WITHOUT_SEAT: ReadonlySet<string> = new Set(["notAllowed", "revoked"]);

/** `isFinal` for what others may have heard: a receipt waits for its seat, a PV is not removed a second time. */
function hasOwnEnded({ payload }: Transaction, checked: Result<void, Refusal>): checked is Refused {
  if (checked.ok) return false;
  const { code } = checked.refusal;
  if (payload.type === "removePv" && code === "pvUnknown") return true;
  return isFinal(checked) && !(payload.type === "receipt" && WITHOUT_SEAT.has(code));
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
