import { expect, it } from "vitest";
import {
  contradiction,
  firstMessages,
  messageKey,
} from "../../../../agent/core/consensus/contradiction.ts";
import { startHeight, step } from "../../../../agent/core/consensus/driver.ts";
import type { Proposal, Vote } from "../../../../agent/core/consensus/message.ts";
import type { BlockId, MemberId } from "../../../../agent/core/units/ids.ts";
import type { UnixMs } from "../../../../agent/core/units/time.ts";

const [V1, V2] = ["v1@vt.edu", "v2@vt.edu"] as const as unknown as readonly [MemberId, MemberId];
const block = (digit: string) => digit.repeat(64) as BlockId;
const signature = (byte: number) => new Uint8Array(64).fill(byte);

const vote = (of: Partial<Vote> = {}): Vote & { type: "vote" } => ({
  ...{ type: "vote", vote: "prevote", height: 1, round: 0, blockId: block("a") },
  ...{ validator: V1, signature: signature(1) },
  ...of,
});
const proposal = (of: Partial<Proposal> = {}): Proposal & { type: "proposal" } => ({
  ...{ type: "proposal", height: 1, round: 0, polRound: -1, blockId: block("a") },
  ...{ time: 5 as UnixMs, block: Uint8Array.of(1), proposer: V1, signature: signature(1) },
  ...of,
});

it.each([
  ["another block", vote({ blockId: block("b") })],
  ["nil", vote({ blockId: null })],
])("a vote for %s contradicts", (_, second) => {
  const first = vote();
  expect(contradiction(first, second)).toEqual({
    ...{ type: "doubleVote", validator: V1, a: first, b: second },
  });
});

it.each([
  ["the same", vote()],
  ["the same under another signature", vote({ signature: signature(2) })],
  ["of another round", vote({ round: 1, blockId: null })],
  ["of another height", vote({ height: 2, blockId: null })],
  ["of the other kind", vote({ vote: "precommit", blockId: null })],
  ["of somebody else", vote({ validator: V2, blockId: null })],
  ["a proposal", proposal({ blockId: block("b") })],
])("a vote that is %s does not", (_, second) => {
  expect(contradiction(vote(), second)).toBeNull();
});

it.each([
  ["another block", { blockId: block("b") }],
  ["another time", { time: 6 as UnixMs }],
  ["another polRound", { polRound: 0 }],
])("a proposal with %s contradicts", (_, other) => {
  const [first, second] = [proposal(), proposal(other)];
  expect(contradiction(first, second)).toMatchObject({ type: "doubleProposal", a: first });
});

it("a proposal whose block somebody on the way has swapped does not: it is not signed", () => {
  expect(contradiction(proposal(), proposal({ block: Uint8Array.of(2) }))).toBeNull();
  expect(contradiction(proposal(), proposal({ signature: signature(2) }))).toBeNull();
});

it("a height's first messages are remembered, blocks apart", () => {
  let state = startHeight({ height: 1, validators: [V1, V2], lastProposer: null, self: null });
  const hear = (input: Parameters<typeof step>[1]) => {
    state = step(state, input).state;
  };
  hear({ type: "start" });
  hear({ type: "proposal", proposal: proposal(), verdict: { valid: true, timely: true } });
  const votes = [vote(), vote({ vote: "precommit" }), vote({ validator: V2, round: 1 })];
  for (const one of [...votes, vote({ blockId: null })]) hear({ type: "vote", vote: one });
  const said = firstMessages(state);
  const { block: _, ...rest } = proposal();
  const wanted = [{ ...rest, block: new Uint8Array() }, ...votes];
  expect(said).toEqual(new Map(wanted.map((one) => [messageKey(one), one])));
});
