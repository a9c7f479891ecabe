import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { LedgerEvent } from "../../../agent/core/ledger/event.ts";
import { watts, wh } from "../../../agent/core/units/energy.ts";
import { listingId, memberId, pvId } from "../../../agent/core/units/ids.ts";
import { microTokens, milliTokensPerKwh } from "../../../agent/core/units/money.ts";
import { unixMs } from "../../../agent/core/units/time.ts";
import { openReader, type StoreReader } from "../../../agent/io/store/reader.ts";
import { type OpenStore, openStore } from "../../../agent/io/store/store.ts";
import {
  BUYER,
  bid,
  COMMUNITY,
  codeOf,
  committed,
  DELIVERY_START,
  hashOf,
  idOf,
  LISTING,
  offered,
  options,
  PV,
  registrations,
  type Scratch,
  SELLER,
  scratch,
  transaction,
} from "./fixtures.ts";

let place: Scratch;
let dir: string;
let store: OpenStore;
let reader: StoreReader;

beforeEach(() => {
  place = scratch();
  dir = place.fresh("home");
  store = openStore(dir, options);
  reader = openReader(dir);
});
afterEach(() => {
  reader.close();
  store.close();
  place.remove();
});

const tokens = (n: number) => microTokens(BigInt(n) * 1_000_000n);

/** One block after the last, with a transaction for each name. */
function commit(events: readonly LedgerEvent[], names: readonly string[] = []): void {
  const height = store.status().height + 1;
  store.commit(committed(height, { events, transactions: names.map((name) => transaction(name)) }));
}

function balance(of: typeof SELLER, amount: number, reserved = 0): LedgerEvent {
  const changed = { balance: tokens(amount), reserved: tokens(reserved) };
  return { type: "balanceChanged", memberId: of, ...changed };
}

function posted(of: typeof SELLER, amount: number): LedgerEvent {
  const posting = { memberId: of, amount: tokens(amount), reason: "fill", listingId: LISTING };
  return { type: "posted", posting } as LedgerEvent;
}

/** 4 kWh at 3 tokens/kWh: 12 tokens go from the buyer to the seller. */
const cleared: readonly LedgerEvent[] = [
  {
    type: "biddingClosed",
    listingId: LISTING,
    mcp: milliTokensPerKwh(3000),
    fills: [
      { seller: SELLER, pvId: PV, buyer: BUYER, energy: wh(4000), price: milliTokensPerKwh(3000) },
    ],
    resultHash: hashOf("result"),
  },
  posted(BUYER, -12),
  posted(SELLER, 12),
  balance(BUYER, 188),
  balance(SELLER, 212),
];

function reading(name: string): LedgerEvent {
  return {
    type: "meterRead",
    listingId: LISTING,
    reading: {
      memberId: SELLER,
      transactionId: idOf(name),
      reading: {
        type: "meterReading",
        listingId: LISTING,
        gridImport: { start: wh(100), end: wh(150) },
        gridExport: { start: wh(9000), end: wh(12_900) },
        production: null,
        quality: "measured",
        source: "a meter",
      },
    },
  };
}

it("keeps who signed twice and who has shown it, the newest first", () => {
  commit(registrations);
  const named = { kind: "doubleVote", offender: SELLER, reporter: BUYER } as const;
  commit([{ type: "evidence", ...named, subject: "prevote 1/0", height: 2 }]);
  // Who is no member has a card all the same.
  const stranger = "v9@vt.edu" as typeof SELLER;
  commit([{ type: "evidence", ...named, offender: stranger, subject: "receipt 7", height: 3 }]);
  expect(reader.evidence(9)).toEqual([
    { ...named, offender: stranger, subject: "receipt 7", height: 3 },
    { ...named, subject: "prevote 1/0", height: 2 },
  ]);
  expect(reader.evidence(1)).toHaveLength(1);
});

describe("the projection of one traded hour", () => {
  it("gives the rows that the events say, and the sums agree", () => {
    commit(registrations);
    expect(reader.listings(9)).toMatchObject([{ listingId: LISTING, state: "ACCEPT_OFFERS" }]);
    commit(
      [offered("offer", 1, 6000), bid("bid", 4000), balance(BUYER, 200, 12)],
      ["offer", "bid"],
    );
    expect(reader.members()[0]).toMatchObject({ memberId: BUYER, reserved: tokens(12) });
    commit(cleared);
    commit([reading("reading")], ["reading"]);
    const statement = { memberId: SELLER, sold: wh(4000), bought: wh(0) };
    const metered = { meteredImport: wh(50), meteredExport: wh(3900) };
    const missing = { memberId: BUYER, sold: wh(0), bought: wh(4000) };
    const statements = [
      { ...missing, meteredImport: null, meteredExport: null },
      { ...statement, ...metered },
    ];
    commit([{ type: "listingFinished", listingId: LISTING, statements }]);

    expect(reader.members()).toEqual([
      {
        memberId: BUYER,
        firstName: "Ann",
        lastName: "Lee",
        publicKey: new Uint8Array(32).fill(BUYER.length),
        balance: tokens(188),
        reserved: tokens(0),
        revoked: false,
        sequence: 0,
      },
      expect.objectContaining({ memberId: SELLER, balance: tokens(212) }),
    ]);
    expect(reader.pvs()).toEqual([{ pvId: PV, owner: SELLER, sequence: 0, capacity: 6000 }]);
    expect(reader.listings(9)).toEqual([
      {
        listingId: LISTING,
        deliveryStart: DELIVERY_START,
        state: "AUCTION_CLOSED",
        mcp: 3000,
        resultHash: hashOf("result"),
        finished: true,
      },
    ]);
    expect(reader.fills(LISTING)).toEqual([
      { seller: SELLER, pvId: PV, buyer: BUYER, energy: 4000, price: 3000 },
    ]);
    expect(reader.statements(LISTING)).toEqual(statements);
    // Newest first: the fill, then the 200 tokens of the registration.
    expect(reader.postings(SELLER, 9)).toEqual([
      { memberId: SELLER, amount: tokens(12), reason: "fill", listingId: LISTING },
      { memberId: SELLER, amount: tokens(200), reason: "registration", listingId: null },
    ]);
    expect(reader.discrepancies()).toEqual([]);
  });

  it("keeps the live offer of a PV and the live bid of a member, with their stamps", () => {
    commit(registrations);
    commit([offered("first", 1, 6000), bid("bid", 4000)], ["first", "bid"]);
    commit([offered("second", 2, 0)], ["second"]);
    expect(reader.pvOffers(LISTING)).toEqual([
      {
        transactionId: idOf("second"),
        memberId: SELLER,
        pvId: PV,
        sequence: 2,
        energy: 0,
        reservePrice: 2000,
        stamp: unixMs(DELIVERY_START - 60_000),
      },
    ]);
    expect(reader.buyOffers(LISTING)).toEqual([
      {
        transactionId: idOf("bid"),
        memberId: BUYER,
        sequence: 1,
        energy: 4000,
        bidPrice: 3000,
        stamp: unixMs(DELIVERY_START - 50_000),
      },
    ]);
  });

  it("stores where the reading is", () => {
    commit(registrations);
    commit([reading("reading")], ["reading"]);
    const db = new Database(join(dir, "ledger.db"), { readonly: true });
    expect(db.prepare("SELECT * FROM meter_reading").all()).toEqual([
      {
        listing_no: 1,
        card_no: expect.any(Number),
        // Height 2 x 1024, first place.
        transaction_no: 2048,
      },
    ]);
    db.close();
  });

  it("marks a VOID listing and a revoked member", () => {
    commit(registrations);
    commit([
      { type: "listingVoided", listingId: LISTING },
      { type: "memberRevoked", memberId: BUYER, reason: "moved away" },
    ]);
    expect(reader.listings(1)).toMatchObject([{ state: "VOID", mcp: null, resultHash: null }]);
    expect(reader.members().map(({ revoked }) => revoked)).toEqual([true, false]);
  });

  it("a removed PV is no more to be seen until its owner brings it back", () => {
    commit(registrations);
    commit([{ type: "pvRemoved", pvId: PV, sequence: 1 }]);
    expect(reader.pvs()).toEqual([]);
    const pv = { pvId: PV, owner: SELLER, sequence: 2, capacity: watts(7000) };
    commit([{ type: "pvRegistered", pv }]);
    expect(reader.pvs()).toEqual([pv]);
    expect(() =>
      commit([
        { type: "pvRemoved", pvId: PV, sequence: 3 },
        { type: "pvRegistered", pv: { ...pv, owner: BUYER } },
      ]),
    ).toThrow(/Bug/);
  });

  it("a new card ends the revocation with its reason; new names stand in their place", () => {
    const keyless = memberId("keyless@vt.edu");
    const publicKey = new Uint8Array(32).fill(9);
    const [first] = registrations;
    if (first?.type !== "memberRegistered") throw new Error("a member registers first");
    const nothing = tokens(0);
    const member = { ...first.member, memberId: keyless, publicKey: null, balance: nothing };
    commit([...registrations, { type: "memberRegistered", member }]);
    expect(reader.members()[1]).toMatchObject({ memberId: keyless, publicKey: null });
    commit([
      { type: "memberRevoked", memberId: BUYER, reason: "lost" },
      { type: "identityBound", memberId: BUYER, publicKey },
      { type: "identityBound", memberId: keyless, publicKey: publicKey.map(() => 8) },
      { type: "memberChanged", memberId: BUYER, firstName: "Zoë", lastName: "", sequence: 4 },
    ]);
    const names = { firstName: "Zoë", lastName: "", sequence: 4 };
    expect(reader.members()[0]).toMatchObject({ ...names, publicKey, revoked: false });
    expect(reader.members()[1]?.publicKey?.[0]).toBe(8);
  });

  it("closes without a price when nobody bid", () => {
    commit(registrations);
    const empty = { mcp: null, fills: [], resultHash: hashOf("empty") };
    commit([{ type: "biddingClosed", listingId: LISTING, ...empty }]);
    expect(reader.listings(1)).toMatchObject([{ state: "AUCTION_CLOSED", mcp: null }]);
  });

  it("keeps balances beyond what a float can count", () => {
    const huge = microTokens(2n ** 62n + 1n);
    commit(registrations);
    commit([
      { type: "balanceChanged", memberId: SELLER, balance: huge, reserved: microTokens(0n) },
    ]);
    expect(reader.members()[1]?.balance).toBe(2n ** 62n + 1n);
  });
});

describe("a broken rule ends the whole block", () => {
  const broken: readonly (readonly [string, LedgerEvent])[] = [
    ["a negative balance", balance(BUYER, -1)],
    ["one micro-token more reserved than there is", reserving(200_000_001n)],
    ["a negative reservation", balance(BUYER, 200, -1)],
    [
      "a fill that nobody was registered for",
      { ...cleared[0], listingId: listingId("22Mar18-13:00") } as LedgerEvent,
    ],
    ["an offer without its transaction", offered("not in the block", 1, 6000)],
    [
      "a PV of a stranger",
      {
        type: "pvRegistered",
        pv: { pvId: pvId("x"), owner: memberId("x@vt.edu"), sequence: 0, capacity: 1 },
      } as LedgerEvent,
    ],
    [
      "a PV that is there already",
      {
        type: "pvRegistered",
        pv: { pvId: PV, owner: SELLER, sequence: 1, capacity: 1 },
      } as LedgerEvent,
    ],
    ["a PV that leaves and never came", { type: "pvRemoved", pvId: pvId("x"), sequence: 1 }],
    [
      "a card for a stranger",
      {
        ...{ type: "identityBound", memberId: memberId("x@vt.edu") },
        publicKey: new Uint8Array(32),
      } as LedgerEvent,
    ],
    ["a balance of a stranger", balance(memberId("x@vt.edu"), 1)],
    ["a fill with oneself", selfFill()],
    [
      "a posting for no listing",
      {
        type: "posted",
        posting: { memberId: BUYER, amount: tokens(1), reason: "fill", listingId: null },
      },
    ],
    [
      "statements of an open listing",
      { type: "listingFinished", listingId: LISTING, statements: [] },
    ],
  ];

  for (const [what, event] of broken) {
    it(what, () => {
      commit(registrations);
      const before = { head: reader.head(), members: reader.members() };
      const good = offered("offer", 1, 6000);
      expect(() => commit([good, event], ["offer", "reading"])).toThrow(/Bug|A rule of/);
      expect({ head: reader.head(), members: reader.members() }).toEqual(before);
      expect(reader.pvOffers(LISTING)).toEqual([]);
      // The store goes on: the same height without the broken event is taken.
      commit([good], ["offer", "reading"]);
      expect(reader.pvOffers(LISTING)).toHaveLength(1);
    });
  }

  it("with the code invariant", () => {
    commit(registrations);
    expect(codeOf(() => commit([balance(BUYER, -1)]))).toBe("invariant");
  });

  it("and everything reserved is no broken rule", () => {
    commit(registrations);
    commit([reserving(200_000_000n)]);
    expect(reader.members()[0]?.reserved).toBe(200_000_000n);
  });

  function reserving(amount: bigint): LedgerEvent {
    const reserved = microTokens(amount);
    return { type: "balanceChanged", memberId: BUYER, balance: tokens(200), reserved };
  }

  function selfFill(): LedgerEvent {
    const event = cleared[0] as Extract<LedgerEvent, { type: "biddingClosed" }>;
    return { ...event, fills: event.fills.map((fill) => ({ ...fill, buyer: SELLER })) };
  }
});

describe("the doctor's sums", () => {
  it("name a balance that no posting explains", () => {
    commit(registrations);
    commit([balance(SELLER, 201)]);
    expect(reader.discrepancies()).toEqual([
      {
        rule: "tokensConserved",
        facts: { balances: 401_000_000n, issued: 400_000_000n },
      },
      {
        rule: "balanceIsPostings",
        facts: { memberId: SELLER, balance: 201_000_000n, posted: 200_000_000n },
      },
    ]);
  });

  it("name a listing whose postings do not sum to zero", () => {
    commit(registrations);
    commit([posted(SELLER, 1), balance(SELLER, 201)]);
    expect(reader.discrepancies()).toContainEqual({
      rule: "listingSumsToZero",
      facts: { listingId: LISTING, sum: 1_000_000n },
    });
  });

  it("name a PV that sold more than it offered", () => {
    commit(registrations);
    commit([offered("offer", 1, 3999)], ["offer"]);
    commit(cleared);
    expect(reader.discrepancies()).toEqual([
      {
        rule: "noOversell",
        facts: { listingId: LISTING, pvId: PV, sold: 4000n, offered: 3999n },
      },
    ]);
  });
});

describe("the reader", () => {
  it("sees the head and whose ledger it is", () => {
    expect(reader.head()).toBeNull();
    commit([]);
    expect(reader.head()).toEqual({
      height: 1,
      blockId: committed(1).blockId,
      time: DELIVERY_START + 1,
      proposer: BUYER,
      round: 0,
      stateRoot: hashOf("state 1"),
    });
    expect(reader.owner()).toEqual({ communityId: COMMUNITY, memberId: SELLER });
  });

  it("reads without an agent, and nothing where there is none", () => {
    commit(registrations);
    store.close();
    const alone = openReader(dir);
    expect(alone.members()).toHaveLength(2);
    alone.close();
    expect(codeOf(() => openReader(place.fresh("empty")))).toBe("io");
    store = openStore(dir, options);
  });
});
