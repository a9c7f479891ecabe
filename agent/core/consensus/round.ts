// Algorithm 1 of "The latest gossip on BFT consensus" (arXiv 1807.04938), lines 11 to 67: what one
// validator does in the rounds of one height. It knows no other validator, no clock and no votes:
// multiplex.ts sees when a rule's messages are complete and says so with an event.
//
// | event             | in step          | and                              | goes to   | says              | line    |
// | ----------------- | ---------------- | -------------------------------- | --------- | ----------------- | ------- |
// | newRound          | any              | proposer, has a valid value      | propose   | proposal(valid)   | L16 L19 |
// | newRound          | any              | proposer, has none               | propose   | getValue, timer   | L18     |
// | newRound          | any              | not the proposer                 | propose   | timer propose     | L21     |
// | proposeValue      | propose          |                                  | propose   | proposal(v, -1)   | L19     |
// | proposal          | propose          | valid, timely, unlocked or v     | prevote   | prevote v         | L22-24  |
// | proposal          | propose          | else                             | prevote   | prevote nil       | L26     |
// | proposalWithPolka | propose          | valid, lockedRound <= vr or v    | prevote   | prevote v         | L28-30  |
// | proposalWithPolka | propose          | else                             | prevote   | prevote nil       | L32     |
// | polkaAny          | prevote          | first time in the round          | same      | timer prevote     | L34     |
// | polkaCurrent      | prevote          | valid, first time in the round   | precommit | precommit v;      | L36-43  |
// |                   |                  |                                  |           | locks v, valid v  |         |
// | polkaCurrent      | precommit        | valid, first time in the round   | same      | valid v only      | L42-43  |
// | polkaNil          | prevote          | keeps the lock                   | precommit | precommit nil     | L44     |
// | precommitAny      | any in a round   | first time in the round          | same      | timer precommit   | L47     |
// | precommitValue    | any, any round   | valid                            | decided   | decide            | L49     |
// | roundSkip         | any in a round   | to a greater round               | same      | startRound        | L55     |
// | timeout propose   | propose          | of this height and round         | prevote   | prevote nil       | L57     |
// | timeout prevote   | prevote          | of this height and round         | precommit | precommit nil     | L61     |
// | timeout precommit | any in a round   | of this height and round         | same      | startRound r + 1  | L65     |
//
// Everything else changes nothing: the same state comes back, with no output. Two additions to the paper:
// the proposer that waits for its own block has a timer too, in case no block can be built, and a decided
// height stays decided (the paper goes on with the next height, which here is a new state).

import { assert } from "../assert.ts";
import type { BlockId } from "../units/ids.ts";
import type { Step, TimeoutKind, Value } from "./input.ts";
import { ROUND_MAX, type VoteType } from "./message.ts";

/** A value and the round of the polka (locked, valid) or of the precommits (decision) for it. */
export type Held = { readonly value: Value; readonly round: number };

export type RoundState = {
  readonly height: number;
  /** -1 in newHeight. */
  readonly round: number;
  readonly step: Step;
  readonly locked: Held | null;
  readonly valid: Held | null;
  readonly decision: Held | null;
  /** What the algorithm does "for the first time" only, and has done in this round. */
  readonly done: FirstTimes;
};

export type FirstTimes = {
  /** L34 */
  readonly prevoteTimer: boolean;
  /** L36 */
  readonly polka: boolean;
  /** L47 */
  readonly precommitTimer: boolean;
};

export type RoundEvent =
  | { readonly type: "newRound"; readonly round: number; readonly isProposer: boolean }
  /** More than two thirds of precommits for one known block in `round`, which may be any round. */
  | {
      readonly type: "precommitValue";
      readonly round: number;
      readonly value: Value;
      readonly valid: boolean;
    }
  | EventInRound;

/** What means nothing in newHeight. */
type EventInRound =
  /** The block asked for with getValue. */
  | { readonly type: "proposeValue"; readonly value: Value }
  /** This round's proposal of a fresh value (polRound -1). */
  | {
      readonly type: "proposal";
      readonly value: Value;
      readonly valid: boolean;
      readonly timely: boolean;
    }
  /** This round's proposal with polRound >= 0, and more than two thirds of prevotes for it there. */
  | {
      readonly type: "proposalWithPolka";
      readonly value: Value;
      readonly polRound: number;
      readonly valid: boolean;
    }
  /** More than two thirds of prevotes in this round, whatever they say. */
  | { readonly type: "polkaAny" }
  /** ... for nil. */
  | { readonly type: "polkaNil" }
  /** ... for this round's proposal. */
  | { readonly type: "polkaCurrent"; readonly value: Value; readonly valid: boolean }
  /** More than two thirds of precommits in this round, whatever they say. */
  | { readonly type: "precommitAny" }
  /** More than a third of the validators are in `round` or later. */
  | { readonly type: "roundSkip"; readonly round: number }
  | {
      readonly type: "timeout";
      readonly kind: TimeoutKind;
      readonly height: number;
      readonly round: number;
    };

export type RoundOutput =
  | {
      readonly type: "proposal";
      readonly round: number;
      readonly value: Value;
      readonly polRound: number;
    }
  | {
      readonly type: "vote";
      readonly vote: VoteType;
      readonly round: number;
      /** null is nil. */
      readonly blockId: BlockId | null;
    }
  | { readonly type: "scheduleTimeout"; readonly kind: TimeoutKind; readonly round: number }
  | { readonly type: "getValue"; readonly round: number }
  /** To be answered with a newRound event: only the driver knows whose turn it is. */
  | { readonly type: "startRound"; readonly round: number }
  | { readonly type: "decide"; readonly round: number; readonly value: Value };

export type Transition = {
  readonly state: RoundState;
  readonly outputs: readonly RoundOutput[];
};

const NOTHING_DONE: FirstTimes = { prevoteTimer: false, polka: false, precommitTimer: false };

/** Before round 0 of `height`: nothing locked, nothing valid (L1-10). */
export function newHeight(height: number): RoundState {
  return {
    height,
    round: -1,
    step: "newHeight",
    locked: null,
    valid: null,
    decision: null,
    done: NOTHING_DONE,
  };
}

/** One event's effect; see the table above. Returns the very same `state` where nothing applies. */
export function transition(state: RoundState, event: RoundEvent): Transition {
  if (state.decision !== null) return unchanged(state);
  if (event.type === "newRound") return startRound(state, event);
  if (event.type === "precommitValue") return decide(state, event);
  return state.step === "newHeight" ? unchanged(state) : inRound(state, event);
}

function inRound(state: RoundState, event: EventInRound): Transition {
  switch (event.type) {
    case "proposeValue":
      return propose(state, event.value);
    case "proposal":
      return prevoteFresh(state, event);
    case "proposalWithPolka":
      return prevoteAgain(state, event);
    case "polkaAny":
      return timePrevotes(state);
    case "polkaCurrent":
      return event.valid ? polka(state, event.value) : unchanged(state);
    case "polkaNil":
      return state.step === "prevote" ? precommitNil(state) : unchanged(state); // L44
    case "precommitAny":
      return timePrecommits(state);
    case "roundSkip":
      return event.round > state.round ? ask(state, event.round) : unchanged(state); // L55
    case "timeout":
      return expire(state, event);
  }
}

/** L11-21 */
function startRound(
  state: RoundState,
  { round, isProposer }: Extract<RoundEvent, { type: "newRound" }>,
): Transition {
  if (round <= state.round) return unchanged(state);
  assert(Number.isSafeInteger(round) && round <= ROUND_MAX, `round ${round} is within bounds`);
  const next: RoundState = { ...state, round, step: "propose", done: NOTHING_DONE };
  const timer = { type: "scheduleTimeout", kind: "propose", round } as const;
  if (!isProposer) return { state: next, outputs: [timer] }; // L21
  const { valid } = state;
  if (valid === null) return { state: next, outputs: [timer, { type: "getValue", round }] }; // L18
  // L16, L19
  const again = { type: "proposal", round, value: valid.value, polRound: valid.round } as const;
  return { state: next, outputs: [again] };
}

/** L19, after L18. The valid value cannot have changed since: that needs step prevote. */
function propose(state: RoundState, value: Value): Transition {
  if (state.step !== "propose" || state.valid !== null) return unchanged(state);
  return { state, outputs: [{ type: "proposal", round: state.round, value, polRound: -1 }] };
}

/** L22-27 */
function prevoteFresh(
  state: RoundState,
  { value, valid, timely }: Extract<RoundEvent, { type: "proposal" }>,
): Transition {
  if (state.step !== "propose") return unchanged(state);
  const isFree = state.locked === null || isSame(state.locked.value, value); // L23
  return prevote(state, valid && timely && isFree ? value.blockId : null); // L24, L26
}

/** L28-33. The time was judged when the value was fresh; a polka proves that honest validators agreed. */
function prevoteAgain(
  state: RoundState,
  { value, polRound, valid }: Extract<RoundEvent, { type: "proposalWithPolka" }>,
): Transition {
  if (state.step !== "propose" || polRound < 0 || polRound >= state.round) return unchanged(state);
  const { locked } = state;
  const isFree = locked === null || locked.round <= polRound || isSame(locked.value, value); // L29
  return prevote(state, valid && isFree ? value.blockId : null); // L30, L32
}

/** L34-35 */
function timePrevotes(state: RoundState): Transition {
  if (state.step !== "prevote" || state.done.prevoteTimer) return unchanged(state);
  return {
    state: { ...state, done: { ...state.done, prevoteTimer: true } },
    outputs: [{ type: "scheduleTimeout", kind: "prevote", round: state.round }],
  };
}

/** L36-43 */
function polka(state: RoundState, value: Value): Transition {
  if (state.step === "propose" || state.done.polka) return unchanged(state);
  const held: Held = { value, round: state.round };
  const seen: RoundState = { ...state, valid: held, done: { ...state.done, polka: true } }; // L42-43
  if (state.step !== "prevote") return { state: seen, outputs: [] };
  return precommit({ ...seen, locked: held }, value.blockId); // L37-41
}

/** L47-48 */
function timePrecommits(state: RoundState): Transition {
  if (state.done.precommitTimer) return unchanged(state);
  return {
    state: { ...state, done: { ...state.done, precommitTimer: true } },
    outputs: [{ type: "scheduleTimeout", kind: "precommit", round: state.round }],
  };
}

/** L49-51 */
function decide(
  state: RoundState,
  { round, value, valid }: Extract<RoundEvent, { type: "precommitValue" }>,
): Transition {
  if (!valid) return unchanged(state);
  return {
    state: { ...state, decision: { value, round } },
    outputs: [{ type: "decide", round, value }],
  };
}

/**
 * L57-67. The precommit timer asks for height and round only, as in the paper: it may have been set
 * before this validator voted, and would otherwise be lost with nothing to replace it.
 */
function expire(
  state: RoundState,
  { kind, height, round }: Extract<RoundEvent, { type: "timeout" }>,
): Transition {
  if (height !== state.height || round !== state.round) return unchanged(state);
  switch (kind) {
    case "propose":
      return state.step === "propose" ? prevote(state, null) : unchanged(state); // L57-60
    case "prevote":
      return state.step === "prevote" ? precommitNil(state) : unchanged(state); // L61-64
    case "precommit":
      return ask(state, round + 1); // L65-67
  }
}

function prevote(state: RoundState, blockId: BlockId | null): Transition {
  return {
    state: { ...state, step: "prevote" },
    outputs: [{ type: "vote", vote: "prevote", round: state.round, blockId }],
  };
}

function precommit(state: RoundState, blockId: BlockId | null): Transition {
  return {
    state: { ...state, step: "precommit" },
    outputs: [{ type: "vote", vote: "precommit", round: state.round, blockId }],
  };
}

/** The lock stays: only a later polka lets go of it. */
function precommitNil(state: RoundState): Transition {
  return precommit(state, null);
}

function ask(state: RoundState, round: number): Transition {
  return { state, outputs: [{ type: "startRound", round }] };
}

function unchanged(state: RoundState): Transition {
  return { state, outputs: [] };
}

function isSame(a: Value, b: Value): boolean {
  return a.blockId === b.blockId;
}
