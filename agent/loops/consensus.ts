// Runs the agreement: feeds core/consensus what arrives, and carries out what it asks, strictly in order.
// Persist, then send: a vote leaves the house only after store.saveSigned has returned.
//
// newHeight --(something to say | due step | others talk)--> step(start) --> ... --> decide --> commit --> newHeight

import { sameBytes } from "../core/codec/bytes.ts";
import { bytesToHex } from "../core/codec/hex.ts";
import type { DriverState } from "../core/consensus/driver.ts";
import { messagesFor, resume, startHeight, step } from "../core/consensus/driver.ts";
import type { Effect, UnsignedMessage } from "../core/consensus/effect.ts";
import type { Durable, HeightStart, Input, Verdict } from "../core/consensus/input.ts";
import {
  type ConsensusMessage,
  decodeConsensusMessage,
  encodeConsensusMessage,
  type Proposal,
  proposalSignBytes,
  type Vote,
  voteSignBytes,
} from "../core/consensus/message.ts";
import { proposer } from "../core/consensus/proposer.ts";
import { isTimely } from "../core/consensus/timely.ts";
import { timeoutDuration } from "../core/consensus/timeouts.ts";
import { SIGNATURE_BYTES, type Verifier } from "../core/crypto.ts";
import { blockId, decodeBlock, encodeBlock, hasItsTransactions } from "../core/ledger/block.ts";
import { buildBlock } from "../core/ledger/buildBlock.ts";
import { nextDue } from "../core/ledger/due.ts";
import { communityId, type Rules } from "../core/ledger/rules.ts";
import { mustBeAccepted } from "../core/result.ts";
import type { CommunityId, MemberId } from "../core/units/ids.ts";
import { addTime, type UnixMs } from "../core/units/time.ts";
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

/** Messages kept for the next heights, for neighbours a moment ahead of us. */
const EARLY_MESSAGES_MAX = 256;
const EARLY_HEIGHTS_MAX = 2;

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
};

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
  /** Commits: the agent's one place where a block becomes the ledger. */
  readonly commit: (executed: Executed, certificate: Parameters<Ledger["commit"]>[1]) => void;
  /** `peer` passes on messages of a greater height: blocks up to `height` exist. */
  readonly behind: (height: number, peer: MemberId) => void;
};

export function createConsensusLoop(dependencies: ConsensusDependencies): ConsensusLoop {
  return new Loop(dependencies);
}

/** One height after another; its lifetime is from `start` to `stop`. */
class Loop implements ConsensusLoop {
  readonly #d: ConsensusDependencies;
  readonly #community: CommunityId;
  readonly #self: MemberId | null;
  #driver: DriverState | null = null;
  #start: HeightStart;
  #isUnderWay = false;
  #isResting = false;
  #isBusy = false;
  #inputs: Input[] = [];
  #timers: Cancel[] = [];
  #records = new Map<string, SignedRecord>();
  /** Signatures of the messages of this height that need not be looked at again. */
  #accepted = new Set<string>();
  #early: (Heard & { readonly height: number })[] = [];

  constructor(dependencies: ConsensusDependencies) {
    const { rules, signer } = dependencies;
    this.#d = dependencies;
    this.#community = communityId(rules);
    const seat = rules.validators.find(({ memberId }) => memberId === signer.memberId);
    this.#self =
      seat !== undefined && sameBytes(seat.publicKey, signer.publicKey) ? seat.memberId : null;
    this.#start = this.#nextStart();
  }

  start(): void {
    this.#start = this.#nextStart();
    const durable = this.#d.store.durable();
    if (durable === null || durable.height !== this.#start.height) {
      this.#begin();
      return;
    }
    this.#resume(durable);
  }

  stop(): void {
    this.#clearTimers();
    this.#driver = null;
    this.#inputs = [];
  }

  position(): { height: number; isUnderWay: boolean } {
    return { height: this.#start.height, isUnderWay: this.#isUnderWay };
  }

  messages(): readonly Uint8Array[] {
    if (this.#driver === null) return [];
    return messagesFor(this.#driver).map(encodeConsensusMessage);
  }

  followLedger(): void {
    if (this.#driver === null || this.#start.height === this.#d.ledger.state().height + 1) return;
    this.#begin();
  }

  wake(): void {
    if (this.#driver === null || this.#isUnderWay || this.#isResting) return;
    const { ledger, mempool, clock } = this.#d;
    const due = nextDue(ledger.state());
    if (mempool.size() > 0 || (due !== null && clock.now() >= due)) this.#feed({ type: "start" });
  }

  receive(encoded: Uint8Array, from: MemberId): Reception {
    // Gossip, pushes and answers bring the same message many times; its signature ends it.
    const mark = bytesToHex(encoded.subarray(-SIGNATURE_BYTES));
    if (this.#accepted.has(mark)) return "ignore";
    const reception = this.#receiveNew(encoded, from);
    if (reception === "accept") this.#accepted.add(mark);
    return reception;
  }

  #receiveNew(encoded: Uint8Array, from: MemberId): Reception {
    const decoded = decodeConsensusMessage(encoded);
    if (!decoded.ok) return "reject";
    const message = decoded.value;
    const { height } = this.#start;
    if (this.#driver === null || message.height < height) return "ignore";
    if (message.height > height) return this.#keepForLater(message, { encoded, from });
    return message.type === "vote" ? this.#receiveVote(message) : this.#receiveProposal(message);
  }

  #receiveVote(vote: Vote & { readonly type: "vote" }): Reception {
    const key = this.#keyOf(vote.validator);
    if (key === null) return "reject";
    const message = voteSignBytes(this.#community, vote);
    if (!this.#d.verifier.verify({ publicKey: key, message, signature: vote.signature }))
      return "reject";
    this.#hear({ type: "vote", vote });
    return "accept";
  }

  #receiveProposal(proposal: Proposal & { readonly type: "proposal" }): Reception {
    const key = this.#keyOf(proposal.proposer);
    if (key === null) return "reject";
    const message = proposalSignBytes(this.#community, proposal);
    const { signature } = proposal;
    if (!this.#d.verifier.verify({ publicKey: key, message, signature })) return "reject";
    const block = decodeBlock(proposal.block);
    // The signature covers the id only: whoever passed this on could have swapped the rest.
    if (!block.ok || blockId(block.value.header) !== proposal.blockId) return "reject";
    if (!hasItsTransactions(block.value)) return "reject";
    const { validators, lastProposer } = this.#start;
    if (proposer(validators, lastProposer, proposal.round) !== proposal.proposer) return "ignore";
    this.#hear({ type: "proposal", proposal, verdict: this.#judge(proposal) });
    return "accept";
  }

  /** Others talk of this height: join them at once, or their proposal times out. */
  #hear(input: Input): void {
    if (!this.#isUnderWay) this.#feed({ type: "start" });
    this.#feed(input);
  }

  #keepForLater(message: ConsensusMessage, { encoded, from }: Heard): Reception {
    const author = message.type === "vote" ? message.validator : message.proposer;
    const key = this.#keyOf(author);
    if (key === null) return "ignore";
    const signBytes =
      message.type === "vote"
        ? voteSignBytes(this.#community, message)
        : proposalSignBytes(this.#community, message);
    const { signature } = message;
    if (!this.#d.verifier.verify({ publicKey: key, message: signBytes, signature }))
      return "reject";
    this.#d.behind(message.height - 1, from);
    const isNear = message.height <= this.#start.height + EARLY_HEIGHTS_MAX;
    if (!isNear || this.#early.length >= EARLY_MESSAGES_MAX) return "ignore";
    this.#early.push({ height: message.height, encoded, from });
    return "accept";
  }

  #judge(proposal: Proposal): Verdict {
    const { rules, clock, ledger, log } = this.#d;
    const executed = ledger.execute(proposal.block);
    if (!executed.ok) log.warn("proposed block refused", { height: proposal.height, ...executed });
    const { header } = executed.ok ? executed.value.block : { header: null };
    const isAsSaid = header !== null && header.time === proposal.time;
    // A fresh block is its proposer's own; who built it decides whose turn is next.
    const isOwn = proposal.polRound >= 0 || header?.proposer === proposal.proposer;
    return {
      valid: executed.ok && isAsSaid && isOwn,
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
        if (next.type === "start") this.#isUnderWay = true;
        const { state, effects } = step(this.#driver, next);
        this.#driver = state;
        this.#carryOut(effects);
      }
    } finally {
      this.#isBusy = false;
    }
  }

  #carryOut(effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.type) {
        case "persist":
          this.#persist(effect.durable, effect.message);
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
          this.#d.log.error("a validator signed two messages for one step", {
            validator: effect.evidence.validator,
            kind: effect.evidence.type,
          });
          break;
      }
    }
  }

  #persist(durable: Durable, message: UnsignedMessage): void {
    const { store, signer, clock, log } = this.#d;
    if (!clock.isSynchronised()) return;
    const signBytes = this.#signBytes(message);
    const key = recordKey(message);
    const known = this.#records.get(key);
    if (known !== undefined) {
      if (!sameBytes(known.signBytes, signBytes)) {
        log.error("will not sign a second message for one step", { height: message.height, key });
      }
      return;
    }
    const { height, round } = message;
    const type = typeOf(message);
    const signature = signer.sign(signBytes);
    const record = { height, round, type, signBytes, signature, message };
    store.saveSigned(durable, record);
    this.#records.set(key, record);
  }

  /** Sends what the sign log holds for this step: what was not written is not sent. */
  #send(message: UnsignedMessage): void {
    const record = this.#records.get(recordKey(message));
    if (record === undefined) return;
    if (!sameBytes(record.signBytes, this.#signBytes(message))) return;
    this.#sendRecord(record);
  }

  #sendRecord({ message, signature }: SignedRecord): void {
    const signed: ConsensusMessage = { ...message, signature };
    this.#accepted.add(bytesToHex(signature));
    this.#d.network.publish("consensus", encodeConsensusMessage(signed));
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
    if (this.#self === null || !clock.isSynchronised()) return;
    const state = ledger.state();
    const now = clock.now();
    const time: UnixMs = now > state.time ? now : addTime(state.time, 1);
    const transactions = mempool.all().map(({ transaction }) => transaction);
    const built = buildBlock(state, { time, proposer: this.#self, transactions }, verifier);
    for (const { id, refusal } of built.dropped)
      log.debug("left out of the block", { id, ...refusal });
    mempool.drop(built.dropped.map(({ id }) => id));
    const block = encodeBlock(built.block);
    const executed = mustBeAccepted(ledger.execute(block), "our own block is valid");
    const value = { blockId: executed.blockId, time, block };
    this.#inputs.push({ type: "value", height, round, value });
  }

  #schedule({ kind, height, round }: Extract<Effect, { type: "scheduleTimeout" }>): void {
    const delay = timeoutDuration(kind, round, this.#d.rules.agreement);
    const cancel = this.#d.clock.after(delay, () => {
      this.#feed({ type: "timeout", kind, height, round });
    });
    this.#timers.push(cancel);
  }

  #decide({ certificate, block }: Extract<Effect, { type: "decide" }>): void {
    const executed = mustBeAccepted(this.#d.ledger.execute(block), "a decided block is valid");
    this.#d.commit(executed, certificate);
    this.#begin();
  }

  #begin(): void {
    this.#clearTimers();
    this.#inputs = [];
    this.#accepted = new Set();
    this.#isUnderWay = false;
    this.#start = this.#nextStart();
    this.#loadRecords();
    this.#driver = startHeight(this.#start);
    this.#rest();
    this.#replayEarly();
  }

  /** Gathers what arrives together into one block, then looks whether there is anything to say. */
  #rest(): void {
    const { clock, rules, ledger } = this.#d;
    this.#isResting = true;
    this.#timers.push(
      clock.after(rules.agreement.pause, () => {
        this.#isResting = false;
        this.wake();
      }),
    );
    const due = nextDue(ledger.state());
    if (due !== null) this.#timers.push(clock.at(due, () => this.wake()));
  }

  #replayEarly(): void {
    const early = this.#early;
    this.#early = early.filter(({ height }) => height > this.#start.height);
    for (const { height, encoded, from } of early) {
      if (height === this.#start.height) this.receive(encoded, from);
    }
  }

  /** After a crash: the state as it was last written, our own messages said again, never re-signed. */
  #resume(durable: Durable): void {
    this.#loadRecords();
    for (const value of [durable.locked, durable.valid]) {
      if (value !== null) this.#d.ledger.execute(value.block);
    }
    const resumed = resume(this.#start, durable);
    this.#driver = resumed.state;
    this.#isUnderWay = durable.step !== "newHeight";
    this.#isBusy = true;
    for (const record of this.#records.values()) this.#sendRecord(record);
    this.#carryOut(resumed.effects);
    this.#isBusy = false;
    const due = nextDue(this.#d.ledger.state());
    if (due !== null) this.#timers.push(this.#d.clock.at(due, () => this.wake()));
    this.#drain();
    this.wake();
  }

  /** What this card has signed for the height already, in this run or an earlier one. */
  #loadRecords(): void {
    const records = this.#self === null ? [] : this.#d.store.signed(this.#start.height);
    this.#records = new Map(records.map((record) => [recordKey(record.message), record]));
  }

  #nextStart(): HeightStart {
    const { ledger, rules } = this.#d;
    const state = ledger.state();
    return {
      height: state.height + 1,
      validators: rules.validators.map(({ memberId }) => memberId),
      lastProposer: state.lastBlock?.proposer ?? null,
      self: this.#self,
    };
  }

  #keyOf(validator: MemberId): Uint8Array | null {
    const seat = this.#d.rules.validators.find(({ memberId }) => memberId === validator);
    return seat?.publicKey ?? null;
  }

  #signBytes(message: UnsignedMessage): Uint8Array {
    return message.type === "vote"
      ? voteSignBytes(this.#community, message)
      : proposalSignBytes(this.#community, message);
  }

  #clearTimers(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers = [];
  }
}

type Heard = { readonly encoded: Uint8Array; readonly from: MemberId };

function typeOf(message: UnsignedMessage): SignedRecord["type"] {
  return message.type === "vote" ? message.vote : "proposal";
}

function recordKey(message: UnsignedMessage): string {
  return `${message.round}:${typeOf(message)}`;
}
