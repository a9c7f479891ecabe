// More than a third of those who vote are gone for good. The whole procedure over several agents.

import { describe, expect, it } from "vitest";
import { openMessage } from "../../agent/core/consensus/envelope.ts";
import { encodeConsensusMessage, voteSignBytes } from "../../agent/core/consensus/message.ts";
import { communityId } from "../../agent/core/ledger/rules.ts";
import { encodeTransaction, type Payload } from "../../agent/core/ledger/transaction.ts";
import { type BlockId, memberId } from "../../agent/core/units/ids.ts";
import { at, makeRules, say, signed, testCard, testKey } from "../support/ledger.ts";
import { Street } from "../support/street.ts";

const [A, B, C, D] = ["a@vt.edu", "b@vt.edu", "c@vt.edu", "d@vt.edu"] as const;
const [E, F, G] = ["e@vt.edu", "f@vt.edu", "g@vt.edu"] as const;
const OLD = [A, B, C, D];
const NEW = [A, B, E, F];
const ALL = [...OLD, E, F, G];
/** Ten minutes after the hour: nothing falls due by itself for long. */
const START = at("2026-06-01T10:10:00Z");
const SECOND = 1000;
const DONE = "restart given that is done already, or overtaken";

const seats = (names: readonly string[]) =>
  names.map((name) => {
    return { memberId: memberId(name), publicKey: testKey(name).publicKey };
  });

/** a to d vote; e, f and g follow; all have joined. c and d are gone, and a grant waits. */
function stoppedStreet(): Street {
  const made = new Street(makeRules({ validators: OLD }), START, ALL);
  made.start(...ALL);
  made.run(30 * SECOND);
  made.stop(C, D);
  grant(made, 20);
  return made;
}

function grant(made: Street, sequence: number): void {
  made.byCa(say.grant(sequence, A, 1n as never), G);
  made.run(60 * SECOND);
}

type Wanted = {
  readonly sequence?: number;
  readonly validators?: readonly string[];
  readonly height?: number;
  readonly blockId?: string;
};

/** As the CA makes it from a's head. */
function restartOf(made: Street, wanted: Wanted = {}): Uint8Array {
  const { height, lastBlock } = made.agent(A).ledger();
  const payload: Payload = {
    type: "restart",
    sequence: wanted.sequence ?? 10,
    height: wanted.height ?? height,
    blockId: (wanted.blockId ?? lastBlock?.blockId) as BlockId,
    validators: seats(wanted.validators ?? NEW),
  };
  return encodeTransaction(communityId(made.rules), signed(made.rules, null, payload));
}

const same = (made: Street, ...names: readonly string[]) => {
  const heads = names.map((name) => made.agent(name).head());
  return heads.every((head) => JSON.stringify(head) === JSON.stringify(heads[0]));
};

describe("a restart", () => {
  it("2 of 4 gone: the market stops; 2 and 2 new ones go on, all agree, the old ones follow", () => {
    const made = stoppedStreet();
    const { height } = made.agent(A).head();
    // Half an hour more does not help: three of four are needed.
    made.run(1_800 * SECOND);
    expect(made.heights(A, B, E, F, G)).toEqual(Array(5).fill(height));
    const restart = restartOf(made);
    for (const name of NEW) {
      made.stop(name);
      made.startWith(restart, name);
    }
    made.run(30 * SECOND);
    expect(made.heights(A, B, E, F)[0]).toBeGreaterThan(height);
    expect(same(made, A, B, E, F, G)).toBe(true);
    const { validators, chain } = made.agent(G).ledger();
    expect(validators.map((one) => one.memberId)).toEqual(NEW);
    expect(chain).not.toBe(communityId(made.rules));
    // What waited is done now, and more can be.
    const before = made.agent(A).ledger().members.get(memberId(A))?.balance ?? 0n;
    expect(before).toBe(200_000_001n);
    grant(made, 21);
    expect(made.agent(G).ledger().members.get(memberId(A))?.balance).toBe(200_000_002n);
    // Whoever comes back is no validator any more and gets the rest by block sync.
    made.start(C, D);
    made.run(60 * SECOND);
    expect(same(made, ...ALL)).toBe(true);
    const said = made.said.length;
    grant(made, 22);
    expect(made.said.slice(said).map(({ by }) => by)).not.toContain(C);
    expect(same(made, ...ALL)).toBe(true);
    expect(made.blamed).toEqual([]);
  });

  it("accuses nobody: a vote of the new chain, come late, is no second one of the old chain's step", () => {
    const made = stoppedStreet();
    const { height } = made.agent(A).head();
    const restart = restartOf(made);
    for (const name of NEW) {
      made.stop(name);
      made.startWith(restart, name);
    }
    made.run(30 * SECOND);
    // g heard the old chain's votes of that height, and then fetched the block that the new one made of it.
    const { chain } = made.agent(G).ledger();
    const chains = { community: communityId(made.rules), chain };
    const late = made.said.filter(({ message }) => {
      const opened = openMessage(chains, message);
      return opened.ok && opened.value.height === height + 1;
    });
    expect(late.length).toBeGreaterThan(0);
    for (const { by, message } of late) {
      made.home(G).handlers?.received("consensus", message, by);
    }
    expect(made.home(G).log.of("reporting a card that signed twice")).toEqual([]);
  });

  it("is on the disk: without the file the next start goes on with it, and signs nothing old", () => {
    const made = stoppedStreet();
    const restart = restartOf(made);
    const { height } = made.agent(A).head();
    // Only two of the new four are there: nothing can be decided yet. They listen for a minute, then speak.
    made.stop(A, B, E, F);
    made.startWith(restart, A, B);
    made.run(90 * SECOND);
    expect(made.heights(A, B)).toEqual([height, height]);
    const said = made.said.length;
    made.stop(A, B);
    made.start(A, B);
    made.run(90 * SECOND);
    expect(made.said.length).toBeGreaterThan(said);
    const community = communityId(made.rules);
    for (const { message } of made.said.slice(said)) {
      expect(openMessage({ community, chain: community }, message)).toMatchObject({
        refusal: { code: "otherChain" },
      });
    }
    made.startWith(restart, E);
    made.run(90 * SECOND);
    expect(made.heights(A, B, E)[0]).toBeGreaterThan(height);
    expect(same(made, A, B, E, G)).toBe(true);
    expect(made.blamed).toEqual([]);
  });

  it("never has two messages for one step of one chain, whatever was signed before it", () => {
    const made = stoppedStreet();
    const restart = restartOf(made);
    for (const name of NEW) {
      made.stop(name);
      made.startWith(restart, name);
    }
    made.run(60 * SECOND);
    const community = communityId(made.rules);
    const { chain } = made.agent(A).ledger();
    const seen = new Map<string, string>();
    const counts = { old: 0, new: 0 };
    const restartedBy = new Set<string>();
    const { height: first } = made.agent(A).head();
    for (const { by, message } of made.said) {
      const old = openMessage({ community, chain: community }, message);
      const opened = old.ok ? old : openMessage({ community, chain }, message);
      if (!opened.ok) throw new Error("somebody said what nobody can read");
      counts[old.ok ? "old" : "new"] += 1;
      if (!old.ok) restartedBy.add(by);
      // Once on the new chain, nothing of the old one.
      expect(old.ok && restartedBy.has(by)).toBe(false);
      const { height, round, blockId } = opened.value;
      const what = opened.value.type === "vote" ? opened.value.vote : "proposal";
      const key = `${old.ok ? "old" : "new"} ${by} ${height}/${round} ${what}`;
      expect(seen.get(key) ?? String(blockId)).toBe(String(blockId));
      seen.set(key, String(blockId));
    }
    expect(first).toBeGreaterThan(0);
    expect(counts.old).toBeGreaterThan(0);
    expect(counts.new).toBeGreaterThan(0);
    expect([...restartedBy].sort()).toEqual(NEW);
  });

  it("old votes do not count after it: both gone ones' precommits at that height decide nothing", () => {
    const made = stoppedStreet();
    const restart = restartOf(made);
    const height = made.agent(A).head().height + 1;
    made.stop(A, B, E, F);
    // Only a and b: with two more votes at this height they would be a quorum.
    made.startWith(restart, A, B);
    made.run(20 * SECOND);
    const handlers = made.home(A).handlers;
    for (const round of [0, 1, 2, 3, 4, 5]) {
      for (const name of [C, D]) {
        const subject = {
          vote: "precommit",
          height,
          round,
          blockId: "1".repeat(64) as BlockId,
        } as const;
        const message = voteSignBytes(communityId(made.rules), subject);
        const signature = testCard(name).sign(message);
        const vote = { type: "vote", ...subject, validator: memberId(name), signature } as const;
        expect(handlers?.received("consensus", encodeConsensusMessage(vote), memberId(G))).toBe(
          "ignore",
        );
      }
    }
    made.run(60 * SECOND);
    expect(made.heights(A)).toEqual([height - 1]);
  });

  const refusedWith = (made: Street, name: string) =>
    made
      .home(name)
      .log.of("restart refused, going on without it")
      .map(({ facts: { code } }) => code);

  it("for another block is refused; the home goes on as before", () => {
    const made = stoppedStreet();
    const { height } = made.agent(A).head();
    const restart = restartOf(made, { blockId: "1".repeat(64) });
    made.stop(A);
    made.startWith(restart, A);
    expect(refusedWith(made, A)).toEqual(["restartOtherBlock"]);
    expect(made.home(A).store.restart()).toBe(null);
    // With d back three of the old four are there.
    made.start(D);
    made.run(120 * SECOND);
    expect(made.heights(A)[0]).toBeGreaterThan(height);
    expect(same(made, A, B, D)).toBe(true);
  });

  it("forged is refused, and so is one with a set that may not be", () => {
    const made = stoppedStreet();
    const restart = restartOf(made);
    const forged = restart.slice();
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    const tries: [Uint8Array, string][] = [
      [forged, "badSignature"],
      [restartOf(made, { validators: [] }), "restartOrder"],
      [restartOf(made, { validators: [B, A] }), "restartOrder"],
      [restartOf(made, { validators: [A, A] }), "restartOrder"],
      [restartOf(made, { validators: [A, "stranger@vt.edu"] }), "unknownMember"],
      [restart.slice(0, -1), "malformed"],
    ];
    for (const [bytes, code] of tries) {
      made.stop(B);
      made.startWith(bytes, B);
      expect(refusedWith(made, B).at(-1)).toBe(code);
    }
    expect(made.home(B).store.restart()).toBe(null);
  });

  it("replayed is refused: as a file it is done already, as a transaction it has no place", () => {
    const made = stoppedStreet();
    const restart = restartOf(made);
    made.stop(...NEW);
    made.startWith(restart, ...NEW);
    made.run(60 * SECOND);
    const { height } = made.agent(A).head();
    made.stop(A);
    made.startWith(restart, A);
    expect(made.home(A).log.of(DONE)).toHaveLength(1);
    expect(made.home(A).store.writes.saveRestart).toBe(1);
    const received = made.home(B).handlers?.received("transaction", restart, memberId(G));
    expect(received).toBe("ignore");
    expect(made.agent(B).refusals().get("restartMisplaced")).toBe(1);
    grant(made, 21);
    expect(made.heights(A)[0]).toBe(height + 1);
  });

  it("a home that is behind takes it when it has caught up", () => {
    const made = new Street(makeRules({ validators: OLD }), START, ALL);
    made.start(...ALL);
    made.run(30 * SECOND);
    made.stop(F);
    grant(made, 1);
    made.stop(C, D);
    const { height } = made.agent(A).head();
    const restart = restartOf(made);
    // Nobody to ask: f is a block behind.
    made.stop(A, B, E, G);
    made.startWith(restart, F);
    expect(made.home(F).log.of("restart given, fetching the blocks before it")).toHaveLength(1);
    expect(made.home(F).store.restart()).toBe(null);
    made.startWith(restart, A, B);
    made.run(60 * SECOND);
    expect(
      made.home(F).log.of("restart taken: the next block is voted on by its set"),
    ).toHaveLength(1);
    // a, b and f are three of the new four.
    expect(made.heights(A, B, F)[0]).toBeGreaterThan(height);
    expect(same(made, A, B, F)).toBe(true);
    expect(made.blamed).toEqual([]);
  });

  it("of two for one height the later one counts, and there is no way back", () => {
    const made = stoppedStreet();
    const first = restartOf(made, { sequence: 10, validators: [A, B, E] });
    const second = restartOf(made, { sequence: 11, validators: [A, F, G] });
    made.stop(...NEW, G);
    made.startWith(first, A);
    made.run(20 * SECOND);
    made.stop(A);
    made.startWith(second, A);
    made.run(20 * SECOND);
    made.stop(A);
    made.startWith(first, A);
    expect(made.home(A).log.of(DONE)).toHaveLength(1);
    expect(made.home(A).store.restart()).toEqual(second);
  });
});
