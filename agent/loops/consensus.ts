// Runs the agreement: feeds core/consensus what arrives, and carries out what it asks, strictly in order.
// Persist, then send: a vote leaves the house only after signing.ts has written it down.
//
// newHeight --(something to say | due step | others talk)--> step(start) --> ... --> decide --> commit --> newHeight
//
// While signing.ts holds our card back (the clock is not set, the database may be an old one) the height goes
// on as if we had spoken, and so may stand still for want of our vote; when the card may sign again the height
// is entered again, as after a crash.

import type { Malformed } from "../core/codec/shape.ts";
import { contradiction, firstMessages, messageKey } from "../core/consensus/contradiction.ts";
import type { DriverState } from "../core/consensus/driver.ts";
import { messagesFor, newsOf, resume, startHeight, step } from "../core/consensus/driver.ts";
import type { Effect, Evidence, UnsignedMessage } from "../core/consensus/effect.ts";
import { type Chains, openMessage, sealMessage } from "../core/consensus/envelope.ts";
import type { Durable, HeightStart, Input, Verdict } from "../core/consensus/input.ts";
import type { ConsensusMessage, Proposal } from "../core/consensus/message.ts";
import { isSkip } from "../core/consensus/quorum.ts";
import { isTimely } from "../core/consensus/timely.ts";
import { timeoutDuration } from "../core/consensus/timeouts.ts";
import { votesIn } from "../core/consensus/votes.ts";
import type { Verifier } from "../core/crypto.ts";
import { blockId, decodeBlock, encodeBlock, hasItsTransactions } from "../core/ledger/block.ts";
import { buildBlock } from "../core/ledger/buildBlock.ts";
import { nextDue } from "../core/ledger/due.ts";
import { appliesLater } from "../core/ledger/receipt.ts";
import { communityId, type Rules, type Validator } from "../core/ledger/rules.ts";
import { hasSeat } from "../core/ledger/validators.ts";
import { mustBeAccepted } from "../core/result.ts";
import type { MemberId } from "../core/units/ids.ts";
import { addTime, type DurationMs, SECOND_MS, type UnixMs } from "../core/units/time.ts";
import type {
  Cancel,
  Clock,
  Log,
  Network,
  Reception,
  SignedRecord,
  Signer,
  Store,
} from "../ports.ts";
import type { Executed, Ledger } from "./ledger.ts";
import type { Mempool } from "./mempool.ts";
import { isSeatNew } from "./newSeat.ts";
import { PastHeights } from "./pastHeights.ts";
import { type HeldBack, Signing, type SigningDependencies, type VotesAnswer } from "./signing.ts";

/** Kept for neighbours a moment ahead of us: so many heights, rounds 0 to 3, each validator's messages once. */
const EARLY_HEIGHTS_MAX = 2;
const EARLY_ROUND_MAX = 3;
/** How often it is looked whether a card that was held back may sign by now. */
const LOOK_AGAIN_EVERY: DurationMs = SECOND_MS;
/** For a proposal that is not kept: whatever its block is, it does not matter. */
const NOT_JUDGED: Verdict = { valid: false, timely: false };

export type ConsensusLoop = {
  readonly start: () => void;
  readonly stop: () => void;
  /** A gossiped or pushed message, or one out of a vote answer, passed on by `from`. */
  readonly receive: (encoded: Uint8Array, from: MemberId) => Reception;
  /** There may be something to say: the mempool grew. */
  readonly wake: () => void;
  /** Block sync committed blocks behind our back: begin the height after them. */
  readonly followLedger: () => void;
  /** The height under way and whether anyone has started it. */
  readonly position: () => { readonly height: number; readonly isUnderWay: boolean };
  /** What we know of the height under way, for a neighbour that asks. */
  readonly messages: () => readonly Uint8Array[];
  /** Whether the validators are to be asked what they know of this height, before we speak. */
  readonly isListening: () => boolean;
  /** A neighbour has answered, and its messages were received. */
  readonly answered: (answer: VotesAnswer) => void;
  /** Why our card signs nothing at this height; null: it may, or has no seat. */
  readonly heldBack: () => HeldBack | null;
  /** How many proposals and votes are kept, and the round under way. */
  readonly memory: () => { readonly messages: number; readonly round: number };
};

/** Why a message is rejected: the fault of whoever passed it on, for it could have checked. */
export type MessageRefusal =
  | Malformed
  /** Of the height under way, by someone who has no vote. */
  | { readonly code: "notValidator"; readonly author: string }
  | { readonly code: "badSignature" }
  /** The bytes are not the block whose id the proposer signed. */
  | { readonly code: "otherBlock" };

export type ConsensusDependencies = {
  readonly rules: Rules;
  readonly verifier: Verifier;
  readonly store: Store;
  readonly clock: Clock;
  readonly network: Network;
  readonly signer: Signer;
  readonly log: Log;
  readonly ledger: Ledger;
  readonly mempool: Mempool;
  readonly mark?: SigningDependencies["mark"];
  readonly quarantined?: SigningDependencies["quarantined"];
  /** Commits: the agent's one place where a block becomes the ledger. */
  readonly commit: (executed: Executed, certificate: Parameters<Ledger["commit"]>[1]) => void;
  /** Told of each message that nobody honest passes on. */
  readonly refused: (refusal: MessageRefusal) => void;
  /** A validator has signed two messages where it may sign one; both signatures are right. */
  readonly doubleSigned: (evidence: Evidence) => void;
  /** `peer` passes on messages of a greater height: blocks up to `height` exist. */
  readonly behind: (height: number, peer: MemberId) => void;
};

export function createConsensusLoop(dependencies: ConsensusDependencies): ConsensusLoop {
  return new Loop(dependencies);
}

/** One height after another; its lifetime is from `start` to `stop`. */
class Loop implements ConsensusLoop {
  readonly #d: ConsensusDependencies;
  readonly #signing: Signing;
  #driver: DriverState | null = null;
  #told: { readonly of: DriverState; readonly messages: readonly Uint8Array[] } | null = null;
  #start: HeightStart;
  /** Who votes on the height under way, and on the next one; and for which chain. */
  #seats: readonly Validator[] = [];
  #nextSeats: readonly Validator[] = [];
  #chains: Chains;
  #isRunning = false;
  /** Something of ours was held back at this height. */
  #isMuted = false;
  #isUnderWay = false;
  #isResting = false;
  #isBusy = false;
  #inputs: Input[] = [];
  readonly #timers = new Set<Cancel>();
  #records: readonly SignedRecord[] = [];
  /** By height, round, author and kind: nobody can take another's place. */
  #early = new Map<string, Heard & { readonly height: number }>();
  readonly #past = new PastHeights();
  /** What was said at this height before it was entered again: the driver has forgotten rounds that are over. */
  #saidBefore: ReadonlyMap<string, ConsensusMessage> = new Map();

  constructor(dependencies: ConsensusDependencies) {
    const { rules, ledger } = dependencies;
    this.#d = dependencies;
    const community = communityId(rules);
    this.#signing = new Signing({ ...dependencies, ledger: ledger.state });
    this.#chains = { community, chain: community };
    this.#start = this.#nextStart();
  }

  start(): void {
    this.#isRunning = true;
    this.#enter();
  }

  stop(): void {
    this.#isRunning = false;
    this.#leave();
    this.#driver = null;
  }

  position(): { height: number; isUnderWay: boolean } {
    return { height: this.#start.height, isUnderWay: this.#isUnderWay };
  }

  messages(): readonly Uint8Array[] {
    if (this.#driver === null) return [];
    // Neighbours ask each second; most times nothing has changed.
    if (this.#told?.of !== this.#driver) {
      const messages = messagesFor(this.#driver).map((message) =>
        sealMessage(this.#chains, message),
      );
      this.#told = { of: this.#driver, messages };
    }
    return this.#told.messages;
  }

  isListening(): boolean {
    return (
      this.#start.self !== null && this.#isRunning && this.#signing.isListening(this.#start.height)
    );
  }

  answered(answer: VotesAnswer): void {
    if (answer.height !== this.#start.height) return;
    this.#signing.answered(answer);
    if (this.#isMuted && this.heldBack() === null) this.#speakAgain();
  }

  heldBack(): HeldBack | null {
    return this.#start.self === null ? null : this.#signing.heldBack(this.#start.height);
  }

  memory(): { messages: number; round: number } {
    const early = this.#early.size;
    if (this.#driver === null) return { messages: early, round: 0 };
    const { votes, proposals, roundState } = this.#driver;
    let messages = early + proposals.size;
    for (const round of votes.rounds.keys()) messages += votesIn(votes, round).length;
    return { messages, round: Math.max(roundState.round, 0) };
  }

  followLedger(): void {
    if (this.#driver !== null && this.#isBehindLedger()) this.#enter();
  }

  wake(): void {
    if (this.#driver === null || this.#isUnderWay || this.#isResting) return;
    // Block sync is about to say so: this height is over, there is nothing to say in it.
    if (this.#isBehindLedger()) return;
    const { ledger, mempool, clock } = this.#d;
    const due = nextDue(ledger.state());
    const isAwaited = mempool.size() > 0 || ledger.voting().restart !== null;
    if (isAwaited || (due !== null && clock.now() >= due)) this.#feed({ type: "start" });
  }

  receive(encoded: Uint8Array, from: MemberId): Reception {
    const decoded = openMessage(this.#chains, encoded);
    if (!decoded.ok) {
      return decoded.refusal.code === "otherChain" ? "ignore" : this.#reject(decoded.refusal);
    }
    const message = decoded.value;
    const { height } = this.#start;
    if (this.#driver === null) return "ignore";
    if (message.height < height) return this.#hearLate(message);
    if (message.height > height) return this.#keepForLater(message, { encoded, from });
    const author = authorOf(message);
    if (this.#keyOf(author, height) === null) return this.#reject({ code: "notValidator", author });
    // Gossip, pushes and answers bring the same message many times; only the first is looked at.
    const news = newsOf(this.#driver, message);
    if (news === null) return "ignore";
    const forged = this.#forgery(message);
    if (forged !== null) return this.#reject(forged);
    if (author === this.#start.self) this.#signing.meet(message);
    const before = this.#saidBefore.get(messageKey(message));
    const evidence = before === undefined ? null : contradiction(before, message);
    if (evidence !== null) this.#d.doubleSigned(evidence);
    if (message.type === "vote") {
      this.#feed({ type: "vote", vote: message });
    } else {
      const verdict = news === "kept" ? this.#judge(message) : NOT_JUDGED;
      this.#feed({ type: "proposal", proposal: message, verdict });
    }
    return "accept";
  }

  #reject(refusal: MessageRefusal): Reception {
    this.#d.refused(refusal);
    return "reject";
  }

  /** Null if its author said it, whole. */
  #forgery(message: ConsensusMessage): MessageRefusal | null {
    const author = authorOf(message);
    const publicKey = this.#keyOf(author, message.height);
    if (publicKey === null) return { code: "notValidator", author };
    const { signature } = message;
    const signed = { publicKey, message: this.#signing.signBytes(message), signature };
    if (!this.#d.verifier.verify(signed)) return { code: "badSignature" };
    if (message.type === "vote") return null;
    // The signature covers the id only: whoever passed this on could have swapped the rest.
    const block = decodeBlock(message.block);
    const isWhole =
      block.ok &&
      blockId(block.value.header) === message.blockId &&
      hasItsTransactions(block.value);
    return isWhole ? null : { code: "otherBlock" };
  }

  /**
   * Others talk of this height: join them at once, or their proposal times out. But only if one of them must be
   * honest, or the proposed block is for something: a single clock that is ahead would else have us agree on one
   * empty block after the other.
   */
  #isCalledBy(input: Input): boolean {
    if (input.type !== "vote" && input.type !== "proposal") return false;
    const talking = new Set(this.#driver?.votes.heard.keys());
    talking.add(input.type === "vote" ? input.vote.validator : input.proposal.proposer);
    if (isSkip(talking.size, this.#start.validators.length)) return true;
    if (input.type === "vote" || !input.verdict.valid || !input.verdict.timely) return false;
    const executed = this.#d.ledger.execute(input.proposal.block);
    const due = nextDue(this.#d.ledger.state());
    const isDue = due !== null && input.proposal.time >= due;
    return isDue || (executed.ok && executed.value.transactions.length > 0);
  }

  #keepForLater(message: ConsensusMessage, { encoded, from }: Heard): Reception {
    const author = authorOf(message);
    const { height, round } = message;
    if (this.#keyOf(author, height) === null) return "ignore";
    const key = `${height} ${round} ${author} ${typeOf(message)}`;
    const first = this.#early.get(key);
    if (first !== undefined) return this.#compareEarly(first, message);
    const forged = this.#forgery(message);
    if (forged !== null) return this.#reject(forged);
    this.#d.behind(height - 1, from);
    const isNear = height <= this.#start.height + EARLY_HEIGHTS_MAX && round <= EARLY_ROUND_MAX;
    if (!isNear) return "ignore";
    this.#early.set(key, { height, encoded, from });
    return "accept";
  }

  /** Two messages of a height that has not begun here: the driver will only be given the first. */
  #compareEarly(first: Heard, second: ConsensusMessage): Reception {
    const kept = openMessage(this.#chains, first.encoded);
    const evidence = kept.ok ? contradiction(kept.value, second) : null;
    if (evidence === null) return "ignore";
    const forged = this.#forgery(second);
    if (forged !== null) return this.#reject(forged);
    this.#d.doubleSigned(evidence);
    return "ignore";
  }

  /** The height is over: all that matters is whether somebody contradicts itself. */
  #hearLate(message: ConsensusMessage): Reception {
    const late = this.#past.hear(message, (said, publicKey) => {
      const { signature } = said;
      return this.#d.verifier.verify({
        publicKey,
        message: this.#signing.signBytes(said),
        signature,
      });
    });
    if (late.type === "forged") return this.#reject({ code: "badSignature" });
    if (late.type === "heard" && late.evidence !== null) this.#d.doubleSigned(late.evidence);
    return "ignore";
  }

  #judge(proposal: Proposal): Verdict {
    const { rules, clock, ledger, log } = this.#d;
    const executed = ledger.execute(proposal.block);
    if (!executed.ok) log.warn("proposed block refused", { height: proposal.height, ...executed });
    const { header } = executed.ok ? executed.value.block : { header: null };
    const isAsSaid = header !== null && header.time === proposal.time;
    // A fresh block is its proposer's own; who built it decides whose turn is next.
    const isOwn = proposal.polRound >= 0 || header?.proposer === proposal.proposer;
    // With a restart it would be another chain's block, or without one.
    const isOfChain = executed.ok && executed.value.state.chain === this.#chains.chain;
    return {
      valid: isOfChain && isAsSaid && isOwn,
      timely: isTimely({
        blockTime: proposal.time,
        now: clock.now(),
        round: proposal.round,
        precision: rules.agreement.precision,
        messageDelay: rules.agreement.messageDelay,
      }),
    };
  }

  /** One input after another, each with all its effects, however deep the call came from. */
  #feed(input: Input): void {
    this.#inputs.push(input);
    this.#drain();
  }

  #drain(): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (;;) {
        const next = this.#inputs.shift();
        if (next === undefined || this.#driver === null) break;
        if (!this.#isUnderWay && this.#isCalledBy(next)) {
          this.#inputs.unshift(next);
          this.#take({ type: "start" });
        } else {
          this.#take(next);
        }
      }
    } finally {
      this.#isBusy = false;
    }
  }

  #take(input: Input): void {
    if (this.#driver === null) return;
    if (input.type === "start") this.#isUnderWay = true;
    const { state, effects } = step(this.#driver, input);
    this.#driver = state;
    this.#carryOut(effects);
  }

  #carryOut(effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "persist":
          if (!this.#signing.sign(effect.durable, effect.message)) this.#mute();
          break;
        case "send":
          this.#send(effect.message);
          break;
        case "getValue":
          this.#build(effect.height, effect.round);
          break;
        case "scheduleTimeout":
          this.#schedule(effect);
          break;
        case "decide":
          this.#decide(effect);
          return;
        case "evidence":
          this.#d.doubleSigned(effect.evidence);
          break;
      }
    }
  }

  /** Sends what the sign log holds for this step: what was not written is not sent. */
  #send(message: UnsignedMessage): void {
    const record = this.#signing.recordOf(message);
    if (record !== null) this.#sendRecord(record);
  }

  #sendRecord({ message, signature }: SignedRecord): void {
    const signed: ConsensusMessage = { ...message, signature };
    this.#d.network.publish("consensus", sealMessage(this.#chains, signed));
    if (signed.type === "vote") {
      this.#inputs.push({ type: "vote", vote: signed });
      return;
    }
    // Our own block: built by us just now, or judged before the crash.
    const valid = this.#d.ledger.execute(signed.block).ok;
    this.#inputs.push({ type: "proposal", proposal: signed, verdict: { valid, timely: true } });
  }

  #build(height: number, round: number): void {
    const { clock, ledger, mempool, verifier, log } = this.#d;
    const { self } = this.#start;
    if (self === null) return;
    if (this.heldBack() !== null) {
      this.#mute();
      return;
    }
    const state = ledger.state();
    const now = clock.now();
    const time: UnixMs = now > state.time ? now : addTime(state.time, 1);
    const { restart } = ledger.voting();
    const pending = mempool.all().map(({ transaction }) => transaction);
    const transactions = restart === null ? pending : [restart, ...pending];
    const built = buildBlock(state, { time, proposer: self, transactions }, verifier);
    for (const { id, refusal } of built.dropped)
      log.debug("left out of the block", { id, ...refusal });
    const ended = built.dropped.filter(({ refusal }) => !appliesLater(refusal));
    mempool.drop(ended.map(({ id }) => id));
    const block = encodeBlock(built.block);
    const executed = mustBeAccepted(ledger.execute(block), "our own block is valid");
    const value = { blockId: executed.blockId, time, block };
    this.#inputs.push({ type: "value", height, round, value });
  }

  #schedule({ kind, height, round }: Extract<Effect, { type: "scheduleTimeout" }>): void {
    const delay = timeoutDuration(kind, round, this.#d.rules.agreement);
    this.#after(delay, () => this.#feed({ type: "timeout", kind, height, round }));
  }

  #decide({ certificate, block }: Extract<Effect, { type: "decide" }>): void {
    const executed = mustBeAccepted(this.#d.ledger.execute(block), "a decided block is valid");
    this.#d.commit(executed, certificate);
    this.#enter();
  }

  /** Something of ours is not said, and nobody will ask for it: enter the height again when we may speak. */
  #mute(): void {
    if (this.#isMuted || this.#start.self === null) return;
    this.#isMuted = true;
    const { log } = this.#d;
    const { height } = this.#start;
    const why = this.heldBack();
    if (why === "clock") log.warn("clock not synchronised, not voting", { height });
    else log.debug("held back, not voting", { height, why });
    this.#lookAgain();
  }

  #lookAgain(): void {
    this.#after(LOOK_AGAIN_EVERY, () => {
      if (this.heldBack() === null) this.#speakAgain();
      else this.#lookAgain();
    });
  }

  #speakAgain(): void {
    const heard = this.messages();
    this.#enter();
    for (const encoded of heard) this.receive(encoded, this.#d.signer.memberId);
  }

  /** The height after the ledger's: taken up where this card has left it, or from its beginning. */
  #enter(): void {
    this.#leave();
    // A commit may have stopped us: whoever hears of it may do anything.
    if (!this.#isRunning) return;
    if (this.#isBehindLedger()) {
      if (this.#driver !== null) this.#past.add(this.#driver, this.#seats);
      this.#saidBefore = new Map();
    } else if (this.#driver !== null) {
      this.#saidBefore = new Map([...firstMessages(this.#driver), ...this.#saidBefore]);
    }
    this.#start = this.#nextStart();
    // What this card has signed for the height already, in this run or an earlier one.
    this.#records = this.#start.self === null ? [] : this.#signing.enter(this.#start.height);
    const durable = this.#d.store.durable();
    if (durable !== null && durable.height === this.#start.height) this.#resume(durable);
    else this.#begin();
    this.#replayEarly();
  }

  #leave(): void {
    this.#clearTimers();
    this.#inputs = [];
    this.#isUnderWay = false;
    this.#isResting = false;
    this.#isMuted = false;
  }

  /** Gathers what arrives together into one block, then looks whether there is anything to say. */
  #begin(): void {
    this.#driver = startHeight(this.#start);
    this.#isResting = true;
    this.#after(this.#d.rules.agreement.pause, () => {
      this.#isResting = false;
      this.wake();
    });
    this.#wakeWhenDue();
  }

  /** After a crash: the state as it was last written, our own messages said again, never re-signed. */
  #resume(durable: Durable): void {
    for (const value of [durable.locked, durable.valid]) {
      if (value !== null) this.#d.ledger.execute(value.block);
    }
    const resumed = resume(this.#start, durable);
    this.#driver = resumed.state;
    this.#isUnderWay = durable.step !== "newHeight";
    const wasBusy = this.#isBusy;
    this.#isBusy = true;
    try {
      for (const record of this.#records) this.#sendRecord(record);
      this.#carryOut(resumed.effects);
    } finally {
      this.#isBusy = wasBusy;
    }
    this.#wakeWhenDue();
    this.#drain();
    this.wake();
  }

  #replayEarly(): void {
    const { height } = this.#start;
    for (const [key, early] of this.#early) {
      if (early.height > height) continue;
      this.#early.delete(key);
      if (early.height === height) this.receive(early.encoded, early.from);
    }
  }

  #wakeWhenDue(): void {
    const due = nextDue(this.#d.ledger.state());
    if (due !== null)
      this.#keepTimer(
        (done) => this.#d.clock.at(due, done),
        () => this.wake(),
      );
  }

  #nextStart(): HeightStart {
    const { ledger, signer, store } = this.#d;
    const state = ledger.state();
    const voting = ledger.voting();
    const { validators, nextValidators, chain } = voting;
    this.#seats = validators;
    this.#nextSeats = nextValidators;
    if (chain !== this.#chains.chain) {
      // What was said for the chain before contradicts nothing that is said for this one.
      this.#past.clear();
      this.#early.clear();
    }
    this.#chains = { ...this.#chains, chain };
    const isNew = () => isSeatNew({ state, voting, store }, signer);
    this.#signing.follow({ chain, validators, isSeatNew: isNew });
    return {
      height: state.height + 1,
      validators: this.#seats.map(({ memberId }) => memberId),
      lastProposer: state.lastBlock?.proposer ?? null,
      self: hasSeat(this.#seats, signer) ? signer.memberId : null,
    };
  }

  /** Block sync has committed this height already. */
  #isBehindLedger(): boolean {
    return this.#start.height !== this.#d.ledger.state().height + 1;
  }

  /** Of whom votes at `height`; beyond the next one nobody knows, and mostly the same do. */
  #keyOf(validator: MemberId, height: number): Uint8Array | null {
    const seats = height === this.#start.height ? this.#seats : this.#nextSeats;
    return seats.find(({ memberId }) => memberId === validator)?.publicKey ?? null;
  }

  #after(delay: DurationMs, run: () => void): void {
    this.#keepTimer((done) => this.#d.clock.after(delay, done), run);
  }

  /** Cancelled when the height is left; forgotten when it has run. */
  #keepTimer(plan: (done: () => void) => Cancel, run: () => void): void {
    const cancel = plan(() => {
      this.#timers.delete(cancel);
      run();
    });
    this.#timers.add(cancel);
  }

  #clearTimers(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }
}

type Heard = { readonly encoded: Uint8Array; readonly from: MemberId };

function authorOf(message: UnsignedMessage): MemberId {
  return message.type === "vote" ? message.validator : message.proposer;
}

function typeOf(message: UnsignedMessage): SignedRecord["type"] {
  return message.type === "vote" ? message.vote : "proposal";
}
