// Whole heights, as transcripts. Four validators a to d; in round 0 a proposes, in round 1 b, then c, d, a.
// Three votes are a quorum, two validators ahead skip a round.

import { describe, expect, test } from "vitest";
import { startHeight, step } from "../../../../agent/core/consensus/driver.ts";
import { messagesFor } from "../../../../agent/core/consensus/messagesFor.ts";
import {
  GOOD,
  HEIGHT,
  INVALID,
  id,
  inWords,
  Node,
  prevote,
  proposal,
  start,
  UNTIMELY,
  value,
  vote,
} from "./harness.ts";

function begun(self: string | null, n = 4): Node {
  const node = new Node(self, n);
  node.begin();
  return node;
}

/** d after round 0 with a polka for v that it saw in time: locked on v in round 0, now in round 1. */
function lockedOnV(): Node {
  const node = begun("d");
  node.proposes({ by: "a", says: "v" });
  node.prevotes("ab", "v");
  node.precommits("abc", null);
  node.expires("precommit");
  expect([node.at, node.locked]).toEqual(["propose 1", "v 0"]);
  return node;
}

describe("one round", () => {
  test("a proposer builds, proposes, votes and decides", () => {
    const node = new Node("a");
    expect(node.begin()).toEqual(["timer propose 0", "value? 0"]);
    expect(node.feed({ type: "value", height: HEIGHT, round: 0, value: value("v") })).toEqual([
      "proposal v 0",
      "prevote v 0",
    ]);
    expect(node.prevotes("bc", "v")).toEqual(["precommit v 0"]);
    expect(node.locked).toBe("v 0");
    expect(node.precommits("bc", "v")).toEqual(["decide v 0 abc"]);
    expect(node.precommits("d", "v")).toEqual([]);
  });

  test("the others vote for the proposal and decide", () => {
    const node = new Node("d");
    expect(node.begin()).toEqual(["timer propose 0"]);
    expect(node.proposes({ by: "a", says: "v" })).toEqual(["prevote v 0"]);
    expect(node.prevotes("a", "v")).toEqual([]);
    expect(node.prevotes("b", "v")).toEqual(["precommit v 0"]);
    expect(node.precommits("a", "v")).toEqual([]);
    expect(node.precommits("b", "v")).toEqual(["decide v 0 abd"]);
  });

  test("a follower sees the same, and says nothing", () => {
    const node = new Node(null);
    node.begin();
    node.proposes({ by: "a", says: "v" });
    expect(node.at).toBe("prevote 0");
    expect(node.prevotes("abc", "v")).toEqual([]);
    expect(node.at).toBe("precommit 0");
    expect(node.precommits("abc", "v")).toContain("decide v 0 abc");
    expect(node.said.filter((words) => /^(prevote|precommit|proposal|value)/.test(words))).toEqual(
      [],
    );
  });

  test("one validator alone agrees with itself", () => {
    const node = begun("a", 1);
    const all = node.feed({ type: "value", height: HEIGHT, round: 0, value: value("v") });
    expect(all).toEqual(["proposal v 0", "prevote v 0", "precommit v 0", "decide v 0 a"]);
  });

  test("with six validators four are not enough, five are", () => {
    const node = begun(null, 6);
    node.proposes({ by: "a", says: "v" });
    expect(node.precommits("abcd", "v")).toEqual([]);
    expect(node.precommits("e", "v")).toEqual(["decide v 0 abcde"]);
  });

  test("our own vote counts only when it comes back", () => {
    let { state } = step(startHeight(start("d")), { type: "start" });
    const proposed = {
      type: "proposal",
      proposal: proposal({ by: "a", says: "v" }),
      verdict: GOOD,
    } as const;
    for (const input of [proposed, prevote("a", "v")]) ({ state } = step(state, input));
    const third = step(state, prevote("b", "v"));
    expect(third.effects).toEqual([]);
    const own = step(third.state, prevote("d", "v"));
    expect(own.effects.map(inWords)).toEqual(["persist precommit v 0", "precommit v 0"]);
  });
});

describe("persist, then send", () => {
  test("with the state after the vote and the unsigned message, one right after the other", () => {
    let { state } = step(startHeight(start("d")), { type: "start" });
    const proposed = proposal({ by: "a", says: "v" });
    const first = step(state, { type: "proposal", proposal: proposed, verdict: GOOD });
    const message = {
      type: "vote",
      vote: "prevote",
      height: HEIGHT,
      round: 0,
      blockId: "v",
      validator: id("d"),
    };
    const nothing = { lockedRound: -1, locked: null, validRound: -1, valid: null };
    const durable = { height: HEIGHT, round: 0, step: "prevote", ...nothing };
    expect(first.effects).toEqual([
      { type: "persist", durable, message },
      { type: "send", message },
    ]);
    ({ state } = step(first.state, prevote("d", "v")));
    ({ state } = step(state, prevote("c", "v")));
    const last = step(state, prevote("a", "v"));
    const held = { lockedRound: 0, locked: value("v"), validRound: 0, valid: value("v") };
    expect(last.effects[0]).toMatchObject({
      type: "persist",
      durable: { height: HEIGHT, round: 0, step: "precommit", ...held },
      message: { vote: "precommit", blockId: "v" },
    });
    // the polka that proves v, sorted by validator
    const persist = last.effects[0];
    const polka = persist?.type === "persist" ? persist.durable.polka : [];
    expect(polka?.map(({ validator }) => validator.charAt(0)).join("")).toBe("acd");
  });
});

describe("before and after", () => {
  test("in newHeight messages are kept and used at the start", () => {
    const node = new Node("d");
    expect(node.proposes({ by: "a", says: "v" })).toEqual([]);
    expect(node.prevotes("ab", "v")).toEqual([]);
    expect(node.begin()).toEqual(["timer propose 0", "prevote v 0", "precommit v 0"]);
  });

  test("in newHeight a height that the others have decided is decided", () => {
    const node = new Node("d");
    node.proposes({ by: "a", says: "v" });
    expect(node.precommits("abc", "v")).toEqual(["decide v 0 abc"]);
  });

  test("a second start, and anything after the decision, does nothing", () => {
    const node = begun("d");
    expect(node.begin()).toEqual([]);
    node.proposes({ by: "a", says: "v" });
    node.precommits("abc", "v");
    expect(node.begin()).toEqual([]);
    expect(node.expires("precommit")).toEqual([]);
    expect(node.prevotes("abc", "v")).toEqual([]);
  });

  test("other heights are nobody's business here", () => {
    const node = begun("d");
    expect(node.proposes({ by: "a", says: "v", height: HEIGHT + 1 })).toEqual([]);
    expect(node.expires("propose", 0, HEIGHT - 1)).toEqual([]);
    expect(node.state.proposals.size).toBe(0);
  });
});

describe("proposals", () => {
  test("only the round's proposer may propose", () => {
    const node = begun("d");
    expect(node.proposes({ by: "b", says: "v" })).toEqual([]);
    expect(node.proposes({ by: "a", says: "v", round: 1 })).toEqual([]);
    expect(node.at).toBe("propose 0");
  });

  test("a second different one is evidence, once, and ignored", () => {
    const node = begun("d");
    node.proposes({ by: "a", says: "v" });
    expect(node.proposes({ by: "a", says: "v" })).toEqual([]);
    expect(node.proposes({ by: "a", says: "w" })).toEqual(["evidence doubleProposal a"]);
    expect(node.proposes({ by: "a", says: "x" })).toEqual([]);
    expect(node.prevotes("abc", "w")).toEqual(["timer prevote 0"]);
    expect(node.locked).toBe(null);
  });

  test("another polRound for the same block is another proposal", () => {
    const node = begun("d");
    node.proposes({ by: "b", says: "v", round: 1, polRound: 0 });
    expect(node.proposes({ by: "b", says: "v", round: 1 })).toEqual(["evidence doubleProposal b"]);
  });

  test("L26: invalid or untimely: nil", () => {
    expect(begun("d").proposes({ by: "a", says: "v" }, INVALID)).toEqual(["prevote nil 0"]);
    expect(begun("d").proposes({ by: "a", says: "v" }, UNTIMELY)).toEqual(["prevote nil 0"]);
  });

  test("an invalid one is never locked nor decided, whatever the others say", () => {
    const node = begun("d");
    node.proposes({ by: "a", says: "v" }, INVALID);
    expect(node.prevotes("abc", "v")).toEqual(["timer prevote 0"]);
    expect(node.precommits("abc", "v")).toEqual(["timer precommit 0"]);
    expect([node.locked, node.valid]).toEqual([null, null]);
  });

  test("an untimely one is locked and decided once the others have prevoted it", () => {
    const node = begun("d");
    node.proposes({ by: "a", says: "v" }, UNTIMELY);
    // our own nil and two for v are a quorum for anything, three for v the polka
    expect(node.prevotes("abc", "v")).toEqual(["timer prevote 0", "precommit v 0"]);
    expect(node.precommits("abc", "v")).toContain("decide v 0 abd");
  });

  test("for a round ahead they are kept, within ten rounds", () => {
    const node = begun("d");
    node.proposes({ by: "c", says: "v", round: 10 });
    node.proposes({ by: "d", says: "w", round: 11 });
    expect([...node.state.proposals.keys()]).toEqual([10]);
  });

  test("blocks of rounds long gone are dropped, but not those with a polka", () => {
    const node = begun(null);
    node.proposes({ by: "a", says: "v" });
    node.proposes({ by: "b", says: "w", round: 1 });
    node.prevotes("abc", "v");
    node.prevotes("ab", null, 12);
    expect(node.at).toBe("propose 12");
    expect([...node.state.proposals.keys()]).toEqual([0]);
    node.proposes({ by: "b", says: "w", round: 1 });
    expect([...node.state.proposals.keys()]).toEqual([0]);
    // a quorum of precommits makes it wanted again
    node.precommits("abc", "w", 1);
    expect(node.proposes({ by: "b", says: "w", round: 1 })).toContain("decide w 1 abc");
  });
});

describe("the block asked for", () => {
  test("is proposed once", () => {
    const node = begun("a");
    const built = { type: "value", height: HEIGHT, round: 0, value: value("v") } as const;
    node.feed(built);
    expect(node.feed({ ...built, value: value("w") })).toEqual([]);
  });

  test("is proposed once, even before our proposal has come back", () => {
    const built = { type: "value", height: HEIGHT, round: 0, value: value("v") } as const;
    const { state } = step(startHeight(start("a")), { type: "start" });
    const first = step(state, built);
    expect(first.effects.map(inWords)).toEqual(["persist proposal v 0", "proposal v 0"]);
    expect(step(first.state, { ...built, value: value("w") }).effects).toEqual([]);
  });

  test("is not proposed late, for another round or height, or out of turn", () => {
    const node = begun("a");
    expect(node.feed({ type: "value", height: HEIGHT, round: 1, value: value("v") })).toEqual([]);
    expect(node.feed({ type: "value", height: HEIGHT + 1, round: 0, value: value("v") })).toEqual(
      [],
    );
    expect(node.expires("propose")).toEqual(["prevote nil 0"]);
    expect(node.feed({ type: "value", height: HEIGHT, round: 0, value: value("v") })).toEqual([]);
    const other = begun("d");
    expect(other.feed({ type: "value", height: HEIGHT, round: 0, value: value("v") })).toEqual([]);
  });
});

describe("L34, L44, L57, L61: a round that fails", () => {
  test("no proposal, nil all the way, the next round", () => {
    const node = begun("d");
    expect(node.expires("propose")).toEqual(["prevote nil 0"]);
    expect(node.prevotes("ab", null)).toEqual(["precommit nil 0"]);
    expect(node.precommits("ab", null)).toEqual(["timer precommit 0"]);
    expect(node.expires("precommit")).toEqual(["timer propose 1"]);
  });

  test("prevotes that do not agree: timer, then nil", () => {
    const node = begun("d");
    node.proposes({ by: "a", says: "v" });
    expect(node.prevotes("a", "v")).toEqual([]);
    expect(node.prevotes("b", null)).toEqual(["timer prevote 0"]);
    expect(node.prevotes("c", "w")).toEqual([]);
    expect(node.expires("prevote")).toEqual(["precommit nil 0"]);
  });

  test("prevotes that were there before our own count when we get there", () => {
    const node = begun("d");
    node.prevotes("abc", null);
    expect(node.at).toBe("propose 0");
    expect(node.expires("propose")).toEqual(["prevote nil 0", "precommit nil 0"]);
  });

  test("timers of old rounds and steps do nothing", () => {
    const node = lockedOnV();
    for (const kind of ["propose", "prevote", "precommit"] as const) {
      expect(node.expires(kind, 0)).toEqual([]);
    }
    expect(node.expires("prevote", 1)).toEqual([]);
    expect(node.at).toBe("propose 1");
  });

  test("L65: a precommit timer set early is not lost", () => {
    const node = begun("d");
    expect(node.precommits("abc", null)).toEqual(["timer precommit 0"]);
    expect(node.at).toBe("propose 0");
    expect(node.expires("precommit")).toEqual(["timer propose 1"]);
  });
});

describe("L36: polka and proposal in any order", () => {
  test("the proposal last", () => {
    const node = begun("d");
    node.expires("propose");
    expect(node.prevotes("abc", "v")).toEqual(["timer prevote 0"]);
    expect(node.proposes({ by: "a", says: "v" })).toEqual(["precommit v 0"]);
    expect(node.locked).toBe("v 0");
  });

  test("L42: after our precommit nil: valid, not locked", () => {
    const node = begun("d");
    node.expires("propose");
    node.prevotes("abc", "v");
    node.expires("prevote");
    expect(node.proposes({ by: "a", says: "v" })).toEqual([]);
    expect([node.locked, node.valid, node.at]).toEqual([null, "v 0", "precommit 0"]);
  });

  test("a polka of an earlier round, completed late, locks nothing and is not valid", () => {
    const node = begun("d");
    node.proposes({ by: "a", says: "v" });
    node.prevotes("a", "v");
    node.precommits("abc", null);
    node.expires("precommit");
    expect(node.prevotes("bc", "v")).toEqual([]);
    expect([node.locked, node.valid, node.at]).toEqual([null, null, "propose 1"]);
  });

  test("a polka for a block that was proposed in another round only locks nothing", () => {
    const node = begun("d");
    node.proposes({ by: "a", says: "v" });
    node.precommits("abc", null);
    node.expires("precommit");
    node.expires("propose", 1);
    expect(node.prevotes("abc", "v", 1)).toEqual(["timer prevote 1"]);
    expect(node.locked).toBe(null);
  });
});

describe("L44: nil keeps the lock", () => {
  test("and the locked validator refuses another value", () => {
    const node = lockedOnV();
    expect(node.proposes({ by: "b", says: "w", round: 1 })).toEqual(["prevote nil 1"]);
    expect(node.prevotes("abc", null, 1)).toEqual(["precommit nil 1"]);
    expect(node.locked).toBe("v 0");
    node.precommits("abc", null, 1);
    node.expires("precommit", 1);
    expect(node.proposes({ by: "c", says: "x", round: 2 })).toEqual(["prevote nil 2"]);
  });

  test("but a polka for the other value that it sees itself moves the lock", () => {
    const node = lockedOnV();
    node.proposes({ by: "b", says: "w", round: 1 });
    expect(node.prevotes("abc", "w", 1)).toEqual(["timer prevote 1", "precommit w 1"]);
    expect(node.locked).toBe("w 1");
  });
});

describe("L28: proposed again with a polka", () => {
  test("a proposer with a valid value proposes it again, though it did not lock it", () => {
    const node = begun("b");
    node.expires("propose");
    node.prevotes("acd", "v");
    node.expires("prevote");
    node.proposes({ by: "a", says: "v" });
    node.precommits("acd", null);
    expect(node.expires("precommit")).toEqual(["proposal v 1 pol 0", "prevote v 1"]);
  });

  test("the others wait for the polka, whichever comes last", () => {
    const early = begun("d");
    early.prevotes("abc", "v");
    early.precommits("abc", null);
    early.expires("precommit");
    expect(early.proposes({ by: "b", says: "v", round: 1, polRound: 0 }, UNTIMELY)).toEqual([
      "prevote v 1",
    ]);
    const late = begun("d");
    late.precommits("abc", null);
    late.expires("precommit");
    expect(late.proposes({ by: "b", says: "v", round: 1, polRound: 0 })).toEqual([]);
    expect(late.prevotes("ab", "v")).toEqual([]);
    expect(late.prevotes("c", "v")).toEqual(["prevote v 1"]);
  });

  test("without the polka the timer ends the wait", () => {
    const node = begun("d");
    node.precommits("abc", null);
    node.expires("precommit");
    node.proposes({ by: "b", says: "v", round: 1, polRound: 0 });
    expect(node.prevotes("ab", "v")).toEqual([]);
    expect(node.expires("propose", 1)).toEqual(["prevote nil 1"]);
  });

  test("L29: a younger polka lets a locked validator prevote another value", () => {
    const node = lockedOnV();
    node.prevotes("abc", "w", 1);
    node.precommits("abc", null, 1);
    node.expires("precommit", 1);
    expect(node.proposes({ by: "c", says: "w", round: 2, polRound: 1 })).toEqual(["prevote w 2"]);
    expect(node.locked).toBe("v 0");
  });

  test("L32: an older polka does not", () => {
    // d locks w in round 1 and is then offered v with the polka of round 0
    const node = begun("d");
    node.prevotes("abc", "v");
    node.precommits("abc", null);
    node.expires("precommit");
    node.proposes({ by: "b", says: "w", round: 1 });
    node.prevotes("ab", "w", 1);
    expect(node.locked).toBe("w 1");
    node.precommits("abc", null, 1);
    node.expires("precommit", 1);
    expect(node.proposes({ by: "c", says: "v", round: 2, polRound: 0 })).toEqual(["prevote nil 2"]);
  });

  test("L32: an invalid one never", () => {
    const node = begun("d");
    node.prevotes("abc", "v");
    node.precommits("abc", null);
    node.expires("precommit");
    expect(node.proposes({ by: "b", says: "v", round: 1, polRound: 0 }, INVALID)).toEqual([
      "prevote nil 1",
    ]);
  });

  test("a polRound that is not earlier is no reason to vote", () => {
    const node = begun("d");
    node.prevotes("abc", "v", 0);
    expect(node.proposes({ by: "a", says: "v", round: 0, polRound: 0 })).toEqual([]);
    expect(node.at).toBe("propose 0");
  });
});

describe("L49: decide for any round", () => {
  test("a late proposal after the precommits", () => {
    const node = begun("d");
    expect(node.precommits("abc", "v")).toEqual(["timer precommit 0"]);
    expect(node.proposes({ by: "a", says: "v" })).toEqual(["decide v 0 abc"]);
  });

  test("a past round, completed by a late vote", () => {
    const node = begun("d");
    node.proposes({ by: "a", says: "v" });
    node.precommits("ab", "v");
    node.prevotes("ab", null, 1);
    expect(node.at).toBe("propose 1");
    expect(node.precommits("c", "v")).toEqual(["decide v 0 abc"]);
  });

  test("a past round, completed by a late proposal", () => {
    const node = begun("d");
    node.precommits("abc", "v");
    node.expires("precommit");
    expect(node.at).toBe("propose 1");
    expect(node.proposes({ by: "a", says: "v" })).toEqual(["decide v 0 abc"]);
  });

  test("a round ahead of ours", () => {
    const node = begun("d");
    node.proposes({ by: "c", says: "v", round: 2 });
    expect(node.precommits("abc", "v", 2)).toContain("decide v 2 abc");
  });

  test("the block may be known from another round", () => {
    const node = begun("d");
    node.proposes({ by: "a", says: "v" });
    node.precommits("ab", "v", 1);
    expect(node.precommits("c", "v", 1)).toContain("decide v 1 abc");
  });

  test("against the own lock", () => {
    const node = lockedOnV();
    node.proposes({ by: "b", says: "w", round: 1 });
    expect(node.precommits("abc", "w", 1)).toContain("decide w 1 abc");
  });
});

describe("L55: round skip", () => {
  test("two validators ahead take us along, one does not", () => {
    const node = begun("d");
    expect(node.prevotes("a", null, 3)).toEqual([]);
    expect(node.precommits("b", null, 3)).toEqual(["timer propose 3", "value? 3"]);
    expect(node.at).toBe("propose 3");
  });

  test("a proposal counts as a sign of its proposer", () => {
    const node = begun("a");
    expect(node.proposes({ by: "c", says: "v", round: 2 })).toEqual([]);
    expect(node.prevotes("b", null, 2)).toEqual(["timer propose 2", "prevote v 2"]);
  });

  test("far ahead: the round opens although its first vote was too far to keep", () => {
    const node = begun("d");
    node.prevotes("a", null, 40);
    expect(node.prevotes("b", null, 40)).toEqual(["timer propose 40"]);
    // c has the turn in 42; both votes are kept when they come again
    expect(node.prevotes("a", null, 40)).toEqual([]);
    expect(node.expires("propose", 40)).toEqual(["prevote nil 40", "precommit nil 40"]);
  });
});

describe("hidden lock", () => {
  // The Byzantine proposer a shows v to b and c, and w to d. It prevotes v to b and c, who lock v, and nil
  // to d, who sees no polka. In round 1 b proposes v again with polRound 0.
  function d(): Node {
    const node = begun("d");
    node.proposes({ by: "a", says: "w" });
    expect(node.said).toEqual(["timer propose 0", "prevote w 0"]);
    node.prevotes("a", null);
    expect(node.prevotes("bc", "v")).toEqual(["timer prevote 0"]);
    node.expires("prevote");
    node.precommits("bc", "v");
    node.expires("precommit");
    expect(node.at).toBe("propose 1");
    return node;
  }

  test("without the second vote d cannot follow", () => {
    const node = d();
    expect(node.proposes({ by: "b", says: "v", round: 1, polRound: 0 })).toEqual([]);
    expect(node.expires("propose", 1)).toEqual(["prevote nil 1"]);
  });

  test("the votes that the others hold let d follow, and show the double vote", () => {
    const node = d();
    node.proposes({ by: "b", says: "v", round: 1, polRound: 0 });
    expect(node.prevotes("a", "v")).toEqual(["evidence doubleVote a", "prevote v 1"]);
    expect(node.prevotes("bc", "v", 1)).toEqual(["precommit v 1"]);
  });

  test("before anyone claims the polka the second vote counts for nothing", () => {
    const node = d();
    expect(node.prevotes("a", "v")).toEqual(["evidence doubleVote a"]);
    expect(node.proposes({ by: "b", says: "v", round: 1, polRound: 0 })).toEqual([]);
    // told again after the claim, it does
    expect(node.prevotes("a", "v")).toEqual(["prevote v 1"]);
  });
});

describe("double votes and strangers", () => {
  test("evidence, and no effect on the count", () => {
    const node = begun("d");
    node.proposes({ by: "a", says: "v" });
    node.prevotes("a", "w");
    expect(node.prevotes("a", "v")).toEqual(["evidence doubleVote a"]);
    expect(node.prevotes("b", "v")).toEqual(["timer prevote 0"]);
    expect(node.prevotes("m", "v")).toEqual([]);
    expect(node.locked).toBe(null);
  });
});

describe("never two messages for one (height, round, type)", () => {
  test("what we are heard to have said before stands", () => {
    // A prevote of ours comes in that this process never sent: a copied card, or a lost sign log.
    const node = begun("d");
    node.prevotes("d", "w");
    expect(node.proposes({ by: "a", says: "v" })).toEqual([]);
    expect(node.at).toBe("prevote 0");
    node.precommits("d", null);
    expect(node.prevotes("abc", "v")).toEqual(["timer prevote 0"]);
    // it locks as the algorithm says, and says nothing
    expect([node.locked, node.at]).toEqual(["v 0", "precommit 0"]);
  });
});

describe("messages for a neighbour", () => {
  test("this round, the one before, and the polka of our valid value, with their proposals", () => {
    const node = lockedOnV();
    node.precommits("abc", null, 1);
    node.expires("precommit", 1);
    node.precommits("abc", null, 2);
    node.expires("precommit", 2);
    node.proposes({ by: "d", says: "v", round: 3, polRound: 0 });
    expect(node.at).toBe("prevote 3");
    const told = messagesFor(node.state).map((message) =>
      message.type === "proposal"
        ? `proposal ${message.round}`
        : `${message.vote} ${message.round} ${message.validator.charAt(0)}`,
    );
    expect(told).toEqual([
      "proposal 3",
      "prevote 3 d",
      "precommit 2 a",
      "precommit 2 b",
      "precommit 2 c",
      "proposal 0",
      "prevote 0 a",
      "prevote 0 b",
      "prevote 0 d",
      "precommit 0 a",
      "precommit 0 b",
      "precommit 0 c",
      "precommit 0 d",
    ]);
  });

  test("the neighbour's own round first, when it says which", () => {
    const node = lockedOnV();
    node.prevotes("ab", null, 5);
    expect(node.at).toBe("propose 5");
    const told = messagesFor(node.state, { round: 0 });
    expect(told[0]).toMatchObject({ type: "proposal", round: 0 });
    expect(told.at(-1)).toMatchObject({ round: 5, validator: id("b") });
  });

  test("signed as they came", () => {
    const node = begun("d");
    node.proposes({ by: "a", says: "v" });
    node.prevotes("a", "v");
    expect(messagesFor(node.state).slice(0, 2)).toEqual([
      { type: "proposal", ...proposal({ by: "a", says: "v" }) },
      { type: "vote", ...vote("prevote", { by: "a", says: "v" }) },
    ]);
  });
});

describe("a height begins", () => {
  test("validators must be sorted, each once, and ourselves among them", () => {
    const good = start("a");
    const [a, b] = good.validators;
    expect(() => startHeight({ ...good, validators: [] })).toThrow("Bug");
    expect(() => startHeight({ ...good, validators: [b!, a!] })).toThrow("Bug");
    expect(() => startHeight({ ...good, validators: [a!, a!] })).toThrow("Bug");
    expect(() => startHeight({ ...good, self: id("z") })).toThrow("Bug");
  });
});
