// Builders for the agreement's tests: validators a to m, blocks by name, messages with made-up signatures
// (the core never looks at them; loops/consensus.ts checks them before).

import { type DriverState, startHeight, step } from "../../../../agent/core/consensus/driver.ts";
import type { Effect } from "../../../../agent/core/consensus/effect.ts";
import type { HeightStart, Input, Value, Verdict } from "../../../../agent/core/consensus/input.ts";
import type { Proposal, Vote, VoteType } from "../../../../agent/core/consensus/message.ts";
import type { BlockId, MemberId } from "../../../../agent/core/units/ids.ts";
import type { UnixMs } from "../../../../agent/core/units/time.ts";

export const HEIGHT = 5;
export const GOOD: Verdict = { valid: true, timely: true };
export const INVALID: Verdict = { valid: false, timely: true };
export const UNTIMELY: Verdict = { valid: true, timely: false };

/** "a" is a@vt.edu. */
export function id(letter: string): MemberId {
  return `${letter}@vt.edu` as MemberId;
}

/** The first `n` of a@vt.edu, b@vt.edu, ... */
export function community(n: number): MemberId[] {
  return [..."abcdefghijklm"].slice(0, n).map(id);
}

export function block(name: string): BlockId {
  return name as BlockId;
}

export function value(name: string): Value {
  return { blockId: block(name), time: 1000 as UnixMs, block: new TextEncoder().encode(name) };
}

export type Said = {
  readonly by: string;
  readonly round?: number;
  readonly says: string | null;
  readonly height?: number;
  readonly stamp?: number;
};

export function vote(type: VoteType, said: Said): Vote {
  const { by, round = 0, says, height = HEIGHT, stamp = by.charCodeAt(0) } = said;
  return {
    vote: type,
    height,
    round,
    blockId: says === null ? null : block(says),
    validator: id(by),
    signature: new Uint8Array(64).fill(stamp),
  };
}

export type Proposed = {
  readonly by: string;
  readonly round?: number;
  readonly says: string;
  readonly polRound?: number;
  readonly height?: number;
};

export function proposal({
  by,
  round = 0,
  says,
  polRound = -1,
  height = HEIGHT,
}: Proposed): Proposal {
  return {
    ...value(says),
    height,
    round,
    polRound,
    proposer: id(by),
    signature: new Uint8Array(64).fill(by.charCodeAt(0)),
  };
}

/** n validators, none proposed before: a proposes in round 0, b in round 1, ... */
export function start(self: string | null, n = 4): HeightStart {
  return {
    height: HEIGHT,
    validators: community(n),
    lastProposer: null,
    self: self === null ? null : id(self),
  };
}

/** One validator under test. Feed it; its own messages are handed back as the loop does. */
export class Node {
  state: DriverState;
  readonly said: string[] = [];

  constructor(self: string | null, n = 4) {
    this.state = startHeight(start(self, n));
  }

  /** All effects of the input and of its own messages that follow, in words. */
  feed(...inputs: Input[]): string[] {
    const words: string[] = [];
    const queue = [...inputs];
    for (let input = queue.shift(); input !== undefined; input = queue.shift()) {
      const { state, effects } = step(this.state, input);
      this.state = state;
      for (const effect of effects) {
        if (effect.type !== "persist") words.push(inWords(effect));
        if (effect.type === "send") queue.unshift(handBack(effect));
      }
    }
    this.said.push(...words);
    return words;
  }

  begin(): string[] {
    return this.feed({ type: "start" });
  }

  prevotes(by: string, says: string | null, round = 0): string[] {
    return this.feed(...[...by].map((who) => prevote(who, says, round)));
  }

  precommits(by: string, says: string | null, round = 0): string[] {
    return this.feed(...[...by].map((who) => precommit(who, says, round)));
  }

  proposes(proposed: Proposed, verdict: Verdict = GOOD): string[] {
    return this.feed({ type: "proposal", proposal: proposal(proposed), verdict });
  }

  expires(kind: "propose" | "prevote" | "precommit", round = 0, height = HEIGHT): string[] {
    return this.feed({ type: "timeout", kind, height, round });
  }

  get at(): string {
    return `${this.state.roundState.step} ${this.state.roundState.round}`;
  }

  get locked(): string | null {
    const { locked } = this.state.roundState;
    return locked === null ? null : `${locked.value.blockId} ${locked.round}`;
  }

  get valid(): string | null {
    const { valid } = this.state.roundState;
    return valid === null ? null : `${valid.value.blockId} ${valid.round}`;
  }
}

export function prevote(by: string, says: string | null, round = 0): Input {
  return { type: "vote", vote: vote("prevote", { by, says, round }) };
}

export function precommit(by: string, says: string | null, round = 0): Input {
  return { type: "vote", vote: vote("precommit", { by, says, round }) };
}

export function handBack({ message }: Extract<Effect, { type: "send" }>): Input {
  const signature = new Uint8Array(64).fill(1);
  return message.type === "vote"
    ? { type: "vote", vote: { ...message, signature } }
    : { type: "proposal", proposal: { ...message, signature }, verdict: GOOD };
}

/** prevote v 0 | proposal v 1 pol 0 | timer prevote 0 | value? 0 | decide v 0 abc | evidence doubleVote d */
export function inWords(effect: Effect): string {
  switch (effect.type) {
    case "persist":
      return `persist ${messageInWords(effect.message)}`;
    case "send":
      return messageInWords(effect.message);
    case "getValue":
      return `value? ${effect.round}`;
    case "scheduleTimeout":
      return `timer ${effect.kind} ${effect.round}`;
    case "decide": {
      const { blockId, round, signatures } = effect.certificate;
      const signers = signatures.map(({ validator }) => validator.charAt(0)).join("");
      return `decide ${blockId} ${round} ${signers}`;
    }
    case "evidence":
      return `evidence ${effect.evidence.type} ${effect.evidence.validator.charAt(0)}`;
  }
}

function messageInWords(message: Extract<Effect, { type: "send" }>["message"]): string {
  if (message.type === "vote")
    return `${message.vote} ${message.blockId ?? "nil"} ${message.round}`;
  const { blockId, round, polRound } = message;
  return polRound < 0
    ? `proposal ${blockId} ${round}`
    : `proposal ${blockId} ${round} pol ${polRound}`;
}
