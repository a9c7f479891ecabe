// One validator's agreement on a real ledger and mempool; the test speaks for the other three. v1 proposes
// round 0 of the first block, v2 round 1. Nothing is ever due (schedule manual) unless a test says so.

import { describe, expect, it } from "vitest";
import {
  type Certificate,
  CONSENSUS_MESSAGE_BYTES_MAX,
  type VoteSubject,
} from "../../../agent/core/consensus/message.ts";
import { Verifier } from "../../../agent/core/crypto.ts";
import { blockId, encodeBlock } from "../../../agent/core/ledger/block.ts";
import type { BuiltBlock } from "../../../agent/core/ledger/buildBlock.ts";
import { communityId, type Rules } from "../../../agent/core/ledger/rules.ts";
import { encodeTransaction } from "../../../agent/core/ledger/transaction.ts";
import { mustBeAccepted } from "../../../agent/core/result.ts";
import type { BlockId, MemberId } from "../../../agent/core/units/ids.ts";
import { createConsensusLoop } from "../../../agent/loops/consensus.ts";
import { openLedger } from "../../../agent/loops/ledger.ts";
import { createMempool } from "../../../agent/loops/mempool.ts";
import type { Signer, Store } from "../../../agent/ports.ts";
import { certificateFor } from "../../support/certificate.ts";
import { createFakeNetwork } from "../../support/fakeNetwork.ts";
import {
  createFakeClock,
  createMemoryStore,
  createRecordingLog,
  type FakeClock,
} from "../../support/fakes.ts";
import { at, makeRules, registration, signed, testCard, testKey } from "../../support/ledger.ts";
import { blockOn, describeMessage, proposal, read, vote } from "../../support/voices.ts";

const START = at("2026-06-01T09:50:00Z");
const [V1, V2, V3, V4] = ["v1@vt.edu", "v2@vt.edu", "v3@vt.edu", "v4@vt.edu"] as const;
const RULES = makeRules({ validators: [V1, V2, V3, V4], schedule: "manual" });
const NEIGHBOUR = "v3@vt.edu" as MemberId;

class PowerCut extends Error {}

type HomeOptions = {
  readonly rules?: Rules;
  readonly store?: Store;
  readonly clock?: FakeClock;
  readonly signer?: Signer;
  /** Called before each publication; may throw. */
  readonly onPublish?: (message: string) => void;
  /** Not started yet. */
  readonly isCold?: boolean;
};

/** The loop of `name` at 09:50 before the first block, as after a start on `store`. */
function openHome(name: string, options: HomeOptions = {}) {
  const { rules = RULES, signer = testCard(name), onPublish = () => {} } = options;
  const disk = options.store ?? createMemoryStore();
  const clock = options.clock ?? createFakeClock(START);
  const journal: string[] = [];
  const store: Store = {
    ...disk,
    saveSigned: (durable, record) => {
      disk.saveSigned(durable, record);
      const { type, height, round } = record;
      journal.push(`signed ${type} ${height}/${round}`);
    },
    commit: (block) => {
      disk.commit(block);
      journal.push(`committed ${block.height}`);
    },
  };
  const network = createFakeNetwork((_topic, message) => {
    onPublish(describeMessage(message));
    const [kind, step] = describeMessage(message).split(" ");
    journal.push(`sent ${kind} ${step}`);
  });
  const log = createRecordingLog();
  const verifier = new Verifier();
  const ledger = openLedger({ rules, store, verifier });
  const mempool = createMempool({ verifier, clock, ledger: ledger.state, arrived: () => {} });
  const behind: [number, MemberId][] = [];
  const refusals: string[] = [];
  const accused: string[] = [];
  const certificates: Certificate[] = [];
  const loop = createConsensusLoop({
    ...{ rules, verifier, store, clock, network, signer, log, ledger, mempool },
    commit: (executed, certificate) => {
      certificates.push(certificate);
      ledger.commit(executed, certificate);
      mempool.committed(executed.transactions);
    },
    refused: ({ code }) => refusals.push(code),
    doubleSigned: ({ validator, type }) => accused.push(`${type} ${validator}`),
    behind: (height, peer) => behind.push([height, peer]),
  });
  const hear = (...messages: readonly Uint8Array[]) =>
    messages.map((message) => loop.receive(message, NEIGHBOUR));
  const votes = (type: VoteSubject["vote"], built: BuiltBlock | null, ...voters: string[]) => {
    const height = built === null ? ledger.state().height + 1 : built.block.header.height;
    const subject = { vote: type, height, round: 0, blockId: built?.blockId ?? null };
    return hear(...voters.map((voter) => vote(rules, voter, subject)));
  };
  /** A registration reaches the mempool. */
  const pend = (who: string) => {
    const transaction = signed(rules, who, registration(who));
    mustBeAccepted(mempool.add(encodeTransaction(communityId(rules), transaction)), "it is new");
    loop.wake();
    return transaction;
  };
  const said = () => network.said("consensus").map(describeMessage);
  const block = (proposer: string, time: number = clock.now(), who = "home@vt.edu") =>
    blockOn(ledger.state(), {
      ...{ time, proposer },
      transactions: [signed(rules, who, registration(who))],
    });
  if (options.isCold !== true) loop.start();
  return {
    ...{ rules, disk, clock, journal, network, log, ledger, mempool, behind, certificates, loop },
    refusals,
    accused,
    ...{ hear, votes, pend, said, block },
  };
}
const short = ({ blockId }: BuiltBlock): string => blockId.slice(0, 8);

describe("the proposer", () => {
  it("writes each message before it is sent, and commits what three of four precommit", () => {
    const { clock, journal, network, pend, votes, ledger, certificates, mempool } = openHome(V1);
    pend("home@vt.edu");
    expect(journal).toEqual([]);
    // A block gathers for a second what arrives together.
    clock.advance(1000);
    const begun = ["signed proposal 1/0", "sent proposal 1/0", "signed prevote 1/0"];
    expect(journal).toEqual([...begun, "sent prevote 1/0"]);
    const [first] = network.said("consensus").map(read);
    const built = { blockId: first?.blockId, block: { header: { height: 1 } } } as BuiltBlock;
    votes("prevote", built, V2);
    expect(journal).toHaveLength(4);
    votes("prevote", built, V3);
    expect(journal.slice(4)).toEqual(["signed precommit 1/0", "sent precommit 1/0"]);
    votes("precommit", built, V2, V4);
    expect(journal.slice(6)).toEqual(["committed 1"]);
    expect(ledger.state().members.has("home@vt.edu" as MemberId)).toBe(true);
    expect(certificates[0]?.signatures.map(({ validator }) => validator)).toEqual([V1, V2, V4]);
    expect(mempool.size()).toBe(0);
    // Nothing more to say: no block, and no message.
    clock.advance(60_000);
    expect(journal).toHaveLength(7);
  });

  it("says nothing that could not be written", () => {
    const store: Store = {
      ...createMemoryStore(),
      saveSigned: () => {
        throw new Error("disk full");
      },
    };
    const { clock, network, pend } = openHome(V1, { store });
    pend("home@vt.edu");
    expect(() => clock.advance(1000)).toThrow("disk full");
    expect(network.published).toEqual([]);
  });

  it("puts its own time and all that is pending into the block", () => {
    const { clock, network, pend, ledger } = openHome(V1);
    pend("home@vt.edu");
    clock.advance(400);
    pend("other@vt.edu");
    clock.advance(600);
    const [message] = network.said("consensus").map(read);
    if (message?.type !== "proposal") throw new Error("it proposes first");
    expect(message).toMatchObject({ height: 1, round: 0, polRound: -1, time: START + 1000 });
    const executed = mustBeAccepted(ledger.execute(message.block), "its own block is valid");
    expect(executed.transactions).toHaveLength(2);
  });

  it("puts the block just after the last one when its clock is behind it", () => {
    const home = openHome(V2);
    const first = home.block(V1, START + 3_000);
    home.hear(proposal(home.rules, V1, { built: first }));
    home.votes("precommit", first, V1, V3, V4);
    expect(home.ledger.state().height).toBe(1);
    home.clock.step(-60_000);
    home.pend("other@vt.edu");
    home.clock.advance(1000);
    expect(home.network.said("consensus").map(read).at(-2)).toMatchObject({
      ...{ type: "proposal", height: 2, time: START + 3_001 },
    });
  });

  it("begins when a listing waits for its seal, without any transaction", () => {
    const rules = makeRules({ validators: [V1, V2, V3, V4] });
    const { clock, said, votes, network } = openHome(V1, { rules });
    clock.advance(1000);
    // The first block starts the calendar.
    expect(said()).toHaveLength(2);
    const [first] = network.said("consensus").map(read);
    const built = { blockId: first?.blockId, block: { header: { height: 1 } } } as BuiltBlock;
    votes("prevote", built, V2, V3);
    votes("precommit", built, V2, V3);
    // Blocks from 09:59:05 on count for the listing of 10:00; it is v2's turn, and v1 times out 3 s later.
    clock.advanceTo(at("2026-06-01T09:59:07.999Z"));
    expect(said()).toHaveLength(3);
    clock.advance(1);
    expect(said().slice(3)).toEqual(["prevote 2/0 nil"]);
  });
});

describe("a voter", () => {
  it("joins at once when others talk, though it has nothing to say", () => {
    const { hear, said, block, rules, loop } = openHome(V2);
    const built = block(V1);
    expect(loop.position()).toEqual({ height: 1, isUnderWay: false });
    expect(hear(proposal(rules, V1, { built }))).toEqual(["accept"]);
    expect(said()).toEqual([`prevote 1/0 ${short(built)}`]);
    expect(loop.position()).toEqual({ height: 1, isUnderWay: true });
  });

  it("does not join one that has nothing to say, but two of four", () => {
    const { hear, votes, said, rules, loop, clock, ledger } = openHome(V2);
    const empty = blockOn(ledger.state(), { time: clock.now(), proposer: V1, transactions: [] });
    expect(hear(proposal(rules, V1, { built: empty }))).toEqual(["accept"]);
    votes("prevote", empty, V1);
    expect([said(), loop.position().isUnderWay]).toEqual([[], false]);
    votes("prevote", null, V3);
    expect(loop.position().isUnderWay).toBe(true);
    expect(said()).toEqual([`prevote 1/0 ${short(empty)}`]);
  });

  it("says nil after the time for a proposal, and proposes itself in the next round", () => {
    const { clock, said, pend, votes, network, hear, rules } = openHome(V2);
    pend("home@vt.edu");
    clock.advance(1000 + 2999);
    expect(said()).toEqual([]);
    clock.advance(1);
    expect(said()).toEqual(["prevote 1/0 nil"]);
    votes("prevote", null, V3, V4);
    expect(said().slice(1)).toEqual(["precommit 1/0 nil"]);
    votes("precommit", null, V3, V4);
    clock.advance(1000);
    const proposed = network.said("consensus").map(read)[2];
    expect(proposed).toMatchObject({ type: "proposal", round: 1, polRound: -1, proposer: V2 });
    expect(said().slice(3)).toEqual([`prevote 1/1 ${proposed?.blockId?.slice(0, 8)}`]);
    const subject = { height: 1, round: 1, blockId: proposed?.blockId as BlockId };
    hear(
      ...[V3, V4].map((voter) => vote(rules, voter, { vote: "prevote", ...subject })),
      ...[V3, V4].map((voter) => vote(rules, voter, { vote: "precommit", ...subject })),
    );
    expect(said().slice(4)).toEqual([`precommit 1/1 ${proposed?.blockId?.slice(0, 8)}`]);
  });

  const untimely: readonly (readonly [string, number, boolean])[] = [
    // Precision 1 s, delay 4 s: from now - 5000 to now + 1000, both included.
    ["as old as can be", -5000, true],
    ["too old", -5001, false],
    ["as far ahead as clocks may be", 1000, true],
    ["from the future", 1001, false],
  ];
  it.each(untimely)("looks at the time of a block that is %s", (_name, ahead, isVotedFor) => {
    const { hear, votes, said, block, rules } = openHome(V2);
    const built = block(V1, START + ahead);
    votes("prevote", null, V3);
    hear(proposal(rules, V1, { built }));
    expect(said()).toEqual([`prevote 1/0 ${isVotedFor ? short(built) : "nil"}`]);
  });

  it("says nil to a block that does not hold, with a warning that names why", () => {
    const { hear, votes, said, block, rules, log } = openHome(V2);
    votes("prevote", null, V3);
    const built = block(V1);
    const header = { ...built.block.header, stateRoot: "0".repeat(64) };
    const wrong = { ...built, block: { ...built.block, header }, blockId: blockId(header) };
    expect(hear(proposal(rules, V1, { built: wrong }))).toEqual(["accept"]);
    expect(said()).toEqual(["prevote 1/0 nil"]);
    expect(log.of("proposed block refused")[0]?.facts).toMatchObject({
      refusal: { code: "wrongStateRoot" },
    });
  });

  it("says nil to a fresh block of another builder, or with another time than its header's", () => {
    for (const wrong of ["builder", "time"] as const) {
      const { hear, votes, said, block, rules } = openHome(V2);
      votes("prevote", null, V3);
      const built = block(wrong === "builder" ? V3 : V1);
      const time = wrong === "time" ? START + 1 : START;
      hear(proposal(rules, V1, { built, time }));
      expect(said()).toEqual(["prevote 1/0 nil"]);
    }
  });

  it("tells of a validator that says two things, and counts the first", () => {
    const { hear, votes, said, block, rules, accused, ledger } = openHome(V2);
    const built = block(V1);
    hear(proposal(rules, V1, { built }));
    votes("prevote", built, V3);
    votes("prevote", null, V3);
    expect(accused).toEqual([`doubleVote ${V3}`]);
    const other = block(V1, START + 1);
    hear(proposal(rules, V1, { built: other }));
    expect(accused.slice(1)).toEqual([`doubleProposal ${V1}`]);
    votes("prevote", built, V1);
    expect(said()).toEqual([`prevote 1/0 ${short(built)}`, `precommit 1/0 ${short(built)}`]);
    votes("precommit", built, V1, V4);
    expect(ledger.state().lastBlock?.blockId).toBe(built.blockId);
  });

  it("offers a neighbour what it knows of the height", () => {
    const { hear, block, rules, loop } = openHome(V2);
    const built = block(V1);
    hear(proposal(rules, V1, { built }));
    expect(loop.messages().map(describeMessage)).toEqual([
      `proposal 1/0 ${short(built)}`,
      `prevote 1/0 ${short(built)}`,
    ]);
  });
});

function trailing(message: Uint8Array): Uint8Array {
  return Uint8Array.from([...message, 0]);
}

/** The signature is the last of a message. */
function unsigned(message: Uint8Array): Uint8Array {
  return message.slice().fill(0, -64);
}

describe("what is not in order", () => {
  const home = () => {
    const opened = openHome(V2);
    return { ...opened, built: opened.block(V1) };
  };
  const prevote = (blockId: BlockId | null = null): VoteSubject => ({
    ...{ vote: "prevote", height: 1, round: 0, blockId },
  });
  type Bad = (given: ReturnType<typeof home>) => Uint8Array;
  /** The code that is counted, or null where it is merely ignored. */
  const bad: readonly (readonly [string, string | null, Bad])[] = [
    ["cannot be read", "malformed", () => Uint8Array.of(1, 2, 3)],
    ["is empty", "malformed", () => new Uint8Array()],
    ["is too large", "malformed", () => new Uint8Array(CONSENSUS_MESSAGE_BYTES_MAX + 1)],
    ["has bytes after its end", "malformed", () => trailing(vote(RULES, V1, prevote()))],
    ["is signed by another validator", "badSignature", () => vote(RULES, V1, prevote(), V3)],
    ["is unsigned", "badSignature", () => unsigned(vote(RULES, V1, prevote()))],
    ["is a stranger's", "notValidator", () => vote(RULES, "mallory@vt.edu", prevote())],
    [
      "is a stranger's proposal",
      "notValidator",
      (h) => proposal(RULES, "mallory@vt.edu", { built: h.built }),
    ],
    [
      "is for another community",
      "badSignature",
      () => vote(makeRules({ validators: [V1, V2, V3, V4] }), V1, prevote()),
    ],
    [
      "is a forged proposal",
      "badSignature",
      (h) => proposal(RULES, V1, { built: h.built, signer: V3 }),
    ],
    [
      "is a proposal with another block's bytes",
      "otherBlock",
      (h) => {
        const other = encodeBlock(h.block(V1, START + 1).block);
        return proposal(RULES, V1, { built: h.built, bytes: other });
      },
    ],
    [
      "is a proposal whose transactions were taken out",
      "otherBlock",
      (h) => {
        const bytes = encodeBlock({ ...h.built.block, transactions: [] });
        return proposal(RULES, V1, { built: h.built, bytes });
      },
    ],
    ["is proposed out of turn", null, (h) => proposal(RULES, V3, { built: h.built })],
  ];
  it.each(bad)("%s: refused with %s, and nothing comes of it", (_name, code, make) => {
    const opened = home();
    const root = opened.ledger.root();
    expect(opened.hear(make(opened))).toEqual([code === null ? "ignore" : "reject"]);
    expect(opened.refusals).toEqual(code === null ? [] : [code]);
    expect(opened.loop.position().isUnderWay).toBe(false);
    opened.clock.advance(60_000);
    expect([opened.journal, opened.behind, opened.loop.messages()]).toEqual([[], [], []]);
    expect(opened.ledger.root()).toBe(root);
  });

  it("is said again: ignored", () => {
    const { hear, built, said, rules } = home();
    const message = proposal(rules, V1, { built });
    const voted = vote(rules, V3, prevote(built.blockId));
    expect(hear(message, voted, message, voted)).toEqual(["accept", "accept", "ignore", "ignore"]);
    expect(said()).toHaveLength(1);
  });

  it("is of a height that is over: ignored", () => {
    const { hear, built, votes, ledger, rules, loop } = home();
    hear(proposal(rules, V1, { built }));
    votes("precommit", built, V1, V3, V4);
    expect(ledger.state().height).toBe(1);
    expect(hear(vote(rules, V3, prevote(built.blockId)))).toEqual(["ignore"]);
    expect(loop.position()).toEqual({ height: 2, isUnderWay: false });
  });

  it("is heard before the start or after the stop: ignored", () => {
    const { hear, loop, rules, clock, pend, said } = openHome(V2, { isCold: true });
    expect(hear(vote(rules, V3, prevote()))).toEqual(["ignore"]);
    loop.start();
    pend("home@vt.edu");
    clock.advance(1000);
    loop.stop();
    expect(clock.waiting()).toBe(0);
    expect(hear(vote(rules, V3, prevote()))).toEqual(["ignore"]);
    clock.advance(60_000);
    expect([said(), loop.messages()]).toEqual([[], []]);
  });
});

describe("messages of the next height", () => {
  /** Block 1, and block 2 on top of it by v2 (the next proposer). */
  const twoBlocks = (home: ReturnType<typeof openHome>) => {
    const first = home.block(V1);
    const second = blockOn(first.state, { time: START + 1, proposer: V2 });
    return { first, second };
  };
  const second = (of: BuiltBlock, type: VoteSubject["vote"] = "prevote"): VoteSubject => ({
    ...{ vote: type, height: 2, round: 0, blockId: of.blockId },
  });

  it("are kept and used as soon as the height begins", () => {
    const home = openHome(V3);
    const { hear, votes, said, behind, ledger } = home;
    const { first, second: next } = twoBlocks(home);
    const early = [
      proposal(RULES, V2, { built: next }),
      vote(RULES, V1, second(next)),
      vote(RULES, V2, second(next)),
    ];
    expect(hear(...early)).toEqual(["accept", "accept", "accept"]);
    // Who is at height 2 has block 1.
    expect(behind).toEqual(early.map(() => [1, NEIGHBOUR]));
    expect(said()).toEqual([]);
    hear(proposal(RULES, V1, { built: first }));
    votes("precommit", first, V1, V2, V4);
    expect(ledger.state().height).toBe(1);
    // Its vote and the two early ones are three of four.
    expect(said().slice(1)).toEqual([`prevote 2/0 ${short(next)}`, `precommit 2/0 ${short(next)}`]);
    votes("precommit", next, V1, V2);
    expect(ledger.state().height).toBe(2);
  });

  it("are used too when block sync brings the height", () => {
    const home = openHome(V3);
    const { hear, said, ledger, loop, rules } = home;
    const { first, second: next } = twoBlocks(home);
    hear(proposal(RULES, V2, { built: next }), vote(RULES, V4, { ...second(next), blockId: null }));
    const executed = mustBeAccepted(ledger.execute(encodeBlock(first.block)), "it is valid");
    ledger.commit(executed, certificateFor(rules, 1, first.blockId));
    loop.followLedger();
    expect(said()).toEqual([`prevote 2/0 ${short(next)}`]);
    // Said again, it changes nothing.
    loop.followLedger();
    expect(loop.position()).toEqual({ height: 2, isUnderWay: true });
  });

  it("are refused where they are forged, and kept only two heights ahead", () => {
    const { hear, behind, refusals } = openHome(V3);
    const at = (height: number): VoteSubject => ({
      ...{ vote: "prevote", height, round: 0, blockId: null },
    });
    expect(hear(vote(RULES, V1, at(2), V4))).toEqual(["reject"]);
    expect(hear(vote(RULES, "mallory@vt.edu", at(2)))).toEqual(["ignore"]);
    expect(refusals).toEqual(["badSignature"]);
    expect(behind).toEqual([]);
    expect(hear(vote(RULES, V1, at(3)))).toEqual(["accept"]);
    expect(hear(vote(RULES, V1, at(4)))).toEqual(["ignore"]);
    // Both show that blocks exist which this home lacks.
    expect(behind.map(([height]) => height)).toEqual([2, 3]);
  });
});

describe("a restart on the same disk", () => {
  it("says again what was signed, byte for byte, and signs nothing for those steps", () => {
    const before = openHome(V2);
    const { disk, clock, rules } = before;
    const built = before.block(V1);
    before.hear(proposal(rules, V1, { built }));
    before.votes("prevote", built, V1, V3);
    expect(before.said()).toHaveLength(2);
    before.loop.stop();

    const after = openHome(V2, { store: disk, clock });
    expect(after.network.said("consensus")).toEqual(before.network.said("consensus"));
    // Another proposal for the round, and everybody's nil, change no vote of ours.
    after.hear(proposal(rules, V1, { built: after.block(V1, START + 1) }));
    after.votes("prevote", null, V1, V3, V4);
    expect(after.journal).toEqual(["sent prevote 1/0", "sent precommit 1/0"]);
    expect(disk.signed(1)).toHaveLength(2);
  });

  it("sends what was written when the power went between writing and sending", () => {
    const before = openHome(V2, {
      onPublish: () => {
        throw new PowerCut();
      },
    });
    const { disk, rules } = before;
    const built = before.block(V1);
    expect(() => before.hear(proposal(rules, V1, { built }))).toThrow(PowerCut);
    expect(disk.signed(1)).toHaveLength(1);
    const after = openHome(V2, { store: disk });
    expect(after.said()).toEqual([`prevote 1/0 ${short(built)}`]);
    expect(after.journal).toEqual(["sent prevote 1/0"]);
  });

  it("proposes the same block again, not another one", () => {
    const before = openHome(V1);
    before.pend("home@vt.edu");
    before.clock.advance(1000);
    const after = openHome(V1, { store: before.disk, clock: before.clock });
    after.pend("other@vt.edu");
    expect(after.network.said("consensus")).toEqual(before.network.said("consensus"));
    after.clock.advance(10_000);
    expect(after.disk.signed(1).filter(({ type }) => type === "proposal")).toHaveLength(1);
  });

  it("keeps its locked block: the others' precommits decide it without the proposal", () => {
    const before = openHome(V2);
    const built = before.block(V1);
    before.hear(proposal(RULES, V1, { built }));
    before.votes("prevote", built, V1, V3);
    const after = openHome(V2, { store: before.disk, clock: before.clock });
    after.votes("precommit", built, V1, V3);
    expect(after.ledger.state().lastBlock?.blockId).toBe(built.blockId);
  });

  it("begins afresh where the disk remembers an earlier height only", () => {
    const before = openHome(V2);
    const built = before.block(V1);
    before.hear(proposal(RULES, V1, { built }));
    before.votes("precommit", built, V1, V3, V4);
    const after = openHome(V2, { store: before.disk, clock: before.clock });
    expect([after.said(), after.loop.position()]).toEqual([[], { height: 2, isUnderWay: false }]);
  });
});

describe("who does not vote", () => {
  const followers: readonly (readonly [string, string, HomeOptions])[] = [
    ["has no seat", "home@vt.edu", {}],
    [
      "has a validator's name but another key",
      V2,
      { signer: { ...testCard(V2), ...testKey("another key") } },
    ],
  ];
  it.each(followers)("%s: follows, signs nothing, proposes nothing", (_name, who, options) => {
    const { hear, votes, block, ledger, journal, pend, clock } = openHome(who, options);
    pend("other@vt.edu");
    const built = block(V1);
    hear(proposal(RULES, V1, { built }));
    votes("prevote", built, V1, V3, V4);
    votes("precommit", built, V1, V3, V4);
    expect(ledger.state().lastBlock?.blockId).toBe(built.blockId);
    clock.advance(60_000);
    expect(journal).toEqual(["committed 1"]);
  });

  it("has a clock that is not set: follows, and votes when it is", () => {
    const { hear, votes, block, ledger, journal, clock, log, said } = openHome(V2);
    clock.setSynchronised(false);
    const built = block(V1);
    hear(proposal(RULES, V1, { built }));
    votes("prevote", built, V1, V3, V4);
    votes("precommit", built, V1, V3, V4);
    expect(ledger.state().height).toBe(1);
    expect(journal).toEqual(["committed 1"]);
    expect(log.of("clock not synchronised, not voting")).toHaveLength(1);
    clock.setSynchronised(true);
    const nil: VoteSubject = { vote: "prevote", height: 2, round: 0, blockId: null };
    hear(vote(RULES, V3, nil), vote(RULES, V4, nil));
    clock.advance(1);
    expect(
      said()
        .slice(0, 2)
        .map((line) => line.split(" ").slice(0, 2)),
    ).toEqual([
      ["proposal", "2/0"],
      ["prevote", "2/0"],
    ]);
  });

  it("has a clock that is not set: proposes no block", () => {
    const { clock, pend, journal } = openHome(V1);
    clock.setSynchronised(false);
    pend("home@vt.edu");
    clock.advance(60_000);
    expect(journal).toEqual([]);
  });
});
