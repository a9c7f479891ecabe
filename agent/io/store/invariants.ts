// Rules that no CHECK can hold, for they span rows: looked at by the doctor and by tests, not per block.

import type Database from "better-sqlite3";
import type { Facts } from "../../ports.ts";

/** A rule that does not hold, with the sums or names that show it. */
export type Discrepancy = {
  readonly rule: /** Sum of balances = initial balances + grants + changes by hand. */
    | "tokensConserved"
    /** Each balance = the sum of its postings. */
    | "balanceIsPostings"
    /** A listing's postings sum to zero. */
    | "listingSumsToZero"
    /** A fill's energy was offered: no PV sells more than its live offer. */
    | "noOversell"
    /** Heights run from 1, or from the snapshot with which the ledger begins, without a gap. */
    | "chainWhole"
    /** No row refers to a row that is not there. */
    | "referencesHold";
  readonly facts: Facts;
};

const QUERIES: readonly (readonly [Discrepancy["rule"], string])[] = [
  [
    "tokensConserved",
    `SELECT balances, issued FROM
       (SELECT ifnull(sum(balance_micro_tokens), 0) AS balances FROM member),
       (SELECT ifnull(sum(amount_micro_tokens), 0) AS issued FROM posting WHERE reason <> 'fill')
     WHERE balances <> issued`,
  ],
  [
    "balanceIsPostings",
    `SELECT member_id AS memberId, balance_micro_tokens AS balance,
       ifnull(sum(amount_micro_tokens), 0) AS posted
     FROM member JOIN card USING (card_no) LEFT JOIN posting USING (card_no)
     GROUP BY card_no HAVING balance <> posted`,
  ],
  [
    "listingSumsToZero",
    `SELECT listing_id AS listingId, sum(amount_micro_tokens) AS sum
     FROM posting JOIN listing USING (listing_no) GROUP BY listing_no HAVING sum <> 0`,
  ],
  [
    "noOversell",
    `SELECT listing_id AS listingId, pv_id AS pvId, sum(fill.energy_wh) AS sold,
       ifnull(pv_offer.energy_wh, 0) AS offered
     FROM fill JOIN listing USING (listing_no) JOIN pv USING (pv_no)
       LEFT JOIN pv_offer USING (listing_no, pv_no)
     GROUP BY listing_no, pv_no HAVING sold > offered`,
  ],
  [
    "chainWhole",
    `SELECT blocks, first, last FROM
       (SELECT count(*) AS blocks, min(height) AS first, max(height) AS last FROM block)
     WHERE blocks <> ifnull(last - first + 1, 0) OR (first > 1 AND first NOT IN
       (SELECT height FROM checkpoint WHERE validators IS NOT NULL))`,
  ],
  ["referencesHold", `SELECT "table", parent FROM pragma_foreign_key_check`],
];

/** Empty when all rules hold. Reads every row: seconds on a large ledger. */
export function discrepancies(db: Database.Database): Discrepancy[] {
  return QUERIES.flatMap(([rule, sql]) =>
    db
      .prepare<[], Facts>(sql)
      .all()
      .map((facts) => ({ rule, facts })),
  );
}
