// The audit and the proofs of a ledger on whose blocks not always the same ones voted.

import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkInclusion, proveInclusion } from "../../../agent/core/audit/inclusion.ts";
import { Verifier } from "../../../agent/core/crypto.ts";
import { communityId, encodeRules } from "../../../agent/core/ledger/rules.ts";
import { memberId } from "../../../agent/core/units/ids.ts";
import { auditLedger } from "../../../agent/io/store/audit/auditLedger.ts";
import { readProvable } from "../../../agent/io/store/audit/provable.ts";
import { openStore } from "../../../agent/io/store/store.ts";
import { ChangingChain } from "../../support/changingChain.ts";
import { say, tokens } from "../../support/ledger.ts";
import { ledgerTransactions } from "../../support/ledgerTransactions.ts";
import { type Scratch, scratch, silent } from "../store/fixtures.ts";

const [A, B, C, D, E] = ["a@vt.edu", "b@vt.edu", "c@vt.edu", "d@vt.edu", "e@vt.edu"] as const;
const verifier = new Verifier();

let place: Scratch;
let data: string;
let chain: ChangingChain;

/** As in trustChain.test.ts: e votes from block 4 on, b only up to block 5. */
beforeAll(() => {
  place = scratch();
  data = join(place.fresh("home"), "data");
  chain = new ChangingChain([A, B, C, D], [A, B, C, D, E]);
  chain.change({ add: [E] });
  for (const sequence of [2, 3, 4, 5, 6]) {
    const payload = sequence === 3 ? say.revoke(3, B) : say.grant(sequence, A, tokens(1));
    chain.next([null, payload]);
  }
  const { rules } = chain;
  const owner = {
    communityId: communityId(rules),
    memberId: memberId(A),
    rules: encodeRules(rules),
  };
  const store = openStore(data, { ...owner, log: silent });
  chain.store(store);
  store.close();
});
afterAll(() => place.remove());

/** What the audit finds in a copy in which this was done. */
let copies = 0;
function changed(sql: string) {
  copies += 1;
  const db = new Database(join(data, "ledger.db"), { readonly: true });
  const copy = place.fresh(`copy${copies}`);
  db.exec(`VACUUM INTO '${join(copy, "ledger.db")}'`);
  db.close();
  const other = new Database(join(copy, "ledger.db"));
  other.exec(sql);
  other.close();
  return auditLedger(copy, { rules: null, verifier }).findings;
}

describe("a ledger on whose blocks not always the same ones voted", () => {
  it("is right, each certificate by those who voted", () => {
    const { findings, facts } = auditLedger(data, { rules: chain.rules, verifier });
    expect(findings).toEqual([]);
    expect(facts?.height).toBe(7);
    // 11 transactions; 4 + 4 + 4 + 5 + 5 + 4 + 4 votes.
    expect(facts?.signatures).toBe(11 + 30);
  });

  it("tells who came and went, and a changed row is found", () => {
    const db = new Database(join(data, "ledger.db"), { readonly: true });
    const rows = db
      .prepare(
        `SELECT from_height AS fromHeight, member_id AS memberId, public_key IS NULL AS isGone
         FROM validator_change JOIN card USING (card_no) ORDER BY from_height`,
      )
      .all();
    db.close();
    expect(rows).toEqual([
      { fromHeight: 4, memberId: E, isGone: 0 },
      { fromHeight: 6, memberId: B, isGone: 1 },
    ]);
    for (const sql of [
      "DELETE FROM validator_change WHERE from_height = 6",
      "UPDATE validator_change SET from_height = 5 WHERE from_height = 4",
      "UPDATE validator_change SET public_key = zeroblob(32) WHERE from_height = 6",
    ]) {
      expect(changed(sql)).toMatchObject([{ table: "validator_change" }]);
    }
  });

  it("proves what is in each block", () => {
    const byCa = ledgerTransactions(data).filter(({ transaction }) => transaction.author === null);
    expect(byCa.map(({ height }) => height)).toEqual([2, 3, 4, 5, 6, 7]);
    for (const { transaction, height } of byCa) {
      const provable = readProvable(data, transaction.id);
      if (!("block" in provable)) throw new Error("the transaction is there");
      expect(provable.trust).toHaveLength(height < 4 ? 0 : height < 6 ? 1 : 2);
      const proof = proveInclusion(provable);
      const included = checkInclusion(proof, { community: null, verifier });
      expect(included).toMatchObject({ ok: true, value: { header: { height } } });
    }
  });
});
