// Block, vote and transaction sync of one home: a real ledger and mempool, an agreement that only notes what
// it is given, and neighbours who answer what the test says.

import { describe, expect, it } from "vitest";
import { type Certificate, encodeCertificate } from "../../../agent/core/consensus/message.ts";
import { Verifier } from "../../../agent/core/crypto.ts";
import { type Block, blockId, encodeBlock } from "../../../agent/core/ledger/block.ts";
import { communityId } from "../../../agent/core/ledger/rules.ts";
import { encodeTransaction } from "../../../agent/core/ledger/transaction.ts";
import { mustBeAccepted, type Refusal } from "../../../agent/core/result.ts";
import type { MemberId } from "../../../agent/core/units/ids.ts";
import { openLedger } from "../../../agent/loops/ledger.ts";
import { createMempool } from "../../../agent/loops/mempool.ts";
import type { VotesAnswer } from "../../../agent/loops/signing.ts";
import { createSyncLoop } from "../../../agent/loops/sync.ts";
import {
  blocksReply,
  blocksRequest,
  transactionsReply,
  transactionsRequest,
  votesReply,
  votesRequest,
} from "../../../agent/loops/wire.ts";
import type { Protocol } from "../../../agent/ports.ts";
import { certificateFor } from "../../support/certificate.ts";
import { createFakeNetwork, type Question } from "../../support/fakeNetwork.ts";
import { createFakeClock, createMemoryStore, createRecordingLog } from "../../support/fakes.ts";
import { at, makeRules, registration, signed, TestChain } from "../../support/ledger.ts";
import { storeChain } from "../../support/voices.ts";

const START = at("2026-06-01T09:50:00Z");
const [ANN, BOB, CAT] = ["ann@vt.edu", "bob@vt.edu", "cat@vt.edu"] as MemberId[] as [
  MemberId,
  MemberId,
  MemberId,
];
const RULES = makeRules({
  validators: ["v1@vt.edu", "v2@vt.edu", "v3@vt.edu", "v4@vt.edu"],
  schedule: "manual",
});

/** Blocks a second apart, one registration in each. */
function chainOf(length: number): TestChain {
  const chain = new TestChain(RULES);
  for (let n = 1; n <= length; n += 1) {
    const who = `home${n}@vt.edu`;
    chain.add(START + 1000 * n, [who, registration(who)]);
  }
  return chain;
}
const LONG = chainOf(70);
const blockAt = (height: number): Block => LONG.blocks[height - 1] as Block;

type Item = { readonly block: Uint8Array; readonly certificate: Uint8Array };

function item(block: Block, change: (certificate: Certificate) => Certificate = (c) => c): Item {
  const certificate = certificateFor(RULES, block.header.height, blockId(block.header));
  return { block: encodeBlock(block), certificate: encodeCertificate(change(certificate)) };
}
const items = (from: number, to: number): Item[] =>
  LONG.blocks.slice(from - 1, to).map((block) => item(block));

/** A home that has the first `height` blocks of LONG. */
function openHome(height = 0, isUnderWay = false) {
  const clock = createFakeClock(START);
  const network = createFakeNetwork();
  const store = createMemoryStore();
  const log = createRecordingLog();
  const verifier = new Verifier();
  const past = new TestChain(RULES);
  past.blocks.push(...LONG.blocks.slice(0, height));
  storeChain(store, past);
  const ledger = openLedger({ rules: RULES, store, verifier });
  const mempool = createMempool({ verifier, clock, ledger: ledger.state, arrived: () => {} });
  const heard: (readonly [Uint8Array, MemberId])[] = [];
  const received: Uint8Array[] = [];
  const own: Uint8Array[] = [];
  const halted: Refusal[] = [];
  const answers: VotesAnswer[] = [];
  const agreement = {
    ...{ isUnderWay, isListening: false, answers },
    ...{ messages: [] as Uint8Array[], followed: 0 },
  };
  const told: (readonly [MemberId, number])[] = [];
  const sync = createSyncLoop({
    ...{ rules: RULES, verifier, store, clock, network, log, ledger, mempool },
    consensus: () => ({
      start: () => {},
      stop: () => {},
      wake: () => {},
      position: () => ({
        height: ledger.state().height + 1,
        isUnderWay: agreement.isUnderWay,
      }),
      messages: () => agreement.messages,
      isListening: () => agreement.isListening,
      answered: (answer) => agreement.answers.push(answer),
      heldBack: () => null,
      memory: () => ({ messages: 0, round: 0 }),
      followLedger: () => {
        agreement.followed += 1;
      },
      receive: (message, from) => {
        heard.push([message, from]);
        return "accept";
      },
    }),
    ownPending: () => own,
    told: (peer, height) => told.push([peer, height]),
    receiveTransaction: (encoded) => {
      received.push(encoded);
      return "accept";
    },
    commit: (executed, certificate) => ledger.commit(executed, certificate),
    halt: (_reason, facts) => {
      halted.push(facts);
      sync.stop();
    },
  });
  sync.start();
  const heightNow = () => ledger.state().height;
  const ask = (protocol: Protocol, body: Uint8Array, from = BOB) =>
    sync.answer(protocol, body, from);
  return {
    ...{ clock, network, store, log, ledger, mempool, heard, received, own, halted, agreement },
    ...{ told, sync, heightNow, ask },
  };
}

/** The one question of this protocol that is open. */
function only(home: ReturnType<typeof openHome>, protocol: Protocol): Question {
  const open = home.network.open(protocol);
  expect(open).toHaveLength(1);
  return open[0] as Question;
}
const startOf = (question: Question) => blocksRequest.decode(question.body);
const blocks = (height: number, list: readonly Item[]) =>
  blocksReply.encode({ height, blocks: list });

describe("blocks", () => {
  it("are asked for from the first that is missing, and committed in order", () => {
    const home = openHome(2);
    home.sync.behind(5, ANN);
    const question = only(home, "blocks");
    expect([question.to, startOf(question)]).toEqual([ANN, { ok: true, value: { from: 3 } }]);
    question.answered(blocks(5, items(3, 5)));
    expect(home.heightNow()).toBe(5);
    expect(home.ledger.root()).toBe(blockAt(5).header.stateRoot);
    expect(home.agreement.followed).toBe(1);
    // There is nothing more to ask.
    expect(home.network.asked).toHaveLength(1);
  });

  it("are asked for until the height that was claimed is reached", () => {
    const home = openHome();
    home.sync.behind(70, ANN);
    for (const [from, to] of [
      [1, 32],
      [33, 64],
      [65, 70],
    ] as const) {
      const question = only(home, "blocks");
      expect(startOf(question)).toEqual({ ok: true, value: { from } });
      question.answered(blocks(70, items(from, to)));
      expect(home.heightNow()).toBe(to);
    }
    expect(home.network.open("blocks")).toEqual([]);
    // The 64th brought a checkpoint.
    expect(home.store.checkpoint()?.height).toBe(64);
  });

  it("are asked of one neighbour at a time; what is not made good is asked of the next", () => {
    const home = openHome();
    home.sync.behind(9, ANN);
    home.sync.behind(4, BOB);
    only(home, "blocks").answered(null);
    const second = only(home, "blocks");
    expect(second.to).toBe(BOB);
    second.answered(blocks(4, items(1, 4)));
    expect(home.heightNow()).toBe(4);
    expect(home.network.open("blocks")).toEqual([]);
  });

  it("are not asked for where nobody has more", () => {
    const home = openHome(3);
    home.sync.behind(3, ANN);
    home.sync.behind(1, BOB);
    expect(home.network.asked).toEqual([]);
  });

  const [first, second] = [blockAt(1), blockAt(2)];
  const bad: readonly (readonly [string, Uint8Array])[] = [
    ["is not an answer", Uint8Array.of(1, 2, 3)],
    ["is empty", blocks(5, [])],
    ["begins with a later block", blocks(5, items(2, 3))],
    ["has no certificate", blocks(5, [{ ...item(first), certificate: Uint8Array.of(1) }])],
    [
      "is certified by two of four",
      blocks(5, [item(first, (c) => ({ ...c, signatures: c.signatures.slice(0, 2) }))]),
    ],
    ["has a forged signature", blocks(5, [item(first, forged)])],
    [
      "has a certificate for another block",
      blocks(5, [{ ...item(first), certificate: item(second).certificate }]),
    ],
    [
      "has another block's bytes",
      blocks(5, [{ ...item(first), block: encodeBlock(otherFirst()) }]),
    ],
    [
      "has lost its transactions",
      blocks(5, [{ ...item(first), block: encodeBlock({ ...first, transactions: [] }) }]),
    ],
    ["is no block", blocks(5, [{ ...item(first), block: Uint8Array.of(1) }])],
  ];
  it.each(bad)(
    "that come in an answer which %s change nothing and stop nothing",
    (_name, reply) => {
      const home = openHome();
      const root = home.ledger.root();
      home.sync.behind(5, ANN);
      only(home, "blocks").answered(reply);
      expect([home.heightNow(), home.ledger.root(), home.store.writes.commit]).toEqual([
        0,
        root,
        0,
      ]);
      expect([home.halted, home.agreement.followed, home.network.open("blocks")]).toEqual([
        [],
        0,
        [],
      ]);
      // Another neighbour is believed as far as it can show.
      home.sync.behind(2, CAT);
      only(home, "blocks").answered(blocks(2, items(1, 2)));
      expect(home.heightNow()).toBe(2);
    },
  );

  it("that are good up to a bad one are kept up to it", () => {
    const home = openHome();
    home.sync.behind(3, ANN);
    const wrong = item(second, forged);
    only(home, "blocks").answered(blocks(3, [item(first), wrong, item(blockAt(3))]));
    expect([home.heightNow(), home.agreement.followed]).toEqual([1, 1]);
  });

  it("that are certified but lead elsewhere in this build halt it, and say so", () => {
    const home = openHome(1);
    const header = { ...second.header, stateRoot: "0".repeat(64) };
    home.sync.behind(2, ANN);
    only(home, "blocks").answered(blocks(2, [item({ ...second, header })]));
    expect(home.halted).toEqual([
      { code: "wrongStateRoot", needed: second.header.stateRoot, got: "0".repeat(64) },
    ]);
    expect([home.heightNow(), home.store.writes.commit]).toEqual([1, 1]);
  });

  it("are given to who asks, 32 at a time", () => {
    const home = openHome(40);
    const get = (from: number) => {
      const reply = home.ask("blocks", blocksRequest.encode({ from }));
      return mustBeAccepted(blocksReply.decode(reply as Uint8Array), "it is an answer");
    };
    expect(get(1)).toEqual({ height: 40, blocks: items(1, 32) });
    expect(get(39)).toEqual({ height: 40, blocks: items(39, 40) });
    expect(get(41)).toEqual({ height: 40, blocks: [] });
    expect(home.ask("blocks", Uint8Array.of(9))).toBeNull();
  });
});

describe("votes", () => {
  const body = (height: number) => votesRequest.encode({ height });

  it("are asked for each second, of one neighbour after the other, while a height is under way", () => {
    const home = openHome(2, true);
    home.network.join(ANN, BOB);
    home.clock.advance(3000);
    const asked = home.network.asked.filter(({ protocol }) => protocol === "votes");
    expect(asked.map(({ to }) => to)).toEqual([BOB, ANN, BOB]);
    expect(asked.map((question) => question.body)).toEqual([body(3), body(3), body(3)]);
    home.agreement.isUnderWay = false;
    home.clock.advance(3000);
    expect(home.network.asked.filter(({ protocol }) => protocol === "votes")).toHaveLength(3);
  });

  it("are asked of every validator, at once and each second, while the agreement listens", () => {
    const home = openHome(2);
    home.agreement.isListening = true;
    home.network.join("v1@vt.edu", ANN, "v2@vt.edu");
    for (const peer of home.network.peers()) home.sync.joined(peer);
    const asked = () => home.network.asked.filter(({ protocol }) => protocol === "votes");
    expect(asked().map(({ to }) => to)).toEqual(["v1@vt.edu", "v2@vt.edu"]);
    home.clock.advance(1000);
    expect(
      asked()
        .map(({ to }) => to)
        .slice(2),
    ).toEqual(["v1@vt.edu", "v2@vt.edu"]);
    asked()[1]?.answered(votesReply.encode({ height: 2, messages: [Uint8Array.of(1)] }));
    expect(home.agreement.answers).toEqual([{ height: 3, committed: 2, peer: "v2@vt.edu" }]);
    expect(home.told).toEqual([["v2@vt.edu", 2]]);
    home.agreement.isListening = false;
    home.clock.advance(5000);
    expect(asked()).toHaveLength(4);
  });

  it("in an answer go to the agreement, in their order and in the neighbour's name", () => {
    const home = openHome(2, true);
    home.network.join(ANN);
    home.clock.advance(1000);
    const messages = [Uint8Array.of(1), Uint8Array.of(2)];
    only(home, "votes").answered(votesReply.encode({ height: 2, messages }));
    expect(home.heard).toEqual(messages.map((message) => [message, ANN]));
    expect(home.network.open("blocks")).toEqual([]);
  });

  it("of a neighbour that has more blocks lead to a question for them", () => {
    const home = openHome(2, true);
    home.network.join(ANN);
    home.clock.advance(1000);
    only(home, "votes").answered(votesReply.encode({ height: 4, messages: [] }));
    expect(startOf(only(home, "blocks"))).toEqual({ ok: true, value: { from: 3 } });
  });

  it("in an answer that cannot be read are none", () => {
    const home = openHome(2, true);
    home.network.join(ANN);
    home.clock.advance(1000);
    only(home, "votes").answered(Uint8Array.of(1, 2, 3));
    expect([home.heard, home.halted]).toEqual([[], []]);
    expect(home.log.of("warn")).toHaveLength(1);
  });

  it("are given for the height under way only, with our own height", () => {
    const home = openHome(2, true);
    home.agreement.messages = [Uint8Array.of(1)];
    const get = (height: number) =>
      votesReply.decode(home.ask("votes", body(height)) as Uint8Array);
    expect(get(3)).toEqual({ ok: true, value: { height: 2, messages: [Uint8Array.of(1)] } });
    expect(get(2)).toEqual({ ok: true, value: { height: 2, messages: [] } });
    expect(home.network.asked).toEqual([]);
    expect(home.ask("votes", Uint8Array.of(9))).toBeNull();
  });

  it("are asked back of who is in a height that we have not begun", () => {
    const home = openHome(2);
    home.ask("votes", body(3), CAT);
    expect(only(home, "votes")).toMatchObject({ to: CAT, body: body(3) });
  });

  it("of who is further than we are show that blocks exist", () => {
    const home = openHome(2);
    home.ask("votes", body(6), CAT);
    expect(only(home, "blocks").to).toBe(CAT);
    expect(home.network.open("votes")).toEqual([]);
  });
});

describe("transactions", () => {
  const said = (who: string) =>
    encodeTransaction(communityId(RULES), signed(RULES, who, registration(who)));
  const idBytes = (who: string) =>
    Uint8Array.from(Buffer.from(signed(RULES, who, registration(who)).id, "hex").subarray(0, 8));

  it("are exchanged with who joins, and with one neighbour after the other each 3 s", () => {
    const home = openHome(2);
    home.own.push(said("own@vt.edu"));
    home.mempool.add(said("other@vt.edu"));
    home.network.start({ joined: (peer: MemberId) => home.sync.joined(peer) } as never);
    home.network.join(ANN, BOB);
    home.clock.advance(6000);
    expect(home.network.asked.map(({ protocol, to }) => [protocol, to])).toEqual(
      [ANN, BOB, BOB, ANN].map((to) => ["transactions", to]),
    );
    for (const { body } of home.network.asked) {
      expect(transactionsRequest.decode(body)).toEqual({
        ok: true,
        value: { height: 2, known: [idBytes("other@vt.edu")], offered: [said("own@vt.edu")] },
      });
    }
  });

  it("in an answer are received one by one", () => {
    const home = openHome(2);
    home.sync.joined(ANN);
    const transactions = [said("a@vt.edu"), said("b@vt.edu")];
    only(home, "transactions").answered(transactionsReply.encode({ height: 3, transactions }));
    expect(home.received).toEqual(transactions);
    expect(only(home, "blocks").to).toBe(ANN);
  });

  it("in an answer that cannot be read are none", () => {
    const home = openHome(2);
    home.sync.joined(ANN);
    only(home, "transactions").answered(Uint8Array.of(1, 2, 3));
    expect([home.received, home.halted]).toEqual([[], []]);
  });

  it("that the asker lacks are given, and those it offers received", () => {
    const home = openHome(2);
    home.mempool.add(said("a@vt.edu"));
    home.mempool.add(said("b@vt.edu"));
    const request = { height: 2, known: [idBytes("a@vt.edu")], offered: [said("c@vt.edu")] };
    const reply = home.ask("transactions", transactionsRequest.encode(request));
    expect(transactionsReply.decode(reply as Uint8Array)).toEqual({
      ok: true,
      value: { height: 2, transactions: [said("b@vt.edu")] },
    });
    expect(home.received).toEqual([said("c@vt.edu")]);
    expect(home.network.asked).toEqual([]);
    expect(home.ask("transactions", Uint8Array.of(9))).toBeNull();
  });
});

describe("the end", () => {
  it("leaves no timer, asks nothing more and hears no answer", () => {
    const home = openHome(2, true);
    home.network.join(ANN);
    home.clock.advance(1000);
    home.sync.behind(5, BOB);
    home.sync.stop();
    expect(home.clock.waiting()).toBe(0);
    only(home, "blocks").answered(blocks(5, items(3, 5)));
    only(home, "votes").answered(votesReply.encode({ height: 9, messages: [Uint8Array.of(1)] }));
    expect([home.heightNow(), home.heard]).toEqual([2, []]);
    expect(home.network.asked).toHaveLength(2);
  });
});

/** All signatures are there, the last one is the first one's. */
function forged(certificate: Certificate): Certificate {
  const [first] = certificate.signatures;
  const last = certificate.signatures.length - 1;
  const signatures = certificate.signatures.map(({ validator, signature }, i) => ({
    validator,
    signature: i === last && first !== undefined ? first.signature : signature,
  }));
  return { ...certificate, signatures };
}

/** A valid first block that is not the certified one. */
function otherFirst(): Block {
  return new TestChain(RULES).add(START + 1, ["other@vt.edu", registration("other@vt.edu")]).block;
}
