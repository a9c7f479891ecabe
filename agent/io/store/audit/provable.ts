// What a proof of inclusion is made of, read from the database by a transaction's id.

import { join } from "node:path";
import type Database from "better-sqlite3";
import { needsCard } from "../../../core/audit/authorKey.ts";
import type { Provable } from "../../../core/audit/inclusion.ts";
import type { Placeable } from "../../../core/audit/placement.ts";
import { followTrust, type TrustStep, trustedAt } from "../../../core/audit/trustChain.ts";
import { hexToBytes } from "../../../core/codec/hex.ts";
import { Verifier } from "../../../core/crypto.ts";
import { type Block, decodeBlock } from "../../../core/ledger/block.ts";
import { communityId, decodeRules } from "../../../core/ledger/rules.ts";
import { decodeTransaction, type Transaction } from "../../../core/ledger/transaction.ts";
import type { CommunityId, MemberId, TransactionId } from "../../../core/units/ids.ts";
import { blockTable } from "../blockTable.ts";
import { cardTable } from "../cardTable.ts";
import { openReadOnly } from "../database.ts";
import { LEDGER_FILE } from "../dataDirectory.ts";
import { plainBytes } from "../plainBytes.ts";
import { StoreError, storing } from "../storeError.ts";
import { receiptsFor } from "./receiptsFor.ts";
import { trustSteps } from "./trustSteps.ts";

/** null: this ledger has no such transaction. Throws StoreError. Nothing is checked here. */
export function readProvable(dir: string, id: TransactionId): Provable | null {
  const path = join(dir, LEDGER_FILE);
  const db = openReadOnly(path);
  try {
    db.exec("BEGIN");
    return storing(path, () => provable(db, { path, id }));
  } finally {
    db.close();
  }
}

type Wanted = { readonly path: string; readonly id: TransactionId };

function provable(db: Database.Database, { path, id }: Wanted): Provable | null {
  const place = db
    .prepare<[Uint8Array], { height: bigint; position: bigint }>(
      "SELECT height, position FROM ledger_transaction WHERE id = ?",
    )
    .get(hexToBytes(id));
  if (place === undefined) return null;
  const blocks = blockTable(db, cardTable(db));
  const placeable = (height: number, position: number): Placeable => {
    const [stored] = blocks.blocks(height, 1);
    const block = stored === undefined ? null : decodeBlock(stored.block);
    if (stored === undefined || block?.ok !== true) throw unreadable(path);
    return { block: block.value as Block, certificate: stored.certificate, position };
  };
  const height = Number(place.height);
  const proved = placeable(height, Number(place.position));
  const rulesBytes = db.prepare<[], Uint8Array>("SELECT rules FROM community").pluck().get();
  const rules = rulesBytes === undefined ? null : decodeRules(plainBytes(rulesBytes));
  if (rules?.ok !== true) throw unreadable(path);
  const community = communityId(rules.value);
  const bytes = proved.block.transactions[proved.position] ?? NOTHING;
  const transaction = decodeTransaction(community, bytes);
  if (!transaction.ok) throw unreadable(path);
  const trustUpTo = (last: number): readonly TrustStep[] => {
    const blockAt = (at: number) => blocks.blocks(at, 1)[0];
    const steps = trustSteps(db, { rules: rules.value, height: last, blockAt });
    if (steps === null) throw unreadable(path);
    return steps;
  };
  const eras = followTrust(rules.value, trustUpTo(blocks.head()), new Verifier());
  if (!eras.ok) throw unreadable(path);
  const votersAt = (at: number): number => trustedAt(eras.value, at).validators.length;
  const stamped = { rules: rules.value, community, votersAt, offer: transaction.value };
  const receipts = receiptsFor(db, stamped);
  return {
    ...{ ...proved, rules: rules.value },
    trust: trustUpTo(receipts.at(-1)?.height ?? height),
    card: needsCard(transaction.value) ? cardOf(db, transaction.value, community) : null,
    receipts: receipts.map((receipt) => placeable(receipt.height, receipt.position)),
  };
}

const NOTHING = new Uint8Array();

/** The certificate with which the author joined; null if the ledger does not have it. */
function cardOf(
  db: Database.Database,
  { author }: Transaction,
  community: CommunityId,
): Uint8Array | null {
  const joins = db
    .prepare<[], Uint8Array>(
      "SELECT bytes FROM ledger_transaction WHERE type = 'registerMember' ORDER BY transaction_no",
    )
    .pluck();
  for (const bytes of joins.iterate()) {
    const decoded = decodeTransaction(community, plainBytes(bytes));
    const payload = decoded.ok ? decoded.value.payload : null;
    const joined: MemberId | null = payload?.type === "registerMember" ? payload.memberId : null;
    if (payload?.type === "registerMember" && joined === author) return payload.certificate;
  }
  return null;
}

function unreadable(path: string): StoreError {
  const advice = "Run verify to see where";
  return new StoreError("corrupt", `${path} is damaged: the block cannot be read. ${advice}.`);
}
