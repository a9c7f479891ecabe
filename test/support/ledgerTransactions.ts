// Every transaction of a home's ledger file, read as the agent reads one: out of its block.

import { join } from "node:path";
import type { CommunityId } from "../../agent/core/units/ids.ts";
import { type Placed, transactionReader } from "../../agent/io/store/blockTable.ts";
import { openReadOnly, readOwner } from "../../agent/io/store/database.ts";
import { LEDGER_FILE } from "../../agent/io/store/dataDirectory.ts";

/** In the order of the chain. `dir`: a data directory; its agent may run. */
export function ledgerTransactions(dir: string): readonly Placed[] {
  const db = openReadOnly(join(dir, LEDGER_FILE));
  try {
    const community = readOwner(db)?.communityId as CommunityId;
    const { byNumber } = transactionReader(db, community);
    return db
      .prepare<[], bigint>("SELECT transaction_no FROM ledger_transaction ORDER BY transaction_no")
      .pluck()
      .all()
      .map((number) => byNumber(Number(number)));
  } finally {
    db.close();
  }
}
