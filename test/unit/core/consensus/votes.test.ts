import { describe, expect, test } from "vitest";
import type { Vote } from "../../../../agent/core/consensus/message.ts";
import {
  addVote,
  certificateFor,
  claimPolka,
  committedIn,
  hasQuorum,
  hasQuorumFor,
  hear,
  newVotes,
  polkaIn,
  skipRound,
  type Votes,
  votesFor,
  votesIn,
} from "../../../../agent/core/consensus/votes.ts";
import { block, community, HEIGHT, id, type Said, vote } from "./harness.ts";

function keeper(n: number, ...cast: readonly Vote[]): Votes {
  return add(newVotes(HEIGHT, community(n)), ...cast);
}

function add(votes: Votes, ...cast: readonly Vote[]): Votes {
  return cast.reduce((all, one) => addVote(all, one, 0).votes, votes);
}

const prevote = (said: Said) => vote("prevote", said);
const precommit = (said: Said) => vote("precommit", said);
const prevotesFor = (by: string, says: string | null, round = 0) =>
  [...by].map((who) => prevote({ by: who, says, round }));

describe("thresholds", () => {
  // Least quorums by hand: 3 of 3 (3x3 > 6), 3 of 4 (9 > 8), 5 of 6 (15 > 12), 5 of 7 (15 > 14).
  test.each([
    { n: 3, need: 3 },
    { n: 4, need: 3 },
    { n: 6, need: 5 },
    { n: 7, need: 5 },
  ])("n = $n: a polka is $need votes, one less is none", ({ n, need }) => {
    const voters = "abcdefg".slice(0, need);
    const enough = keeper(n, ...prevotesFor(voters, "v"));
    expect(polkaIn(enough, 0)).toBe("v");
    expect(hasQuorum(enough, "prevote", 0)).toBe(true);
    const short = keeper(n, ...prevotesFor(voters.slice(1), "v"));
    expect(polkaIn(short, 0)).toBe(null);
    expect(hasQuorum(short, "prevote", 0)).toBe(false);
  });

  test("votes for different blocks make a quorum for anything, and a polka for nothing", () => {
    const votes = keeper(
      4,
      ...prevotesFor("a", "v"),
      ...prevotesFor("b", "w"),
      ...prevotesFor("c", null),
    );
    expect(hasQuorum(votes, "prevote", 0)).toBe(true);
    expect(polkaIn(votes, 0)).toBe(null);
    expect(hasQuorumFor(votes, { type: "prevote", round: 0, blockId: null })).toBe(false);
  });

  test("a polka for nil is no polka for a block", () => {
    const votes = keeper(4, ...prevotesFor("abd", null));
    expect(hasQuorumFor(votes, { type: "prevote", round: 0, blockId: null })).toBe(true);
    expect(polkaIn(votes, 0)).toBe(null);
  });

  test("rounds and types are counted apart", () => {
    const votes = keeper(
      4,
      ...prevotesFor("ab", "v"),
      precommit({ by: "c", says: "v" }),
      ...prevotesFor("d", "v", 1),
    );
    expect(hasQuorum(votes, "prevote", 0)).toBe(false);
    expect(hasQuorum(votes, "precommit", 0)).toBe(false);
    expect(hasQuorum(votes, "prevote", 1)).toBe(false);
  });
});

describe("who counts", () => {
  test("a stranger never does", () => {
    const votes = keeper(4, ...prevotesFor("abm", "v"));
    expect(polkaIn(votes, 0)).toBe(null);
    expect(skipRound(keeper(4, ...prevotesFor("klm", "v", 3)), 0)).toBe(null);
  });

  test("a vote of another height does not", () => {
    const votes = keeper(
      4,
      ...prevotesFor("ab", "v"),
      prevote({ by: "c", says: "v", height: HEIGHT + 1 }),
    );
    expect(polkaIn(votes, 0)).toBe(null);
  });

  test("the same vote again changes nothing, also with another valid signature", () => {
    const once = keeper(4, ...prevotesFor("ab", "v"));
    for (const stamp of [98, 7]) {
      const again = addVote(once, prevote({ by: "b", says: "v", stamp }), 0);
      expect(again.evidence).toBe(null);
      expect(again.votes).toBe(once);
    }
  });
});

describe("a double vote", () => {
  const first = prevote({ by: "b", says: "v" });
  const second = prevote({ by: "b", says: "w" });

  test("is evidence with both votes, and the first stays the one that counts", () => {
    const { votes, evidence } = addVote(keeper(4, first), second, 0);
    expect(evidence).toEqual({ type: "doubleVote", validator: id("b"), a: first, b: second });
    expect(polkaIn(add(votes, ...prevotesFor("ac", "w")), 0)).toBe(null);
    expect(polkaIn(add(votes, ...prevotesFor("ac", "v")), 0)).toBe("v");
  });

  test("nil against a block is one too", () => {
    const { evidence } = addVote(keeper(4, first), prevote({ by: "b", says: null }), 0);
    expect(evidence?.validator).toBe(id("b"));
  });

  test("is reported once for each round and type", () => {
    const { votes } = addVote(keeper(4, first), second, 0);
    expect(addVote(votes, second, 0).evidence).toBe(null);
    expect(addVote(votes, prevote({ by: "b", says: "x" }), 0).evidence).toBe(null);
    const commits = add(votes, precommit({ by: "b", says: "v" }));
    expect(addVote(commits, precommit({ by: "b", says: "w" }), 0).evidence).not.toBe(null);
  });

  test("different rounds or types are no double vote", () => {
    const votes = keeper(4, first);
    expect(addVote(votes, prevote({ by: "b", says: "w", round: 1 }), 0).evidence).toBe(null);
    expect(addVote(votes, precommit({ by: "b", says: "w" }), 0).evidence).toBe(null);
  });
});

describe("a claimed polka", () => {
  const split = keeper(4, ...prevotesFor("d", null), ...prevotesFor("ab", "v"));
  const second = prevote({ by: "d", says: "v" });

  test("lets the second prevote count for the claimed block, and only for it", () => {
    const claimed = claimPolka(split, 0, block("v"));
    expect(polkaIn(claimed, 0)).toBe(null);
    const { votes, evidence } = addVote(claimed, second, 0);
    expect(evidence).not.toBe(null);
    expect(polkaIn(votes, 0)).toBe("v");
    const other = claimPolka(split, 0, block("w"));
    expect(polkaIn(addVote(other, second, 0).votes, 0)).toBe(null);
  });

  test("counts nobody twice", () => {
    const few = claimPolka(
      keeper(4, ...prevotesFor("d", null), ...prevotesFor("a", "v")),
      0,
      block("v"),
    );
    expect(polkaIn(add(few, second, second, prevote({ by: "d", says: "v", stamp: 3 })), 0)).toBe(
      null,
    );
  });

  test("counts for no quorum for anything, and for no precommits", () => {
    const one = claimPolka(keeper(4, ...prevotesFor("da", null)), 0, block("v"));
    expect(hasQuorum(add(one, second), "prevote", 0)).toBe(false);
    const commits = ["d", "a", "b"].map((by) => precommit({ by, says: by === "d" ? null : "v" }));
    const votes = add(
      claimPolka(keeper(4, ...commits), 0, block("v")),
      precommit({ by: "d", says: "v" }),
    );
    expect(committedIn(votes, 0)).toBe(null);
  });

  test("is told on, with both votes", () => {
    const votes = add(claimPolka(split, 0, block("v")), second);
    const said = votesIn(votes, 0).map(({ validator, blockId }) => [validator.charAt(0), blockId]);
    expect(said).toEqual([
      ["a", "v"],
      ["b", "v"],
      ["d", null],
      ["d", "v"],
    ]);
  });
});

describe("L55 round skip", () => {
  test("needs more than a third: two of four, three of six and of seven", () => {
    expect(skipRound(keeper(4, ...prevotesFor("a", "v", 3)), 0)).toBe(null);
    expect(skipRound(keeper(4, ...prevotesFor("ab", "v", 3)), 0)).toBe(3);
    expect(skipRound(keeper(6, ...prevotesFor("ab", "v", 3)), 0)).toBe(null);
    expect(skipRound(keeper(7, ...prevotesFor("ab", "v", 3)), 0)).toBe(null);
    expect(skipRound(keeper(7, ...prevotesFor("abc", "v", 3)), 0)).toBe(3);
  });

  test("prevotes, precommits and proposals count, each validator once", () => {
    const mixed = keeper(
      4,
      prevote({ by: "a", says: "v", round: 2 }),
      precommit({ by: "b", says: null, round: 2 }),
    );
    expect(skipRound(mixed, 0)).toBe(2);
    const one = keeper(
      4,
      prevote({ by: "a", says: "v", round: 2 }),
      precommit({ by: "a", says: "v", round: 2 }),
    );
    expect(skipRound(one, 0)).toBe(null);
    expect(skipRound(hear(one, id("a"), 2), 0)).toBe(null);
    expect(skipRound(hear(one, id("c"), 2), 0)).toBe(2);
  });

  test("goes to the greatest round that enough have reached", () => {
    // a in 5, b in 3, c in 2: two of four have reached 3
    const votes = keeper(
      4,
      ...prevotesFor("a", "v", 5),
      ...prevotesFor("b", "v", 3),
      ...prevotesFor("c", "v", 2),
    );
    expect(skipRound(votes, 0)).toBe(3);
    expect(skipRound(votes, 3)).toBe(null);
  });

  test("rounds at or below ours skip nothing", () => {
    expect(skipRound(keeper(4, ...prevotesFor("abc", "v", 2)), 2)).toBe(null);
  });
});

describe("bounds", () => {
  test("votes up to ten rounds ahead are kept, further ones only heard of", () => {
    const votes = keeper(4, ...prevotesFor("a", "v", 10), ...prevotesFor("a", "v", 11));
    expect([...votes.rounds.keys()]).toEqual([10]);
    expect(votes.heard.get(id("a"))).toBe(11);
  });

  test("one validator cannot fill the memory with rounds", () => {
    const many = Array.from({ length: 500 }, (_, round) => prevote({ by: "a", says: "v", round }));
    expect(keeper(4, ...many).rounds.size).toBe(11);
  });

  test("further ones are kept once more than a third are there", () => {
    const far = keeper(4, ...prevotesFor("ab", "v", 50));
    expect(skipRound(far, 0)).toBe(50);
    // the first of the two came before anyone else was there, so it must be sent again
    expect(votesIn(far, 50).map(({ validator }) => validator)).toEqual([id("b")]);
    expect(votesIn(add(far, ...prevotesFor("a", "v", 50)), 50)).toHaveLength(2);
  });

  test("nothing is counted twice when a double voter is far ahead", () => {
    const far = keeper(4, ...prevotesFor("a", "v", 50), ...prevotesFor("a", "w", 60));
    expect(skipRound(far, 0)).toBe(null);
  });
});

describe("certificates", () => {
  test("all precommits for the block, sorted by validator", () => {
    const cast = ["d", "a", "c", "b"].map((by) =>
      precommit({ by, says: by === "b" ? null : "v", round: 2 }),
    );
    const certificate = certificateFor(keeper(4, ...cast), 2, block("v"));
    expect(certificate).toEqual({
      height: HEIGHT,
      round: 2,
      blockId: "v",
      signatures: ["a", "c", "d"].map((by) => ({
        validator: id(by),
        signature: new Uint8Array(64).fill(by.charCodeAt(0)),
      })),
    });
  });

  test("none without a quorum, or for another round or block", () => {
    const votes = keeper(4, ...["a", "b", "c"].map((by) => precommit({ by, says: "v" })));
    expect(certificateFor(votes, 0, block("v"))).not.toBe(null);
    expect(certificateFor(votes, 1, block("v"))).toBe(null);
    expect(certificateFor(votes, 0, block("w"))).toBe(null);
    expect(certificateFor(keeper(4, precommit({ by: "a", says: "v" })), 0, block("v"))).toBe(null);
  });

  test("a fourth precommit is in it too", () => {
    const votes = keeper(4, ...["a", "b", "c", "d"].map((by) => precommit({ by, says: "v" })));
    expect(votesFor(votes, { type: "precommit", round: 0, blockId: block("v") })).toHaveLength(4);
    expect(certificateFor(votes, 0, block("v"))?.signatures).toHaveLength(4);
  });
});
