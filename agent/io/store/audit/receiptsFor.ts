// The receipts that gave an offer its stamp, found in the ledger: the first that name it, one of each validator.
//
// Only a liar can make the ledger count others (heard.ts forgets what a validator names too early or too often):
// then these do not lead to the stamp that the ledger took, and none are given.

import type Database from "better-sqlite3";
import { heardAt, isOffer } from "../../../core/audit/shownStamp.ts";
import { hexToBytes } from "../../../core/codec/hex.ts";
import { deliveryStartOf, listingTimes } from "../../../core/ledger/calendar.ts";
import type { Rules } from "../../../core/ledger/rules.ts";
import { stampOf } from "../../../core/ledger/stamp.ts";
import { decodeTransaction, type Transaction } from "../../../core/ledger/transaction.ts";
import { liarsMax } from "../../../core/ledger/validators.ts";
import type { CommunityId, MemberId } from "../../../core/units/ids.ts";
import type { UnixMs } from "../../../core/units/time.ts";
import { plainBytes } from "../plainBytes.ts";
import { NUMBERS_PER_BLOCK } from "../schema.ts";

export type StampedOffer = {
  readonly rules: Rules;
  readonly community: CommunityId;
  /** How many vote at a height. */
  readonly votersAt: (height: number) => number;
  /** Whatever is proved; only an offer or a bid has a stamp. */
  readonly offer: Transaction;
};

export type ReceiptPlace = { readonly height: number; readonly position: number };

/** In the order of the chain; none for what has no stamp in this ledger, or was amended. */
export function receiptsFor(db: Database.Database, stamped: StampedOffer): readonly ReceiptPlace[] {
  const { rules, community, votersAt, offer } = stamped;
  const stamp = rules.schedule === "manual" || !isOffer(offer) ? null : stampIn(db, offer);
  if (stamp === null) return [];
  const places: ReceiptPlace[] = [];
  const heard = new Map<MemberId, UnixMs>();
  for (const { height, position, bytes } of receiptsFrom(db, openAt(rules, offer))) {
    const receipt = decodeTransaction(community, plainBytes(bytes));
    const at = receipt.ok ? heardAt(receipt.value, offer) : null;
    const validator = receipt.ok ? receipt.value.author : null;
    if (at === null || validator === null || heard.has(validator)) continue;
    heard.set(validator, at);
    places.push({ height: Number(height), position: Number(position) });
    const voters = votersAt(Number(height));
    if (heard.size < 2 * liarsMax(voters) + 1) continue;
    return stampOf([...heard.values()], voters) === stamp ? places : [];
  }
  return [];
}

function stampIn(db: Database.Database, { id }: Transaction): UnixMs | null {
  const stamp = db
    .prepare<{ id: Uint8Array }, bigint | null>(
      `SELECT stamp_time_ms FROM ledger_transaction JOIN pv_offer USING (transaction_no) WHERE id = @id
       UNION ALL
       SELECT stamp_time_ms FROM ledger_transaction JOIN buy_offer USING (transaction_no) WHERE id = @id`,
    )
    .pluck()
    .get({ id: hexToBytes(id) });
  return stamp === undefined || stamp === null ? null : (Number(stamp) as UnixMs);
}

/** Nobody honest has heard of an offer before its listing opens. */
function openAt(rules: Rules, { payload }: Transaction): UnixMs {
  if (payload.type !== "pvOffer" && payload.type !== "buyOffer") return 0 as UnixMs;
  const start = deliveryStartOf(payload.listingId, rules.timeZone);
  return start.ok ? listingTimes(rules, start.value).openAt : (0 as UnixMs);
}

type Row = { readonly height: bigint; readonly position: bigint; readonly bytes: Uint8Array };

function receiptsFrom(db: Database.Database, time: UnixMs): IterableIterator<Row> {
  const sql = `SELECT height, position, bytes FROM ledger_transaction
    WHERE type = 'receipt' AND transaction_no >= ? ORDER BY transaction_no`;
  const first = db
    .prepare<[number], bigint | null>("SELECT min(height) FROM block WHERE time_ms >= ?")
    .pluck()
    .get(time);
  const from = BigInt(first ?? 0) * BigInt(NUMBERS_PER_BLOCK);
  return db.prepare<[bigint], Row>(sql).iterate(from);
}
