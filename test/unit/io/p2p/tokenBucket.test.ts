import { expect, test } from "vitest";
import { TokenBucket } from "../../../../agent/io/p2p/tokenBucket.ts";

test("a burst, then so many a second, never more than the burst", () => {
  const bucket = new TokenBucket({ perSecond: 2, burst: 3, now: 0 });
  const take = (times: number, now: number): number =>
    Array.from({ length: times }, () => bucket.take(now)).filter(Boolean).length;
  expect(take(5, 0)).toBe(3);
  expect(take(5, 499)).toBe(0); // 0.998 of a token
  expect(take(5, 500)).toBe(1);
  expect(take(9, 60_000)).toBe(3);
});
