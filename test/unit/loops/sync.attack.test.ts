// Questions and answers under attack: what a neighbour with a card may say, and must not gain by it.

import { expect, it } from "vitest";
import { sameBytes } from "../../../agent/core/codec/bytes.ts";
import { encodeCertificate } from "../../../agent/core/consensus/message.ts";
import { Verifier } from "../../../agent/core/crypto.ts";
import { encodeBlock } from "../../../agent/core/ledger/block.ts";
import { communityId } from "../../../agent/core/ledger/rules.ts";
import { encodeTransaction } from "../../../agent/core/ledger/transaction.ts";
import type { MemberId } from "../../../agent/core/units/ids.ts";
import {
  blocksReply,
  transactionsReply,
  transactionsRequest,
  votesReply,
  votesRequest,
} from "../../../agent/loops/wire.ts";
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
import { createMemoryStore } from "../../support/fakes.ts";
import { makeRules, registration, say, signed, TestChain } from "../../support/ledger.ts";
import { vote } from "../../support/voices.ts";

const LIAR = V4 as MemberId;
const HONEST = V3 as MemberId;

/** Counts what was found forged: each costs the slow half of the signature rule. */
class CountingVerifier extends Verifier {
  forged = 0;
  override verify(...args: Parameters<Verifier["verify"]>): boolean {
    const verdict = super.verify(...args);
    if (!verdict) this.forged += 1;
    return verdict;
  }
}

function forgedVotes({ rules }: AttackHome, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const subject = { vote: "prevote", height: 1, round: i % 10, blockId: null } as const;
    return vote(rules, FOUR[1 + (i % 3)] ?? V2, subject, "nobody@vt.edu");
  });
}

function forgedTransactions({ rules }: AttackHome, count: number): Uint8Array[] {
  const community = communityId(rules);
  return Array.from({ length: count }, (_, i) => {
    const honest = signed(rules, null, say.revoke(i, V1));
    return encodeTransaction(community, { ...honest, signature: new Uint8Array(64).fill(i) });
  });
}

it("looks at one forged vote of an answer, and shuns who gave it", () => {
  const verifier = new CountingVerifier();
  const home = attackHome(V1, { verifier });
  const { agent, clock, network } = home;
  network.join(LIAR);
  agent.start();
  clock.advance(2_500);
  network
    .open("votes")
    .at(-1)
    ?.answered(votesReply.encode({ height: 0, messages: forgedVotes(home, 200) }));
  expect(verifier.forged).toBe(1);
  const asked = network.asked.length;
  clock.advance(30_000);
  expect(network.asked).toHaveLength(asked);
  // After a minute it is asked again: cards outlive quarrels.
  clock.advance(40_000);
  expect(network.asked.length).toBeGreaterThan(asked);
});

it("looks at one forged transaction of a question or an answer", () => {
  const verifier = new CountingVerifier();
  const home = attackHome(V1, { verifier });
  const { agent, clock, network } = home;
  agent.start();
  const offered = forgedTransactions(home, 100);
  const body = transactionsRequest.encode({ height: 0, known: [], offered });
  const ask = () => network.handlers().requested("transactions", body, LIAR);
  expect(ask()).toBeNull();
  expect(verifier.forged).toBe(1);
  expect(ask()).toBeNull();
  expect(verifier.forged).toBe(1);
  network.join(HONEST);
  clock.advance(10);
  const reply = { height: 0, transactions: forgedTransactions(home, 100).slice(50) };
  network.open("transactions")[0]?.answered(transactionsReply.encode(reply));
  expect(verifier.forged).toBe(2);
});

it("asks the honest for blocks though a liar claims more and answers nothing", () => {
  const { agent, network, clock } = attackHome(V1);
  agent.start();
  const claim = (height: number, from: MemberId) =>
    network.handlers().requested("votes", votesRequest.encode({ height: height + 1 }), from);
  claim(900, LIAR);
  claim(5, HONEST);
  expect(network.open("blocks").map(({ to }) => to)).toEqual([LIAR]);
  network.open("blocks")[0]?.answered(null);
  expect(network.open("blocks").map(({ to }) => to)).toEqual([HONEST]);
  network.open("blocks")[0]?.answered(null);
  // Claims are cheap: for a minute the liar is not asked again, whatever it says.
  claim(950, LIAR);
  clock.advance(59_000);
  claim(990, LIAR);
  expect(network.open("blocks")).toEqual([]);
  clock.advance(2_000);
  claim(990, LIAR);
  expect(network.open("blocks").map(({ to }) => to)).toEqual([LIAR]);
});

it("does not doubt who has kept its word because another has not", () => {
  const { agent, network, rules } = attackHome(V1);
  const chain = new TestChain(rules);
  const { block, blockId } = chain.add(START - 1_000, [V3, registration(V3)]);
  agent.start();
  const claim = (height: number, from: MemberId) =>
    network.handlers().requested("votes", votesRequest.encode({ height: height + 1 }), from);
  const askedNow = () => network.open("blocks").map(({ to }) => to);
  claim(1, HONEST);
  claim(900, LIAR);
  expect(askedNow()).toEqual([HONEST]);
  const certificate = encodeCertificate(certificateFor(rules, 1, blockId));
  const reply = { height: 1, blocks: [{ block: encodeBlock(block), certificate }] };
  network.open("blocks")[0]?.answered(blocksReply.encode(reply));
  expect(agent.head().height).toBe(1);
  expect(askedNow()).toEqual([LIAR]);
  network.open("blocks")[0]?.answered(null);
  claim(2, HONEST);
  expect(askedNow()).toEqual([HONEST]);
});

it("asks every one of four neighbours for votes and for transactions", () => {
  // One turn for both kinds, three questions for votes to one for transactions: with four neighbours
  // the same one would get all of the one kind.
  const { agent, network, clock } = attackHome(V1);
  const five = [V2, V3, V4, "follower@vt.edu"];
  agent.start();
  clock.advance(5);
  network.join(...five);
  const before = network.asked.length;
  for (let second = 0; second < 24; second += 1) {
    clock.advance(1_000);
    for (const protocol of ["votes", "transactions"] as const) {
      for (const question of network.open(protocol)) question.answered(null);
    }
  }
  const later = network.asked.slice(before);
  const askedFor = (protocol: string) =>
    new Set(later.filter((question) => question.protocol === protocol).map(({ to }) => to));
  expect([...askedFor("votes")].sort()).toEqual([...five].sort());
  expect([...askedFor("transactions")].sort()).toEqual([...five].sort());
});

it("offers all of its own transactions, not the first twelve for ever", () => {
  const { agent, network, clock } = attackHome(V2);
  agent.start();
  // Not registered yet, so that all of these wait: its own registration and 20 PVs.
  for (let i = 0; i < 20; i += 1) agent.submit(say.registerPv(V2, `house${i}`) as never, () => {});
  network.join(V3);
  const offered: Uint8Array[] = [];
  for (let turn = 0; turn < 4; turn += 1) {
    clock.advance(3_000);
    for (const question of network.open("transactions")) {
      const request = transactionsRequest.decode(question.body);
      if (!request.ok) throw new Error("unreadable question");
      for (const one of request.value.offered) {
        if (!offered.some((known) => sameBytes(known, one))) offered.push(one);
      }
      question.answered(null);
    }
  }
  expect(offered).toHaveLength(21);
});

it("brings its own transactions to a block after a crash, without any neighbour", () => {
  const rules = makeRules({ validators: [V1], schedule: "manual" });
  const store = createMemoryStore();
  const transaction = signed(rules, V1, registration(V1));
  const bytes = encodeTransaction(communityId(rules), transaction);
  store.saveOwnTransaction({ id: transaction.id, bytes });
  const { agent, clock } = attackHome(V1, { rules, store });
  agent.start();
  clock.advance(10_000);
  expect(agent.ledger().members.has(V1 as MemberId)).toBe(true);
});
