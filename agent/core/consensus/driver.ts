// Drives one height: keeps the votes and proposals, tells the transition function which of its rules are
// complete (multiplex.ts), and turns what it says into effects.
//
//   input --> votes.ts, proposals.ts --> multiplex.ts --> round.ts --> effects
//                                            ^----------------'  until nothing more fires
//
// | input    | taken when                                               | then                               |
// | -------- | -------------------------------------------------------- | ---------------------------------- |
// | start    | newHeight                                                | round 0 begins (L11)               |
// | proposal | this height, by the round's proposer, within reach       | kept; all rules looked at          |
// | vote     | this height, by a validator, within reach                | counted; all rules looked at       |
// | timeout  | as round.ts says (L57, L61, L65)                         | all rules looked at                |
// | value    | we propose in this round and have not spoken in it yet   | proposal (L19)                     |
//
// Before `start` messages are only kept, but a height that others have decided is decided (L49).
// After `decide` nothing more happens at this height.
//
// What the loop owes the driver
// - It checks before: signatures, and that a proposal's bytes hash to its blockId (the signature covers the
//   id only, so anyone on the way could swap the bytes, and the first proposal of a round is the one kept).
// - It carries out effects in order, and hands each sent message back as an input: only then it counts.
// - After a crash, with a Durable of this height: `resume`; then its own signed messages of this height from
//   the sign log, as inputs and to the network again, never signed again; then resume's effects. If one of
//   those messages is our proposal of the round, the answer to `getValue` is ignored, so it need not be
//   built. `persist` may then name a message that is in the sign log already: the same bytes are used again.

import { assert } from "../assert.ts";
import type { MemberId } from "../units/ids.ts";
import { fromDurable, toDurable } from "./durable.ts";
import type { Effect, UnsignedMessage } from "./effect.ts";
import type { Durable, HeightStart, Input, TimeoutKind, Value, Verdict } from "./input.ts";
import type { Proposal, Vote } from "./message.ts";
import { messagesFor } from "./messagesFor.ts";
import { completeEvents, type Known } from "./multiplex.ts";
import { addProposal, isWanted, prune } from "./proposals.ts";
import { proposer } from "./proposer.ts";
import { newHeight, type RoundEvent, type RoundOutput, transition } from "./round.ts";
import { addVote, certificateFor, claimPolka, hear, isWithinReach, newVotes } from "./votes.ts";

export { messagesFor };

/** Each rule that fires moves the step, a first-time mark or the round; no input comes near this. */
const RULES_PER_INPUT_MAX = 100;

export type DriverState = Known & {
  readonly start: HeightStart;
  /** Our own messages of this height, by "type round": said by this process, or only heard of. */
  readonly own: ReadonlyMap<string, "said" | "heard">;
};

export type Driven = { readonly state: DriverState; readonly effects: readonly Effect[] };

/** What one input does, while it is being done. */
type Run = { state: DriverState; readonly effects: Effect[] };

/** The height before anyone has spoken. */
export function startHeight(start: HeightStart): DriverState {
  const { height, validators, self } = start;
  assert(validators.length > 0, "there is at least one validator");
  assert(
    validators.every((id, i) => i === 0 || (validators[i - 1] ?? id) < id),
    "validators are sorted by id, each once",
  );
  assert(self === null || validators.includes(self), "who does not vote follows with self null");
  return {
    start,
    roundState: newHeight(height),
    votes: newVotes(height, validators),
    proposals: new Map(),
    own: new Map(),
  };
}

/**
 * The height after a crash: round, step, lock and valid value as last written, with the valid value's polka.
 * The effects set the step's timer, so that with or without the others there is a way on: a late nil vote
 * is always safe. The proposer in step propose proposes its valid value again, or asks for a value.
 */
export function resume(start: HeightStart, durable: Durable): Driven {
  assert(durable.height === start.height, "what is resumed belongs to this height");
  const fresh = startHeight(start);
  const roundState = fromDurable(durable);
  const { round, step } = roundState;
  let { votes } = fresh;
  for (const vote of durable.polka ?? []) votes = addVote(votes, vote, round).votes;
  const run: Run = { state: { ...fresh, roundState, votes }, effects: [] };
  if (step !== "newHeight") schedule(run, step, round);
  if (step === "propose" && isProposer(start, round)) {
    const { valid } = roundState;
    const output: RoundOutput =
      valid === null
        ? { type: "getValue", round }
        : { type: "proposal", round, value: valid.value, polRound: valid.round };
    carryOut(run, output);
  }
  return run;
}

/** Takes one input; the effects are to be carried out in their order. */
export function step(state: DriverState, input: Input): Driven {
  if (state.roundState.decision !== null) return { state, effects: [] };
  const run: Run = { state, effects: [] };
  take(run, input);
  settle(run);
  return run;
}

/**
 * What a message would be if it were taken: `kept` and counted, `noted` (its author was there, or
 * contradicts itself), or null: nothing new. To be asked first: what is null need be neither checked nor
 * passed on, so that nobody has more looked at than there are validators and rounds.
 */
export function newsOf(state: DriverState, message: Vote | Proposal): "kept" | "noted" | null {
  const run: Run = { state, effects: [] };
  if ("vote" in message) takeVote(run, message);
  else takeProposal(run, message, { valid: false, timely: false });
  const { votes, proposals } = run.state;
  if (votes.rounds !== state.votes.rounds) return "kept";
  if (proposals.size > state.proposals.size) return "kept";
  return votes === state.votes && proposals === state.proposals ? null : "noted";
}

function take(run: Run, input: Input): void {
  switch (input.type) {
    case "start":
      if (run.state.roundState.step === "newHeight") startRound(run, 0);
      break;
    case "proposal":
      takeProposal(run, input.proposal, input.verdict);
      break;
    case "vote":
      takeVote(run, input.vote);
      break;
    case "timeout":
      apply(run, input);
      break;
    case "value":
      takeValue(run, input);
      break;
  }
}

function takeVote(run: Run, vote: Vote): void {
  const { state } = run;
  const { votes, evidence } = addVote(state.votes, vote, roundOf(state));
  run.state = remember({ ...state, votes }, { type: "vote", ...vote });
  if (evidence !== null) run.effects.push({ type: "evidence", evidence });
}

function takeProposal(run: Run, proposal: Proposal, verdict: Verdict): void {
  const { state } = run;
  const { height, round, polRound, blockId } = proposal;
  if (height !== state.start.height || proposal.proposer !== turn(state.start, round)) return;
  let votes = hear(state.votes, proposal.proposer, round);
  run.state = remember({ ...state, votes }, { type: "proposal", ...proposal });
  const current = roundOf(state);
  if (!isWithinReach(votes, round, current) || !isWanted(votes, round, current)) return;
  const { proposals, evidence } = addProposal(state.proposals, proposal, verdict);
  const isFirst = !state.proposals.has(round);
  if (isFirst && polRound >= 0 && polRound < round) votes = claimPolka(votes, polRound, blockId);
  run.state = { ...run.state, votes, proposals };
  if (evidence !== null) run.effects.push({ type: "evidence", evidence });
}

function takeValue(run: Run, { height, round, value }: Extract<Input, { type: "value" }>): void {
  const { start, roundState, own } = run.state;
  if (height !== start.height || round !== roundState.round || !isProposer(start, round)) return;
  if (own.has(`proposal ${round}`)) return;
  apply(run, { type: "proposeValue", value });
}

/** Applies rules until none fires: a vote may complete one, and its step or round the next. */
function settle(run: Run): void {
  for (let fired = 0; run.state.roundState.decision === null; fired += 1) {
    assert(fired < RULES_PER_INPUT_MAX, "the rules of one input come to an end");
    const { state } = run;
    if (!completeEvents(state).some((event) => apply(run, event))) return;
  }
}

/** True if the event changed or said anything. */
function apply(run: Run, event: RoundEvent): boolean {
  const before = run.state.roundState;
  const { state, outputs } = transition(before, event);
  run.state = { ...run.state, roundState: state };
  for (const output of outputs) carryOut(run, output);
  return state !== before || outputs.length > 0;
}

function carryOut(run: Run, output: RoundOutput): void {
  const { start } = run.state;
  const { height, self } = start;
  switch (output.type) {
    case "startRound":
      startRound(run, output.round);
      break;
    case "scheduleTimeout":
      schedule(run, output.kind, output.round);
      break;
    case "getValue":
      run.effects.push({ type: "getValue", height, round: output.round });
      break;
    case "decide":
      decide(run, output.round, output.value);
      break;
    case "vote":
      if (self !== null) say(run, { ...output, height, validator: self });
      break;
    case "proposal": {
      const { value, ...said } = output;
      if (self !== null) say(run, { ...said, ...value, height, proposer: self });
      break;
    }
  }
}

function startRound(run: Run, round: number): void {
  const { start, votes, proposals } = run.state;
  run.state = { ...run.state, proposals: prune(proposals, votes, round) };
  apply(run, { type: "newRound", round, isProposer: isProposer(start, round) });
}

function schedule(run: Run, kind: TimeoutKind, round: number): void {
  run.effects.push({ type: "scheduleTimeout", kind, height: run.state.start.height, round });
}

function decide(run: Run, round: number, { blockId, block }: Value): void {
  const certificate = certificateFor(run.state.votes, round, blockId);
  assert(certificate !== null, "a decision has a quorum of precommits");
  run.effects.push({ type: "decide", certificate, block });
}

/**
 * Writes down, then sends: never two different messages for one (height, round, type).
 * What we are known to have said, though not by this process, stands: then we stay silent.
 */
function say(run: Run, message: UnsignedMessage): void {
  const { state } = run;
  const key = ownKey(message);
  const known = state.own.get(key);
  assert(known !== "said", `there is one message for ${key}`);
  if (known === "heard") return;
  run.state = { ...state, own: new Map(state.own).set(key, "said") };
  const durable = toDurable(state.roundState, state.votes);
  run.effects.push({ type: "persist", durable, message }, { type: "send", message });
}

/** Notes a message of our own that comes in without this process having said it. */
function remember(state: DriverState, message: UnsignedMessage): DriverState {
  const author: MemberId = message.type === "vote" ? message.validator : message.proposer;
  if (author !== state.start.self || message.height !== state.start.height) return state;
  const key = ownKey(message);
  return state.own.has(key) ? state : { ...state, own: new Map(state.own).set(key, "heard") };
}

function ownKey(message: UnsignedMessage): string {
  return `${message.type === "vote" ? message.vote : "proposal"} ${message.round}`;
}

function roundOf({ roundState }: Known): number {
  return Math.max(roundState.round, 0);
}

function turn({ validators, lastProposer }: HeightStart, round: number): MemberId {
  return proposer(validators, lastProposer, round);
}

function isProposer(start: HeightStart, round: number): boolean {
  return start.self !== null && turn(start, round) === start.self;
}
