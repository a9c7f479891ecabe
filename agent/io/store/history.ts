// What doors show beyond the ledger's state: listings that are over, offers with the time of their block, and
// transactions, found in the blocks themselves. On a connection of its own, which only reads.

import { join } from "node:path";
import type Database from "better-sqlite3";
import { decodeBlock } from "../../core/ledger/block.ts";
import type { Fill, PlacedBid, PlacedOffer } from "../../core/ledger/state.ts";
import { decodeTransaction } from "../../core/ledger/transaction.ts";
import type { CommunityId, TransactionId } from "../../core/units/ids.ts";
import type { UnixMs } from "../../core/units/time.ts";
import type { HistoryEntry, LedgerHistory, ListingRecord, Timed } from "../../ports.ts";
import { archiveOn } from "./archive.ts";
import {
  type BlockReader,
  blockReader,
  packingOf,
  type TransactionReader,
  transactionReader,
} from "./blockTable.ts";
import { openReadOnly, readOwner } from "./database.ts";
import { LEDGER_FILE } from "./dataDirectory.ts";
import { FILLS, OF_LISTING, rows } from "./reader.ts";
import { NUMBERS_PER_BLOCK } from "./schema.ts";
import { StoreError, storing } from "./storeError.ts";

/** Blocks are read in steps of so many, from the newest down. */
const BLOCKS_PER_STEP = 32;
/** Transactions of the newest blocks that are kept decoded: pages ask for them again and again. */
const AT_HAND_MAX = 2048;

export type OpenHistory = LedgerHistory & { readonly close: () => void };

/** Opens the ledger of `dir`, whose agent has it open. Throws StoreError. */
export function openHistory(dir: string): OpenHistory {
  const path = join(dir, LEDGER_FILE);
  const db = openReadOnly(path);
  try {
    return storing(path, () => historyOn(db, path));
  } catch (error) {
    db.close();
    throw error;
  }
}

function historyOn(db: Database.Database, path: string): OpenHistory {
  const community = readOwner(db)?.communityId as CommunityId | undefined;
  if (community === undefined) throw new StoreError("io", `${path} is of no home yet.`);
  const archive = archiveOn(db);
  if (archive === null) throw new StoreError("corrupt", `${path} has no rules. Run verify.`);
  const transactions = transactionReader(db, community);
  const blocks = entriesReader(db, community);
  const listings = rows<ListingRecord, [number]>(db, `${LISTING} ${NEWEST_FIRST} LIMIT ?`);
  const listing = rows<ListingRecord, [string]>(db, `${LISTING} WHERE listing_id = ?`);
  const pvOffers = rows<Row<PlacedOffer>, [string]>(db, PV_OFFERS);
  const buyOffers = rows<Row<PlacedBid>, [string]>(db, BUY_OFFERS);
  const timeOf = db.prepare<[number], bigint>("SELECT time_ms FROM block WHERE height = ?").pluck();
  const placed = <T extends Placed>(found: readonly Row<T>[]): readonly Timed<T>[] =>
    storing(path, () => inOrder(found, transactions.idOf));
  return {
    listings,
    listing: (id) => listing(id)[0] ?? null,
    pvOffers: (id) => placed(pvOffers(id)),
    buyOffers: (id) => placed(buyOffers(id)),
    fills: rows<Fill, [string]>(db, FILLS),
    transactions: (query) => storing(path, () => newest(blocks, query)),
    transaction: (id) =>
      storing(path, () => {
        const found = transactions.byId(id);
        if (found === null) return null;
        const { author, payload } = found.transaction;
        const time = Number(timeOf.get(found.height)) as UnixMs;
        return { id, author, payload, height: found.height, time };
      }),
    archive,
    close: () => void db.close(),
  };
}

const LISTING = `
  SELECT listing_id AS listingId, delivery_start_ms AS deliveryStart, state,
    mcp_milli_tokens_per_kwh AS mcp, result_hash AS "resultHash:hex"
  FROM listing`;

const NEWEST_FIRST = "ORDER BY delivery_start_ms DESC, listing_no DESC";

/** What a snapshot names without its block was there when this ledger began. */
const TIME = `
  (SELECT time_ms FROM block WHERE height >= max(0, transaction_no / ${NUMBERS_PER_BLOCK})
   ORDER BY height LIMIT 1) AS time`;

const PV_OFFERS = `
  SELECT transaction_no AS transactionNo, member_id AS memberId, pv_id AS pvId,
    pv_offer.sequence, energy_wh AS energy, reserve_price_milli_tokens_per_kwh AS reservePrice,
    stamp_time_ms AS stamp, ${TIME}
  FROM pv_offer JOIN pv USING (pv_no) JOIN card ON card_no = owner_no ${OF_LISTING}`;

const BUY_OFFERS = `
  SELECT transaction_no AS transactionNo, member_id AS memberId, buy_offer.sequence, energy_wh AS energy,
    bid_price_milli_tokens_per_kwh AS bidPrice, stamp_time_ms AS stamp, ${TIME}
  FROM buy_offer JOIN card USING (card_no) ${OF_LISTING}`;

type Placed = { readonly transactionId: TransactionId; readonly stamp: UnixMs | null };
type Row<T> = Timed<Omit<T, "transactionId">> & { readonly transactionNo: number };

/** By stamp, or by time where there is none; then as they stand on the ledger. */
function inOrder<T extends Placed>(
  found: readonly Row<T>[],
  idOf: TransactionReader["idOf"],
): readonly Timed<T>[] {
  const at = (row: Row<T>): number => (row as unknown as T).stamp ?? row.time;
  return found
    .toSorted((a, b) => at(a) - at(b) || a.transactionNo - b.transactionNo)
    .map(({ transactionNo, ...row }) => {
      const transactionId = idOf(transactionNo);
      return { transactionId, ...row } as unknown as Timed<T>;
    });
}

type EntriesReader = {
  readonly head: () => number;
  /** Of the blocks from..to that are here, those of the newest first, and in each the last first. */
  readonly between: (from: number, to: number) => readonly (readonly HistoryEntry[])[];
  /** The first block that is here. */
  readonly first: () => number;
};

function newest(
  { head, first, between }: EntriesReader,
  { types, count, blocksMax }: Parameters<LedgerHistory["transactions"]>[0],
): ReturnType<LedgerHistory["transactions"]> {
  const entries: HistoryEntry[] = [];
  const top = head();
  const lowest = Math.max(first(), top - blocksMax + 1);
  for (let to = top; to >= lowest && entries.length < count; to -= BLOCKS_PER_STEP) {
    for (const block of between(Math.max(lowest, to - BLOCKS_PER_STEP + 1), to)) {
      for (const entry of block) {
        if (types !== null && !types.has(entry.payload.type)) continue;
        entries.push(entry);
        if (entries.length >= count) return { entries, isWhole: true };
      }
    }
  }
  return { entries, isWhole: entries.length >= count || lowest <= first() };
}

function entriesReader(db: Database.Database, community: CommunityId): EntriesReader {
  const reader = blockReader(db, packingOf(db));
  const selectFirst = db.prepare<[], bigint>("SELECT ifnull(min(height), 1) FROM block").pluck();
  const atHand = new Map<number, readonly HistoryEntry[]>();
  let kept = 0;

  /** The newest stay: they are asked for most, and an old one is asked for once. */
  function keep(height: number, entries: readonly HistoryEntry[]): void {
    atHand.set(height, entries);
    kept += entries.length + 1;
    while (kept > AT_HAND_MAX && atHand.size > 0) {
      const lowest = Math.min(...atHand.keys());
      kept -= (atHand.get(lowest)?.length ?? 0) + 1;
      atHand.delete(lowest);
    }
  }

  function between(from: number, to: number): readonly (readonly HistoryEntry[])[] {
    const heights = Array.from({ length: to - from + 1 }, (_, i) => from + i);
    const missing = heights.filter((height) => !atHand.has(height));
    const [lowest] = missing;
    const read = lowest === undefined ? new Map() : readBlocks(lowest, missing);
    const found = heights.map((height) => atHand.get(height) ?? read.get(height) ?? []);
    for (const [height, entries] of read) keep(height, entries);
    return found.toReversed();
  }

  function readBlocks(from: number, missing: readonly number[]): Map<number, HistoryEntry[]> {
    const wanted = new Set(missing);
    const stored = reader.blocks(from, (missing.at(-1) ?? from) - from + 1);
    return new Map(
      stored
        .filter(({ height }) => wanted.has(height))
        .map((one) => [one.height, entriesOf(community, one).toReversed()]),
    );
  }

  return { head: reader.head, first: () => Number(selectFirst.get()), between };
}

type Stored = ReturnType<BlockReader["blocks"]>[number];

function entriesOf(community: CommunityId, { height, block: encoded }: Stored): HistoryEntry[] {
  const block = decodeBlock(encoded);
  if (!block.ok) throw new StoreError("corrupt", `Block ${height} cannot be read. Run verify.`);
  const { time } = block.value.header;
  return block.value.transactions.map((bytes) => {
    const decoded = decodeTransaction(community, bytes);
    if (!decoded.ok) throw new StoreError("corrupt", `Block ${height} holds no transaction.`);
    const { id, author, payload } = decoded.value;
    return { id, author, payload, height, time };
  });
}
