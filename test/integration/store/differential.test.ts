// Whatever is said in whatever order: after each block the tables say exactly what the ledger's state says.

import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, expect, it } from "vitest";
import { accusationKey } from "../../../agent/core/ledger/accusation.ts";
import { applyBlock } from "../../../agent/core/ledger/applyBlock.ts";
import { decodeBlock } from "../../../agent/core/ledger/block.ts";
import { listingIdAt } from "../../../agent/core/ledger/calendar.ts";
import { communityId, encodeRules } from "../../../agent/core/ledger/rules.ts";
import {
  decodeState,
  genesis,
  type LedgerState,
  type Listing,
  type RecordedReading,
  stateRoot,
} from "../../../agent/core/ledger/state.ts";
import type { Payload } from "../../../agent/core/ledger/transaction.ts";
import { type MemberId, memberId } from "../../../agent/core/units/ids.ts";
import { floorToHour, HOUR_MS, MINUTE_MS, unixMs } from "../../../agent/core/units/time.ts";
import { transactionReader } from "../../../agent/io/store/blockTable.ts";
import { LEDGER_FILE } from "../../../agent/io/store/dataDirectory.ts";
import { openReader, type StoreReader } from "../../../agent/io/store/reader.ts";
import { type OpenStore, openStore } from "../../../agent/io/store/store.ts";
import { doubleVote, report } from "../../support/accusations.ts";
import {
  at,
  kwh,
  makeRules,
  perKwh,
  registration,
  say,
  signed,
  TestChain,
  tokens,
  ZONE,
} from "../../support/ledger.ts";
import { committedFrom, type Scratch, scratch, silent } from "./fixtures.ts";

const HOMES = ["ann@vt.edu", "ben@vt.edu", "cyd@vt.edu", "dot@vt.edu"];
const BLOCKS = 60;
/** The night in which 01:00 comes twice. */
const START = at("2018-11-04T02:10:00Z");
/** What the ledger takes as a register, up to the last exact number. */
const REGISTERS = [0, 1, 2 ** 31, 2 ** 32, 2 ** 51, Number.MAX_SAFE_INTEGER - 7_000];
/** What the ledger takes as a name. */
const NAMES = [
  "",
  "Ann",
  "Zoë",
  "Zoe\u0308",
  "\u0000",
  "'; DROP TABLE member; --",
  "日本語 \u{1f600}",
];

type Said = readonly [string | null, Payload];
type Random = { readonly below: (n: number) => number; readonly one: <T>(from: readonly T[]) => T };

let place: Scratch;
let chain: TestChain;
let store: OpenStore;
let reader: StoreReader;
let sql: Database.Database;

beforeEach(() => {
  place = scratch();
  const timeline = {
    ...makeRules().timeline,
    openBefore: (150 * MINUTE_MS) as never,
    cutoffBefore: (30 * MINUTE_MS) as never,
    closeWithin: (10 * MINUTE_MS) as never,
    readingsWithin: (120 * MINUTE_MS) as never,
  };
  chain = new TestChain(makeRules({ timeline, guard: false }));
  const dir = join(place.fresh("home"), "data");
  const rules = encodeRules(chain.rules);
  const owner = { communityId: communityId(chain.rules), memberId: memberId("ann@vt.edu"), rules };
  store = openStore(dir, { ...owner, log: silent });
  reader = openReader(dir);
  sql = new Database(join(dir, LEDGER_FILE), { readonly: true });
  sql.defaultSafeIntegers(true);
});
afterEach(() => {
  sql.close();
  reader.close();
  store.close();
  place.remove();
});

/** Marsaglia's xorshift32: the same numbers for the same seed. */
function random(seed: number): Random {
  let x = seed | 1;
  const below = (n: number): number => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % n;
  };
  return { below, one: (from) => from[below(from.length)] as (typeof from)[number] };
}

function registrationOf(home: string, { one }: Random): Payload {
  return { ...registration(home), firstName: one(NAMES), lastName: one(NAMES) } as Payload;
}

function said(now: number, fresh: number, dice: Random): Said {
  const { below, one } = dice;
  const home = one(HOMES);
  const sequence = below(3) === 0 ? below(6) : fresh;
  const hour = (offset: number) => unixMs(floorToHour(unixMs(now)) + offset * HOUR_MS);
  const listing = listingIdAt(hour(below(3)), ZONE);
  // Votes alone: what is remembered of them outlives this chain, and so state and table are the same.
  if (below(40) === 0) {
    const { rules, state } = chain;
    const of = { height: Math.max(1, state.height - below(3)), round: below(2) };
    return [home, report(doubleVote(rules, one(HOMES), of))];
  }
  switch (below(10)) {
    case 0:
      return [home, registrationOf(home, dice)];
    case 1: {
      const pv = `${one(HOMES)}-${below(2)}`;
      if (below(2) === 0) return [home, say.removePv(pv, fresh)];
      return [home, say.registerPv(home, pv, 1 + below(9000), fresh)];
    }
    case 2:
      if (below(3) === 0) return [home, say.changeMember(sequence, home, { name: one(NAMES) })];
      return [null, say.grant(sequence, home, tokens(below(300) - 150))];
    case 3:
      if (below(3) === 0) return [null, say.bindIdentity(fresh, home)];
      return [null, below(20) === 0 ? say.revoke(fresh, home) : say.grant(fresh, home, tokens(9))];
    case 4:
    case 5: {
      const [start, exported] = [one(REGISTERS), one(REGISTERS)];
      const imported = [start, start + below(7000)] as const;
      const past = listingIdAt(hour(-1 - below(2)), ZONE);
      return [home, say.meterReading(past, { imported, exported: [exported, exported] })];
    }
    case 6:
    case 7: {
      const offer = { energy: kwh(below(9)), reserve: perKwh(below(4)), sequence };
      return [home, say.pvOffer(listing, `${home}-${below(2)}`, offer)];
    }
    default: {
      const bid = { energy: kwh(below(6)), price: perKwh(1 + below(9)), sequence };
      return [home, say.buyOffer(listing, bid)];
    }
  }
}

/** The validator's receipt for most of what has no stamp yet, and of what is said now, applicable or not. */
function receiptOf(block: readonly Said[], now: number, { below }: Random): readonly Said[] {
  const open = [...chain.state.listings.values()].filter((one) => one.state === "ACCEPT_OFFERS");
  const placed = open
    .flatMap(({ pvOffers, buyOffers }) => [...pvOffers.values(), ...buyOffers.values()])
    .filter(({ stamp }) => stamp === null)
    .map(({ transactionId }) => transactionId);
  const coming = block
    .filter(([, { type }]) => type === "pvOffer" || type === "buyOffer")
    .map(([author, payload]) => signed(chain.rules, author, payload).id);
  const heard = [...new Set([...placed, ...coming])].filter(() => below(8) > 0);
  const [validator] = chain.rules.validators;
  if (heard.length === 0 || validator === undefined) return [];
  return [
    chain.receipt(
      validator.memberId,
      heard.map((id) => [id, now]),
    ),
  ];
}

/** What the tables hold of the listings that the state holds, in the state's words. */
function tabled(listing: Listing): unknown {
  const { listingId } = listing;
  const row = reader.listings(1000).find((one) => one.listingId === listingId);
  const { finished, ...rest } = row ?? {};
  expect(finished).toBe(false);
  return {
    ...rest,
    pvOffers: [...reader.pvOffers(listingId)].sort(byId),
    buyOffers: [...reader.buyOffers(listingId)].sort(byId),
    fills: reader.fills(listingId),
    readings: tabledReadings(listingId),
  };
}

function stated(listing: Listing): unknown {
  // Who has proposed since the receipts were due only matters to the next blocks: no table has it.
  const { pvOffers, buyOffers, readings, sealers: _, ...rest } = listing;
  return {
    ...rest,
    pvOffers: [...pvOffers.values()].sort(byId),
    buyOffers: [...buyOffers.values()].sort(byId),
    readings: [...readings.values()].map(readingRow).sort(byMember),
  };
}

function tabledReadings(listing: string): unknown[] {
  const { byNumber } = transactionReader(sql, communityId(chain.rules));
  return sql
    .prepare<[string], { memberId: string; no: bigint }>(
      `SELECT member_id AS memberId, transaction_no AS no
       FROM meter_reading JOIN listing USING (listing_no) JOIN card USING (card_no)
       WHERE listing_id = ? ORDER BY member_id`,
    )
    .all(listing)
    .map(({ memberId, no }) => {
      const { transaction } = byNumber(Number(no));
      return { memberId, transactionId: transaction.id, reading: transaction.payload };
    });
}

function readingRow({ memberId, transactionId, reading }: RecordedReading) {
  return { memberId, transactionId, reading };
}

function byId(a: { readonly transactionId: string }, b: { readonly transactionId: string }) {
  return a.transactionId < b.transactionId ? -1 : 1;
}
function byMember(a: { readonly memberId: MemberId }, b: { readonly memberId: MemberId }) {
  return a.memberId < b.memberId ? -1 : 1;
}

function expectSame(state: LedgerState): void {
  expect(reader.members()).toEqual([...state.members.values()].sort(byMember));
  const pvs = [...state.pvs.values()].sort((a, b) => (a.pvId < b.pvId ? -1 : 1));
  expect(reader.pvs()).toEqual(pvs);
  const removed = sql.prepare("SELECT pv_id FROM pv WHERE removed = 1").pluck().all();
  expect(removed.sort()).toEqual([...state.removedPvs.keys()].sort());
  for (const listing of state.listings.values()) expect(tabled(listing)).toEqual(stated(listing));
  const known = reader.evidence(1000).map(accusationKey).sort();
  expect(known).toEqual([...state.evidence.keys()].sort());
  const unfinished = reader.listings(1000).filter(({ finished }) => !finished);
  expect(unfinished.map(({ listingId }) => listingId).sort()).toEqual(
    [...state.listings.keys()].sort(),
  );
  expect(reader.head()).toMatchObject({ height: state.height, stateRoot: stateRoot(state) });
  expect(reader.discrepancies()).toEqual([]);
}

it.each([1, 2, 3, 4, 5])("the tables follow a random chain (seed %i)", (seed) => {
  const dice = random(seed * 7919);
  const count = { trades: 0, readings: 0, revoked: 0, cancelled: 0, named: 0 };
  const changed = { bound: 0, renamed: 0, removed: 0, back: 0 };
  let now: number = START;
  const first = HOMES.slice(0, 3);
  chain.add(now, ...first.map((name): Said => [name, registrationOf(name, dice)]));
  store.commit(committedFrom(chain, false));
  chain.add(now + 1, ...first.map((name): Said => [name, say.registerPv(name, `${name}-0`)]));
  store.commit(committedFrom(chain, false));
  for (let i = 1; i <= BLOCKS; i += 1) {
    now += (1 + dice.below(25)) * MINUTE_MS;
    const block = Array.from({ length: dice.below(24) }, () => said(now, i, dice));
    const { events } = chain.add(now, ...receiptOf(block, now, dice), ...block);
    store.commit(committedFrom(chain, i % 7 === 0));
    expectSame(chain.state);
    for (const event of events) {
      if (event.type === "biddingClosed") count.trades += event.fills.length;
      if (event.type === "meterRead") count.readings += 1;
      if (event.type === "memberRevoked") count.revoked += 1;
      if (event.type === "evidence") count.named += 1;
      if (event.type === "identityBound") changed.bound += 1;
      if (event.type === "memberChanged") changed.renamed += 1;
      if (event.type === "pvRemoved") changed.removed += 1;
      if (event.type === "pvRegistered") changed.back += 1;
      if (event.type === "buyOfferPlaced" && event.bid.energy === 0) count.cancelled += 1;
    }
  }
  expectReplay();
  // A chain on which nothing happens proves nothing.
  expect(count.trades).toBeGreaterThan(2);
  expect(count.readings).toBeGreaterThan(1);
  expect(count.cancelled).toBeGreaterThan(0);
  expect(count.named).toBeGreaterThan(2);
  expect(changed.renamed).toBeGreaterThan(2);
  expect(changed.removed).toBeGreaterThan(0);
});

/** From the tables alone, from the beginning and from the checkpoint: the same state. */
function expectReplay(): void {
  const checkpoint = store.checkpoint();
  if (checkpoint === null) throw new Error("there are checkpoints");
  let state = genesis(chain.rules);
  for (const { block } of store.blocks(1, 1000)) {
    const decoded = decodeBlock(block);
    if (!decoded.ok) throw new Error("a stored block decodes");
    const applied = applyBlock(state, decoded.value, chain.verifier);
    if (!applied.ok) throw new Error(`refused: ${JSON.stringify(applied.refusal)}`);
    state = applied.value.state;
    if (state.height !== checkpoint.height) continue;
    const restored = decodeState(chain.rules, checkpoint.state, state.lastBlock);
    expect(restored).toEqual({ ok: true, value: state });
    // What follows goes on from the checkpoint.
    if (restored.ok) state = restored.value;
  }
  expect(state).toEqual(chain.state);
}
