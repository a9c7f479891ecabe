// A crash at each step of a height: what was written, what comes back, and that there is a way on.
// The loop's part is played here as driver.ts asks: resume, own signed messages as inputs, then effects.

import { describe, expect, test } from "vitest";
import {
  type DriverState,
  resume,
  startHeight,
  step,
} from "../../../../agent/core/consensus/driver.ts";
import type { UnsignedMessage } from "../../../../agent/core/consensus/effect.ts";
import type { Durable, Input } from "../../../../agent/core/consensus/input.ts";
import { messagesFor } from "../../../../agent/core/consensus/messagesFor.ts";
import {
  HEIGHT,
  handBack,
  inWords,
  Node,
  type Proposed,
  precommit,
  prevote,
  proposal,
  start,
  value,
} from "./harness.ts";

/** A home with a disk: what was persisted last, and every message signed. */
class Home {
  state: DriverState;
  durable: Durable | null = null;
  readonly log: UnsignedMessage[] = [];
  readonly self: string;

  constructor(self: string) {
    this.self = self;
    this.state = startHeight(start(self));
    this.feed({ type: "start" });
  }

  feed(...inputs: Input[]): string[] {
    const words: string[] = [];
    const queue = [...inputs];
    for (let input = queue.shift(); input !== undefined; input = queue.shift()) {
      const { state, effects } = step(this.state, input);
      this.state = state;
      for (const effect of effects) {
        if (effect.type === "persist") {
          this.durable = effect.durable;
          this.log.push(effect.message);
        } else words.push(inWords(effect));
        if (effect.type === "send") queue.unshift(handBack(effect));
      }
    }
    return words;
  }

  /** Loses everything but the disk. The words are what resume itself asks for. */
  restart(): string[] {
    expect(this.durable).not.toBe(null);
    const { state, effects } = resume(start(this.self), this.durable!);
    this.state = state;
    for (const message of [...this.log]) this.feed(handBack({ type: "send", message }));
    return effects.filter(({ type }) => type !== "persist").map(inWords);
  }

  get at(): string {
    return `${this.state.roundState.step} ${this.state.roundState.round}`;
  }
}

function proposed(what: Proposed): Input {
  return { type: "proposal", proposal: proposal(what), verdict: { valid: true, timely: true } };
}

const DURABLE: Durable = {
  height: HEIGHT,
  round: 0,
  step: "newHeight",
  lockedRound: -1,
  locked: null,
  validRound: -1,
  valid: null,
};

describe("the proposer in step propose", () => {
  test("crashed after its proposal was written: says it again, votes for it, and builds nothing else", () => {
    // The crash is between persist and the hand-back: the proposal is on disk, the prevote is not.
    const { state } = step(startHeight(start("a")), { type: "start" });
    const { effects } = step(state, { type: "value", height: HEIGHT, round: 0, value: value("v") });
    const persist = effects[0];
    if (persist?.type !== "persist") throw new Error("a proposal is persisted first");
    const resumed = resume(start("a"), persist.durable);
    expect(resumed.effects.map(inWords)).toEqual(["timer propose 0", "value? 0"]);
    const again = step(resumed.state, handBack({ type: "send", message: persist.message }));
    expect(again.effects.map(inWords)).toEqual(["persist prevote v 0", "prevote v 0"]);
    const late = step(again.state, { type: "value", height: HEIGHT, round: 0, value: value("w") });
    expect(late.effects).toEqual([]);
  });

  test("without a proposal in the log: asks for a value again, and proposes it", () => {
    const resumed = resume(start("a"), { ...DURABLE, step: "propose" });
    expect(resumed.effects.map(inWords)).toEqual(["timer propose 0", "value? 0"]);
    const next = step(resumed.state, {
      type: "value",
      height: HEIGHT,
      round: 0,
      value: value("w"),
    });
    expect(next.effects.map(inWords)).toEqual(["persist proposal w 0", "proposal w 0"]);
  });

  test("with a valid value: proposes it again, with its polka's round", () => {
    const held = { validRound: 0, valid: value("v") };
    const resumed = resume(start("b"), { ...DURABLE, round: 1, step: "propose", ...held });
    expect(resumed.effects.map(inWords)).toEqual([
      "timer propose 1",
      "persist proposal v 1 pol 0",
      "proposal v 1 pol 0",
    ]);
  });
});

describe("the others in step propose", () => {
  test("wait for the proposal with the timer set anew", () => {
    const resumed = resume(start("d"), { ...DURABLE, step: "propose" });
    expect(resumed.effects.map(inWords)).toEqual(["timer propose 0"]);
    const nil = step(resumed.state, { type: "timeout", kind: "propose", height: HEIGHT, round: 0 });
    expect(nil.effects.map(inWords)).toEqual(["persist prevote nil 0", "prevote nil 0"]);
  });
});

describe("in step prevote", () => {
  function crashed(): Home {
    const home = new Home("d");
    home.feed(proposed({ by: "a", says: "v" }), prevote("a", "v"));
    expect(home.restart()).toEqual(["timer prevote 0"]);
    expect(home.at).toBe("prevote 0");
    return home;
  }

  test("goes on when the others tell it again what they said, counting its own vote from the log", () => {
    expect(
      crashed().feed(proposed({ by: "a", says: "v" }), prevote("a", "v"), prevote("b", "v")),
    ).toEqual(["precommit v 0"]);
  });

  test("does not vote again, whatever is proposed", () => {
    expect(crashed().feed(proposed({ by: "a", says: "w" }))).toEqual([]);
  });

  test("alone: the timer ends the step", () => {
    const home = crashed();
    expect(home.feed({ type: "timeout", kind: "prevote", height: HEIGHT, round: 0 })).toEqual([
      "precommit nil 0",
    ]);
    expect(home.log.map(({ type, round }) => `${type} ${round}`)).toEqual(["vote 0", "vote 0"]);
  });

  test("the timer is set once, not again by the prevotes that come back", () => {
    expect(crashed().feed(prevote("a", "v"), prevote("b", null))).toEqual([]);
  });
});

describe("in step precommit", () => {
  function crashed(): Home {
    const home = new Home("d");
    home.feed(proposed({ by: "a", says: "v" }), prevote("a", "v"), prevote("b", "v"));
    expect(home.restart()).toEqual(["timer precommit 0"]);
    expect(home.at).toBe("precommit 0");
    return home;
  }

  test("is still locked, and decides its locked block though nobody proposes it again", () => {
    const home = crashed();
    expect(home.state.roundState.locked).toEqual({ value: value("v"), round: 0 });
    expect(home.feed(precommit("a", "v"), precommit("b", "v"))).toEqual(["decide v 0 abd"]);
  });

  test("alone: the timer opens the next round, and there the lock holds", () => {
    const home = crashed();
    expect(home.feed({ type: "timeout", kind: "precommit", height: HEIGHT, round: 0 })).toEqual([
      "timer propose 1",
    ]);
    expect(home.feed(proposed({ by: "b", says: "w", round: 1 }))).toEqual(["prevote nil 1"]);
  });

  test("goes along when the others have gone on", () => {
    expect(crashed().feed(prevote("a", null, 2), prevote("b", null, 2))).toEqual([
      "timer propose 2",
    ]);
  });

  test("signs nothing twice", () => {
    const home = crashed();
    home.feed(
      proposed({ by: "a", says: "v" }),
      prevote("a", "v"),
      prevote("b", "v"),
      prevote("c", "v"),
    );
    expect(home.log.map((m) => (m.type === "vote" ? m.vote : m.type))).toEqual([
      "prevote",
      "precommit",
    ]);
  });
});

describe("after a power cut of the whole neighbourhood", () => {
  // d locked v on a polka of a, b and d. a never comes back; only d's disk still holds a's prevote.
  test("the polka that was written with the lock lets b and c follow d", () => {
    const d = new Home("d");
    d.feed(proposed({ by: "a", says: "v" }), prevote("a", "v"), prevote("b", "v"));
    d.restart();
    for (const round of [0, 1, 2]) {
      const nobodysBlock = ["b", "c"].map((by) => precommit(by, null, round));
      d.feed(...nobodysBlock, { type: "timeout", kind: "precommit", height: HEIGHT, round });
      if (round < 2) d.feed({ type: "timeout", kind: "propose", height: HEIGHT, round: round + 1 });
      d.feed({ type: "timeout", kind: "prevote", height: HEIGHT, round: round + 1 });
      d.feed(...["b", "c"].map((by) => prevote(by, null, round + 1)));
    }
    const spoken = d.log.find((message) => message.type === "proposal");
    expect(spoken).toMatchObject({ round: 3, polRound: 0, blockId: "v" });
    // b has come to round 3 without ever having seen the polka; then it asks d what it lacks
    const b = new Node("b");
    b.begin();
    b.prevotes("acd", null, 2);
    b.precommits("acd", null, 2);
    b.expires("precommit", 2);
    expect(b.at).toBe("propose 3");
    expect(b.proposes({ by: "d", says: "v", round: 3, polRound: 0 })).toEqual([]);
    const told = messagesFor(d.state).filter(({ type, round }) => type === "vote" && round === 0);
    const inputs = told.map((vote) => ({ type: "vote", vote }) as Input);
    expect(b.feed(...inputs)).toContain("prevote v 3");
  });
});

test("a height not begun resumes as one", () => {
  const resumed = resume(start("a"), { ...DURABLE, round: -1 });
  expect(resumed.effects).toEqual([]);
  expect(step(resumed.state, { type: "start" }).effects.map(inWords)).toEqual([
    "timer propose 0",
    "value? 0",
  ]);
});

test("another height's state, or a lock without its round, is a bug of ours", () => {
  expect(() => resume(start("a"), { ...DURABLE, height: HEIGHT - 1 })).toThrow("Bug");
  expect(() => resume(start("a"), { ...DURABLE, step: "prevote", lockedRound: 0 })).toThrow("Bug");
  expect(() => resume(start("a"), { ...DURABLE, step: "prevote", valid: value("v") })).toThrow(
    "Bug",
  );
});
