// Cards that sign twice are reported: by a transaction of our own like any other, so that it is on the disk
// before it is sent and is said again until the ledger has it. Every home that sees it may report it, and the
// ledger takes one.
//
//   votes, proposals       the agreement tells us                              (loops/consensus.ts)
//   receipts, offers, bids we remember what was signed under each number, and compare
//
// What is remembered is in memory, and after a start what the newest blocks say. Never against ourselves: if
// our own card signs elsewhere, the others will see it.

import type { Evidence } from "../core/consensus/effect.ts";
import type { Verifier } from "../core/crypto.ts";
import { type Accusation, keyOf, subjectOf } from "../core/ledger/accusation.ts";
import { decodeBlock } from "../core/ledger/block.ts";
import { checkSignature } from "../core/ledger/checkSignature.ts";
import type { LedgerEvent } from "../core/ledger/event.ts";
import { inOrder } from "../core/ledger/evidence.ts";
import { communityId } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import { decodeTransaction, type Payload, type Transaction } from "../core/ledger/transaction.ts";
import type { Refusal } from "../core/result.ts";
import type { ListingId, MemberId } from "../core/units/ids.ts";
import type { Log, Store } from "../ports.ts";
import { doubleSigned, type Numbered, numbered } from "./numbered.ts";
import type { Submitted } from "./outbox.ts";

/** Reports neither on the ledger nor refused: a liar must not crowd out our own offers. */
const UNDER_WAY_MAX = 8;
/** Reports that wait for those; of one card no more than the ledger takes. */
const WAITING_MAX = 256;
const WAITING_PER_CARD_MAX = 16;
/** Offers, bids and receipts remembered, some 700 bytes each, and of one card: the oldest go first. */
const REMEMBERED_MAX = 8192;
const REMEMBERED_PER_CARD_MAX = 128;
/** Blocks looked through at the start. */
const BLOCKS_LOOKED_THROUGH = 64;

/** Refused before anybody looked at the signature, or because of it: it says nothing about its author. */
const NOT_CHECKED: ReadonlySet<string> = new Set([
  ...["malformed", "otherCommunity", "mempoolFull", "authorHasTooMany"],
  ...["unknownMember", "revoked", "noIdentity", "notManual", "notOwner", "notAllowed"],
  ...["badCertificate", "badSignature"],
]);

export type EvidenceLoop = {
  /** The agreement has seen two messages of one validator; both signatures were checked. */
  readonly doubleSigned: (evidence: Evidence) => void;
  /** A transaction came by; `refusal` is the mempool's, null if it was taken in. */
  readonly heard: (encoded: Uint8Array, refusal: Refusal | null) => void;
  /** After each block: its transactions, and what it changed. */
  readonly ledgerChanged: (
    transactions: readonly Transaction[],
    events: readonly LedgerEvent[],
  ) => void;
};

export type EvidenceDependencies = {
  readonly verifier: Verifier;
  readonly self: MemberId;
  readonly log: Log;
  readonly store: Pick<Store, "blocks">;
  readonly ledger: () => LedgerState;
  /** Signs, keeps and sends. */
  readonly submit: (payload: Payload, done: Submitted) => void;
};

export function createEvidenceLoop(dependencies: EvidenceDependencies): EvidenceLoop {
  return new Loop(dependencies);
}

class Loop implements EvidenceLoop {
  readonly #d: EvidenceDependencies;
  readonly #community: ReturnType<typeof communityId>;
  /** By what may be signed once; the oldest first. */
  readonly #remembered = new Map<string, Numbered>();
  readonly #perCard = new Map<MemberId, Set<string>>();
  readonly #waiting = new Map<string, Accusation>();
  readonly #underWay = new Set<string>();
  #isWarned = false;

  constructor(dependencies: EvidenceDependencies) {
    this.#d = dependencies;
    this.#community = communityId(dependencies.ledger().rules);
    this.#lookBack();
  }

  doubleSigned(evidence: Evidence): void {
    this.#accuse(accusationOf(evidence));
  }

  heard(encoded: Uint8Array, refusal: Refusal | null): void {
    if (refusal !== null && NOT_CHECKED.has(refusal.code)) return;
    const decoded = decodeTransaction(this.#community, encoded);
    if (decoded.ok) this.#compare(decoded.value, false);
  }

  ledgerChanged(transactions: readonly Transaction[], events: readonly LedgerEvent[]): void {
    for (const transaction of transactions) this.#compare(transaction, true);
    for (const event of events) {
      if (event.type === "listingFinished") this.#forgetListing(event.listingId);
      if (event.type !== "evidence") continue;
      const { kind, offender, subject, reporter, height } = event;
      this.#d.log.error("a card signed twice, the CA must look into it", {
        ...{ kind, offender, subject, reporter, height },
      });
    }
    this.#report();
  }

  /** What the newest blocks hold may be contradicted by what comes. */
  #lookBack(): void {
    const { ledger, store } = this.#d;
    const { height } = ledger();
    for (let at = Math.max(1, height - BLOCKS_LOOKED_THROUGH + 1); at <= height; at += 1) {
      const [stored] = store.blocks(at, 1);
      const block = stored === undefined ? null : decodeBlock(stored.block);
      for (const bytes of block?.ok === true ? block.value.transactions : []) {
        const decoded = decodeTransaction(this.#community, bytes);
        const said = decoded.ok ? numbered(decoded.value) : null;
        if (said !== null && this.#matters(said)) this.#remember(said);
      }
    }
  }

  #compare(transaction: Transaction, isOnLedger: boolean): void {
    const { ledger, verifier } = this.#d;
    const said = numbered(transaction);
    const known = said === null ? undefined : this.#remembered.get(said.key);
    if (said === null || known?.id === said.id || !this.#matters(said)) return;
    // The verifier remembers its verdicts: this was asked a moment ago.
    if (!isOnLedger && !checkSignature(ledger(), transaction, verifier).ok) return;
    if (known === undefined) this.#remember(said);
    else this.#accuse(doubleSigned(known, said));
  }

  /** Of offers and bids only those for listings on the ledger. */
  #matters({ single }: Numbered): boolean {
    return !("listingId" in single) || this.#d.ledger().listings.has(single.listingId);
  }

  #forgetListing(id: ListingId): void {
    for (const { key, single } of [...this.#remembered.values()]) {
      if ("listingId" in single && single.listingId === id) this.#forget(key);
    }
  }

  #remember(said: Numbered): void {
    const { key, author } = said;
    const mine = this.#perCard.get(author) ?? new Set<string>();
    this.#perCard.set(author, mine);
    this.#remembered.set(key, said);
    mine.add(key);
    if (mine.size > REMEMBERED_PER_CARD_MAX) this.#forget(mine.values().next().value);
    if (this.#remembered.size > REMEMBERED_MAX) this.#forget(this.#remembered.keys().next().value);
  }

  #forget(key: string | undefined): void {
    const said = key === undefined ? undefined : this.#remembered.get(key);
    if (said === undefined) return;
    this.#remembered.delete(said.key);
    const mine = this.#perCard.get(said.author);
    mine?.delete(said.key);
    if (mine?.size === 0) this.#perCard.delete(said.author);
  }

  #accuse(accusation: Accusation): void {
    const { self, ledger, log } = this.#d;
    const { type: kind, offender } = accusation;
    if (offender === self) {
      if (!this.#isWarned) log.error("this home's card signs elsewhere too", { kind });
      this.#isWarned = true;
      return;
    }
    const key = keyOf(accusation);
    if (ledger().evidence.has(key) || this.#waiting.has(key) || this.#underWay.has(key)) return;
    const mine = [...this.#waiting.values()].filter((one) => one.offender === offender);
    if (this.#waiting.size >= WAITING_MAX || mine.length >= WAITING_PER_CARD_MAX) return;
    log.warn("reporting a card that signed twice", {
      ...{ kind, offender, subject: subjectOf(accusation) },
    });
    this.#waiting.set(key, inOrder(this.#community, accusation));
    this.#report();
  }

  #report(): void {
    const { ledger, log, submit } = this.#d;
    for (const [key, accusation] of this.#waiting) {
      if (this.#underWay.size >= UNDER_WAY_MAX) return;
      this.#waiting.delete(key);
      if (ledger().evidence.has(key)) continue;
      this.#underWay.add(key);
      submit({ type: "evidence", accusation }, (outcome) => {
        this.#underWay.delete(key);
        // Others may have been faster, in this run or the one before.
        if (!outcome.ok) log.debug("own evidence not needed", { key, ...outcome.refusal });
      });
    }
  }
}

function accusationOf(evidence: Evidence): Accusation {
  const { validator: offender } = evidence;
  if (evidence.type === "doubleVote") {
    const { a, b } = evidence;
    const { vote, height, round } = a;
    return { type: "doubleVote", offender, vote, height, round, a, b };
  }
  const { a, b } = evidence;
  const { height, round } = a;
  return { type: "doubleProposal", offender, height, round, a, b };
}
