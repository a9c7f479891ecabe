import { describe, expect, it } from "vitest";
import { beginBlock, endBlock } from "../../../../agent/core/ledger/blockExecution.ts";
import { decodeState, encodeState, type LedgerState } from "../../../../agent/core/ledger/state.ts";
import { suspendValidator } from "../../../../agent/core/ledger/validatorSet.ts";
import { validatorsHash } from "../../../../agent/core/ledger/validators.ts";
import type { BlockId } from "../../../../agent/core/units/ids.ts";
import { memberId } from "../../../../agent/core/units/ids.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";
import { makeRules, TestChain } from "../../../support/ledger.ts";

const [A, B, C, D] = ["a@vt.edu", "b@vt.edu", "c@vt.edu", "d@vt.edu"] as const;
const NOON = Date.parse("2018-03-21T16:00:10Z");

const names = (set: LedgerState["validators"]) => set.map((one) => one.memberId);

/** The state after an otherwise empty block in which these are suspended. */
function suspending(state: LedgerState, time: number, ...who: readonly string[]): LedgerState {
  const block = { time: unixMs(time), proposer: memberId(A) };
  const begun = beginBlock(state, block);
  for (const name of who) suspendValidator(begun.draft, memberId(name));
  return endBlock(begun).stateAfter("1".repeat(64) as BlockId, block.proposer);
}

describe("who votes", () => {
  it("is at first who stands in the rules, on this block and the next", () => {
    const { state, rules } = new TestChain(makeRules({ validators: [A, B, C, D] }));
    expect(state.validators).toBe(rules.validators);
    expect(state.nextValidators).toBe(rules.validators);
  });

  it("changes two blocks later: a change in block 1 does not touch the votes on 2, but those on 3", () => {
    const chain = new TestChain(makeRules({ validators: [A, B, C, D] }));
    chain.state = suspending(chain.state, NOON, B);
    // After block 1: all four vote on block 2, three on block 3.
    expect(names(chain.state.validators)).toEqual([A, B, C, D]);
    expect(names(chain.state.nextValidators)).toEqual([A, C, D]);
    const second = chain.addBy(B, NOON + 1000).block.header;
    expect(second.validatorsHash).toBe(validatorsHash(chain.rules.validators));
    expect(second.nextValidatorsHash).toBe(validatorsHash(chain.state.validators));
    expect(second.nextValidatorsHash).not.toBe(second.validatorsHash);
    expect(names(chain.state.validators)).toEqual([A, C, D]);
    // Block 3 names the new set twice, and the one who left proposes none.
    expect(() => chain.addBy(B, NOON + 2000)).toThrow("notValidator");
    const third = chain.addBy(C, NOON + 2000).block.header;
    expect(third.validatorsHash).toBe(second.nextValidatorsHash);
    expect(third.nextValidatorsHash).toBe(second.nextValidatorsHash);
  });

  it("is part of the state's bytes", () => {
    const chain = new TestChain(makeRules({ validators: [A, B, C, D] }));
    const state = suspending(chain.state, NOON, B);
    const decoded = decodeState(chain.rules, encodeState(state), state.lastBlock);
    expect(decoded).toEqual({ ok: true, value: state });
  });
});

describe("suspendValidator", () => {
  it("does nothing for somebody who does not vote", () => {
    const { state } = new TestChain(makeRules({ validators: [A, B] }));
    expect(names(suspending(state, NOON, D).nextValidators)).toEqual([A, B]);
  });

  it("never leaves nobody", () => {
    const { state } = new TestChain(makeRules({ validators: [A, B] }));
    expect(names(suspending(state, NOON, A, B).nextValidators)).toEqual([B]);
  });

  it("is not undone by the set that was named before it", () => {
    const { state } = new TestChain(makeRules({ validators: [A, B, C, D] }));
    const after = suspending(suspending(state, NOON, B), NOON + 1000, C);
    expect(names(after.validators)).toEqual([A, C, D]);
    expect(names(after.nextValidators)).toEqual([A, D]);
  });
});
