// May this card sign? The agent's ledger, clock and neighbours are a few numbers that the test sets.

import { describe, expect, it } from "vitest";
import type { UnsignedMessage } from "../../../agent/core/consensus/effect.ts";
import type { Durable } from "../../../agent/core/consensus/input.ts";
import type { FoundMark } from "../../../agent/core/consensus/quarantine.ts";
import type { LedgerState } from "../../../agent/core/ledger/state.ts";
import { type BlockId, memberId } from "../../../agent/core/units/ids.ts";
import { LISTEN_MAX, Signing } from "../../../agent/loops/signing.ts";
import type { Store } from "../../../agent/ports.ts";
import { createFakeClock, createMemoryStore, createRecordingLog } from "../../support/fakes.ts";
import { at, makeRules, testCard } from "../../support/ledger.ts";
import { createMemoryMark, type MemoryMark } from "../../support/memoryMark.ts";

const START = at("2026-06-01T09:50:00Z");
const FOUR = ["v1@vt.edu", "v2@vt.edu", "v3@vt.edu", "v4@vt.edu"];
type Id = ReturnType<typeof memberId>;
const [V1, V2, V3, V4] = FOUR.map(memberId) as [Id, Id, Id, Id];
/** Newer than the start: precision is 1 s in the rules of the tests. */
const NEW = START + 2001;

type Options = {
  readonly mark?: FoundMark | MemoryMark;
  readonly store?: Store;
  readonly head?: number;
  readonly validators?: readonly string[];
};

function openCard(options: Options = {}) {
  const { head = 0, validators = FOUR, mark: given = "absent" } = options;
  const mark = typeof given === "object" && "write" in given ? given : createMemoryMark(given);
  const store = options.store ?? createMemoryStore();
  const clock = createFakeClock(START);
  const log = createRecordingLog();
  const rules = makeRules({ validators });
  const ledger = { height: head, time: START - 60_000 };
  const told: string[] = [];
  const signing = new Signing({
    ...{ rules, store, clock, log, mark },
    signer: testCard(V1),
    ledger: () => ledger as unknown as LedgerState,
    quarantined: (event) =>
      told.push(event.type === "released" ? `released ${event.height}` : event.reason),
  });
  const prevote = (height: number, round = 0, blockId: string | null = null): UnsignedMessage => ({
    ...{ type: "vote", vote: "prevote", height, round, validator: V1 },
    blockId: blockId as BlockId | null,
  });
  const sign = (height: number, round = 0) =>
    signing.sign({ height } as Durable, prevote(height, round));
  /** The neighbours have said all that they know of this height. */
  const hear = (height: number, ...peers: Id[]) => {
    for (const peer of peers) signing.answered({ height, committed: height - 1, peer });
  };
  return { signing, mark, store, clock, log, ledger, told, prevote, sign, hear };
}
const free = (height: number) => ({ height, freeAbove: 0, stopped: null });

describe("the mark", () => {
  it("is raised before the first signature of each height, and only then", () => {
    const store = createMemoryStore();
    const { mark, sign, signing, hear } = openCard({ mark: free(7), head: 7, store });
    const order: string[] = [];
    mark.onWrite = ({ height }) => order.push(`mark ${height}, ${store.signed(8).length} signed`);
    signing.enter(8);
    hear(8, V2, V3);
    expect([sign(8), sign(8, 1)]).toEqual([true, true]);
    // First what was found, then for height 8.
    expect(order).toEqual(["mark 7, 0 signed", "mark 8, 0 signed"]);
    expect(store.signed(8)).toHaveLength(2);
  });

  it("that cannot be written means that nothing is signed", () => {
    const { mark, sign, signing, store, hear, prevote } = openCard({ mark: free(7), head: 7 });
    signing.enter(8);
    hear(8, V2, V3);
    mark.onWrite = () => {
      throw new Error("ENOSPC");
    };
    expect(() => sign(8)).toThrow("ENOSPC");
    expect(store.signed(8)).toEqual([]);
    expect(signing.recordOf(prevote(8))).toBeNull();
  });

  it("is written again from the database, without a word, where only the file is gone", () => {
    const store = createMemoryStore();
    const before = openCard({ mark: free(7), head: 7, store });
    before.signing.enter(8);
    before.hear(8, V2, V3);
    before.sign(8);
    const { mark, told, sign, signing, hear } = openCard({ store, head: 8 });
    signing.enter(9);
    expect(mark.found()).toEqual(free(8));
    hear(9, V2, V3);
    expect(sign(9)).toBe(true);
    expect(told).toEqual([]);
  });
});

describe("a card whose database is lost or old", () => {
  it("follows up to its mark and 2 further heights, tells why, and signs again", () => {
    const { signing, ledger, told, log, sign, clock, mark } = openCard({ mark: free(57) });
    signing.enter(1);
    expect(told).toEqual(["databaseBehind"]);
    expect(log.of("warn")[0]?.facts).toMatchObject({ signedUpTo: 57, freeAbove: 59 });
    clock.advance(LISTEN_MAX);
    for (const head of [0, 30, 56, 57, 58]) {
      ledger.height = head;
      expect([signing.heldBack(head + 1), sign(head + 1)]).toEqual(["quarantine", false]);
    }
    ledger.height = 59;
    expect([signing.heldBack(60), sign(60)]).toEqual([null, true]);
    expect(told).toEqual(["databaseBehind", "released 60"]);
    expect(mark.found()).toEqual(free(60));
  });

  it("is still held back when it restarts one block before its mark", () => {
    const mark = createMemoryMark(free(57));
    openCard({ mark }).signing.enter(1);
    const again = openCard({ mark, head: 56 });
    again.signing.enter(57);
    again.hear(57, V2, V3, V4);
    expect(again.signing.heldBack(57)).toBe("quarantine");
  });

  it("is held back by a damaged mark until a block newer than the start", () => {
    const { signing, ledger, told, sign, clock } = openCard({ mark: "unreadable", head: 56 });
    signing.enter(57);
    clock.advance(LISTEN_MAX);
    expect(signing.heldBack(57)).toBe("quarantine");
    Object.assign(ledger, { height: 57, time: NEW - 1 });
    expect(signing.heldBack(58)).toBe("quarantine");
    Object.assign(ledger, { height: 58, time: NEW });
    expect([signing.heldBack(59), sign(59)]).toEqual([null, true]);
    expect(told).toEqual(["markUnreadable", "released 59"]);
  });

  it("is free from that block on, though it restarts before it has signed anything", () => {
    const mark = createMemoryMark("absent");
    const first = openCard({ mark, head: 7 });
    first.signing.enter(8);
    expect([first.told, first.sign(8)]).toEqual([["pastUnknown"], false]);
    Object.assign(first.ledger, { height: 8, time: NEW });
    first.signing.enter(9);
    expect([mark.read(), first.told]).toEqual([free(8), ["pastUnknown", "released 9"]]);
    const again = openCard({ mark, head: 8 });
    again.signing.enter(9);
    again.hear(9, V2, V3);
    expect([again.told, again.sign(9)]).toEqual([[], true]);
  });

  it("goes by the first moment at which its clock was right", () => {
    const { signing, ledger, clock } = openCard({ mark: "unreadable", head: 56 });
    clock.setSynchronised(false);
    clock.step(-3_600_000);
    signing.enter(57);
    // Later than the wrong clock, and no newer than the start.
    Object.assign(ledger, { height: 57, time: START - 1000 });
    clock.step(3_600_000);
    clock.setSynchronised(true);
    expect(signing.heldBack(58)).toBe("quarantine");
  });
});

describe("a newcomer", () => {
  it("begins the ledger with the others", () => {
    const { signing, sign, hear, told, mark } = openCard();
    signing.enter(1);
    hear(1, V2, V3);
    expect(mark.writes).toEqual([]);
    expect(sign(1)).toBe(true);
    expect(mark.found()).toEqual(free(1));
    expect(told).toEqual([]);
  });

  it("who comes when there are blocks already waits for a new one: it may be an old card", () => {
    const { signing, ledger, sign, clock } = openCard();
    signing.enter(1);
    clock.advance(LISTEN_MAX);
    ledger.height = 5;
    expect([signing.heldBack(6), sign(6)]).toEqual(["quarantine", false]);
    Object.assign(ledger, { height: 6, time: NEW });
    expect(sign(7)).toBe(true);
  });
});

describe("listening", () => {
  const open = (validators?: readonly string[]) => {
    const card = openCard({ mark: free(7), head: 7, ...(validators ? { validators } : {}) });
    card.signing.enter(8);
    return card;
  };

  it("lasts until a quorum, with us, has answered for this height", () => {
    const { signing, hear } = open();
    hear(8, V2);
    hear(8, V2);
    expect(signing.heldBack(8)).toBe("listening");
    hear(8, V4);
    expect(signing.heldBack(8)).toBeNull();
    // The next height is another question, unless its block before was made after the start.
    expect(signing.heldBack(9)).toBe("listening");
  });

  it("does not count us, strangers, those who are ahead, or another height", () => {
    const { signing, hear } = open();
    hear(8, V1, memberId("mallory@vt.edu"));
    signing.answered({ height: 8, committed: 8, peer: V2 });
    hear(7, V2, V3);
    hear(8, V2);
    expect(signing.heldBack(8)).toBe("listening");
  });

  it("ends with a block that is newer than the start, and after a minute", () => {
    const first = open();
    first.ledger.time = NEW;
    expect(first.signing.heldBack(8)).toBeNull();
    const { signing, clock } = open();
    clock.advance(LISTEN_MAX - 1);
    expect(signing.heldBack(8)).toBe("listening");
    clock.advance(1);
    expect(signing.heldBack(8)).toBeNull();
  });

  it("is not needed where there is one validator", () => {
    expect(open([V1]).signing.heldBack(8)).toBeNull();
  });

  it("needs 4 others of 6, for a quorum is 5", () => {
    const { signing, hear } = open([...FOUR, "v5@vt.edu", "v6@vt.edu"]);
    hear(8, V2, V3, V4);
    expect(signing.heldBack(8)).toBe("listening");
    hear(8, memberId("v6@vt.edu"));
    expect(signing.heldBack(8)).toBeNull();
  });
});

describe("a message of our own key", () => {
  it("that we signed is nothing special, in this run or after a restart", () => {
    const { signing, store, mark, hear, sign, prevote, told } = openCard({
      mark: free(7),
      head: 7,
    });
    signing.enter(8);
    hear(8, V2, V3);
    sign(8);
    signing.meet(prevote(8));
    const again = openCard({ mark, store, head: 7 });
    again.signing.enter(8);
    again.ledger.time = NEW;
    again.signing.meet(prevote(8));
    expect([...told, ...again.told]).toEqual([]);
  });

  it("that we did not sign stops the card for good, over every restart, and says what to do", () => {
    const { signing, ledger, prevote, told, log, mark } = openCard({ mark: free(7), head: 7 });
    ledger.time = NEW;
    signing.enter(8);
    signing.meet(prevote(8, 0, "ab".repeat(32)));
    expect(signing.heldBack(8)).toBe("stopped");
    expect(told).toEqual(["cardUsedElsewhere"]);
    const [line, ...more] = log.of("error");
    expect(more).toEqual([]);
    expect(line?.facts).toMatchObject({
      text: expect.stringMatching(/second machine.*ask the CA for a new card/),
    });
    // Once: more of them change nothing.
    signing.meet(prevote(8, 3));
    expect(told).toHaveLength(1);
    const again = openCard({ mark, head: 99 });
    again.signing.enter(100);
    again.ledger.time = NEW;
    expect(again.signing.heldBack(100)).toBe("stopped");
    expect(again.sign(100)).toBe(false);
    expect(again.told).toEqual(["cardUsedElsewhere"]);
  });

  it("with other bytes for a step that we signed stops it too", () => {
    const { signing, ledger, sign, prevote, told } = openCard({ mark: free(7), head: 7 });
    ledger.time = NEW;
    signing.enter(8);
    expect(sign(8)).toBe(true);
    signing.meet(prevote(8));
    expect(told).toEqual([]);
    signing.meet(prevote(8, 0, "ab".repeat(32)));
    expect(told).toEqual(["cardUsedElsewhere"]);
  });

  it("of before the start means an old database: nothing is signed until a newer block", () => {
    const { signing, ledger, prevote, told, clock, sign } = openCard({ mark: free(7), head: 7 });
    signing.enter(8);
    signing.meet(prevote(8, 2));
    signing.meet(prevote(8, 3));
    expect(told).toEqual(["earlierMessages"]);
    clock.advance(LISTEN_MAX);
    expect(sign(8)).toBe(false);
    Object.assign(ledger, { height: 8, time: NEW });
    expect(sign(9)).toBe(true);
    expect(told).toEqual(["earlierMessages", "released 9"]);
  });

  it("is no surprise in quarantine, up to the mark; a new one is", () => {
    const { signing, ledger, prevote, told } = openCard({ mark: free(57) });
    ledger.height = 56;
    signing.enter(57);
    signing.meet(prevote(57));
    expect(told).toEqual(["databaseBehind"]);
    Object.assign(ledger, { height: 58, time: NEW });
    signing.meet(prevote(59));
    expect(told).toEqual(["databaseBehind", "cardUsedElsewhere"]);
  });
});
