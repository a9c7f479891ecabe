// The whole agent on faked ports: what it refuses and how, in which order it writes, sends and answers, and
// when it stops. No devices, so that it offers nothing by itself.

import { describe, expect, it } from "vitest";
import { createAgent } from "../../agent/agent.ts";
import { encodeCertificate } from "../../agent/core/consensus/message.ts";
import { blockId, encodeBlock } from "../../agent/core/ledger/block.ts";
import { communityId, type Rules, TRANSACTION_BYTES_MAX } from "../../agent/core/ledger/rules.ts";
import { stateRoot } from "../../agent/core/ledger/state.ts";
import {
  encodeTransaction,
  type Payload,
  signTransaction,
} from "../../agent/core/ledger/transaction.ts";
import { mustBeAccepted } from "../../agent/core/result.ts";
import { watts } from "../../agent/core/units/energy.ts";
import { type MemberId, memberId, pvId } from "../../agent/core/units/ids.ts";
import { MINUTE_MS } from "../../agent/core/units/time.ts";
import { blocksReply, transactionsReply, transactionsRequest } from "../../agent/loops/wire.ts";
import type { Reception, Store } from "../../agent/ports.ts";
import { certificateFor } from "../support/certificate.ts";
import { createFakeNetwork } from "../support/fakeNetwork.ts";
import {
  createFakeClock,
  createMemoryStore,
  createRecordingLog,
  createRecordingPublisher,
} from "../support/fakes.ts";
import {
  at,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  type TestCard,
  TestChain,
  testCard,
  testCertificate,
  testKey,
} from "../support/ledger.ts";
import { describeMessage, storeChain, vote } from "../support/voices.ts";

const HOME = "home@vt.edu";
const BUYER = "buyer1@vt.edu";
const SELLER = "seller1@vt.edu";
const NEIGHBOUR = "v1@vt.edu" as MemberId;
const FOUR = ["v1@vt.edu", "v2@vt.edu", "v3@vt.edu", "v4@vt.edu"];
const T = (time: string) => `2026-06-01T${time}Z`;
/** Delivers from 11:00 UTC, 07:00 in New York: open from 10:01, cut off at 10:59. */
const ELEVEN = "01Jun26-07:00";
const bid = (sequence: number): Payload =>
  say.buyOffer(ELEVEN, { energy: kwh(1), price: perKwh(1), sequence });
/** 20 kWh x 11 = 220 tokens of 200. */
const dear = say.buyOffer(ELEVEN, { energy: kwh(20), price: perKwh(11), sequence: 2 });

/** home, buyer1 and seller1 with a 10 kW PV since 10:05, gone@vt.edu revoked, buyer1's bid 1 at 10:06. */
function street(validators: readonly string[] = FOUR): TestChain {
  const chain = new TestChain(makeRules({ validators }));
  const names = [HOME, BUYER, SELLER, "gone@vt.edu"];
  chain.add(
    T("10:05:00"),
    ...names.map((name) => [name, registration(name)] as const),
    [SELLER, say.registerPv(SELLER, "seller1house")],
    [null, say.revoke(1, "gone@vt.edu")],
  );
  chain.add(T("10:06:00"), [BUYER, bid(1)]);
  return chain;
}

/** Two proposers of four close the bidding for 11:00. */
function seal(chain: TestChain): void {
  chain.addBy("v1@vt.edu", T("10:59:05"));
  chain.addBy("v2@vt.edu", T("10:59:15"));
}

type HomeOptions = {
  readonly chain?: TestChain;
  readonly store?: Store;
  readonly time?: string;
  readonly hasPv?: boolean;
};

/** The agent of home@vt.edu at 10:20, with the chain's blocks on its disk; not started. */
function openHome(options: HomeOptions = {}) {
  const { chain = street(), time = "10:20:00" } = options;
  const { rules } = chain;
  const disk = options.store ?? createMemoryStore();
  if (options.store === undefined) storeChain(disk, chain);
  const journal: string[] = [];
  const store: Store = {
    ...disk,
    commit: (block) => {
      disk.commit(block);
      journal.push(`disk: block ${block.height}`);
    },
    saveSigned: (durable, record) => {
      disk.saveSigned(durable, record);
      journal.push(`disk: ${record.type}`);
    },
    saveOwnTransaction: (own) => {
      disk.saveOwnTransaction(own);
      journal.push("disk: own transaction");
    },
    dropOwnTransactions: (ids) => {
      disk.dropOwnTransactions(ids);
      journal.push("disk: own transaction dropped");
    },
  };
  const network = createFakeNetwork((topic, message) => {
    const what = topic === "transaction" ? topic : describeMessage(message).split(" ")[0];
    journal.push(`sent: ${what}`);
  });
  const clock = createFakeClock(at(T(time)));
  const publisher = createRecordingPublisher();
  const log = createRecordingLog();
  const limits = {
    sell: { reservePrice: perKwh(1), mostEnergy: kwh(6) },
    buy: { bidPrice: perKwh(3), mostEnergy: kwh(6) },
  };
  const agent = createAgent(
    {
      ...{ rules, limits, pollInterval: MINUTE_MS, administrator: null },
      member: { firstName: "Ho", lastName: "Me" },
      pv: options.hasPv === true ? { pvId: pvId("homehouse"), capacity: watts(5000) } : null,
    },
    { clock, network, store, signer: testCard(HOME), devices: [], publisher, log },
  );
  const receive = (message: Uint8Array): Reception =>
    network.handlers().received("transaction", message, NEIGHBOUR);
  return { agent, chain, rules, disk, journal, network, clock, publisher, log, receive };
}

function openStarted(options: HomeOptions = {}) {
  const home = openHome(options);
  home.agent.start();
  return home;
}
const bytes = (rules: Rules, author: string | null, payload: Payload) =>
  encodeTransaction(communityId(rules), signed(rules, author, payload));
/** What the agent would give a neighbour that knows nothing. */
function pendingAt({ network }: ReturnType<typeof openHome>): readonly Uint8Array[] {
  const body = transactionsRequest.encode({ height: 0, known: [], offered: [] });
  const reply = network.handlers().requested("transactions", body, NEIGHBOUR);
  return mustBeAccepted(transactionsReply.decode(reply as Uint8Array), "an answer").transactions;
}

describe("a transaction that is not in order", () => {
  type Bad = (rules: Rules) => Uint8Array;
  const by =
    (author: string | null, payload: Payload): Bad =>
    (rules) =>
      bytes(rules, author, payload);
  const signedBy =
    (signer: string, author: string | null, payload: Payload): Bad =>
    (rules) => {
      const unsigned = { author: author === null ? null : memberId(author), payload };
      const { sign } = testKey(signer);
      return encodeTransaction(
        communityId(rules),
        signTransaction(communityId(rules), unsigned, sign),
      );
    };
  const foreign = (): Payload => {
    const { publicKey } = testKey("new@vt.edu");
    const certificate = testCertificate({
      ...{ memberId: "new@vt.edu", publicKey },
      ca: testKey("another CA"),
    });
    return { ...registration("new@vt.edu"), certificate } as Payload;
  };
  const offer = (pv: string, energy: number) => say.pvOffer(ELEVEN, pv, { energy: kwh(energy) });

  const bad: readonly (readonly [string, string, Reception, Bad])[] = [
    ["cannot be read", "malformed", "reject", () => Uint8Array.of(1, 2, 3)],
    ["is too large", "malformed", "reject", () => new Uint8Array(TRANSACTION_BYTES_MAX + 1)],
    ["is unsigned", "badSignature", "reject", (r) => bytes(r, BUYER, bid(2)).fill(0, -64)],
    ["is signed by another member", "badSignature", "reject", signedBy(SELLER, BUYER, bid(2))],
    [
      "is a grant that the CA did not sign",
      "badSignature",
      "reject",
      signedBy(BUYER, null, say.grant(9, BUYER, 1_000_000n as never)),
    ],
    ["is a stranger's", "unknownMember", "ignore", by("mallory@vt.edu", bid(2))],
    [
      "is for another community",
      "otherCommunity",
      "ignore",
      () => bytes(makeRules({ name: "another street" }), BUYER, bid(2)),
    ],
    ["is replayed", "staleSequence", "ignore", by(BUYER, bid(1))],
    ["is a replayed registration", "memberExists", "ignore", by(BUYER, registration(BUYER))],
    ["is of a revoked card", "revoked", "ignore", by("gone@vt.edu", bid(2))],
    ["is certified by another CA", "notIssuedByCa", "ignore", by("new@vt.edu", foreign())],
    [
      "claims another balance than the community gives",
      "balanceNotInitial",
      "ignore",
      by("new@vt.edu", registration("new@vt.edu", 201_000_000n as never)),
    ],
    [
      "is a member's grant",
      "notAllowed",
      "ignore",
      by(BUYER, say.grant(9, BUYER, 1_000_000n as never)),
    ],
    [
      "is for a listing that never was",
      "listingUnknown",
      "ignore",
      by(BUYER, say.buyOffer("01Jun26-12:00", { energy: kwh(1), price: perKwh(1) })),
    ],
    [
      "is beyond the PV's capacity",
      "beyondCapacity",
      "ignore",
      by(SELLER, offer("seller1house", 11)),
    ],
    ["is of a foreign PV", "notOwner", "ignore", by(BUYER, offer("seller1house", 1))],
    ["is beyond the balance", "insufficientFunds", "ignore", by(BUYER, dear)],
  ];
  it.each(bad)("%s: %s, %s", (_name, code, reception, make) => {
    const home = openStarted();
    const before = { head: home.agent.head(), state: home.agent.ledger() };
    expect(home.receive(make(home.rules))).toBe(reception);
    expect(home.agent.refusals()).toEqual(new Map([[code, 1]]));
    expect({ head: home.agent.head(), state: home.agent.ledger() }).toEqual(before);
    expect([pendingAt(home), home.journal]).toEqual([[], []]);
  });

  // A seal at 10:59:15, or the void hour from 11:00 on, which the clock alone makes.
  it.each([
    ["10:59:15", true],
    ["11:00:00", false],
  ])("is for a closed listing: listingNotOpen, ignore (%s, seal %s)", (time, hasSeal) => {
    const chain = street();
    if (hasSeal) seal(chain);
    const home = openStarted({ chain, time });
    const root = home.agent.head();
    expect(home.receive(bytes(chain.rules, BUYER, bid(2)))).toBe("ignore");
    expect(home.receive(bytes(chain.rules, SELLER, bid(1)))).toBe("ignore");
    expect(home.agent.refusals()).toEqual(new Map([["listingNotOpen", 2]]));
    expect([home.agent.head(), pendingAt(home)]).toEqual([root, []]);
  });

  it("amends after the cut-off: amendedTooLate; a first bid may have been heard in time elsewhere", () => {
    const home = openStarted({ time: "10:59:00" });
    const first = bytes(home.rules, SELLER, bid(1));
    expect(home.receive(bytes(home.rules, BUYER, bid(2)))).toBe("ignore");
    expect(home.receive(first)).toBe("accept");
    expect(home.agent.refusals()).toEqual(new Map([["amendedTooLate", 1]]));
    expect(pendingAt(home)).toEqual([first]);
  });

  it("is counted each time, by its code; what is only known already is not", () => {
    const home = openStarted();
    const good = bytes(home.rules, BUYER, bid(2));
    expect([home.receive(good), home.receive(good)]).toEqual(["accept", "ignore"]);
    for (let i = 0; i < 3; i += 1) home.receive(Uint8Array.of(i));
    home.receive(bytes(home.rules, BUYER, bid(1)));
    expect(home.agent.refusals()).toEqual(
      new Map([
        ["malformed", 3],
        ["staleSequence", 1],
      ]),
    );
    expect(pendingAt(home)).toEqual([good]);
  });

  it("comes in an answer or a question of a neighbour: counted all the same", () => {
    const home = openStarted();
    home.network.join("v1@vt.edu");
    const [question] = home.network.open("transactions");
    const transactions = [bytes(home.rules, BUYER, bid(1)), bytes(home.rules, BUYER, bid(2))];
    question?.answered(transactionsReply.encode({ height: 2, transactions }));
    const offered = [bytes(home.rules, "mallory@vt.edu", bid(2))];
    const body = transactionsRequest.encode({ height: 2, known: [], offered });
    home.network.handlers().requested("transactions", body, NEIGHBOUR);
    expect(home.agent.refusals()).toEqual(
      new Map([
        ["staleSequence", 1],
        ["unknownMember", 1],
      ]),
    );
    expect(pendingAt(home)).toEqual([transactions[1]]);
  });

  it("is a consensus message: its refusal is counted as well", () => {
    const home = openStarted();
    const subject = { vote: "prevote", height: 3, round: 0, blockId: null } as const;
    const receive = (message: Uint8Array) =>
      home.network.handlers().received("consensus", message, NEIGHBOUR);
    expect(receive(Uint8Array.of(1))).toBe("reject");
    expect(receive(vote(home.rules, "v2@vt.edu", subject, "v3@vt.edu"))).toBe("reject");
    expect(receive(vote(home.rules, HOME, subject))).toBe("reject");
    expect(home.agent.refusals()).toEqual(
      new Map([
        ["malformed", 1],
        ["badSignature", 1],
        ["notValidator", 1],
      ]),
    );
  });
});

describe("what the home submits", () => {
  it("goes to disk, out, into a block, and is answered, each in its place", () => {
    // The only validator of its street.
    const home = openStarted({ chain: street([HOME]) });
    home.agent.submit(bid(1), (outcome) => {
      home.journal.push(outcome.ok ? `done at ${home.agent.head().height}` : "refused");
    });
    home.clock.advance(1000);
    expect(home.journal).toEqual([
      ...["disk: own transaction", "sent: transaction"],
      ...["disk: proposal", "sent: proposal", "disk: prevote", "sent: prevote"],
      ...["disk: precommit", "sent: precommit", "disk: block 3"],
      ...["disk: own transaction dropped", "done at 3"],
    ]);
    const placed = home.agent
      .ledger()
      .listings.get(ELEVEN as never)
      ?.buyOffers.get(HOME as never);
    expect(placed).toMatchObject({ sequence: 1, energy: 1000 });
    expect(home.publisher.of("block")).toMatchObject([{ height: 3, round: 0, transactions: 1 }]);
    expect(home.publisher.of("ledger").map(({ event }) => event.type)).toEqual([
      "buyOfferPlaced",
      "balanceChanged",
    ]);
  });

  it("is numbered where a door asks for it, whatever the home says itself", () => {
    const home = openStarted({ chain: street([HOME]) });
    const { door } = home.agent;
    const outcomes: string[] = [];
    const ask = (energy: number) =>
      door.submit(
        {
          type: "buyOffer",
          listingId: ELEVEN as never,
          energy: energy as never,
          bidPrice: 1 as never,
        },
        testCard(HOME),
        (outcome) => outcomes.push(outcome.ok ? outcome.value : outcome.refusal.code),
      );
    home.agent.submit(bid(1), () => {});
    ask(500);
    ask(600);
    home.clock.advance(3000);
    expect(outcomes.map((id) => id.length)).toEqual([64, 64]);
    const placed = door
      .ledger()
      .listings.get(ELEVEN as never)
      ?.buyOffers.get(HOME as never);
    expect(placed).toMatchObject({ sequence: 3, energy: 600, transactionId: outcomes[1] });
    expect([door.self, door.isCaughtUp(), door.peers(), door.now()]).toEqual([
      ...[HOME, true, [], home.clock.now()],
    ]);
    // Without a store's history there is none.
    expect(door.history.listings(10)).toEqual([]);
    ask(999_999);
    expect(outcomes[2]).toBe("beyondBidMax");
  });

  it("is refused with the facts where it can never land, and goes nowhere", () => {
    const home = openStarted();
    const outcomes: unknown[] = [];
    home.agent.submit(dear, (outcome) => outcomes.push(outcome));
    expect(outcomes).toEqual([
      { ok: false, refusal: { code: "insufficientFunds", free: "200", need: "220" } },
    ]);
    expect(home.journal).toEqual([]);
  });

  it("is offered to every neighbour that joins, until a block holds it", () => {
    const home = openStarted();
    home.agent.submit(bid(1), () => {});
    const own = home.network.said("transaction");
    home.network.join("v1@vt.edu", "v2@vt.edu");
    home.clock.advance(3000);
    const offered = () =>
      home.network.asked
        .filter(({ protocol }) => protocol === "transactions")
        .map(({ body }) => mustBeAccepted(transactionsRequest.decode(body), "a question").offered);
    expect(offered()).toEqual([own, own, own]);
    const { chain } = home;
    const block = chain.add(T("10:20:02"), [HOME, bid(1)]).block;
    follow(home, block.header.height);
    home.clock.advance(3000);
    expect(offered().at(-1)).toEqual([]);
    expect(home.disk.ownTransactions()).toEqual([]);
  });

  it("survives a power cut before any neighbour heard of it, and is not signed again", () => {
    const before = openStarted();
    before.agent.submit(bid(1), () => {});
    const after = openStarted({ chain: before.chain, store: before.disk });
    after.network.join("v1@vt.edu");
    const [question] = after.network.open("transactions");
    expect(transactionsRequest.decode(question?.body as Uint8Array)).toMatchObject({
      value: { offered: before.network.said("transaction") },
    });
    expect(pendingAt(after)).toEqual(before.network.said("transaction"));
    expect(after.journal).toEqual([]);
  });

  it("is given up after the block that closes its listing", () => {
    const home = openStarted();
    const outcomes: unknown[] = [];
    home.agent.submit(bid(1), (outcome) => outcomes.push(outcome));
    home.clock.advanceTo(at(T("10:59:16")));
    seal(home.chain);
    follow(home, 3);
    expect([outcomes, pendingAt(home)]).toEqual([[], home.network.said("transaction")]);
    follow(home, 4);
    expect(outcomes).toMatchObject([{ ok: false, refusal: { code: "listingNotOpen" } }]);
    expect(home.publisher.of("refused")).toHaveLength(1);
    expect([home.disk.ownTransactions(), pendingAt(home)]).toEqual([[], []]);
  });
});

/** Block sync brings the home the chain's blocks up to `height`, certified. */
function follow({ agent, chain, rules, network }: ReturnType<typeof openHome>, height: number) {
  const items = chain.blocks.slice(agent.head().height, height).map((block) => {
    const certificate = certificateFor(rules, block.header.height, blockId(block.header));
    return { block: encodeBlock(block), certificate: encodeCertificate(certificate) };
  });
  const body = transactionsRequest.encode({ height, known: [], offered: [] });
  network.handlers().requested("transactions", body, NEIGHBOUR);
  const [question] = network.open("blocks");
  question?.answered(blocksReply.encode({ height, blocks: items }));
  expect(agent.head().height).toBe(height);
}

describe("a start", () => {
  it("says who it is and where it stands, and comes to the root that it had", () => {
    const { agent, chain, publisher, disk } = openStarted();
    const root = chain.blocks[1]?.header.stateRoot;
    expect(publisher.of("started")).toEqual([
      { type: "started", home: HOME, height: 2, stateRoot: root },
    ]);
    expect(stateRoot(agent.ledger())).toBe(root);
    const again = openHome({ chain, store: disk });
    expect(again.agent.head()).toEqual(agent.head());
    expect(again.agent.ledger()).toEqual(agent.ledger());
  });

  it("of a home that nobody knows registers it, and its PV after that", () => {
    const chain = new TestChain(makeRules({ validators: [HOME] }));
    const home = openStarted({ chain, hasPv: true });
    expect(home.journal).toEqual(["disk: own transaction", "sent: transaction"]);
    home.clock.advance(1000);
    expect(home.agent.ledger().members.has(memberId(HOME))).toBe(true);
    home.clock.advance(1000);
    expect(home.agent.ledger().pvs.get(pvId("homehouse"))).toMatchObject({ owner: HOME });
    expect(home.disk.ownTransactions()).toEqual([]);
  });

  it("ends with a stop that leaves nothing behind", () => {
    const { agent, clock, network } = openStarted({ chain: street([HOME]) });
    agent.stop();
    expect(clock.waiting()).toBe(0);
    clock.advance(3_600_000);
    expect([network.published, agent.head().height]).toEqual([[], 2]);
  });
});

describe("a certified block that this build computes otherwise", () => {
  it("stops the agent, which says so and keeps its ledger", () => {
    const home = openStarted();
    const { chain, rules, agent, network, publisher, clock, log, disk } = home;
    const { header, ...rest } = chain.add(T("10:20:01")).block;
    const wrong = { ...rest, header: { ...header, stateRoot: "0".repeat(64) } };
    const before = agent.head();
    const body = transactionsRequest.encode({ height: 3, known: [], offered: [] });
    network.handlers().requested("transactions", body, NEIGHBOUR);
    const certificate = encodeCertificate(certificateFor(rules, 3, blockId(wrong.header)));
    const blocks = [{ block: encodeBlock(wrong), certificate }];
    network.open("blocks")[0]?.answered(blocksReply.encode({ height: 3, blocks }));
    expect(publisher.of("halted")).toEqual([
      { type: "halted", reason: expect.stringContaining("wrongStateRoot") },
    ]);
    expect(log.of("error")).toMatchObject([{ facts: { code: "wrongStateRoot" } }]);
    expect([agent.head(), disk.blocks(3, 1)]).toEqual([before, []]);
    expect(clock.waiting()).toBe(0);
    clock.advance(3_600_000);
    expect(home.journal).toEqual([]);
  });
});

describe("neighbours", () => {
  it("are told of as they come and go", () => {
    const { network, publisher } = openStarted();
    network.join("v1@vt.edu", "v2@vt.edu");
    network.leave("v1@vt.edu");
    expect(publisher.of("peers").map(({ peers }) => peers)).toEqual([
      ["v1@vt.edu"],
      ["v1@vt.edu", "v2@vt.edu"],
      ["v2@vt.edu"],
    ]);
  });

  const admit = (agentAndNetwork: ReturnType<typeof openHome>, card: TestCard, key?: Uint8Array) =>
    agentAndNetwork.network.handlers().admit(card.certificate, key ?? card.publicKey);
  it("are admitted with a card of this community's CA, registered or not yet", () => {
    const home = openStarted();
    expect(admit(home, testCard(BUYER))).toBe(BUYER);
    expect(admit(home, testCard("new@vt.edu"))).toBe("new@vt.edu");
  });

  const shut: readonly (readonly [string, () => readonly [Uint8Array, Uint8Array]])[] = [
    ["is no certificate", () => [Uint8Array.of(1, 2), testKey(BUYER).publicKey]],
    ["is shown by another key", () => [testCard("new@vt.edu").certificate, testKey("x").publicKey]],
    ["is another CA's", () => certified("new@vt.edu", { ca: testKey("another CA") })],
    ["is over", () => certified("new@vt.edu", { notAfter: new Date("2026-05-31T00:00:00Z") })],
    [
      "is not valid yet",
      () => certified("new@vt.edu", { notBefore: new Date("2027-01-01T00:00:00Z") }),
    ],
    ["is revoked", () => [testCard("gone@vt.edu").certificate, testKey("gone@vt.edu").publicKey]],
    [
      "names a member that registered another key",
      () => certified(BUYER, { publicKey: testKey("stolen").publicKey }),
    ],
  ];
  it.each(shut)("are not admitted with a card that %s", (_name, card) => {
    const [certificate, publicKey] = card();
    expect(openStarted().network.handlers().admit(certificate, publicKey)).toBeNull();
  });
});

type Certified = Partial<Parameters<typeof testCertificate>[0]>;

function certified(name: string, change: Certified): readonly [Uint8Array, Uint8Array] {
  const publicKey = change.publicKey ?? testKey(name).publicKey;
  return [testCertificate({ memberId: name, publicKey, ...change }), publicKey];
}
