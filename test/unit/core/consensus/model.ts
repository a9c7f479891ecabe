// A small model of one height: honest validators run the driver, the network loses, repeats and reorders,
// homes crash and come back from their disks, and Byzantine validators say whatever they like to whomever.
// One seed, one run. Used by model.test.ts, which also shows that the checks can fail.

import {
  type DriverState,
  resume,
  startHeight,
  step,
} from "../../../../agent/core/consensus/driver.ts";
import type { Effect, UnsignedMessage } from "../../../../agent/core/consensus/effect.ts";
import type { Durable, Input, Verdict } from "../../../../agent/core/consensus/input.ts";
import type { ConsensusMessage, Proposal } from "../../../../agent/core/consensus/message.ts";
import { messagesFor } from "../../../../agent/core/consensus/messagesFor.ts";
import { proposer } from "../../../../agent/core/consensus/proposer.ts";
import { proposal, start, value, vote } from "./harness.ts";

export type ModelOptions = {
  readonly seed: number;
  /** Letters of all validators, and of those that lie. */
  readonly validators: string;
  readonly byzantine: string;
  readonly actions: number;
  /** Whether the network heals at the end and somebody must decide; else only safety is looked at. */
  readonly heals: boolean;
};

export type ModelResult = {
  /** What went wrong, in words; empty if nothing did. */
  readonly violations: readonly string[];
  /** Blocks decided by honest homes: one, if they agree. */
  readonly decided: readonly string[];
  readonly rounds: number;
  readonly restarts: number;
};

const ROUNDS_OF_LIES = 2;
const HEALING_ROUNDS_MAX = 40;

type Home = {
  /** null: it follows. */
  readonly name: string | null;
  state: DriverState;
  durable: Durable | null;
  readonly log: Map<string, UnsignedMessage>;
  timers: Extract<Effect, { type: "scheduleTimeout" }>[];
};

type Letter = { readonly to: Home; readonly message: ConsensusMessage };

export function runModel(options: ModelOptions): ModelResult {
  return new Model(options).run();
}

class Model {
  readonly #options: ModelOptions;
  readonly #homes: Home[];
  readonly #random: () => number;
  readonly #violations: string[] = [];
  readonly #decided = new Map<string, string>();
  #post: Letter[] = [];
  #built = 0;
  #restarts = 0;

  constructor(options: ModelOptions) {
    this.#options = options;
    this.#random = mulberry32(options.seed);
    const honest = [...options.validators].filter((name) => !options.byzantine.includes(name));
    this.#homes = [...honest, null].map((name) => ({
      name,
      state: startHeight(start(name, options.validators.length)),
      durable: null,
      log: new Map(),
      timers: [],
    }));
  }

  run(): ModelResult {
    for (const home of this.#homes) this.#feed(home, { type: "start" });
    for (let i = 0; i < this.#options.actions; i += 1) this.#act();
    if (this.#options.heals) this.#heal();
    return {
      violations: this.#violations,
      decided: [...new Set(this.#decided.values())],
      rounds: Math.max(...this.#homes.map(({ state }) => state.roundState.round)),
      restarts: this.#restarts,
    };
  }

  #act(): void {
    const dice = this.#random();
    if (dice < 0.62) this.#deliver(this.#random() < 0.1);
    else if (dice < 0.68) this.#takeLetter();
    else if (dice < 0.78) this.#fireTimer(this.#pick(this.#homes));
    else if (dice < 0.94) this.#lie();
    else if (dice < 0.98) this.#tell(this.#pick(this.#homes), this.#pick(this.#homes));
    else this.#restart(this.#pick(this.#homes));
  }

  /** No more loss and no more lies: everyone tells everyone what it knows, then time passes. */
  #heal(): void {
    const honest = this.#homes.filter(({ name }) => name !== null);
    for (let i = 0; i < HEALING_ROUNDS_MAX; i += 1) {
      this.#deliverAll();
      for (const from of honest) for (const to of honest) this.#tell(from, to);
      this.#deliverAll();
      if (honest.some(({ state }) => state.roundState.decision !== null)) return;
      for (const home of honest) {
        const due = home.timers;
        home.timers = [];
        for (const { kind, height, round } of due)
          this.#feed(home, { type: "timeout", kind, height, round });
      }
    }
    this.#violations.push("nobody decides although the network has healed");
  }

  #deliverAll(): void {
    while (this.#post.length > 0) this.#deliver(false);
  }

  #deliver(isRepeated: boolean): void {
    const letter =
      isRepeated && this.#post.length > 0 ? this.#pick(this.#post) : this.#takeLetter();
    if (letter === undefined) return;
    const { to, message } = letter;
    if (message.type === "vote") this.#feed(to, { type: "vote", vote: message });
    else this.#feed(to, { type: "proposal", proposal: message, verdict: this.#judge(message) });
  }

  #takeLetter(): Letter | undefined {
    const at = Math.floor(this.#random() * this.#post.length);
    const letter = this.#post[at];
    const last = this.#post.pop();
    if (letter !== undefined && last !== undefined && letter !== last) this.#post[at] = last;
    return letter;
  }

  #judge({ blockId }: Proposal): Verdict {
    return { valid: !blockId.startsWith("bad"), timely: this.#random() < 0.95 };
  }

  #tell(from: Home, to: Home): void {
    if (from === to) return;
    for (const message of messagesFor(from.state)) this.#post.push({ to, message });
  }

  #fireTimer(home: Home): void {
    const at = Math.floor(this.#random() * home.timers.length);
    const [timer] = home.timers.splice(at, 1);
    if (timer === undefined) return;
    const { kind, height, round } = timer;
    this.#feed(home, { type: "timeout", kind, height, round });
  }

  /** Everything but the disk is lost. */
  #restart(home: Home): void {
    if (home.name === null || home.state.roundState.decision !== null) return;
    this.#restarts += 1;
    home.timers = [];
    const begin = start(home.name, this.#options.validators.length);
    const { durable } = home;
    if (durable === null) {
      home.state = startHeight(begin);
      this.#feed(home, { type: "start" });
      return;
    }
    const { state, effects } = resume(begin, durable);
    home.state = state;
    for (const message of [...home.log.values()]) this.#send(home, message);
    this.#carryOut(home, effects);
  }

  #feed(home: Home, input: Input): void {
    const before = home.state;
    const { state, effects } = step(before, input);
    home.state = state;
    this.#checkLock(home, before, effects);
    this.#carryOut(home, effects);
  }

  #carryOut(home: Home, effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.type === "persist") this.#persist(home, effect);
      if (effect.type === "send") this.#send(home, effect.message);
      if (effect.type === "scheduleTimeout") home.timers.push(effect);
      if (effect.type === "decide") this.#decide(home, effect);
      if (effect.type === "getValue") {
        const { height, round } = effect;
        this.#built += 1;
        this.#feed(home, {
          type: "value",
          height,
          round,
          value: value(`${home.name}${this.#built}`),
        });
      }
      if (effect.type === "evidence") this.#checkEvidence(effect.evidence.validator);
    }
  }

  #persist(home: Home, { durable, message }: Extract<Effect, { type: "persist" }>): void {
    const known = home.log.get(keyOf(message));
    if (known !== undefined && known.blockId !== message.blockId) {
      this.#violations.push(`${home.name} signs two: ${keyOf(message)}`);
    }
    home.log.set(keyOf(message), message);
    home.durable = durable;
  }

  #send(home: Home, message: UnsignedMessage): void {
    const signature = new Uint8Array(64).fill(1);
    const signed: ConsensusMessage = { ...message, signature };
    for (const to of this.#homes) if (to !== home) this.#post.push({ to, message: signed });
    const verdict = { valid: true, timely: true };
    if (signed.type === "vote") this.#feed(home, { type: "vote", vote: signed });
    else this.#feed(home, { type: "proposal", proposal: signed, verdict });
  }

  #decide(home: Home, { certificate }: Extract<Effect, { type: "decide" }>): void {
    const { blockId } = certificate;
    if (blockId.startsWith("bad")) this.#violations.push(`${home.name} decides ${blockId}`);
    for (const [other, theirs] of this.#decided) {
      if (theirs !== blockId)
        this.#violations.push(`${other} decides ${theirs}, ${home.name} ${blockId}`);
    }
    this.#decided.set(String(home.name), blockId);
  }

  /** A locked validator prevotes another block only for a polka as young as its lock. */
  #checkLock(home: Home, before: DriverState, effects: readonly Effect[]): void {
    const { locked } = before.roundState;
    if (locked === null) return;
    for (const effect of effects) {
      if (effect.type !== "send" || effect.message.type !== "vote") continue;
      const { vote: type, blockId, round } = effect.message;
      if (type !== "prevote" || blockId === null || blockId === locked.value.blockId) continue;
      const polRound = home.state.proposals.get(round)?.proposal.polRound ?? -1;
      if (polRound < locked.round)
        this.#violations.push(`${home.name} votes against its lock in ${round}`);
    }
  }

  #checkEvidence(validator: string): void {
    if (!this.#options.byzantine.includes(validator.charAt(0))) {
      this.#violations.push(`evidence against the honest ${validator}`);
    }
  }

  /** A Byzantine validator tells each home another story, mostly one that suits that home. */
  #lie(): void {
    if (this.#options.byzantine === "") return;
    if (this.#random() < 0.5) this.#conspire(this.#pick(this.#homes));
    else this.#babble();
  }

  /** All liars stand by one home's story: the strongest that equivocation can do. */
  #conspire(to: Home): void {
    const round = Math.max(0, to.state.roundState.round);
    const turn = proposer(to.state.start.validators, null, round).charAt(0);
    const heard = to.state.proposals.get(round)?.proposal.blockId;
    const isProposing = heard === undefined && this.#options.byzantine.includes(turn);
    const own = heard ?? (isProposing ? `x${to.name ?? ""}` : null);
    const says = this.#random() < 0.3 ? null : own;
    if (isProposing && says !== null) this.#falseProposal(to, { by: turn, round, says });
    for (const by of this.#options.byzantine) {
      for (const type of ["prevote", "precommit"] as const) {
        this.#post.push({ to, message: { type: "vote", ...vote(type, { by, round, says }) } });
      }
    }
  }

  #babble(): void {
    const by = this.#pick([...this.#options.byzantine]);
    for (const to of this.#homes) {
      if (this.#random() < 0.25) continue;
      const round = Math.max(
        0,
        to.state.roundState.round + Math.floor(this.#random() * ROUNDS_OF_LIES),
      );
      const says = this.#story(to, round);
      const isTurn = proposer(to.state.start.validators, null, round).charAt(0) === by;
      if (isTurn && this.#random() < 0.5)
        this.#falseProposal(to, { by, round, says: says ?? "bad" });
      else {
        const type = this.#random() < 0.5 ? "prevote" : "precommit";
        this.#post.push({ to, message: { type: "vote", ...vote(type, { by, round, says }) } });
      }
    }
  }

  #falseProposal(
    to: Home,
    told: { readonly by: string; readonly round: number; readonly says: string },
  ): void {
    const polRound = Math.floor(this.#random() * (told.round + 2)) - 1;
    const message = proposal({ ...told, polRound: this.#random() < 0.5 ? -1 : polRound });
    this.#post.push({ to, message: { type: "proposal", ...message } });
  }

  #story(to: Home, round: number): string | null {
    const dice = this.#random();
    const heard = to.state.proposals.get(round)?.proposal.blockId;
    if (heard !== undefined && dice < 0.6) return heard;
    if (dice < 0.7) return null;
    if (dice < 0.75) return "bad";
    return dice < 0.9 ? `x${to.name ?? ""}` : "y";
  }

  #pick<T>(items: readonly T[]): T {
    const chosen = items[Math.floor(this.#random() * items.length)];
    if (chosen === undefined) throw new Error("nothing to pick from");
    return chosen;
  }
}

function keyOf(message: UnsignedMessage): string {
  return `${message.type === "vote" ? message.vote : "proposal"} ${message.height} ${message.round}`;
}

/** A small seeded generator, numbers in [0, 1). */
function mulberry32(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
