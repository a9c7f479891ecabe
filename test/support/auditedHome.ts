// A home's data directory as its agent leaves it, small but with something in every table: a traded hour with
// its receipts, a revoked member, an accusation, a validator that leaves, a sign log with a lock, an unsaid transaction, samples.

import {
  encodeCertificate,
  proposalSignBytes,
  voteSignBytes,
} from "../../agent/core/consensus/message.ts";
import { type Block, encodeBlock } from "../../agent/core/ledger/block.ts";
import type { BuiltBlock } from "../../agent/core/ledger/buildBlock.ts";
import { communityId, encodeRules, type Rules } from "../../agent/core/ledger/rules.ts";
import { encodeState, type LedgerState } from "../../agent/core/ledger/state.ts";
import {
  decodeTransaction,
  encodeTransaction,
  type Payload,
} from "../../agent/core/ledger/transaction.ts";
import { wh } from "../../agent/core/units/energy.ts";
import type { BlockId } from "../../agent/core/units/ids.ts";
import { unixMs } from "../../agent/core/units/time.ts";
import { type OpenStore, openStore } from "../../agent/io/store/store.ts";
import type { SignedRecord } from "../../agent/ports.ts";
import { doubleBuyOffer, report } from "./accusations.ts";
import { certificateFor } from "./certificate.ts";
import {
  at,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
  testCard,
  tokens,
} from "./ledger.ts";
import { silentLog } from "./silentLog.ts";

export const SELLER = "seller1@vt.edu";
export const BUYER = "buyer1@vt.edu";
export const STRANGER = "former@vt.edu";
/** 15:00 in Virginia, which is 19:00Z: the hour that opens at 18:01Z. */
export const LISTING = "21Mar18-15:00";
export const AUDITED_RULES: Rules = makeRules({
  validators: [SELLER, BUYER, "seller2@vt.edu", "buyer2@vt.edu"],
});

type Said = Parameters<TestChain["add"]>[1];
type Add = (chain: TestChain) => BuiltBlock;

const block =
  (time: string, ...said: Said[]): Add =>
  (chain) =>
    chain.add(time, ...said);

/** Three of the four have heard of the offer at 18:09:59, and of the bid 100, 140 and 1000 ms later. */
const receipts: Add = (chain) => {
  const listing = chain.listing(LISTING);
  const [offer] = listing?.pvOffers.values() ?? [];
  const [bid] = listing?.buyOffers.values() ?? [];
  if (offer === undefined || bid === undefined) throw new Error("offer and bid are placed");
  const heardAt = at("2018-03-21T18:09:59Z");
  const said = (
    [
      [BUYER, 0],
      [SELLER, 40],
      ["seller2@vt.edu", 900],
    ] as const
  ).map(([validator, offset]) =>
    chain.receipt(validator, [
      [offer.transactionId, heardAt],
      [bid.transactionId, heardAt + 100 + offset],
    ]),
  );
  return chain.add("2018-03-21T18:59:05Z", ...said);
};

/** Of :59.100, :59.140 and 18:10:00.000 the second: f = 1. */
export const BID_STAMP = "2018-03-21T18:09:59.140Z";

function leaves(sequence: number, name: string): Payload {
  return { type: "validatorChange", sequence, add: [], remove: [testCard(name).memberId] };
}

/**
 * The blocks, each with what is said in it. One bid: MCP = 3 tokens/kWh, 4 kWh for 12 tokens. The fourth is
 * built by buyer1 and counts for the seal, the fifth by seller1 is the seal.
 */
const BLOCKS: readonly Add[] = [
  block(
    "2018-03-21T18:00:30Z",
    ...[SELLER, BUYER, STRANGER].map((name): Said => [name, registration(name)]),
  ),
  block("2018-03-21T18:02:00Z", [SELLER, say.registerPv(SELLER, "seller1house")]),
  block(
    "2018-03-21T18:10:00Z",
    [SELLER, say.pvOffer(LISTING, "seller1house", { energy: kwh(6), reserve: perKwh(2) })],
    [BUYER, say.buyOffer(LISTING, { energy: kwh(4), price: perKwh(3) })],
    [null, say.grant(1, BUYER, tokens(5))],
    [null, say.revoke(2, STRANGER)],
    [SELLER, report(doubleBuyOffer(AUDITED_RULES, BUYER, LISTING, 9))],
  ),
  receipts,
  (chain) => chain.addBy(SELLER, "2018-03-21T18:59:15Z"),
  block("2018-03-21T19:05:00Z", [
    BUYER,
    say.buyOffer("21Mar18-16:00", { energy: kwh(1), price: perKwh(3) }),
  ]),
  block(
    "2018-03-21T20:05:00Z",
    [SELLER, say.meterReading(LISTING, { imported: [100, 150], exported: [9000, 12_900] })],
    [null, leaves(3, "buyer2@vt.edu")],
  ),
  block("2018-03-21T20:16:00Z"),
];

export type AuditedHome = {
  readonly rules: Rules;
  readonly blocks: readonly Block[];
  /** After the last of them. */
  readonly state: LedgerState;
  /** The id of the buyer's bid for LISTING, in block 3 at place 1. */
  readonly bid: string;
};

/** Writes the directory and closes it, so that everything is in one file. */
export function writeAuditedHome(dir: string): AuditedHome {
  const chain = new TestChain(AUDITED_RULES);
  const { rules } = chain;
  const owner = { communityId: communityId(rules), memberId: testCard(SELLER).memberId };
  const store = openStore(dir, { ...owner, rules: encodeRules(rules), log: silentLog });
  for (const add of BLOCKS) {
    const { dropped } = add(chain);
    if (dropped.length > 0) throw new Error(JSON.stringify(dropped[0]));
    const { height } = chain.state;
    vote(store, chain, "prevote");
    vote(store, chain, "precommit");
    commit(store, chain, { hasCheckpoint: height >= 4 });
  }
  propose(store, chain);
  keepOwn(store, rules);
  store.close();
  const third = decodeTransaction(
    communityId(rules),
    chain.blocks[2]?.transactions[1] as Uint8Array,
  );
  if (!third.ok) throw new Error("the bid decodes");
  return { rules, blocks: chain.blocks, state: chain.state, bid: third.value.id };
}

/** Commits a chain's last block, with a certificate of all validators. */
export function commit(
  store: Pick<OpenStore, "commit">,
  chain: TestChain,
  { hasCheckpoint }: { readonly hasCheckpoint: boolean },
): void {
  const { block, blockId, events } = chain.last;
  const { header } = block;
  store.commit({
    height: header.height,
    blockId,
    time: header.time,
    proposer: header.proposer,
    round: 0,
    block: encodeBlock(block),
    certificate: encodeCertificate(certificateFor(chain.rules, header.height, blockId)),
    transactions: block.transactions.map((bytes) => {
      const decoded = decodeTransaction(header.community, bytes);
      if (!decoded.ok) throw new Error("a transaction of the chain decodes");
      const { id, author, payload } = decoded.value;
      return { id, type: payload.type, author, bytes };
    }),
    events,
    stateRoot: header.stateRoot,
    checkpoint: hasCheckpoint ? encodeState(chain.state) : null,
  });
}

function vote(store: OpenStore, chain: TestChain, type: "prevote" | "precommit"): void {
  const { memberId: validator, sign } = testCard(SELLER);
  const { blockId, block } = chain.last;
  const { height, time } = block.header;
  const message = { type: "vote", vote: type, height, round: 0, blockId, validator } as const;
  const signBytes = voteSignBytes(communityId(chain.rules), message);
  const value = { blockId, time, block: encodeBlock(block) };
  const held = { lockedRound: 0, locked: value, validRound: 0, valid: value };
  const free = { lockedRound: -1, locked: null, validRound: -1, valid: null };
  const lock = type === "precommit" ? held : free;
  const record: SignedRecord = {
    ...{ height, round: 0, type, signBytes, signature: sign(signBytes), message },
  };
  store.saveSigned({ height, round: 0, step: type, ...lock }, record);
}

/** The next block, proposed by this home and not yet decided. */
function propose(store: OpenStore, chain: TestChain): void {
  const { memberId: proposer, sign } = testCard(SELLER);
  const next = chain.fork();
  const { block, blockId } = next.add("2018-03-21T20:20:00Z", [
    null,
    say.grant(4, BUYER, tokens(1)),
  ]);
  const { height, time } = block.header;
  const value = { blockId: blockId as BlockId, time, block: encodeBlock(block) };
  const subject = { height, round: 0, polRound: -1, proposer, ...value };
  const message = { type: "proposal", ...subject } as const;
  const signBytes = proposalSignBytes(communityId(chain.rules), message);
  store.saveSigned(
    {
      ...{ height, round: 0, step: "propose", lockedRound: -1, locked: null },
      ...{ validRound: -1, valid: null },
    },
    { height, round: 0, type: "proposal", signBytes, signature: sign(signBytes), message },
  );
}

function keepOwn(store: OpenStore, rules: Rules): void {
  const bid = say.buyOffer("21Mar18-17:00", { energy: kwh(2), price: perKwh(3) });
  const transaction = signed(rules, SELLER, bid);
  const bytes = encodeTransaction(communityId(rules), transaction);
  store.saveOwnTransaction({ id: transaction.id, bytes });
  const start = at("2018-03-21T18:00:00Z");
  store.saveSamples(
    Array.from({ length: 20 }, (_, i) => ({
      at: unixMs(start + i * 60_000),
      produced: i % 5 === 0 ? null : wh(1000 + 40 * i),
      imported: wh(70_000 + i),
      exported: wh(9000 + 30 * i),
    })),
  );
}
