// How often one token, or one address without a token, may ask. Who asks too often is told when to come
// again; the others do not notice.

import { TokenBucket } from "../p2p/tokenBucket.ts";
import type { RestLimits } from "./limits.ts";

type RateLimits = Pick<
  RestLimits,
  | "requestsBurstMax"
  | "requestsPerSecondMax"
  | "strangersBurstMax"
  | "strangersPerSecondMax"
  | "countedMax"
>;

export type RateLimit = {
  /** False: too many requests of this token id, for now. `now`: monotonic ms. */
  readonly takeToken: (id: string, now: number) => boolean;
  /** The same for whoever comes from this address without a valid token. */
  readonly takeStranger: (address: string, now: number) => boolean;
};

export function createRateLimit(limits: RateLimits): RateLimit {
  const { requestsBurstMax, requestsPerSecondMax, countedMax } = limits;
  const { strangersBurstMax, strangersPerSecondMax } = limits;
  const tokens = counting({ burst: requestsBurstMax, perSecond: requestsPerSecondMax, countedMax });
  const strangers = counting({
    ...{ burst: strangersBurstMax, perSecond: strangersPerSecondMax, countedMax },
  });
  return { takeToken: tokens, takeStranger: strangers };
}

function counting({
  burst,
  perSecond,
  countedMax,
}: {
  burst: number;
  perSecond: number;
  countedMax: number;
}) {
  /** In the order of their last request. */
  const buckets = new Map<string, TokenBucket>();
  return (key: string, now: number): boolean => {
    const bucket = buckets.get(key) ?? new TokenBucket({ perSecond, burst, now });
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size > countedMax) {
      for (const oldest of buckets.keys()) {
        buckets.delete(oldest);
        break;
      }
    }
    return bucket.take(now);
  };
}
