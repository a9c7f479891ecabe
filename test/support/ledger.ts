// A ledger to try things on: rules, cards with keys from seeds, a small CA, and a chain that grows by blocks.
// Everything follows from names and times, so that a test that fails once fails always.

import { deepStrictEqual } from "node:assert/strict";
import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { sha256, Verifier } from "../../agent/core/crypto.ts";
import { applyBlock } from "../../agent/core/ledger/applyBlock.ts";
import type { Block } from "../../agent/core/ledger/block.ts";
import { type BuiltBlock, buildBlock } from "../../agent/core/ledger/buildBlock.ts";
import {
  communityId,
  DEFAULT_AGREEMENT,
  DEFAULT_STAMP_BUCKET,
  PAPER_TIMELINE,
  type Rules,
} from "../../agent/core/ledger/rules.ts";
import { genesis, type LedgerState } from "../../agent/core/ledger/state.ts";
import {
  type Payload,
  type PayloadOf,
  signTransaction,
  type Transaction,
} from "../../agent/core/ledger/transaction.ts";
import { type Wh, wh } from "../../agent/core/units/energy.ts";
import {
  listingId,
  type MemberId,
  memberId,
  offerPrefix,
  pvId,
  type TransactionId,
} from "../../agent/core/units/ids.ts";
import {
  type MicroTokens,
  type MilliTokensPerKwh,
  microTokens,
  milliTokensPerKwh,
} from "../../agent/core/units/money.ts";
import { type UnixMs, unixMs } from "../../agent/core/units/time.ts";

// ---------------------------------------------------------------------------------------- cards

/** A card as ports.ts has it (`Signer`): the key follows from the member's name. */
export type TestCard = {
  readonly memberId: MemberId;
  readonly publicKey: Uint8Array;
  readonly certificate: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
};

export type TestKey = Pick<TestCard, "publicKey" | "sign">;

const keys = new Map<string, TestKey>();

/** An Ed25519 key whose 32-byte secret is the hash of `seed`; made once. */
export function testKey(seed: string): TestKey {
  const known = keys.get(seed);
  if (known !== undefined) return known;
  const made = makeKey(seed);
  keys.set(seed, made);
  return made;
}

/** What `testKey(seed)` signs with. */
export function testSecret(seed: string): Uint8Array {
  return sha256(new TextEncoder().encode(`test key of ${seed}`));
}

function makeKey(seed: string): TestKey {
  const secret = testSecret(seed);
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), secret]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  return { publicKey: rawPublicKey(key), sign: (message) => sign(null, message, key) };
}

/** The CA of every test community. */
export const testCa: () => TestKey = () => testKey("the CA");

export type CertificateOptions = {
  readonly memberId: string;
  readonly publicKey: Uint8Array;
  readonly ca?: TestKey;
  /** Whole seconds; 2010 to 2089 unless told. */
  readonly notBefore?: Date;
  readonly notAfter?: Date;
};

/** A certificate of the one profile that core/certificate.ts reads. */
export function testCertificate(options: CertificateOptions): Uint8Array {
  const { memberId: id, publicKey, ca = testCa() } = options;
  const notBefore = options.notBefore ?? new Date("2010-01-01T00:00:00Z");
  const notAfter = options.notAfter ?? new Date("2089-12-31T23:59:59Z");
  const signed = der(
    0x30,
    der(0xa0, der(0x02, [2])),
    der(0x02, [1]),
    ED25519_ALGORITHM,
    commonName("test CA"),
    der(0x30, time(notBefore), time(notAfter)),
    commonName(id),
    der(0x30, ED25519_ALGORITHM, der(0x03, [0], publicKey)),
    der(
      0xa3,
      der(
        0x30,
        extension([0x55, 0x1d, 0x11], der(0x30, der(0x81, ascii(id)))),
        extension([0x55, 0x1d, 0x13], der(0x30)),
        extension([0x55, 0x1d, 0x0f], der(0x03, [7, 0x80])),
      ),
    ),
  );
  return der(0x30, signed, ED25519_ALGORITHM, der(0x03, [0], ca.sign(signed)));
}

/** The card of `name`, e.g. seller1@vt.edu, certified by the CA of every test community. */
export function testCard(name: string): TestCard {
  const key = testKey(name);
  const certificate = testCertificate({ memberId: name, publicKey: key.publicKey });
  return { memberId: memberId(name), certificate, ...key };
}

const ED25519_ALGORITHM = Uint8Array.of(0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70);

function commonName(name: string): Uint8Array {
  const attribute = der(0x30, der(0x06, [0x55, 0x04, 0x03]), der(0x0c, ascii(name)));
  return der(0x30, der(0x31, attribute));
}

function extension(oid: readonly number[], value: Uint8Array): Uint8Array {
  return der(0x30, der(0x06, oid), der(0x04, value));
}

/** UTCTime to 2049, GeneralizedTime from 2050 on (RFC 5280 section 4.1.2.5). */
function time(at: Date): Uint8Array {
  const digits = `${at.toISOString().slice(0, 19).replace(/\D/g, "")}Z`;
  return at.getUTCFullYear() < 2050 ? der(0x17, ascii(digits.slice(2))) : der(0x18, ascii(digits));
}

function der(tag: number, ...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const content = Buffer.concat(parts.map((part) => Uint8Array.from(part)));
  const n = content.length;
  const length = n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 0xff];
  return Uint8Array.from([tag, ...length, ...content]);
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function rawPublicKey(key: KeyObject): Uint8Array {
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return Uint8Array.from(spki.subarray(spki.length - 32));
}

// ---------------------------------------------------------------------------------------- rules

export const ADMINISTRATOR = "admin@vt.edu";
export const ZONE = "America/New_York";

export type RuleOptions = Partial<Omit<Rules, "validators">> & {
  /** Names of the voting members. */
  readonly validators?: readonly string[];
};

/** An hourly community with the paper's hour, its 200 tokens and one validator, unless told otherwise. */
export function makeRules({ validators = ["seller1@vt.edu"], ...rest }: RuleOptions = {}): Rules {
  const validator = (name: string) => {
    return { memberId: memberId(name), publicKey: testKey(name).publicKey };
  };
  return {
    name: "test community",
    timeZone: ZONE,
    schedule: "hourly",
    timeline: PAPER_TIMELINE,
    agreement: DEFAULT_AGREEMENT,
    stampBucket: DEFAULT_STAMP_BUCKET,
    mechanism: "paper-average",
    guard: true,
    initialBalance: tokens(200),
    bidMax: wh(20_000),
    pvCapacityMax: wh(50_000),
    priceMax: milliTokensPerKwh(100_000),
    membersMax: 100,
    pvsPerMemberMax: 2,
    caPublicKey: testCa().publicKey,
    administrator: rest.schedule === "manual" ? validator(ADMINISTRATOR) : null,
    validators: [...validators].sort().map(validator),
    ...rest,
  };
}

export function tokens(n: number): MicroTokens {
  return microTokens(BigInt(Math.round(n * 1_000_000)));
}

export function kwh(n: number): Wh {
  return wh(Math.round(n * 1000));
}

/** A price in tokens per kWh. */
export function perKwh(n: number): MilliTokensPerKwh {
  return milliTokensPerKwh(Math.round(n * 1000));
}

/** 2018-03-21T13:00:00Z as a block's time. */
export function at(iso: string): UnixMs {
  return unixMs(Date.parse(iso));
}

// --------------------------------------------------------------------------------- transactions

/** Signs as the member of that name; null is the CA. */
export function signed(rules: Rules, author: string | null, payload: Payload): Transaction {
  const key = author === null ? testCa() : testKey(author);
  const unsigned = { author: author === null ? null : memberId(author), payload };
  return signTransaction(communityId(rules), unsigned, key.sign);
}

/** Signs as `author` with the key of `seed`: a card that the member was given later. */
export function signedWith(
  rules: Rules,
  { author, seed }: { readonly author: string; readonly seed: string },
  payload: Payload,
): Transaction {
  const unsigned = { author: memberId(author), payload };
  return signTransaction(communityId(rules), unsigned, testKey(seed).sign);
}

/** As the administrator of a manual community registers somebody who has no card. */
export function keylessRegistration(name: string, balance: MicroTokens | null = null): Payload {
  return { ...(registration(name, balance) as PayloadOf<"registerMember">), certificate: null };
}

export function registration(name: string, balance: MicroTokens | null = null): Payload {
  const [firstName = name] = name.split("@");
  const { certificate } = testCard(name);
  return {
    type: "registerMember",
    memberId: memberId(name),
    firstName,
    lastName: firstName,
    certificate,
    balance,
  };
}

/** What a home says, with the defaults that most tests want. */
export const say = {
  registerPv: (owner: string, pv: string, capacity = 10_000, sequence = 0): Payload => {
    return {
      ...{ type: "registerPv", sequence, pvId: pvId(pv), owner: memberId(owner) },
      capacity: capacity as never,
    };
  },
  pvOffer: (
    listing: string,
    pv: string,
    offer: {
      readonly energy: Wh;
      readonly reserve?: MilliTokensPerKwh;
      readonly sequence?: number;
    },
  ): Payload => {
    return {
      type: "pvOffer",
      listingId: listingId(listing),
      pvId: pvId(pv),
      sequence: offer.sequence ?? 0,
      energy: offer.energy,
      reservePrice: offer.reserve ?? perKwh(0),
    };
  },
  buyOffer: (
    listing: string,
    bid: { readonly energy: Wh; readonly price: MilliTokensPerKwh; readonly sequence?: number },
  ): Payload => {
    return {
      type: "buyOffer",
      listingId: listingId(listing),
      sequence: bid.sequence ?? 0,
      energy: bid.energy,
      bidPrice: bid.price,
    };
  },
  meterReading: (
    listing: string,
    reading: {
      readonly imported: readonly [number, number];
      readonly exported: readonly [number, number];
    },
  ): Payload => {
    const pair = ([start, end]: readonly [number, number]) => ({ start: wh(start), end: wh(end) });
    return {
      type: "meterReading",
      listingId: listingId(listing),
      gridImport: pair(reading.imported),
      gridExport: pair(reading.exported),
      production: null,
      quality: "measured",
      source: "test meter",
    };
  },
  grant: (sequence: number, to: string, amount: MicroTokens): Payload => {
    return { type: "grant", sequence, memberId: memberId(to), amount, reason: "a test" };
  },
  revoke: (sequence: number, whom: string): Payload => {
    return { type: "revoke", sequence, memberId: memberId(whom), reason: "a test" };
  },
  removePv: (pv: string, sequence: number): Payload => {
    return { type: "removePv", sequence, pvId: pvId(pv) };
  },
  changeMember: (
    sequence: number,
    whom: string,
    to: { readonly name?: string; readonly balance?: MicroTokens },
  ): Payload => {
    const { name = "Ann", balance = null } = to;
    const names = { firstName: name, lastName: name };
    return { type: "changeMember", sequence, memberId: memberId(whom), ...names, balance };
  },
  /** The card whose key is `testKey(seed)`. */
  bindIdentity: (sequence: number, whom: string, seed: string = whom): Payload => {
    const { publicKey } = testKey(seed);
    const certificate = testCertificate({ memberId: whom, publicKey });
    return { type: "bindIdentity", sequence, memberId: memberId(whom), certificate };
  },
  administrator: (
    type: "createListing" | "acceptOfferBroadcast" | "closeBidding",
    sequence: number,
    listing: string,
  ): Payload => {
    return { type, sequence, listingId: listingId(listing) };
  },
};

// ---------------------------------------------------------------------------------------- chain

/** A chain of one home: each block is built and then applied, and both must come to the same state. */
export class TestChain {
  readonly rules: Rules;
  readonly verifier = new Verifier();
  readonly blocks: Block[] = [];
  state: LedgerState;
  #last: BuiltBlock | null = null;

  constructor(rules: Rules = makeRules()) {
    this.rules = rules;
    this.state = genesis(rules);
  }

  /** Another chain that goes on from here; this one stays as it is. */
  fork(): TestChain {
    const chain = new TestChain(this.rules);
    chain.state = this.state;
    return chain;
  }

  /** What the last block did. */
  get last(): BuiltBlock {
    if (this.#last === null) throw new Error("no block yet");
    return this.#last;
  }

  /** A block at `time` (ISO or Unix ms) of these payloads, each [author, payload]. */
  add(time: string | number, ...said: readonly (readonly [string | null, Payload])[]): BuiltBlock {
    return this.addSigned(
      time,
      said.map(([author, payload]) => signed(this.rules, author, payload)),
    );
  }

  /** By the first validator unless told otherwise. */
  addSigned(
    time: string | number,
    transactions: readonly Transaction[],
    by = this.rules.validators[0]?.memberId as string,
  ): BuiltBlock {
    const proposer = memberId(by);
    const when = typeof time === "string" ? at(time) : unixMs(time);
    const built = buildBlock(this.state, { time: when, proposer, transactions }, this.verifier);
    const applied = applyBlock(this.state, built.block, this.verifier);
    if (!applied.ok) throw new Error(`own block refused: ${JSON.stringify(applied.refusal)}`);
    deepStrictEqual(applied.value.events, built.events);
    deepStrictEqual(applied.value.state, built.state);
    this.state = applied.value.state;
    this.blocks.push(built.block);
    this.#last = built;
    return built;
  }

  /** An empty block by that validator. */
  addBy(proposer: string, time: string | number): BuiltBlock {
    return this.addSigned(time, [], proposer);
  }

  /** The next receipt of a validator for these offers, each with the time at which it heard of it. */
  receipt(
    validator: string,
    heard: readonly (readonly [Transaction | TransactionId, string | number])[],
  ): readonly [string, PayloadOf<"receipt">] {
    const last = this.state.receipts.get(memberId(validator));
    const times = heard.map(([, time]) => (typeof time === "string" ? at(time) : unixMs(time)));
    const [from, to] = [times[0] ?? unixMs(0), times.at(-1) ?? unixMs(0)];
    const entries = heard.map(([offer, _], i) => {
      const id = typeof offer === "string" ? offer : offer.id;
      return { offer: offerPrefix(id), after: (times[i] ?? from) - from };
    });
    const sequence = (last?.sequence ?? 0) + 1;
    return [
      validator,
      { type: "receipt", sequence, previous: last?.id ?? null, from, to, entries },
    ];
  }

  /** A block at `time` in which every validator says to have heard just then of all that has no stamp yet. */
  addReceipts(time: string | number): BuiltBlock {
    const open = [...this.state.listings.values()].filter((l) => l.state === "ACCEPT_OFFERS");
    const placed = open.flatMap((l) => [...l.pvOffers.values(), ...l.buyOffers.values()]);
    const heard = placed
      .filter(({ stamp }) => stamp === null)
      .map(({ transactionId }) => [transactionId, time] as const);
    if (heard.length === 0) return this.add(time);
    const validators = this.rules.validators.map((one) => one.memberId);
    return this.add(time, ...validators.map((name) => this.receipt(name, heard)));
  }

  /** Adds a block of one transaction that must be dropped; returns its refusal. */
  refusal(
    time: string | number,
    author: string | null,
    payload: Payload,
  ): { readonly code: string } {
    const [dropped] = this.add(time, [author, payload]).dropped;
    if (dropped === undefined) throw new Error(`${payload.type} was not refused`);
    return dropped.refusal;
  }

  member(name: string) {
    const member = this.state.members.get(memberId(name));
    if (member === undefined) throw new Error(`no member ${name}`);
    return member;
  }

  /** In tokens, for hand-worked numbers. */
  balance(name: string): number {
    return Number(this.member(name).balance) / 1_000_000;
  }

  reserved(name: string): number {
    return Number(this.member(name).reserved) / 1_000_000;
  }

  listing(id: string) {
    return this.state.listings.get(listingId(id));
  }
}
