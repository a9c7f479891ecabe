// An offer's stamp, told without a ledger: the receipts that name the offer, each with its own place in the
// chain. A reader works the stamp out again; whoever made the proof can choose among receipts, if more validators
// named the offer than count, but whichever it shows, the stamp lies between the times of honest validators.
//
//   schedule   what is proved   the proof's receipts           stamp
//   any        no offer         none                           none
//   manual     an offer, a bid  none                           its block's time
//   hourly     an offer, a bid  2f+1 validators', one each     the (f+1)-th smallest of their times
//   hourly     an offer, a bid  none                           not shown

import type { Rules } from "../ledger/rules.ts";
import { stampOf } from "../ledger/stamp.ts";
import type { Transaction } from "../ledger/transaction.ts";
import { liarsMax, voicesOf } from "../ledger/validators.ts";
import { accepted, type Result, refused } from "../result.ts";
import { type MemberId, offerPrefix } from "../units/ids.ts";
import { addTime, type UnixMs } from "../units/time.ts";
import type { Placed } from "./placement.ts";

/** When a validator says to have received an offer, and in which block it says so. */
export type HeardIn = {
  readonly validator: MemberId;
  readonly at: UnixMs;
  readonly height: number;
};

export type ShownStamp = {
  readonly time: UnixMs;
  /** In chain order; empty in a manual community. */
  readonly heard: readonly HeardIn[];
};

/**
 * Receipt `at` does not hold by itself, or does not fit; the number of receipts, where some lack. Who made the
 * proof must act.
 */
export type WrongReceipts = {
  readonly code: "wrongReceipts";
  readonly at: number;
  readonly reason: string;
};

/** Whether this has a stamp at all. */
export function isOffer({ payload: { type } }: Pick<Transaction, "payload">): boolean {
  return type === "pvOffer" || type === "buyOffer";
}

/** When `receipt` says to have received `offer`; null: it says nothing of it, or is no receipt. */
export function heardAt(
  { payload }: Pick<Transaction, "payload">,
  offer: Pick<Transaction, "id">,
): UnixMs | null {
  if (payload.type !== "receipt") return null;
  const prefix = offerPrefix(offer.id);
  const entry = payload.entries.find((one) => one.offer === prefix);
  return entry === undefined ? null : addTime(payload.from, entry.after);
}

/** `receipts`: in the order of the proof, each checked by itself. null: no stamp, or none is shown. */
export function shownStamp(
  rules: Rules,
  { transaction, header }: Placed,
  receipts: readonly Placed[],
): Result<ShownStamp | null, WrongReceipts> {
  const isStamped = isOffer(transaction);
  if (receipts.length === 0) {
    const byBlock = isStamped && rules.schedule === "manual";
    return accepted(byBlock ? { time: header.time, heard: [] } : null);
  }
  if (!isStamped || rules.schedule === "manual") return wrong(0, "needless");
  const heard: HeardIn[] = [];
  for (const [i, receipt] of receipts.entries()) {
    const at = heardAt(receipt.transaction, transaction);
    const validator = receipt.transaction.author;
    if (at === null || validator === null) return wrong(i, "it does not name the offer");
    if (heard.some((one) => one.validator === validator)) {
      return wrong(i, `a second one of ${validator}`);
    }
    if (i > 0 && !isBefore(receipts[i - 1], receipt)) {
      return wrong(i, "not in the order of the chain");
    }
    heard.push({ validator, at, height: receipt.header.height });
  }
  // Who voted when the last one came, and who spoke before and voted no more: as the ledger counts (heard.ts).
  const speakers = heard.map(({ validator }) => validator);
  const voters = voicesOf(receipts.at(-1)?.validators ?? rules.validators, speakers);
  const times = heard.map(({ at }) => at);
  const needed = 2 * liarsMax(voters) + 1;
  const time = times.length === needed ? stampOf(times, voters) : null;
  return time === null
    ? wrong(Math.min(heard.length, needed), `${needed} are needed`)
    : accepted({ time, heard });
}

function isBefore(a: Placed | undefined, b: Placed): boolean {
  if (a === undefined) return false;
  const [first, second] = [a.header.height, b.header.height];
  return first === second ? a.position < b.position : first < second;
}

function wrong(
  at: number,
  reason: string,
): { readonly ok: false; readonly refusal: WrongReceipts } {
  return refused({ code: "wrongReceipts", at, reason });
}
