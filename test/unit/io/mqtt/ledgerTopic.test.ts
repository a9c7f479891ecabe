// What the topic `ledger` says when validators misbehave or change: who, what, at which height, and who votes on the
// next block, told by the block that brings it.

import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeEach, expect, it } from "vitest";
import { stateRoot } from "../../../../agent/core/ledger/state.ts";
import type { PayloadOf } from "../../../../agent/core/ledger/transaction.ts";
import { watts } from "../../../../agent/core/units/energy.ts";
import { type MemberId, memberId } from "../../../../agent/core/units/ids.ts";
import { unixMs } from "../../../../agent/core/units/time.ts";
import { createBoard } from "../../../../agent/io/mqtt/board.ts";
import { createCounters } from "../../../../agent/io/mqtt/counters.ts";
import { ledgerState } from "../../../../agent/io/mqtt/payloads.ts";
import { createTeller } from "../../../../agent/io/mqtt/teller.ts";
import { NO_TRADES } from "../../../../agent/io/mqtt/trades.ts";
import type { AgentDoor } from "../../../../agent/ports.ts";
import { TOPIC_SCHEMAS } from "../../../../broker/topicSchemas.ts";
import { homeTopics, type LedgerTopicState } from "../../../../broker/topics.ts";
import {
  doubleBuyOffer,
  doubleProposal,
  doubleReceipt,
  doubleVote,
  report,
} from "../../../support/accusations.ts";
import { ChangingChain } from "../../../support/changingChain.ts";

const [V1, V2, V3, V4] = ["v1@vt.edu", "v2@vt.edu", "v3@vt.edu", "v4@vt.edu"] as const;
const [ANN, EVE] = ["ann@vt.edu", "eve@vt.edu"] as const;
const topics = homeTopics("ann");
const isRight = new Ajv2020({ allowUnionTypes: true }).compile(TOPIC_SCHEMAS.ledger);

let chain: ChangingChain;
beforeEach(() => {
  chain = new ChangingChain([V1, V2, V3, V4], [ANN, EVE]);
});

/** Everything that an agent of that chain says on `ledger`, parsed; `built` after each block. */
function listen(peers: readonly MemberId[] = []) {
  const board = createBoard();
  const waiting: (() => void)[] = [];
  const door: Partial<AgentDoor> = {
    ...{ self: memberId(ANN), rules: chain.rules, ledger: () => chain.state },
    ...{ peers: () => peers, now: () => chain.state.time, isCaughtUp: () => true },
  };
  const trades = {
    version: 1,
    clientSuffix: "0".repeat(12),
    devices: {},
    trades: NO_TRADES,
  } as const;
  const most = { production: watts(1), grid: watts(1) };
  const teller = createTeller({
    ...{ door: door as AgentDoor, topics, board, devices: [], pollSeconds: 10, discovery: null },
    counters: createCounters({ value: trades, save: () => true }, [], most),
    composer: { namespace: "org.acme.pv.auction", rules: chain.rules },
    isClockSynchronised: () => true,
    measured: { clockOffsetMs: () => null, roundTripsMs: () => new Map() },
    process: () => ({ version: "0", uptime_s: 0, rss_mb: 0, rest: null }),
    monotonic: () => 0,
    later: (run) => void waiting.push(run),
  });
  return (): LedgerTopicState | null => {
    const { height, time, lastBlock } = chain.state;
    const blockId = lastBlock?.blockId ?? ("0".repeat(64) as never);
    const facts = { round: 0, transactions: 1, stateRoot: stateRoot(chain.state) };
    teller.publish({ type: "block", height, time, blockId, ...facts });
    for (const run of waiting.splice(0)) run();
    let said: LedgerTopicState | null = null;
    for (let one = board.next(0); one !== null; one = board.next(0)) {
      if (one.topic !== topics.ledger) continue;
      said = JSON.parse(one.payload) as LedgerTopicState;
      expect(isRight(said), JSON.stringify(isRight.errors)).toBe(true);
      expect(one.retain).toBe(true);
    }
    return said;
  };
}

const accuse = (accusation: Parameters<typeof report>[0]) => chain.next([ANN, report(accusation)]);

it("names who voted twice, with kind and height, and that its seat is gone two blocks later", () => {
  const heard = listen([memberId(V2), memberId(V1)]);
  expect(heard()).toMatchObject({ height: 1, evidence: [], peers: [V1, V2] });
  accuse(doubleVote(chain.rules, V4, { height: 1, round: 3, vote: "precommit" }));
  const named = { kind: "doubleVote", offender: V4, height: 1, subject: "precommit 1/3" };
  // Block 2 says it; V4 has its vote on block 3 still, and none on block 4.
  expect(heard()).toMatchObject({ height: 2, evidence: [named], validators: [V1, V2, V3, V4] });
  chain.next();
  expect(heard()).toMatchObject({ height: 3, evidence: [named], validators: [V1, V2, V3] });
});

it("says each kind once, in the order in which they were shown", () => {
  const heard = listen();
  const receipt: PayloadOf<"receipt"> = {
    ...{ type: "receipt", sequence: 1, previous: null, from: unixMs(0), to: unixMs(5) },
    entries: [],
  };
  accuse(doubleProposal(chain.rules, V4, 2));
  accuse(doubleReceipt(chain.rules, V3, receipt));
  // Of one height: the second is what the first has said already, and does not come in.
  expect(() => accuse(doubleProposal(chain.rules, V4, 2))).toThrow("evidenceKnown");
  expect(heard()?.evidence).toEqual([
    { kind: "doubleProposal", offender: V4, height: 2, subject: "proposal 2/0" },
    { kind: "doubleReceipt", offender: V3, height: null, subject: "receipt 1" },
  ]);
});

it("names a member who does not vote, too; whoever votes keeps voting", () => {
  const heard = listen();
  // The listing of 13:00 opens at 16:01 UTC.
  while (chain.state.listings.size === 0) chain.next();
  const [listing] = [...chain.state.listings.keys()];
  accuse(doubleBuyOffer(chain.rules, EVE, String(listing)));
  const said = heard();
  expect(said?.evidence).toMatchObject([{ kind: "doubleBuyOffer", offender: EVE, height: null }]);
  expect(said?.validators).toEqual([V1, V2, V3, V4]);
});

it("shows who votes when the CA changes it, from the block on that they vote", () => {
  const heard = listen();
  chain.change({ add: [EVE] });
  expect(heard()?.validators).toEqual([V1, V2, V3, V4]);
  chain.next();
  expect([...(heard()?.validators ?? [])].sort()).toEqual([EVE, V1, V2, V3, V4]);
});

it("lists the newest hundred", () => {
  const accused = Array.from({ length: 101 }, (_, at) => ({
    ...{ kind: "doubleVote" as const, offender: memberId(V4), subject: `prevote ${at}/0` },
    ...{ at, listingId: null },
  }));
  const evidence = new Map(accused.map((one) => [one.subject, one]));
  const said = ledgerState({ ...chain.state, evidence }, { stateRoot: "", peers: [] }).evidence;
  expect([said.length, said[0]?.height, said.at(-1)?.height]).toEqual([100, 1, 100]);
});
