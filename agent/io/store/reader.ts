// Reads the ledger's tables beside the agent that writes them: for the doors, the doctor and the tests.
// Sees whole blocks only, and never waits for the agent nor keeps it waiting.

import { join } from "node:path";
import type Database from "better-sqlite3";
import { bytesToHex } from "../../core/codec/hex.ts";
import { decodeCertificate } from "../../core/consensus/message.ts";
import { blockId, decodeBlock } from "../../core/ledger/block.ts";
import type { HourStatement, LedgerEvent, Posting } from "../../core/ledger/event.ts";
import type { Fill, Listing, Member, PlacedBid, PlacedOffer, Pv } from "../../core/ledger/state.ts";
import type {
  BlockId,
  CommunityId,
  ListingId,
  MemberId,
  TransactionId,
} from "../../core/units/ids.ts";
import type { UnixMs } from "../../core/units/time.ts";
import { type BlockReader, blockReader, packingOf, transactionReader } from "./blockTable.ts";
import { type Owner, openReadOnly, readOwner } from "./database.ts";
import { LEDGER_FILE } from "./dataDirectory.ts";
import { type Discrepancy, discrepancies } from "./invariants.ts";
import { plainBytes } from "./plainBytes.ts";
import { StoreError, storing } from "./storeError.ts";

export type Head = {
  readonly height: number;
  readonly blockId: BlockId;
  readonly time: UnixMs;
  readonly proposer: MemberId;
  readonly round: number;
  readonly stateRoot: string;
};

export type ListingRow = Pick<
  Listing,
  "listingId" | "deliveryStart" | "state" | "mcp" | "resultHash"
> & {
  /** Its statements are in. */
  readonly finished: boolean;
};

export type EvidenceRow = Omit<Extract<LedgerEvent, { readonly type: "evidence" }>, "type">;

export type StoreReader = {
  readonly owner: () => Owner | null;
  /** null before the first block. */
  readonly head: () => Head | null;
  /** By id. */
  readonly members: () => readonly Member[];
  /** Those that have not left. */
  readonly pvs: () => readonly Pv[];
  /** The newest delivery hours first, at most `count`. */
  readonly listings: (count: number) => readonly ListingRow[];
  /** The live offers, cancelled ones (0 Wh) included, by stamp, those without one last. */
  readonly pvOffers: (listing: ListingId) => readonly PlacedOffer[];
  readonly buyOffers: (listing: ListingId) => readonly PlacedBid[];
  /** In the order in which they were made. */
  readonly fills: (listing: ListingId) => readonly Fill[];
  readonly statements: (listing: ListingId) => readonly HourStatement[];
  /** The newest first, at most `count`. */
  readonly postings: (member: MemberId, count: number) => readonly Posting[];
  /** Cards that signed twice, the newest first, at most `count`. */
  readonly evidence: (count: number) => readonly EvidenceRow[];
  /** Rules that span rows; empty when all hold. */
  readonly discrepancies: () => readonly Discrepancy[];
  readonly close: () => void;
};

/** Opens the ledger of `dir` for reading. Throws StoreError, "io" if there is none yet. */
export function openReader(dir: string): StoreReader {
  const path = join(dir, LEDGER_FILE);
  const db = openReadOnly(path);
  const members = rows<Member>(db, MEMBERS);
  const heads = rows<HeadRow>(db, HEAD);
  const pvs = rows<Pv>(db, PVS);
  const listings = rows<ListingRow, [number]>(db, LISTINGS);
  const pvOffers = rows<Placed<PlacedOffer>, [string]>(db, PV_OFFERS);
  const buyOffers = rows<Placed<PlacedBid>, [string]>(db, BUY_OFFERS);
  const fills = rows<Fill, [string]>(db, FILLS);
  const statements = rows<HourStatement, [string]>(db, STATEMENTS);
  const postings = rows<Posting, [string, number]>(db, POSTINGS);
  const evidence = rows<EvidenceRow, [number]>(db, EVIDENCE);
  // The file is whole since it was opened: its owner and rules never change.
  const community = storing(path, () => readOwner(db))?.communityId as CommunityId;
  const ledger = storing(path, () => transactionReader(db, community));
  const blocks = storing(path, () => blockReader(db, packingOf(db)));
  const identified = <T extends { readonly stamp: UnixMs | null }>(
    placed: readonly Placed<T>[],
  ): (T & Identified)[] =>
    storing(path, () =>
      placed
        .map(({ transactionNo, ...rest }) => {
          const transactionId = ledger.idOf(transactionNo);
          return { transactionId, ...rest } as unknown as T & Identified;
        })
        .sort(byStamp),
    );
  return {
    owner: () => storing(path, () => readOwner(db)),
    head: () => storing(path, () => headOf(heads()[0], blocks)),
    members,
    pvs,
    listings,
    pvOffers: (listing) => identified(pvOffers(listing)),
    buyOffers: (listing) => identified(buyOffers(listing)),
    fills,
    statements,
    postings,
    evidence,
    discrepancies: () => storing(path, () => discrepancies(db)),
    close: () => void db.close(),
  };
}

type HeadRow = Pick<Head, "height" | "time" | "proposer">;

function headOf(row: HeadRow | undefined, { blocks }: BlockReader): Head | null {
  if (row === undefined) return null;
  const [stored] = blocks(row.height, 1);
  const block = stored === undefined ? null : decodeBlock(stored.block);
  const certificate = stored === undefined ? null : decodeCertificate(stored.certificate);
  if (block?.ok !== true || certificate?.ok !== true) {
    throw new StoreError("corrupt", `Block ${row.height} cannot be read. Run verify to see where.`);
  }
  const { header } = block.value;
  const { round } = certificate.value;
  return { ...row, blockId: blockId(header), round, stateRoot: header.stateRoot };
}

type Identified = { readonly transactionId: TransactionId; readonly stamp: UnixMs | null };
/** A row names its transaction by number. */
type Placed<T> = Omit<T, "transactionId"> & { readonly transactionNo: number };

/** What has no stamp comes last; then by id. */
function byStamp(a: Identified, b: Identified): number {
  const order = (a.stamp ?? Number.MAX_VALUE) - (b.stamp ?? Number.MAX_VALUE);
  return order || (a.transactionId < b.transactionId ? -1 : 1);
}

const HEAD = `
  SELECT height, time_ms AS time, member_id AS proposer
  FROM block JOIN card ON card_no = proposer_no ORDER BY height DESC LIMIT 1`;

const MEMBERS = `
  SELECT member_id AS memberId, first_name AS firstName, last_name AS lastName,
    public_key AS publicKey, balance_micro_tokens AS "balance:money",
    reserved_micro_tokens AS "reserved:money", revoked AS "revoked:flag", sequence
  FROM member JOIN card USING (card_no) ORDER BY member_id`;

const PVS = `
  SELECT pv_id AS pvId, member_id AS owner, sequence, capacity_w AS capacity
  FROM pv JOIN card ON card_no = owner_no WHERE removed = 0 ORDER BY pv_id`;

const LISTINGS = `
  SELECT listing_id AS listingId, delivery_start_ms AS deliveryStart, state,
    mcp_milli_tokens_per_kwh AS mcp, result_hash AS "resultHash:hex", finished AS "finished:flag"
  FROM listing ORDER BY delivery_start_ms DESC, listing_no DESC LIMIT ?`;

export const OF_LISTING =
  "WHERE listing_no = (SELECT listing_no FROM listing WHERE listing_id = ?)";

const PV_OFFERS = `
  SELECT transaction_no AS transactionNo, member_id AS memberId, pv_id AS pvId, pv_offer.sequence,
    energy_wh AS energy, reserve_price_milli_tokens_per_kwh AS reservePrice,
    stamp_time_ms AS stamp
  FROM pv_offer JOIN pv USING (pv_no) JOIN card ON card_no = owner_no ${OF_LISTING}`;

const BUY_OFFERS = `
  SELECT transaction_no AS transactionNo, member_id AS memberId, sequence, energy_wh AS energy,
    bid_price_milli_tokens_per_kwh AS bidPrice, stamp_time_ms AS stamp
  FROM buy_offer JOIN card USING (card_no) ${OF_LISTING}`;

export const FILLS = `
  SELECT seller.member_id AS seller, pv_id AS pvId, buyer.member_id AS buyer, energy_wh AS energy,
    price_milli_tokens_per_kwh AS price
  FROM fill JOIN pv USING (pv_no) JOIN card AS seller ON seller.card_no = seller_no
    JOIN card AS buyer ON buyer.card_no = buyer_no
  ${OF_LISTING} ORDER BY position`;

const STATEMENTS = `
  SELECT member_id AS memberId, sold_wh AS sold, bought_wh AS bought,
    metered_import_wh AS meteredImport, metered_export_wh AS meteredExport
  FROM hour_statement JOIN card USING (card_no) ${OF_LISTING} ORDER BY member_id`;

const POSTINGS = `
  SELECT member_id AS memberId, amount_micro_tokens AS "amount:money", reason,
    listing_id AS listingId
  FROM posting JOIN card USING (card_no) LEFT JOIN listing USING (listing_no)
  WHERE member_id = ? ORDER BY posting_no DESC LIMIT ?`;

export const EVIDENCE = `
  SELECT height, kind, offender.member_id AS offender, reporter.member_id AS reporter, subject
  FROM evidence JOIN card AS offender ON offender.card_no = offender_no
    LEFT JOIN card AS reporter ON reporter.card_no = reporter_no
  ORDER BY evidence_no DESC LIMIT ?`;

/** A query whose columns are the fields of T; a suffix says what a column is in the program. */
export function rows<T, P extends unknown[] = []>(
  db: Database.Database,
  sql: string,
): (...parameters: P) => readonly T[] {
  const statement = db.prepare<P, Record<string, unknown>>(sql);
  return (...parameters) =>
    storing(db.name, () => statement.all(...parameters).map((row) => fields(row) as T));
}

function fields(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([column, value]) => {
      const [name = column, kind] = column.split(":");
      return [name, field(value, kind)];
    }),
  );
}

function field(value: unknown, kind: string | undefined): unknown {
  if (kind === "flag") return value === 1n;
  if (value instanceof Uint8Array) return kind === "hex" ? bytesToHex(value) : plainBytes(value);
  return typeof value === "bigint" && kind !== "money" ? Number(value) : value;
}
