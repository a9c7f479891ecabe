// Blocks, votes and events written by hand: real bytes, invented content.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Durable, Value } from "../../../agent/core/consensus/input.ts";
import { encodeCertificate } from "../../../agent/core/consensus/message.ts";
import { sha256Hex } from "../../../agent/core/crypto.ts";
import { blockId, encodeBlock, type Header } from "../../../agent/core/ledger/block.ts";
import type { LedgerEvent } from "../../../agent/core/ledger/event.ts";
import { encodeState } from "../../../agent/core/ledger/state.ts";
import {
  decodeTransaction,
  encodeTransaction,
  type PayloadOf,
  signTransaction,
} from "../../../agent/core/ledger/transaction.ts";
import { watts, wh } from "../../../agent/core/units/energy.ts";
import {
  type BlockId,
  type CommunityId,
  listingId,
  memberId,
  pvId,
  type TransactionId,
} from "../../../agent/core/units/ids.ts";
import { microTokens, milliTokensPerKwh } from "../../../agent/core/units/money.ts";
import { unixMs } from "../../../agent/core/units/time.ts";
import type { StoreOptions } from "../../../agent/io/store/store.ts";
import { StoreError } from "../../../agent/io/store/storeError.ts";
import type {
  CommittedBlock,
  CommittedTransaction,
  Log,
  SignedRecord,
} from "../../../agent/ports.ts";
import type { TestChain } from "../../support/ledger.ts";

export const COMMUNITY = hashOf("community") as CommunityId;
export const SELLER = memberId("seller1@vt.edu");
export const BUYER = memberId("buyer1@vt.edu");
export const PV = pvId("seller1house");
export const LISTING = listingId("21Mar18-13:00");
/** 2018-03-21T17:00Z, which is 13:00 in Virginia. */
export const DELIVERY_START = unixMs(1_521_651_600_000);

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
/** The rules of COMMUNITY: to the store they are bytes with that hash. */
export const RULES: Uint8Array = new TextEncoder().encode("community");
export const options: StoreOptions = {
  communityId: COMMUNITY,
  memberId: SELLER,
  rules: RULES,
  log: silent,
};

/** Enough to take a while. */
export const MANY_MEMBERS = 4_000;

export function hashOf(text: string): string {
  return sha256Hex(new TextEncoder().encode(text));
}

export function transaction(
  name: string,
  type = "pvOffer",
  bytes: Uint8Array | null = null,
): CommittedTransaction {
  const payload: PayloadOf<"grant"> = {
    ...{ type: "grant", sequence: 0, memberId: BUYER, amount: microTokens(0n), reason: name },
  };
  const signature = new Uint8Array(64).fill(7);
  const real = signTransaction(COMMUNITY, { author: SELLER, payload }, () => signature);
  if (bytes !== null) return { id: hashOf(name) as TransactionId, type, author: SELLER, bytes };
  return { id: real.id, type, author: SELLER, bytes: encodeTransaction(COMMUNITY, real) };
}

/** The id of the transaction named so: what its bytes say. */
export function idOf(name: string): TransactionId {
  return transaction(name).id;
}

export type BlockParts = {
  readonly transactions?: readonly CommittedTransaction[];
  readonly events?: readonly LedgerEvent[];
  readonly checkpoint?: Uint8Array;
};

export function committed(height: number, parts: BlockParts = {}): CommittedBlock {
  const { transactions = [], events = [], checkpoint = null } = parts;
  const header: Header = {
    version: 1,
    community: COMMUNITY,
    height,
    time: unixMs(DELIVERY_START + height),
    previous: height === 1 ? null : (hashOf(`block ${height - 1}`) as BlockId),
    proposer: BUYER,
    transactionsRoot: hashOf("transactions"),
    systemSteps: [{ step: "createListing", listingId: LISTING }],
    validatorsHash: hashOf("validators"),
    nextValidatorsHash: hashOf("validators"),
    stateRoot: hashOf(`state ${height}`),
  };
  return {
    height,
    blockId: blockId(header),
    time: header.time,
    proposer: BUYER,
    round: 0,
    block: encodeBlock({ header, transactions: transactions.map(({ bytes }) => bytes) }),
    certificate: certificateOf(height, blockId(header)),
    transactions,
    events,
    stateRoot: header.stateRoot,
    checkpoint,
  };
}

function certificateOf(height: number, id: BlockId): Uint8Array {
  const signatures = [SELLER].map((validator) => ({ validator, signature: new Uint8Array(64) }));
  return encodeCertificate({ height, round: 0, blockId: id, signatures });
}

export function value(name: string, bytes = 40): Value {
  return {
    blockId: hashOf(name) as BlockId,
    time: DELIVERY_START,
    block: new Uint8Array(bytes).fill(name.length),
  };
}

export function durable(height: number, parts: Partial<Durable> = {}): Durable {
  return {
    height,
    round: 0,
    step: "prevote",
    lockedRound: -1,
    locked: null,
    validRound: -1,
    valid: null,
    ...parts,
  };
}

/** A prevote or precommit for the block named `name`; null is nil. */
export function vote(
  height: number,
  name: string | null,
  type: "prevote" | "precommit" = "prevote",
): SignedRecord {
  const id = name === null ? null : (hashOf(name) as BlockId);
  return {
    height,
    round: 0,
    type,
    signBytes: new TextEncoder().encode(`${type} ${height} ${name}`),
    signature: new Uint8Array(64).fill(7),
    message: { type: "vote", vote: type, height, round: 0, blockId: id, validator: SELLER },
  };
}

export function proposal(height: number, proposed: Value): SignedRecord {
  return {
    height,
    round: 0,
    type: "proposal",
    signBytes: new TextEncoder().encode(`proposal ${height} ${proposed.blockId}`),
    signature: new Uint8Array(64).fill(8),
    message: { type: "proposal", height, round: 0, polRound: -1, proposer: SELLER, ...proposed },
  };
}

/** Two members with 200 tokens each, one PV, and the listing of the paper. */
export const registrations: readonly LedgerEvent[] = [
  ...[SELLER, BUYER].flatMap((id): LedgerEvent[] => [
    {
      type: "memberRegistered",
      member: {
        memberId: id,
        firstName: "Ann",
        lastName: "Lee",
        publicKey: new Uint8Array(32).fill(id.length),
        balance: microTokens(200_000_000n),
        reserved: microTokens(0n),
        revoked: false,
        sequence: 0,
      },
    },
    {
      type: "posted",
      posting: {
        memberId: id,
        amount: microTokens(200_000_000n),
        reason: "registration",
        listingId: null,
      },
    },
  ]),
  { type: "pvRegistered", pv: { pvId: PV, owner: SELLER, sequence: 0, capacity: watts(6000) } },
  {
    type: "listingCreated",
    listing: {
      listingId: LISTING,
      deliveryStart: DELIVERY_START,
      state: "CREATED",
      pvOffers: new Map(),
      buyOffers: new Map(),
      sealers: [],
      mcp: null,
      fills: [],
      resultHash: null,
      readings: new Map(),
    },
  },
  { type: "acceptOfferBroadcast", listingId: LISTING, deliveryStart: DELIVERY_START },
];

export function offered(name: string, sequence: number, energy: number): LedgerEvent {
  const transactionId = idOf(name);
  return {
    type: "pvOfferPlaced",
    listingId: LISTING,
    offer: {
      transactionId,
      memberId: SELLER,
      pvId: PV,
      sequence,
      energy: wh(energy),
      reservePrice: milliTokensPerKwh(2000),
      stamp: unixMs(DELIVERY_START - 60_000),
    },
  };
}

export function bid(name: string, energy: number): LedgerEvent {
  const transactionId = idOf(name);
  return {
    type: "buyOfferPlaced",
    listingId: LISTING,
    bid: {
      transactionId,
      memberId: BUYER,
      sequence: 1,
      energy: wh(energy),
      bidPrice: milliTokensPerKwh(3000),
      stamp: unixMs(DELIVERY_START - 50_000),
    },
  };
}

/**
 * A chain whose every block moves one micro-token from the buyer to the seller, in two transactions:
 * a block that is half there shows in the sums.
 */
export function chainBlock(height: number): CommittedBlock {
  const moved = BigInt(height - 1);
  const transactions = [`a ${height}`, `b ${height}`].map((name) => transaction(name));
  const change = (of: typeof SELLER, sign: bigint): LedgerEvent[] => [
    {
      type: "posted",
      posting: { memberId: of, amount: microTokens(sign), reason: "fill", listingId: LISTING },
    },
    {
      type: "balanceChanged",
      memberId: of,
      balance: microTokens(200_000_000n + sign * moved),
      reserved: microTokens(0n),
    },
  ];
  const events = height === 1 ? registrations : [...change(BUYER, -1n), ...change(SELLER, 1n)];
  return committed(height, { transactions, events });
}

/** The last block of a chain, as loops/ledger.ts hands it over. */
export function committedFrom(chain: TestChain, checkpoint: boolean): CommittedBlock {
  const { block, blockId, events } = chain.last;
  const { header } = block;
  const transactions = block.transactions.map((bytes) => {
    const decoded = decodeTransaction(header.community, bytes);
    if (!decoded.ok) throw new Error("a transaction of the chain decodes");
    const { id, author, payload } = decoded.value;
    return { id, type: payload.type, author, bytes };
  });
  return {
    height: header.height,
    blockId,
    time: header.time,
    proposer: header.proposer,
    round: 0,
    block: encodeBlock(block),
    certificate: certificateOf(header.height, blockId),
    transactions,
    events,
    stateRoot: header.stateRoot,
    checkpoint: checkpoint ? encodeState(chain.state) : null,
  };
}

/** A directory of its own for each test; `fresh()` makes another inside it. */
export type Scratch = { readonly fresh: (name: string) => string; readonly remove: () => void };

export function scratch(): Scratch {
  const root = mkdtempSync(join(tmpdir(), "pvtrading-store-"));
  return {
    fresh: (name) => {
      const dir = join(root, name);
      mkdirSync(dir, { mode: 0o700 });
      return dir;
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** The code of the StoreError that `work` throws. */
export function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof StoreError) return error.code;
    throw error;
  }
  return "nothing thrown";
}
