// Who signs twice is reported, from whatever a home hears and however late; nobody is for what a crash does.
// START is 09:50; four validators, v1 proposes the first block.

import { expect, it } from "vitest";
import { encodeCertificate } from "../../../agent/core/consensus/message.ts";
import { blockId, encodeBlock } from "../../../agent/core/ledger/block.ts";
import { communityId } from "../../../agent/core/ledger/rules.ts";
import { genesis } from "../../../agent/core/ledger/state.ts";
import {
  decodeTransaction,
  encodeTransaction,
  type Payload,
} from "../../../agent/core/ledger/transaction.ts";
import { type MemberId, memberId } from "../../../agent/core/units/ids.ts";
import { createEvidenceLoop } from "../../../agent/loops/evidence.ts";
import { blocksReply } from "../../../agent/loops/wire.ts";
import type { Store } from "../../../agent/ports.ts";
import { doubleVote, report } from "../../support/accusations.ts";
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
import { createFakeClock, createMemoryStore, createRecordingLog } from "../../support/fakes.ts";
import {
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
} from "../../support/ledger.ts";
import { blockOn, proposal, storeChain, vote } from "../../support/voices.ts";

const FROM = V4 as MemberId;
const rules = makeRules({ validators: FOUR });
const community = communityId(rules);
const subject = (
  height: number,
  round: number,
  digit: string | null,
  type: "prevote" | "precommit" = "prevote",
) =>
  ({
    vote: type,
    height,
    round,
    blockId: digit === null ? null : (digit.repeat(64) as never),
  }) as const;

/** Every accusation that the home has sent: kind, offender, subject. */
function accusations({ network }: AttackHome): string[] {
  return network.said("transaction").flatMap((bytes) => {
    const decoded = decodeTransaction(community, bytes);
    if (!decoded.ok || decoded.value.payload.type !== "evidence") return [];
    const { accusation: of } = decoded.value.payload;
    if ("round" in of) return [`${of.type} ${of.offender} ${of.height}/${of.round}`];
    return [`${of.type} ${of.offender} ${of.sequence}`];
  });
}

const hear = ({ network }: AttackHome, ...messages: readonly Uint8Array[]) =>
  messages.map((message) => network.handlers().received("consensus", message, FROM));
const tell = ({ network }: AttackHome, who: string, payload: Payload) =>
  network
    .handlers()
    .received("transaction", encodeTransaction(community, signed(rules, who, payload)), FROM);

/** The ledger goes on by blocks that others have certified. */
function sync(home: AttackHome, chain: TestChain, from: number): void {
  home.network.join(V4);
  hear(home, vote(rules, V4, subject(chain.state.height + 1, 0, null)));
  const [request] = home.network.open("blocks");
  const blocks = chain.blocks.slice(from).map((block) => ({
    block: encodeBlock(block),
    certificate: encodeCertificate(
      certificateFor(rules, block.header.height, blockId(block.header)),
    ),
  }));
  request?.answered(blocksReply.encode({ height: chain.state.height, blocks }));
  expect(home.agent.head().height).toBe(chain.state.height);
}

function started(name: string = V2, store?: Store): AttackHome {
  const clock = createFakeClock(START);
  const home = attackHome(name, { rules, clock, ...(store === undefined ? {} : { store }) });
  home.agent.start();
  return home;
}

/** All four are members; the listing of 11:00 (07:00 in Virginia) opens at 10:01. */
function street(): TestChain {
  const chain = new TestChain(rules);
  chain.add(START - 60_000, ...FOUR.map((name) => [name, registration(name)] as const));
  return chain;
}

// ------------------------------------------------------------------------------- the agreement

it("reports two votes of the height under way, once, and says which card", () => {
  const home = started();
  const [a, b] = [subject(1, 0, "a"), subject(1, 0, null)];
  hear(home, vote(rules, V3, a), vote(rules, V3, b), vote(rules, V3, a), vote(rules, V3, b));
  hear(home, vote(rules, V3, subject(1, 0, "b")));
  expect(accusations(home)).toEqual([`doubleVote ${V3} 1/0`]);
  expect(home.log.of("reporting a card that signed twice")).toMatchObject([
    { level: "warn", facts: { kind: "doubleVote", offender: V3, subject: "prevote 1/0" } },
  ]);
});

it("reports two proposals of one round", () => {
  const home = started();
  const state = genesis(rules);
  const [one, other] = [START, START + 1].map((time) => blockOn(state, { time, proposer: V1 }));
  if (one === undefined || other === undefined) throw new Error("two blocks");
  hear(home, proposal(rules, V1, { built: one }), proposal(rules, V1, { built: other }));
  expect(accusations(home)).toEqual([`doubleProposal ${V1} 1/0`]);
});

it("reports what comes for a height that has not begun here", () => {
  const home = started();
  const early = (digit: string | null) => vote(rules, V3, subject(2, 0, digit));
  expect(hear(home, early("a"), early("a"), early(null))).toEqual(["accept", "ignore", "ignore"]);
  expect(accusations(home)).toEqual([`doubleVote ${V3} 2/0`]);
  const forged = vote(rules, V1, subject(2, 0, null), V3);
  hear(home, vote(rules, V1, subject(2, 0, "a")));
  expect(hear(home, forged)).toEqual(["reject"]);
  expect(accusations(home)).toHaveLength(1);
});

it("reports what comes after the height is over, whether the first came in time or not", () => {
  const home = started();
  const chain = new TestChain(rules);
  hear(home, vote(rules, V3, subject(1, 0, "a")));
  chain.addBy(V1, START + 1);
  sync(home, chain, 0);
  expect(accusations(home)).toEqual([]);
  expect(hear(home, vote(rules, V3, subject(1, 0, null)))).toEqual(["ignore"]);
  expect(accusations(home)).toEqual([`doubleVote ${V3} 1/0`]);
  hear(home, vote(rules, V1, subject(1, 0, "a")), vote(rules, V1, subject(1, 0, "b")));
  expect(accusations(home).slice(1)).toEqual([`doubleVote ${V1} 1/0`]);
  // A forgery of a past height still costs whoever passes it on.
  expect(hear(home, vote(rules, V4, subject(1, 3, null), V1))).toEqual(["reject"]);
  expect(hear(home, vote(rules, "x@vt.edu", subject(1, 0, null)))).toEqual(["ignore"]);
});

it("waits with what the ledger cannot take at once, and crowds out nothing of its own", () => {
  const home = started();
  for (let round = 0; round <= 9; round += 1) {
    hear(home, vote(rules, V3, subject(1, round, "a")), vote(rules, V3, subject(1, round, null)));
  }
  expect(accusations(home)).toHaveLength(8);
});

it("never accuses itself: the others will", () => {
  const home = started();
  hear(home, vote(rules, V2, subject(1, 0, "a")), vote(rules, V2, subject(1, 0, null)));
  expect(accusations(home)).toEqual([]);
  expect(home.log.of("this home's card signs elsewhere too")).toHaveLength(1);
});

it("a committed accusation is an error in the log that names the card, and people are told", () => {
  const chain = street();
  chain.add(START, [V1, report(doubleVote(rules, V3))]);
  const home = started();
  sync(home, chain, 0);
  const facts = {
    kind: "doubleVote",
    offender: V3,
    reporter: V1,
    subject: "prevote 1/0",
    height: 2,
  };
  expect(home.log.of("error")).toMatchObject([{ facts }]);
  const told = home.publisher.of("ledger").filter(({ event }) => event.type === "evidence");
  expect(told).toEqual([{ type: "ledger", height: 2, event: { type: "evidence", ...facts } }]);
  expect(home.agent.ledger().nextValidators.map((one) => one.memberId)).toEqual([V1, V2, V4]);
});

it("punishes who passes on an accusation that nobody could believe, and not one that is old", () => {
  const home = started();
  sync(home, street(), 0);
  const good = doubleVote(rules, V3);
  expect(tell(home, V1, report({ ...good, b: good.a }))).toBe("reject");
  const unsigned = { ...good.b, signature: new Uint8Array(64) };
  expect(tell(home, V1, report({ ...good, b: unsigned }))).toBe("reject");
  expect(tell(home, V1, report(doubleVote(rules, V3, { height: 9 })))).toBe("ignore");
  expect(tell(home, V1, report(good))).toBe("accept");
});

// ------------------------------------------------------------------- offers, bids and receipts

const LISTING = "01Jun26-07:00";
const bid = (energy: number, sequence = 1): Payload =>
  say.buyOffer(LISTING, { energy: kwh(energy), price: perKwh(1), sequence });

/** 10:01:30, with the listing open. */
function openStreet(): TestChain {
  const chain = street();
  chain.add(START + 690_000);
  expect(chain.listing(LISTING)?.state).toBe("ACCEPT_OFFERS");
  return chain;
}

function openHome(chain = openStreet(), name: string = V2): AttackHome {
  const store = createMemoryStore();
  storeChain(store, chain);
  const clock = createFakeClock(chain.state.time + 1000);
  const home = attackHome(name, { rules, clock, store });
  home.agent.start();
  return home;
}

it("reports two bids of one sequence, both under way", () => {
  const home = openHome();
  expect(tell(home, V1, bid(1))).toBe("accept");
  tell(home, V1, bid(1));
  tell(home, V1, bid(2));
  tell(home, V1, bid(2, 2));
  expect(accusations(home)).toEqual([`doubleBuyOffer ${V1} 1`]);
});

it("reports a bid of the sequence that is on the ledger, after a restart too", () => {
  const chain = openStreet();
  chain.add(chain.state.time + 500, [V1, bid(1)]);
  const home = openHome(chain);
  expect(tell(home, V1, bid(2))).toBe("ignore");
  expect(accusations(home)).toEqual([`doubleBuyOffer ${V1} 1`]);
});

it("reports two receipts of one number", () => {
  const chain = openStreet();
  const home = openHome(chain);
  const [, receipt] = chain.receipt(V1, [["ab".repeat(32) as never, START + 690_500]]);
  tell(home, V1, receipt);
  tell(home, V1, { ...receipt, to: (receipt.to + 1) as never });
  expect(accusations(home)).toEqual([`doubleReceipt ${V1} 1`]);
});

it("believes no forged one", () => {
  const home = openHome();
  tell(home, V1, bid(1));
  const { author, payload, id } = signed(rules, V1, bid(2));
  const { signature } = signed(rules, V3, bid(2));
  const forged = encodeTransaction(community, { author, payload, id, signature });
  expect(home.network.handlers().received("transaction", forged, FROM)).toBe("reject");
  expect(accusations(home)).toEqual([]);
});

it("remembers at most 128 of one card, the newest", () => {
  const { state, verifier } = openStreet();
  const submitted: Payload[] = [];
  const loop = createEvidenceLoop({
    ...{ verifier, self: memberId(V2), log: createRecordingLog(), store: createMemoryStore() },
    ledger: () => state,
    submit: (payload) => submitted.push(payload),
  });
  const all = Array.from({ length: 129 }, (_, i) => signed(rules, V1, bid(1, i)));
  loop.ledgerChanged(all, []);
  const again = (sequence: number) =>
    loop.heard(encodeTransaction(community, signed(rules, V1, bid(2, sequence))), null);
  again(128);
  expect(submitted).toMatchObject([{ accusation: { offender: V1, sequence: 128 } }]);
  again(0);
  expect(submitted).toHaveLength(1);
});

// ------------------------------------------------------------------------------ honest, whatever breaks

it("an own bid is not signed again with something else, though it was refused or the power went", () => {
  const chain = openStreet();
  const store = createMemoryStore();
  storeChain(store, chain);
  const clock = createFakeClock(chain.state.time + 1000);
  const outcomes: unknown[] = [];
  const start = (): AttackHome => {
    const home = attackHome(V2, { rules, clock, store });
    home.agent.start();
    return home;
  };
  const submit = (home: AttackHome, payload: Payload) =>
    home.agent.submit(payload, (outcome) => outcomes.push(outcome));
  const before = start();
  submit(before, bid(1));
  submit(before, bid(2));
  const alreadySigned = { code: "alreadySigned", purpose: `buyOffer:${LISTING}:1` };
  expect(outcomes).toEqual([{ ok: false, refusal: alreadySigned }]);
  before.agent.stop();
  const after = start();
  submit(after, bid(2));
  expect(outcomes.slice(1)).toEqual([{ ok: false, refusal: alreadySigned }]);
  const other = openHome(chain, V3);
  for (const home of [before, after]) {
    for (const said of home.network.said("transaction")) {
      other.network.handlers().received("transaction", said, FROM);
    }
  }
  expect(accusations(other)).toEqual([]);
});

it("what a home said before and after a crash in the agreement accuses nobody", () => {
  const store = createMemoryStore();
  const clock = createFakeClock(START);
  const before = attackHome(V1, { rules, clock, store });
  before.agent.start();
  // The registration of its own gives it something to propose.
  clock.advance(1500);
  const said = before.network.said("consensus");
  expect(said.length).toBeGreaterThan(1);
  before.agent.stop();
  clock.advance(60_000);
  clock.setSynchronised(false);
  const after = attackHome(V1, { rules, clock, store });
  after.agent.start();
  clock.advance(5_000);
  clock.setSynchronised(true);
  clock.advance(20_000);
  const other = started(V2);
  hear(other, ...said, ...after.network.said("consensus"));
  expect(after.network.said("consensus").length).toBeGreaterThan(said.length);
  expect(accusations(other)).toEqual([]);
});
