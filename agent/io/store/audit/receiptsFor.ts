// The receipts that gave an offer its stamp, found in the ledger: the first that name it, one of each validator.
//
// Only a liar can make the ledger count others (heard.ts forgets what a validator names too early or too often):
// then these do not lead to the stamp that the ledger took, and none are given.

import type Database from "better-sqlite3";
import { heardAt, isOffer } from "../../../core/audit/shownStamp.ts";
import { decodeBlock } from "../../../core/ledger/block.ts";
import { deliveryStartOf, listingTimes } from "../../../core/ledger/calendar.ts";
import { communityId, type Rules, type Validator } from "../../../core/ledger/rules.ts";
import { stampOf } from "../../../core/ledger/stamp.ts";
import { decodeTransaction, type Transaction } from "../../../core/ledger/transaction.ts";
import { liarsMax, voicesOf } from "../../../core/ledger/validators.ts";
import type { MemberId } from "../../../core/units/ids.ts";
import type { UnixMs } from "../../../core/units/time.ts";
import { type BlockReader, type Placed, transactionNumber } from "../blockTable.ts";

/** Blocks read at a time. */
const BLOCKS_READ = 64;

export type StampedOffer = {
  readonly rules: Rules;
  readonly reader: BlockReader;
  /** Who votes at a height. */
  readonly votersAt: (height: number) => readonly Validator[];
  /** Whatever is proved; only an offer or a bid has a stamp. */
  readonly placed: Placed;
};

export type ReceiptPlace = { readonly height: number; readonly position: number };

/** In the order of the chain; none for what has no stamp in this ledger, or was amended. */
export function receiptsFor(db: Database.Database, stamped: StampedOffer): readonly ReceiptPlace[] {
  const { rules, reader, votersAt, placed } = stamped;
  const { transaction: offer } = placed;
  const stamp = rules.schedule === "manual" || !isOffer(offer) ? null : stampIn(db, placed);
  if (stamp === null) return [];
  const places: ReceiptPlace[] = [];
  const heard = new Map<MemberId, UnixMs>();
  const from = heightFrom(db, openAt(rules, offer));
  for (const { height, position, transaction } of transactionsFrom(reader, { from, rules })) {
    const at = heardAt(transaction, offer);
    const validator = transaction.author;
    if (at === null || validator === null || heard.has(validator)) continue;
    heard.set(validator, at);
    places.push({ height, position });
    const voters = voicesOf(votersAt(height), [...heard.keys()]);
    const needed = 2 * liarsMax(voters) + 1;
    if (heard.size < needed) continue;
    // More than needed: others came to vote after the last that counted, and a proof cannot show that.
    const isTheirs = heard.size === needed && stampOf([...heard.values()], voters) === stamp;
    return isTheirs ? places : [];
  }
  return [];
}

function stampIn(db: Database.Database, { height, position }: Placed): UnixMs | null {
  const stamp = db
    .prepare<{ number: number }, bigint | null>(
      `SELECT stamp_time_ms FROM pv_offer WHERE transaction_no = @number
       UNION ALL
       SELECT stamp_time_ms FROM buy_offer WHERE transaction_no = @number`,
    )
    .pluck()
    .get({ number: transactionNumber(height, position) });
  return stamp === undefined || stamp === null ? null : (Number(stamp) as UnixMs);
}

/** Nobody honest has heard of an offer before its listing opens. */
function openAt(rules: Rules, { payload }: Transaction): UnixMs {
  if (payload.type !== "pvOffer" && payload.type !== "buyOffer") return 0 as UnixMs;
  const start = deliveryStartOf(payload.listingId, rules.timeZone);
  return start.ok ? listingTimes(rules, start.value).openAt : (0 as UnixMs);
}

function heightFrom(db: Database.Database, time: UnixMs): number {
  const first = db
    .prepare<[number], bigint | null>("SELECT min(height) FROM block WHERE time_ms >= ?")
    .pluck()
    .get(time);
  return Number(first ?? 0);
}

type Range = { readonly from: number; readonly rules: Rules };

/** Whatever can be read, from a height on, in the order of the chain. */
function* transactionsFrom(reader: BlockReader, { from, rules }: Range): Generator<Placed> {
  const community = communityId(rules);
  let next = from;
  for (;;) {
    const stored = reader.blocks(next, BLOCKS_READ);
    const last = stored.at(-1);
    if (last === undefined) return;
    next = last.height + 1;
    for (const { height, block: bytes } of stored) {
      const block = decodeBlock(bytes);
      const encoded = block.ok ? block.value.transactions : [];
      for (const [position, one] of encoded.entries()) {
        const decoded = decodeTransaction(community, one);
        if (decoded.ok) yield { height, position, transaction: decoded.value };
      }
    }
  }
}
