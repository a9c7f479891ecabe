// The agreement's loop under attack and under Murphy: one member or validator that lies, a clock that is
// not set, a disk that fails. Heights and rounds are small; START is 09:50, v1 proposes the first block.

import { expect, it, vi } from "vitest";
import { encodeCertificate } from "../../../agent/core/consensus/message.ts";
import { blockId, encodeBlock } from "../../../agent/core/ledger/block.ts";
import { communityId } from "../../../agent/core/ledger/rules.ts";
import { genesis } from "../../../agent/core/ledger/state.ts";
import { encodeTransaction } from "../../../agent/core/ledger/transaction.ts";
import type { MemberId } from "../../../agent/core/units/ids.ts";
import { blocksReply, votesReply, votesRequest } from "../../../agent/loops/wire.ts";
import { attackHome, FOUR, START, V1, V2, V3, V4 } from "../../support/attackHome.ts";
import { certificateFor } from "../../support/certificate.ts";
import { createFakeClock, createMemoryStore } from "../../support/fakes.ts";
import { makeRules, registration, signed, TestChain } from "../../support/ledger.ts";
import { blockOn, proposal, storeChain, vote } from "../../support/voices.ts";

const FROM = "v3@vt.edu" as MemberId;
const nil = (height: number, round: number, type: "prevote" | "precommit" = "prevote") =>
  ({ vote: type, height, round, blockId: null }) as const;

// ------------------------------------------------------------------------------- clock not set

it("votes once NTP agrees, in the height that it had begun without a set clock", () => {
  const clock = createFakeClock(START);
  clock.setSynchronised(false);
  const { agent, said } = attackHome(V1, { clock, rules: makeRules({ validators: [V1] }) });
  agent.start();
  clock.advance(60_000);
  expect(said()).toEqual([]);
  expect(agent.head().height).toBe(0);
  clock.setSynchronised(true);
  clock.advance(10_000);
  expect(agent.head().height).toBeGreaterThan(0);
});

it("joins four that all stood without a set clock, with what it has heard meanwhile", () => {
  const clock = createFakeClock(START);
  clock.setSynchronised(false);
  const { agent, network, rules, said } = attackHome(V2, { clock });
  agent.start();
  network.handlers().received("consensus", vote(rules, V3, nil(1, 0)), FROM);
  network.handlers().received("consensus", vote(rules, V4, nil(1, 0)), FROM);
  clock.advance(20_000);
  expect(said()).toEqual([]);
  clock.setSynchronised(true);
  // 1 s until it looks, 3 s for a proposal that does not come, 1 s for other prevotes.
  clock.advance(6_000);
  expect(said()).toEqual(["prevote 1/0 nil", "precommit 1/0 nil"]);
});

it("resumes what it had signed before the clock was lost, and signs nothing twice", () => {
  const clock = createFakeClock(START);
  const store = createMemoryStore();
  const { agent, network, rules, said } = attackHome(V2, { clock, store });
  agent.start();
  network.handlers().received("consensus", vote(rules, V3, nil(1, 0)), FROM);
  const precommit = { ...nil(1, 0), vote: "precommit" } as const;
  network.handlers().received("consensus", vote(rules, V1, precommit), FROM);
  clock.advance(3_500);
  expect(said()).toEqual(["prevote 1/0 nil"]);
  clock.setSynchronised(false);
  network.handlers().received("consensus", vote(rules, V4, nil(1, 0)), FROM);
  clock.advance(30_000);
  expect(said()).toEqual(["prevote 1/0 nil"]);
  clock.setSynchronised(true);
  clock.advance(5_000);
  expect(new Set(said())).toEqual(new Set(["prevote 1/0 nil", "precommit 1/0 nil"]));
  expect(store.signed(1)).toHaveLength(2);
});

// ---------------------------------------------------------------------------------- disk, power

it("stops when the disk fails in the middle of a vote, and says so", () => {
  const store = createMemoryStore();
  const saveSigned = vi.fn(() => {
    throw new Error("SQLITE_FULL");
  });
  const { agent, network, rules, publisher, clock, said } = attackHome(V2, {
    store: { ...store, saveSigned },
  });
  agent.start();
  for (const voter of [V3, V1]) {
    network.handlers().received("consensus", vote(rules, voter, nil(1, 0)), FROM);
  }
  expect(() => clock.advance(3_500)).toThrow("SQLITE_FULL");
  expect(publisher.of("halted")).toHaveLength(1);
  expect(said()).toEqual([]);
  expect(clock.waiting()).toBe(0);
});

it("stays stopped when it is stopped in the middle of a commit", () => {
  const rules = makeRules({ validators: [V1] });
  const { agent, clock } = attackHome(V1, {
    rules,
    heard: ({ type }) => {
      if (type === "block") agent.stop();
    },
  });
  agent.start();
  clock.advance(10_000);
  expect(agent.head().height).toBe(1);
  expect(clock.waiting()).toBe(0);
});

it("keeps its lock when the ledger comes to the height from the neighbours, not from the disk", () => {
  // The ledger was lost, the sign log was not: block 1 is fetched, at height 2 it had locked block B.
  const rules = makeRules({ validators: FOUR });
  const chain = new TestChain(rules);
  chain.add(START - 5_000, [V1, registration(V1)]);
  const before = createMemoryStore();
  storeChain(before, chain);
  const first = attackHome(V1, { rules, store: before });
  first.agent.start();
  const locked = blockOn(chain.state, { time: START, proposer: V2 });
  first.network.handlers().received("consensus", proposal(rules, V2, { built: locked }), FROM);
  for (const name of [V2, V3]) {
    const said = vote(rules, name, {
      vote: "prevote",
      height: 2,
      round: 0,
      blockId: locked.blockId,
    });
    first.network.handlers().received("consensus", said, FROM);
  }
  expect(before.durable()?.lockedRound).toBe(0);
  first.agent.stop();

  const empty = createMemoryStore();
  const store = { ...empty, durable: before.durable, signed: before.signed };
  const { agent, network, said } = attackHome(V1, { rules, store });
  agent.start();
  network.handlers().received("consensus", vote(rules, V3, nil(2, 0)), FROM);
  const [block] = chain.blocks;
  if (block === undefined) throw new Error("no block");
  const certificate = encodeCertificate(certificateFor(rules, 1, chain.last.blockId));
  network
    .open("blocks")[0]
    ?.answered(
      blocksReply.encode({ height: 1, blocks: [{ block: encodeBlock(block), certificate }] }),
    );
  expect(agent.head().height).toBe(1);
  // Round 1 (v3's): another block, fresh. Only who forgot the lock prevotes it.
  const other = blockOn(chain.state, { time: START + 1, proposer: V3 });
  for (const name of [V3, V4]) {
    network.handlers().received("consensus", vote(rules, name, nil(2, 1)), FROM);
  }
  network.handlers().received("consensus", proposal(rules, V3, { built: other, round: 1 }), FROM);
  expect(said()).toContain("prevote 2/1 nil");
});

it("says nothing in a height that block sync has just decided", () => {
  // v2, whose turn height 2 is, catches up from 1 to 3; a transaction comes while it commits block 2.
  const rules = makeRules({ validators: FOUR, schedule: "manual" });
  const chain = new TestChain(rules);
  chain.add(START - 6_000, [V2, registration(V2)]);
  const store = createMemoryStore();
  storeChain(store, chain);
  const certified = [V3, V4].map((name, i) => {
    const { block, blockId } = chain.add(START - 5_000 + i, [name, registration(name)]);
    const certificate = encodeCertificate(certificateFor(rules, 2 + i, blockId));
    return { block: encodeBlock(block), certificate };
  });
  const { agent, network, said, clock } = attackHome(V2, {
    ...{ rules, store },
    heard: (event) => {
      if (event.type !== "block" || event.height !== 2) return;
      const encoded = encodeTransaction(communityId(rules), signed(rules, V1, registration(V1)));
      network.handlers().received("transaction", encoded, FROM);
    },
  });
  agent.start();
  clock.advance(5_000);
  network.handlers().requested("votes", votesRequest.encode({ height: 4 }), FROM);
  network.open("blocks")[0]?.answered(blocksReply.encode({ height: 3, blocks: certified }));
  expect(agent.head().height).toBe(3);
  expect(said()).toEqual([]);
});

// ------------------------------------------------------------------------------------- messages

it("does not pass on an early proposal whose block was swapped on the way", () => {
  // Height 2's proposal reaches a home at height 1: accepting it would get the home punished by the next.
  const { agent, network, rules } = attackHome(V1);
  agent.start();
  const chain = new TestChain(rules);
  chain.add(START, [V1, registration(V1)]);
  const built = blockOn(chain.state, { time: START + 1000, proposer: V2 });
  const other = blockOn(chain.state, { time: START + 2000, proposer: V2 });
  const swapped = proposal(rules, V2, { built, bytes: encodeBlock(other.block) });
  expect(network.handlers().received("consensus", swapped, FROM)).toBe("reject");
  expect(network.handlers().received("consensus", proposal(rules, V2, { built }), FROM)).toBe(
    "accept",
  );
});

it("keeps early votes of the honest however many a liar sends", () => {
  const { agent, network, rules } = attackHome(V1);
  agent.start();
  const hear = (message: Uint8Array) => network.handlers().received("consensus", message, FROM);
  const verdicts = Array.from({ length: 300 }, (_, round) => hear(vote(rules, V4, nil(2, round))));
  expect(verdicts.filter((verdict) => verdict === "accept").length).toBeLessThan(10);
  expect(hear(vote(rules, V2, nil(2, 0)))).toBe("accept");
  expect(hear(vote(rules, V3, nil(2, 0)))).toBe("accept");
});

it("looks into one proposal of a round, whatever else its proposer signs", () => {
  const { agent, network, rules, log } = attackHome(V2);
  agent.start();
  const hear = (message: Uint8Array) => network.handlers().received("consensus", message, FROM);
  // Each with a state root of its own invention: to look into it is to refuse it, with a line in the log.
  const state = genesis(rules);
  const verdicts = Array.from({ length: 50 }, (_, i) => {
    const built = blockOn(state, { time: START + i, proposer: V1 });
    const header = { ...built.block.header, stateRoot: "0".repeat(64) };
    const block = { ...built.block, header };
    return hear(proposal(rules, V1, { built: { ...built, block, blockId: blockId(header) } }));
  });
  expect(log.of("proposed block refused")).toHaveLength(1);
  // The first, and the second as evidence against its proposer.
  expect(verdicts.filter((verdict) => verdict === "accept")).toHaveLength(2);
});

it("passes on two of a liar's votes for a step, not hundreds", () => {
  const { agent, network, rules } = attackHome(V2);
  agent.start();
  const verdicts = Array.from({ length: 200 }, (_, i) => {
    const blockIdOfNone = i.toString(16).padStart(64, "0") as never;
    const said = vote(rules, V4, { ...nil(1, 0), blockId: blockIdOfNone });
    return network.handlers().received("consensus", said, FROM);
  });
  expect(verdicts.filter((verdict) => verdict === "accept")).toHaveLength(2);
});

it("counts a vote that came when its round was out of reach", () => {
  // Rounds ahead by more than 10 are only noted. v3 is at 20; when v4 is there too, we follow, and then
  // v3's vote, heard again in an answer, counts: with ours that is 3 of 4 prevotes, and the timer runs.
  const { agent, network, rules, clock, said } = attackHome(V2);
  agent.start();
  clock.advance(1);
  const ofV3 = vote(rules, V3, nil(1, 20));
  const ofV4 = vote(rules, V4, nil(1, 20));
  network.handlers().received("consensus", ofV3, FROM);
  network.handlers().received("consensus", ofV4, FROM);
  network.join(V3);
  clock.advance(1_500);
  network.open("votes")[0]?.answered(votesReply.encode({ height: 0, messages: [ofV3, ofV4] }));
  // propose(20) = 3000 + 20 x 500 = 13 s, then prevote(20) = 1000 + 20 x 500 = 11 s.
  clock.advance(25_000);
  expect(said()).toContain("precommit 1/20 nil");
});
