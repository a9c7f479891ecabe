// The one place that decides whether this home's card signs a message of the agreement, and that signs it:
// written down, then handed out, never two for one step.
//
// | held back by | until                                                                                    |
// | ------------ | ---------------------------------------------------------------------------------------- |
// | stopped      | for good: somebody else signs with this card                                              |
// | clock        | NTP agrees                                                                                |
// | quarantine   | the ledger is where this card cannot have signed before (core/consensus/quarantine.ts)   |
// | listening    | a quorum, with us, has said what it knows of this height; or a block newer than the start |
//
// Listening finds what the mark cannot: a copy of the whole card, mark and all, and a copy made in the middle
// of this very height. Who never hears enough speaks after LISTEN_MAX all the same: the mark is the
// guarantee, and a street whose homes do not all reach each other must not stand still.

import { sameBytes } from "../core/codec/bytes.ts";
import type { UnsignedMessage } from "../core/consensus/effect.ts";
import type { Durable } from "../core/consensus/input.ts";
import { proposalSignBytes, voteSignBytes } from "../core/consensus/message.ts";
import {
  isNewerThan,
  markAtStart,
  type QuarantineReason,
  type SigningMark,
} from "../core/consensus/quarantine.ts";
import { isQuorum } from "../core/consensus/quorum.ts";
import { communityId, type Rules, type Validator } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import type { CommunityId, MemberId } from "../core/units/ids.ts";
import { type DurationMs, MINUTE_MS, type UnixMs } from "../core/units/time.ts";
import type {
  AgentEvent,
  Clock,
  Log,
  SignedRecord,
  Signer,
  SigningMarkFile,
  Store,
} from "../ports.ts";

/** After a start a validator waits at most this long for its neighbours' answers. */
export const LISTEN_MAX: DurationMs = MINUTE_MS;

export type HeldBack = "stopped" | "clock" | "quarantine" | "listening";

/** A neighbour has said all it knows of `height`; its own ledger is at `committed`. */
export type VotesAnswer = {
  readonly height: number;
  readonly committed: number;
  readonly peer: MemberId;
};

type Voting = {
  readonly chain: CommunityId;
  readonly validators: readonly Validator[];
  /** Whether this card's seat begins with the height under way; asked only of a newcomer. */
  readonly isSeatNew: () => boolean;
};

export type SigningDependencies = {
  readonly rules: Rules;
  readonly store: Pick<Store, "durable" | "signed" | "saveSigned">;
  readonly clock: Clock;
  readonly signer: Signer;
  readonly log: Log;
  readonly ledger: () => LedgerState;
  /** Without it nothing outlives the database: only for a home that has no card's folder. */
  readonly mark?: SigningMarkFile | undefined;
  /** Told when the card is held back for what it may have signed, and when it is free again. */
  readonly quarantined?:
    | ((event: Extract<AgentEvent, { readonly type: "quarantined" | "released" }>) => void)
    | undefined;
};

const WHY: { readonly [reason in QuarantineReason]: string } = {
  databaseBehind:
    "The database is older than what this card may have signed: it was lost, or an old copy was restored. Never restore the data directory from a backup.",
  markUnreadable:
    "The file beside the key that says what this card may have signed cannot be read. Check the disk.",
  pastUnknown: "Nothing is left that says what this card may have signed before.",
  earlierMessages:
    "The neighbours know messages of this card that its database does not: an old copy was restored. If the card is in use on another machine too, switch one of them off.",
  cardUsedElsewhere:
    "Somebody else signs with this card: it is in use on a second machine, or its key was stolen. This home follows the ledger and never votes with this card again. Switch the other machine off and ask the CA for a new card.",
};

const FREE: SigningMark = { height: 0, freeAbove: 0, stopped: null };

/** For one run of the agent; of a home that has a seat. */
export class Signing {
  readonly #d: SigningDependencies;
  #chain: CommunityId;
  #validators: readonly Validator[];
  readonly #headAtStart: number;
  readonly #startedAt: DurationMs;
  /** The first moment of this run at which the clock was right. */
  #since: UnixMs | null = null;
  #mark: SigningMark | null = null;
  /** Nothing says that this card has ever signed. */
  #isNewcomer = false;
  /** Until the ledger is followed: the seats of the rules begin with height 1. */
  #isSeatNew: () => boolean;
  /** That the card is held back was told, and not yet that it is free. */
  #isTold = false;
  /** What the card has signed at the height under way, in this run or an earlier one. */
  #records = new Map<string, SignedRecord>();
  #answers: { height: number; readonly from: Set<MemberId> } = { height: 0, from: new Set() };

  constructor(dependencies: SigningDependencies) {
    this.#d = dependencies;
    this.#chain = communityId(dependencies.rules);
    this.#validators = dependencies.rules.validators;
    this.#headAtStart = dependencies.ledger().height;
    this.#startedAt = dependencies.clock.monotonic();
    this.#isSeatNew = () => dependencies.ledger().height === 0;
  }

  /** Who votes on the height under way, and for which chain. Also without a seat, which may yet come. */
  follow({ chain, validators, isSeatNew }: Voting): void {
    this.#chain = chain;
    this.#validators = validators;
    this.#isSeatNew = isSeatNew;
    this.#lookAtClock();
  }

  /** The height under way; what the sign log holds of it. */
  enter(height: number): readonly SignedRecord[] {
    this.#lookAtClock();
    this.#releaseByBlock(height);
    const records = this.#d.store.signed(height);
    this.#records = new Map(records.map((record) => [recordKey(record.message), record]));
    return records;
  }

  /** Why nothing may be signed at this height now; null: it may. */
  heldBack(height: number): HeldBack | null {
    this.#lookAtClock();
    if (this.#known().stopped !== null) return "stopped";
    if (!this.#d.clock.isSynchronised()) return "clock";
    if (this.#isInQuarantine(height)) return "quarantine";
    return this.isListening(height) ? "listening" : null;
  }

  /** True if the message is in the sign log now; false if it may not be signed. */
  sign(durable: Durable, message: UnsignedMessage): boolean {
    const { store, signer, log } = this.#d;
    const { height, round } = message;
    if (this.heldBack(height) !== null) return false;
    const signBytes = this.signBytes(message);
    const key = recordKey(message);
    const known = this.#records.get(key);
    if (known !== undefined) {
      if (!sameBytes(known.signBytes, signBytes)) {
        log.error("will not sign a second message for one step", { height, key });
      }
      return true;
    }
    this.#raise(height);
    const signature = signer.sign(signBytes);
    const record = { height, round, type: typeOf(message), signBytes, signature, message };
    store.saveSigned(durable, record);
    this.#records.set(key, record);
    return true;
  }

  /** The sign log's line for exactly this message; null: it was not written, so it is not sent. */
  recordOf(message: UnsignedMessage): SignedRecord | null {
    const record = this.#records.get(recordKey(message));
    if (record === undefined) return null;
    return sameBytes(record.signBytes, this.signBytes(message)) ? record : null;
  }

  signBytes(message: UnsignedMessage): Uint8Array {
    return message.type === "vote"
      ? voteSignBytes(this.#chain, message)
      : proposalSignBytes(this.#chain, message);
  }

  /**
   * A message of the height under way, by our own key and with its true signature, came in. One that we did
   * not sign is of an earlier life while such messages can still be on their way, and then of a second card.
   */
  meet(message: UnsignedMessage): void {
    const mark = this.#known();
    if (mark.stopped !== null || this.recordOf(message) !== null) return;
    if (this.#isPastStart()) {
      this.#keep({ ...mark, stopped: "cardUsedElsewhere" });
      this.#tell("cardUsedElsewhere");
    } else if (this.#isNewcomer || !this.#isInQuarantine(message.height)) {
      this.#isNewcomer = false;
      this.#keep({ ...mark, freeAbove: null });
      this.#tell("earlierMessages");
    }
  }

  /** Whether the neighbours are to be asked what they know of this height before we speak. */
  isListening(height: number): boolean {
    const { clock, mark } = this.#d;
    if (mark === undefined || this.#known().stopped !== null || this.#isPastStart()) return false;
    if (clock.monotonic() - this.#startedAt >= LISTEN_MAX) return false;
    const heard = this.#answers.height === height ? this.#answers.from.size : 0;
    return !isQuorum(1 + heard, this.#validators.length);
  }

  answered({ height, committed, peer }: VotesAnswer): void {
    const { signer } = this.#d;
    if (committed >= height || peer === signer.memberId) return;
    if (!this.#validators.some(({ memberId }) => memberId === peer)) return;
    if (this.#answers.height !== height) this.#answers = { height, from: new Set() };
    this.#answers.from.add(peer);
  }

  // ------------------------------------------------------------------------------ quarantine

  /** Reads the mark, once, when this home first has a seat. */
  #known(): SigningMark {
    if (this.#mark !== null) return this.#mark;
    const { mark: file, store } = this.#d;
    const signed = store.durable()?.height ?? null;
    const found = file === undefined ? FREE : file.read();
    const { mark, reason, isNewcomer } = markAtStart(found, { head: this.#headAtStart, signed });
    this.#isNewcomer = isNewcomer;
    this.#mark = mark;
    // It must outlive a restart in the middle of catching up; a newcomer has nothing to keep yet.
    if (!isNewcomer) this.#keep(mark);
    const isFree = isNewcomer && (this.#isSeatNew() || this.#isPastStart());
    if (reason !== null && !isFree) this.#tell(reason);
    return mark;
  }

  #isInQuarantine(height: number): boolean {
    const { freeAbove } = this.#known();
    if (freeAbove !== null) return height <= freeAbove;
    return !(this.#isPastStart() || (this.#isNewcomer && this.#isSeatNew()));
  }

  /** Before the first signature of a height: what is signed is never above the mark. */
  #raise(height: number): void {
    const { height: before, freeAbove } = this.#known();
    if (freeAbove === 0 && height <= before) return;
    this.#keep({ height: Math.max(height, before), freeAbove: 0, stopped: null });
    this.#released(height);
  }

  /** A block newer than the start frees the card, though it has nothing to sign yet: a restart must not undo it. */
  #releaseByBlock(height: number): void {
    const { height: before, freeAbove, stopped } = this.#known();
    if (freeAbove !== null || stopped !== null || !this.#isPastStart()) return;
    this.#keep({ height: Math.max(height - 1, before), freeAbove: 0, stopped: null });
    this.#released(height);
  }

  #released(height: number): void {
    if (!this.#isTold) return;
    this.#isTold = false;
    this.#d.log.info("this card signs again", { height });
    this.#d.quarantined?.({ type: "released", height });
  }

  #keep(mark: SigningMark): void {
    this.#d.mark?.write(mark);
    this.#mark = mark;
  }

  /** The last block was made after this run began: above it nothing can have been signed before. */
  #isPastStart(): boolean {
    const { ledger, rules } = this.#d;
    const { time } = ledger();
    return this.#since !== null && isNewerThan(this.#since, { time, ...rules.agreement });
  }

  #lookAtClock(): void {
    if (this.#since === null && this.#d.clock.isSynchronised()) this.#since = this.#d.clock.now();
  }

  #tell(reason: QuarantineReason): void {
    const { log, quarantined, signer } = this.#d;
    const { height, freeAbove, stopped } = this.#known();
    const isForGood = stopped !== null;
    this.#isTold = true;
    const text = isForGood ? WHY[reason] : `${WHY[reason]} ${untilWhen(freeAbove)}`;
    const facts = { reason, member: signer.memberId, signedUpTo: height, freeAbove, text };
    if (isForGood) log.error("this card signs nothing any more", facts);
    else log.warn("this card signs nothing for now", facts);
    quarantined?.({ type: "quarantined", reason, isForGood, text });
  }
}

function untilWhen(freeAbove: number | null): string {
  const from = freeAbove === null ? "after the next new block" : `above height ${freeAbove}`;
  return `This home follows the ledger, and votes again ${from}.`;
}

function typeOf(message: UnsignedMessage): SignedRecord["type"] {
  return message.type === "vote" ? message.vote : "proposal";
}

function recordKey(message: UnsignedMessage): string {
  return `${message.round}:${typeOf(message)}`;
}
