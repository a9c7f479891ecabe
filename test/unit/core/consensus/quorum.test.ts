import { expect, test } from "vitest";
import { isQuorum, isSkip } from "../../../../agent/core/consensus/quorum.ts";

// By hand, the least c with 3c > 2n and the least c with 3c > n.
// n = 6: 3 x 4 = 12 is not > 12, 3 x 5 = 15 is. n = 3: 3 x 2 = 6 is not > 6, 3 x 3 = 9 is.
const LEAST = [
  { n: 1, quorum: 1, skip: 1 },
  { n: 2, quorum: 2, skip: 1 },
  { n: 3, quorum: 3, skip: 2 },
  { n: 4, quorum: 3, skip: 2 },
  { n: 5, quorum: 4, skip: 2 },
  { n: 6, quorum: 5, skip: 3 },
  { n: 7, quorum: 5, skip: 3 },
  { n: 8, quorum: 6, skip: 3 },
  { n: 9, quorum: 7, skip: 4 },
  { n: 10, quorum: 7, skip: 4 },
  { n: 11, quorum: 8, skip: 4 },
  { n: 12, quorum: 9, skip: 5 },
  { n: 13, quorum: 9, skip: 5 },
];

test.each(LEAST)("n = $n: $quorum decide, $skip show that one honest is there", (row) => {
  const { n, quorum, skip } = row;
  expect(isQuorum(quorum - 1, n)).toBe(false);
  expect(isQuorum(quorum, n)).toBe(true);
  expect(isSkip(skip - 1, n)).toBe(false);
  expect(isSkip(skip, n)).toBe(true);
});
