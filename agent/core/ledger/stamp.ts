// An offer's place in the queue. One rule, in one file, because first come is first served and so is money:
// the place in the chain, which is the time of its block, and within a block the smaller id.

import type { TransactionId } from "../units/ids.ts";
import type { UnixMs } from "../units/time.ts";
import type { Stamp } from "./state.ts";

export function stampOf(blockTime: UnixMs, transactionId: TransactionId): Stamp {
  return { time: blockTime, transactionId };
}

/** Negative when `a` is earlier. Zero only for the same transaction. */
export function compareStamps(a: Stamp, b: Stamp): number {
  if (a.time !== b.time) return a.time - b.time;
  if (a.transactionId === b.transactionId) return 0;
  return a.transactionId < b.transactionId ? -1 : 1;
}
