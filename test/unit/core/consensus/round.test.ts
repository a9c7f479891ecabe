// The transition function by the line numbers of Algorithm 1 (arXiv 1807.04938).

import { describe, expect, test } from "vitest";
import {
  newHeight,
  type RoundEvent,
  type RoundOutput,
  type RoundState,
  transition,
} from "../../../../agent/core/consensus/round.ts";
import { block, HEIGHT, value } from "./harness.ts";

const v = value("v");
const w = value("w");

function at(step: RoundState["step"], round: number, over: Partial<RoundState> = {}): RoundState {
  return { ...newHeight(HEIGHT), step, round, ...over };
}

function votes(vote: "prevote" | "precommit", round: number, name: string | null): RoundOutput {
  return { type: "vote", vote, round, blockId: name === null ? null : block(name) };
}

/** Nothing said, and the very same state. */
function expectUnchanged(state: RoundState, event: RoundEvent): void {
  const after = transition(state, event);
  expect(after.outputs).toEqual([]);
  expect(after.state).toBe(state);
}

const fresh: RoundEvent = { type: "proposal", value: v, valid: true, timely: true };

describe("L11-21 StartRound", () => {
  test("L18: a proposer without a valid value asks for one, and has a timer should none come", () => {
    const { state, outputs } = transition(newHeight(HEIGHT), {
      type: "newRound",
      round: 0,
      isProposer: true,
    });
    expect(state).toEqual(at("propose", 0));
    expect(outputs).toEqual([
      { type: "scheduleTimeout", kind: "propose", round: 0 },
      { type: "getValue", round: 0 },
    ]);
  });

  test("L16, L19: a proposer proposes its valid value with the round of its polka", () => {
    const before = at("precommit", 1, { valid: { value: v, round: 1 } });
    const { state, outputs } = transition(before, { type: "newRound", round: 2, isProposer: true });
    expect(state).toEqual({ ...before, step: "propose", round: 2 });
    expect(outputs).toEqual([{ type: "proposal", round: 2, value: v, polRound: 1 }]);
  });

  test("L19: the value asked for is proposed with polRound -1", () => {
    const { state, outputs } = transition(at("propose", 0), { type: "proposeValue", value: v });
    expect(state).toEqual(at("propose", 0));
    expect(outputs).toEqual([{ type: "proposal", round: 0, value: v, polRound: -1 }]);
  });

  test("L19: a value that comes after the propose step is not proposed", () => {
    expectUnchanged(at("prevote", 0), { type: "proposeValue", value: v });
    expectUnchanged(newHeight(HEIGHT), { type: "proposeValue", value: v });
  });

  test("L21: the others set a timer", () => {
    const { state, outputs } = transition(newHeight(HEIGHT), {
      type: "newRound",
      round: 0,
      isProposer: false,
    });
    expect(state.step).toBe("propose");
    expect(outputs).toEqual([{ type: "scheduleTimeout", kind: "propose", round: 0 }]);
  });

  test("a new round keeps lock and valid value and forgets what was done for the first time", () => {
    const held = { locked: { value: v, round: 0 }, valid: { value: w, round: 1 } };
    const done = { prevoteTimer: true, polka: true, precommitTimer: true };
    const event: RoundEvent = { type: "newRound", round: 2, isProposer: false };
    const { state } = transition(at("precommit", 1, { ...held, done }), event);
    expect(state).toEqual(at("propose", 2, held));
  });

  test("rounds only go up", () => {
    expectUnchanged(at("prevote", 2), { type: "newRound", round: 2, isProposer: true });
    expectUnchanged(at("prevote", 2), { type: "newRound", round: 1, isProposer: true });
  });
});

describe("L22-27 a fresh proposal", () => {
  test("L24: valid, timely and not locked: prevote it", () => {
    const { state, outputs } = transition(at("propose", 0), fresh);
    expect(state).toEqual(at("prevote", 0));
    expect(outputs).toEqual([votes("prevote", 0, "v")]);
  });

  test("L24: locked on the same value: prevote it", () => {
    const state = at("propose", 2, { locked: { value: v, round: 0 } });
    expect(transition(state, fresh).outputs).toEqual([votes("prevote", 2, "v")]);
  });

  test("L26: locked on another value: prevote nil, and stay locked", () => {
    const state = at("propose", 2, { locked: { value: w, round: 0 } });
    const after = transition(state, fresh);
    expect(after.outputs).toEqual([votes("prevote", 2, null)]);
    expect(after.state).toEqual({ ...state, step: "prevote" });
  });

  test("L26: not valid: prevote nil, even when locked on it", () => {
    const event: RoundEvent = { ...fresh, valid: false };
    expect(transition(at("propose", 0), event).outputs).toEqual([votes("prevote", 0, null)]);
    const state = at("propose", 1, { locked: { value: v, round: 0 } });
    expect(transition(state, event).outputs).toEqual([votes("prevote", 1, null)]);
  });

  test("L26: not timely: prevote nil", () => {
    const event: RoundEvent = { ...fresh, timely: false };
    expect(transition(at("propose", 0), event).outputs).toEqual([votes("prevote", 0, null)]);
  });

  test("only in step propose", () => {
    expectUnchanged(at("prevote", 0), fresh);
    expectUnchanged(at("precommit", 0), fresh);
    expectUnchanged(newHeight(HEIGHT), fresh);
  });
});

describe("L28-33 a proposal with a polka of an earlier round", () => {
  const again = (polRound: number, valid = true): RoundEvent => ({
    type: "proposalWithPolka",
    value: v,
    polRound,
    valid,
  });
  const lockedOnW = (round: number) => ({ locked: { value: w, round } });

  test("L30: not locked: prevote it; nobody looks at the clock", () => {
    const { state, outputs } = transition(at("propose", 3), again(1));
    expect(state).toEqual(at("prevote", 3));
    expect(outputs).toEqual([votes("prevote", 3, "v")]);
  });

  test("L29-30: the polka is younger than the lock, or as old: prevote it, the lock stays for now", () => {
    const younger = transition(at("propose", 3, lockedOnW(1)), again(2));
    expect(younger.outputs).toEqual([votes("prevote", 3, "v")]);
    expect(younger.state.locked).toEqual({ value: w, round: 1 });
    const equal = transition(at("propose", 3, lockedOnW(1)), again(1));
    expect(equal.outputs).toEqual([votes("prevote", 3, "v")]);
  });

  test("L32: the polka is older than the lock on another value: prevote nil", () => {
    const { state, outputs } = transition(at("propose", 3, lockedOnW(2)), again(1));
    expect(outputs).toEqual([votes("prevote", 3, null)]);
    expect(state.locked).toEqual({ value: w, round: 2 });
  });

  test("L29-30: the polka is older than the lock, but on the same value: prevote it", () => {
    const state = at("propose", 3, { locked: { value: v, round: 2 } });
    expect(transition(state, again(1)).outputs).toEqual([votes("prevote", 3, "v")]);
  });

  test("L32: not valid: prevote nil", () => {
    const { outputs } = transition(at("propose", 3), again(1, false));
    expect(outputs).toEqual([votes("prevote", 3, null)]);
  });

  test("L28: the polka's round must be an earlier one", () => {
    expectUnchanged(at("propose", 3), again(3));
    expectUnchanged(at("propose", 3), again(4));
    expectUnchanged(at("propose", 3), again(-1));
  });

  test("only in step propose", () => {
    expectUnchanged(at("prevote", 3), again(1));
    expectUnchanged(at("precommit", 3), again(1));
  });
});

describe("L34 two thirds of prevotes for anything", () => {
  const event: RoundEvent = { type: "polkaAny" };

  test("L35: in step prevote, set the timer, once", () => {
    const { state, outputs } = transition(at("prevote", 1), event);
    expect(outputs).toEqual([{ type: "scheduleTimeout", kind: "prevote", round: 1 }]);
    expect(state.step).toBe("prevote");
    expectUnchanged(state, event);
  });

  test("not before and not after", () => {
    expectUnchanged(at("propose", 1), event);
    expectUnchanged(at("precommit", 1), event);
  });
});

describe("L36-43 a polka for this round's proposal", () => {
  const event: RoundEvent = { type: "polkaCurrent", value: v, valid: true };
  const held = { value: v, round: 2 };

  test("L37-43: in step prevote: lock, precommit, valid", () => {
    const { state, outputs } = transition(at("prevote", 2), event);
    expect(outputs).toEqual([votes("precommit", 2, "v")]);
    expect(state.step).toBe("precommit");
    expect(state.locked).toEqual(held);
    expect(state.valid).toEqual(held);
  });

  test("L38: a new polka replaces the lock on another value", () => {
    const { state } = transition(at("prevote", 2, { locked: { value: w, round: 1 } }), event);
    expect(state.locked).toEqual(held);
  });

  test("L42-43: in step precommit: valid, but no lock and no second precommit", () => {
    const before = at("precommit", 2, { locked: { value: w, round: 1 } });
    const { state, outputs } = transition(before, event);
    expect(outputs).toEqual([]);
    expect(state.valid).toEqual(held);
    expect(state.locked).toEqual({ value: w, round: 1 });
    expect(state.step).toBe("precommit");
  });

  test("L36: for the first time only", () => {
    const { state } = transition(at("prevote", 2), event);
    expectUnchanged(state, event);
    const other: RoundEvent = { type: "polkaCurrent", value: w, valid: true };
    expectUnchanged(state, other);
  });

  test("L36: not in step propose, and never for an invalid value", () => {
    expectUnchanged(at("propose", 2), event);
    expectUnchanged(at("prevote", 2), { ...event, valid: false });
    expectUnchanged(at("precommit", 2), { ...event, valid: false });
  });
});

describe("L44 a polka for nil", () => {
  const event: RoundEvent = { type: "polkaNil" };

  test("L45: in step prevote: precommit nil, and keep the lock", () => {
    const held = { locked: { value: v, round: 0 }, valid: { value: v, round: 0 } };
    const { state, outputs } = transition(at("prevote", 1, held), event);
    expect(outputs).toEqual([votes("precommit", 1, null)]);
    expect(state).toEqual(at("precommit", 1, held));
  });

  test("not before and not after", () => {
    expectUnchanged(at("propose", 1), event);
    expectUnchanged(at("precommit", 1), event);
  });
});

describe("L47 two thirds of precommits for anything", () => {
  const event: RoundEvent = { type: "precommitAny" };

  test.each(["propose", "prevote", "precommit"] as const)("in step %s: the timer, once", (step) => {
    const { state, outputs } = transition(at(step, 1), event);
    expect(outputs).toEqual([{ type: "scheduleTimeout", kind: "precommit", round: 1 }]);
    expect(state.step).toBe(step);
    expectUnchanged(state, event);
  });
});

describe("L49 two thirds of precommits for a known block", () => {
  const event: RoundEvent = { type: "precommitValue", round: 1, value: v, valid: true };

  test.each(["newHeight", "propose", "prevote", "precommit"] as const)("decides in %s", (step) => {
    const { state, outputs } = transition(at(step, 3), event);
    expect(outputs).toEqual([{ type: "decide", round: 1, value: v }]);
    expect(state.decision).toEqual({ value: v, round: 1 });
  });

  test("decides even against the own lock", () => {
    const { outputs } = transition(at("prevote", 3, { locked: { value: w, round: 2 } }), event);
    expect(outputs).toEqual([{ type: "decide", round: 1, value: v }]);
  });

  test("never an invalid block", () => {
    expectUnchanged(at("precommit", 1), { ...event, valid: false });
  });

  test("after it, nothing", () => {
    const { state } = transition(at("precommit", 1), event);
    expectUnchanged(state, event);
    expectUnchanged(state, { type: "newRound", round: 2, isProposer: true });
    expectUnchanged(state, { type: "roundSkip", round: 2 });
    expectUnchanged(state, { type: "timeout", kind: "precommit", height: HEIGHT, round: 1 });
  });
});

describe("L55 round skip", () => {
  test("to a greater round", () => {
    const { state, outputs } = transition(at("prevote", 1), { type: "roundSkip", round: 4 });
    expect(outputs).toEqual([{ type: "startRound", round: 4 }]);
    expect(state).toEqual(at("prevote", 1));
  });

  test("not to this round or back", () => {
    expectUnchanged(at("prevote", 1), { type: "roundSkip", round: 1 });
    expectUnchanged(at("prevote", 1), { type: "roundSkip", round: 0 });
  });
});

describe("L57-67 timers", () => {
  const timeout = (kind: "propose" | "prevote" | "precommit", round = 1, height = HEIGHT) =>
    ({ type: "timeout", kind, height, round }) as const;

  test("L57: propose: prevote nil", () => {
    const { state, outputs } = transition(at("propose", 1), timeout("propose"));
    expect(outputs).toEqual([votes("prevote", 1, null)]);
    expect(state).toEqual(at("prevote", 1));
  });

  test("L61: prevote: precommit nil, and keep the lock", () => {
    const held = { locked: { value: v, round: 0 } };
    const { state, outputs } = transition(at("prevote", 1, held), timeout("prevote"));
    expect(outputs).toEqual([votes("precommit", 1, null)]);
    expect(state).toEqual(at("precommit", 1, held));
  });

  test.each(["propose", "prevote", "precommit"] as const)(
    "L65: precommit, in %s: next round",
    (s) => {
      const { outputs } = transition(at(s, 1), timeout("precommit"));
      expect(outputs).toEqual([{ type: "startRound", round: 2 }]);
    },
  );

  test("of another step: nothing", () => {
    expectUnchanged(at("prevote", 1), timeout("propose"));
    expectUnchanged(at("precommit", 1), timeout("propose"));
    expectUnchanged(at("propose", 1), timeout("prevote"));
    expectUnchanged(at("precommit", 1), timeout("prevote"));
  });

  test.each(["propose", "prevote", "precommit"] as const)(
    "%s of another round or height",
    (kind) => {
      expectUnchanged(at(kind, 1), timeout(kind, 0));
      expectUnchanged(at(kind, 1), timeout(kind, 2));
      expectUnchanged(at(kind, 1), timeout(kind, 1, HEIGHT - 1));
      expectUnchanged(at(kind, 1), timeout(kind, 1, HEIGHT + 1));
    },
  );

  test("in newHeight: nothing", () => {
    expectUnchanged(newHeight(HEIGHT), timeout("precommit", -1));
  });
});
