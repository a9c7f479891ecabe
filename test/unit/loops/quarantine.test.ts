// The whole agent of a validator whose card is copied, whose database is lost or whose clock jumps: what it
// says, and that it follows all the same. The home is v4; the test speaks for the others.

import { describe, expect, it } from "vitest";
import { encodeCertificate } from "../../../agent/core/consensus/message.ts";
import { blockId, encodeBlock } from "../../../agent/core/ledger/block.ts";
import type { MemberId } from "../../../agent/core/units/ids.ts";
import { LISTEN_MAX } from "../../../agent/loops/signing.ts";
import { blocksReply, votesReply, votesRequest } from "../../../agent/loops/wire.ts";
import {
  type AttackHome,
  attackHome,
  FOUR,
  START,
  V1,
  V2,
  V3,
  V4,
} from "../../support/attackHome.ts";
import { certificateFor } from "../../support/certificate.ts";
import { createFakeClock, createMemoryStore } from "../../support/fakes.ts";
import { makeRules, registration, signed, TestChain } from "../../support/ledger.ts";
import { createMemoryMark } from "../../support/memoryMark.ts";
import { blockOn, proposal, storeChain, vote } from "../../support/voices.ts";

const FROM = "v3@vt.edu" as MemberId;
const RULES = makeRules({ validators: FOUR, schedule: "manual" });
const free = (height: number) => ({ height, freeAbove: 0, stopped: null });
const nil = (height: number, round: number, type: "prevote" | "precommit" = "prevote") =>
  ({ vote: type, height, round, blockId: null }) as const;
const hear = ({ network }: AttackHome, ...messages: readonly Uint8Array[]) =>
  messages.map((message) => network.handlers().received("consensus", message, FROM));

/** Registrations, one a block, `first` ms after START and a minute apart. */
function chainOf(length: number, first = -600_000): TestChain {
  const chain = new TestChain(RULES);
  for (let n = 1; n <= length; n += 1) {
    const who = `home${n}@vt.edu`;
    chain.add(START + first + 60_000 * (n - 1), [who, registration(who)]);
  }
  return chain;
}

/** The home of v4, which never proposes first here, with these blocks on its disk. */
function home(chain: TestChain, options: Parameters<typeof attackHome>[1] = {}): AttackHome {
  const store = createMemoryStore();
  storeChain(store, chain);
  return attackHome(V4, { rules: RULES, store, ...options });
}

const saidAt = ({ said }: AttackHome, height: number) =>
  said().filter((line) => line.includes(` ${height}/`));

/** A neighbour hands over the chain's blocks from `from` on. */
function fetchBlocks({ network }: AttackHome, chain: TestChain, from: number): void {
  const blocks = chain.blocks.slice(from - 1).map((block) => {
    const certificate = certificateFor(RULES, block.header.height, blockId(block.header));
    return { block: encodeBlock(block), certificate: encodeCertificate(certificate) };
  });
  for (const question of network.open("blocks")) {
    question.answered(blocksReply.encode({ height: chain.blocks.length, blocks }));
  }
}

const answerVotes = ({ network }: AttackHome, committed: number, messages: Uint8Array[] = []) => {
  for (const question of network.open("votes")) {
    question.answered(votesReply.encode({ height: committed, messages }));
  }
};

describe("a card that is used on two machines", () => {
  /** Its last block was made after its start: whatever it hears of its own now is of today. */
  function running(options: Parameters<typeof attackHome>[1] = {}) {
    const clock = createFakeClock(START - 600_000 - 10_000);
    const chain = chainOf(3);
    const v4 = home(new TestChain(RULES), { clock, mark: createMemoryMark(), ...options });
    v4.agent.start();
    clock.advanceTo(START);
    hear(v4, vote(RULES, V3, nil(4, 0)));
    fetchBlocks(v4, chain, 1);
    expect(v4.agent.head().height).toBe(3);
    return { v4, clock, chain };
  }

  it("stops voting when it hears itself say what it did not say, and follows", () => {
    const { v4, clock } = running();
    hear(v4, vote(RULES, V3, nil(4, 0)), vote(RULES, V4, nil(4, 0)));
    expect(v4.publisher.of("quarantined")).toMatchObject([
      { reason: "cardUsedElsewhere", isForGood: true, text: expect.stringContaining("new card") },
    ]);
    hear(v4, vote(RULES, V2, nil(4, 0)), vote(RULES, V1, nil(4, 0)));
    clock.advance(LISTEN_MAX * 5);
    expect(saidAt(v4, 4)).toEqual([]);
    const longer = chainOf(4);
    hear(v4, vote(RULES, V3, nil(5, 0)));
    fetchBlocks(v4, longer, 4);
    expect(v4.agent.head().height).toBe(4);
    expect(v4.log.of("this card signs nothing any more")).toHaveLength(1);
  });

  it("is not stopped by anybody who has no key of it", () => {
    const { v4, clock } = running();
    // Somebody else's signature under our name, and an outsider's.
    const forged = vote(RULES, V4, nil(4, 0), V3);
    expect(hear(v4, forged, vote(RULES, V4, nil(4, 1), "mallory@vt.edu"))).toEqual([
      ...["reject", "reject"],
    ]);
    hear(v4, vote(RULES, V3, nil(4, 0)));
    clock.advance(10_000);
    expect(saidAt(v4, 4)).toEqual(["prevote 4/0 nil"]);
    // Our own, back from the neighbours, and of a height that is over.
    hear(v4, vote(RULES, V4, nil(4, 0)), vote(RULES, V4, nil(3, 0)));
    expect(v4.publisher.of("quarantined")).toEqual([]);
  });

  it("stays stopped after a restart with an empty database", () => {
    const mark = createMemoryMark();
    const { v4 } = running({ mark });
    hear(v4, vote(RULES, V4, nil(4, 0)));
    v4.agent.stop();
    const again = home(new TestChain(RULES), { mark });
    again.agent.start();
    hear(again, vote(RULES, V3, nil(1, 0)), vote(RULES, V2, nil(1, 0)));
    again.clock.advance(LISTEN_MAX * 5);
    expect(again.said()).toEqual([]);
    expect(again.publisher.of("quarantined")).toHaveLength(1);
  });
});

describe("after a start", () => {
  const marked = () => createMemoryMark(free(2));

  it("asks the validators at once, and says nothing before two of three have answered", () => {
    const v4 = home(chainOf(2), { mark: marked() });
    v4.agent.start();
    v4.network.join(V1, V3, "home1@vt.edu");
    expect(v4.network.open("votes").map(({ to }) => to)).toEqual([V1, V3]);
    hear(v4, vote(RULES, V3, nil(3, 0)), vote(RULES, V2, nil(3, 0)));
    v4.clock.advance(8000);
    expect(v4.said()).toEqual([]);
    answerVotes(v4, 2);
    v4.clock.advance(8000);
    expect(v4.said()).toContain("prevote 3/0 nil");
  });

  it("answers others that wait as well: all start together and none waits for ever", () => {
    const v4 = home(chainOf(2), { mark: marked() });
    v4.agent.start();
    const body = votesRequest.encode({ height: 3 });
    const reply = v4.network.handlers().requested("votes", body, FROM);
    expect(votesReply.decode(reply as Uint8Array)).toEqual({
      ok: true,
      value: { height: 2, messages: [] },
    });
  });

  it("finds out that its card is an old copy, mark and all, and waits for a new block", () => {
    const clock = createFakeClock(START);
    const v4 = home(chainOf(2), { mark: marked(), clock });
    v4.agent.start();
    v4.network.join(V1, V3, V2);
    // An earlier life prevoted in round 1 already.
    answerVotes(v4, 2, [vote(RULES, V4, nil(3, 1)), vote(RULES, V3, nil(3, 1))]);
    expect(v4.publisher.of("quarantined")).toMatchObject([
      { reason: "earlierMessages", isForGood: false },
    ]);
    clock.advance(LISTEN_MAX * 3);
    expect(v4.said()).toEqual([]);
    const longer = chainOf(2);
    longer.add(START + 30_000, ["late@vt.edu", registration("late@vt.edu")]);
    hear(v4, vote(RULES, V2, nil(4, 0)));
    fetchBlocks(v4, longer, 3);
    hear(v4, vote(RULES, V2, nil(4, 0)));
    clock.advance(10_000);
    expect(v4.said()).toContain("prevote 4/0 nil");
    expect(v4.publisher.of("released")).toEqual([{ type: "released", height: 4 }]);
  });

  it("with a lost database follows to the mark, and votes two heights above it", () => {
    const clock = createFakeClock(START);
    const chain = chainOf(9);
    const v4 = home(new TestChain(RULES), { mark: createMemoryMark(free(7)), clock });
    v4.agent.start();
    hear(v4, vote(RULES, V3, nil(10, 0)));
    fetchBlocks(v4, chain, 1);
    expect(v4.agent.head().height).toBe(9);
    clock.advance(LISTEN_MAX);
    hear(v4, vote(RULES, V3, nil(10, 0)));
    clock.advance(10_000);
    expect(v4.said()).toContain("prevote 10/0 nil");
  });

  it("with a mark that cannot be written it stops, before it has said a word", () => {
    const mark = createMemoryMark(free(2));
    const v4 = home(chainOf(2), { mark });
    v4.agent.start();
    hear(v4, vote(RULES, V3, nil(3, 0)));
    mark.onWrite = () => {
      throw new Error("ENOSPC: no space left on device");
    };
    expect(() => v4.clock.advance(LISTEN_MAX * 2)).toThrow("ENOSPC");
    expect(v4.said()).toEqual([]);
    expect(v4.publisher.of("halted")).toMatchObject([
      { reason: expect.stringContaining("ENOSPC") },
    ]);
    expect(v4.clock.waiting()).toBe(0);
  });
});

describe("a clock that is stepped", () => {
  const HOUR = 3_600_000;

  it("an hour forward, and NTP not sure: follows, and votes when NTP is", () => {
    const clock = createFakeClock(START);
    const v4 = home(chainOf(2), { clock });
    v4.agent.start();
    clock.setSynchronised(false);
    clock.step(HOUR);
    hear(v4, vote(RULES, V3, nil(3, 0)), vote(RULES, V2, nil(3, 0)));
    clock.advance(30_000);
    expect(v4.said()).toEqual([]);
    const longer = chainOf(3);
    hear(v4, vote(RULES, V3, nil(4, 0)));
    fetchBlocks(v4, longer, 3);
    expect(v4.agent.head().height).toBe(3);
    clock.step(-HOUR);
    clock.setSynchronised(true);
    hear(v4, vote(RULES, V3, nil(4, 0)));
    clock.advance(10_000);
    expect(v4.said()).toContain("prevote 4/0 nil");
  });

  it.each([
    ["an hour forward", HOUR],
    ["ten minutes back", -600_000],
  ])(
    "%s while it believes it: the rounds go on at their pace, and it does not spin",
    (_what, by) => {
      const clock = createFakeClock(START);
      const v4 = home(chainOf(2), { clock });
      v4.agent.start();
      hear(v4, vote(RULES, V3, nil(3, 0)));
      clock.advance(1000);
      clock.step(by);
      clock.advance(20_000);
      // The rounds' timers go by the monotonic clock: propose takes 3 s.
      expect(v4.said().filter((line) => line.startsWith("prevote"))).toEqual(["prevote 3/0 nil"]);
      expect(v4.network.asked.length).toBeLessThan(60);
      hear(v4, vote(RULES, V2, nil(3, 0)));
      clock.advance(5000);
      expect(v4.said()).toContain("precommit 3/0 nil");
    },
  );

  it.each([
    ["right", 0, "block"],
    ["a second fast", 1000, "block"],
    // 4 s of delay and 1 s of precision are allowed behind, 1 s before.
    ["six seconds fast", 6000, "nil"],
    ["two seconds slow", -2000, "nil"],
    ["ten minutes slow", -600_000, "nil"],
  ])(
    "a clock that is %s: votes for what is timely by it, and for nothing else",
    (_what, by, on) => {
      const clock = createFakeClock(START);
      const chain = chainOf(2);
      const v4 = home(chain, { clock });
      v4.agent.start();
      clock.step(by);
      const transactions = [signed(RULES, "late@vt.edu", registration("late@vt.edu"))];
      const built = blockOn(chain.state, { time: START, proposer: V2, transactions });
      hear(v4, proposal(RULES, V2, { built }));
      clock.advance(5000);
      const wanted = on === "nil" ? "nil" : built.blockId.slice(0, 8);
      expect(saidAt(v4, 3)).toEqual([`prevote 3/0 ${wanted}`]);
    },
  );
});
