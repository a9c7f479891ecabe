// An offer's place in the queue. One rule, in one file, because first come is first served and so is money.
//
// Its stamp is the time at which the community received it: of the first 2f+1 validators whose receipts name
// it, the (f+1)-th smallest time. At most f lie, so one honest time is not above it and one not below it:
// whoever back-dates, a sender or any f validators, gains nothing. Once taken it never changes.
//
// Clocks are not finer than a bucket; within one a hash decides that nobody could aim at, for it holds the id of
// the block before the closing one. By hand (schedule "manual") the stamp is the time of the offer's block, and
// within a block the smaller id is earlier (docs/decisions/0007-receipts.md).

import { assert } from "../assert.ts";
import { hexToBytes } from "../codec/hex.ts";
import { sha256Hex } from "../crypto.ts";
import type { BlockId, TransactionId } from "../units/ids.ts";
import type { UnixMs } from "../units/time.ts";
import type { Rules } from "./rules.ts";
import { liarsMax } from "./validators.ts";

/**
 * The stamp of an offer that distinct ones of `validators` validators received at `times`, in the order in
 * which blocks brought them; null as long as there are fewer than 2f+1.
 */
export function stampOf(times: readonly UnixMs[], validators: number): UnixMs | null {
  const f = liarsMax(validators);
  const first = times.slice(0, 2 * f + 1);
  if (first.length < 2 * f + 1) return null;
  return first.sort((a, b) => a - b)[f] ?? null;
}

/** A place in the queue as the market compares it. */
export type QueuePlace = {
  /** Smaller is earlier. */
  readonly bucket: number;
  /** Within a bucket, smaller is earlier; 64 hex digits. */
  readonly tie: string;
};

export type Stamped = {
  readonly stamp: UnixMs;
  readonly transactionId: TransactionId;
  /** The id of the block before the closing one; only by hand the first block may close. */
  readonly previous: BlockId | null;
};

export function queuePlace(rules: Rules, { stamp, transactionId, previous }: Stamped): QueuePlace {
  if (rules.schedule === "manual") return { bucket: stamp, tie: transactionId };
  assert(previous !== null, "the first block of all closes no bidding");
  const bytes = new Uint8Array(64);
  bytes.set(hexToBytes(previous), 0);
  bytes.set(hexToBytes(transactionId), 32);
  return { bucket: Math.floor(stamp / rules.stampBucket), tie: sha256Hex(bytes) };
}

/** Negative when `a` is earlier. Zero only for the same transaction. */
export function compareStamps(a: QueuePlace, b: QueuePlace): number {
  if (a.bucket !== b.bucket) return a.bucket - b.bucket;
  if (a.tie === b.tie) return 0;
  return a.tie < b.tie ? -1 : 1;
}
