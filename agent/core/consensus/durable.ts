// What survives a crash of one height's state, and the state that comes out of it again.

import { assert } from "../assert.ts";
import type { Durable, Value } from "./input.ts";
import { type Held, newHeight, type RoundState } from "./round.ts";
import { type Votes, votesFor } from "./votes.ts";

/** The lock, the valid value with the polka that proves it, and where we are. */
export function toDurable(state: RoundState, votes: Votes): Durable {
  const { height, round, step, locked, valid } = state;
  const polka = valid === null ? [] : polkaOf(votes, valid);
  return {
    height,
    round,
    step,
    lockedRound: locked?.round ?? -1,
    locked: locked?.value ?? null,
    validRound: valid?.round ?? -1,
    valid: valid?.value ?? null,
    ...(polka.length > 0 ? { polka } : {}),
  };
}

/**
 * The state as it was written. The timer of the step is taken as set, for `resume` sets it anew; a polka
 * seen before is forgotten and may be seen again, which changes nothing.
 */
export function fromDurable(durable: Durable): RoundState {
  const { height, round, step } = durable;
  return {
    ...newHeight(height),
    round,
    step,
    locked: held(durable.locked, durable.lockedRound),
    valid: held(durable.valid, durable.validRound),
    done: {
      prevoteTimer: step === "prevote",
      polka: false,
      precommitTimer: step === "precommit",
    },
  };
}

function polkaOf(votes: Votes, { value, round }: Held): Durable["polka"] & {} {
  return votesFor(votes, { type: "prevote", round, blockId: value.blockId });
}

function held(value: Value | null, round: number): Held | null {
  assert((value === null) === (round === -1), "a value is held with the round of its polka");
  return value === null ? null : { value, round };
}
