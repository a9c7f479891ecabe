// What a proof of inclusion is made of, read from the database by a transaction's id.

import { join } from "node:path";
import type Database from "better-sqlite3";
import { needsCard } from "../../../core/audit/authorKey.ts";
import type { Provable } from "../../../core/audit/inclusion.ts";
import type { Placeable } from "../../../core/audit/placement.ts";
import { followTrust, type TrustStep, trustedAt } from "../../../core/audit/trustChain.ts";
import { readCertificate } from "../../../core/certificate.ts";
import { checkCertificate } from "../../../core/consensus/certificate.ts";
import { decodeCertificate } from "../../../core/consensus/message.ts";
import { Verifier } from "../../../core/crypto.ts";
import { type Block, decodeBlock } from "../../../core/ledger/block.ts";
import { communityId, decodeRules, type Rules } from "../../../core/ledger/rules.ts";
import {
  decodeTransaction,
  type Transaction,
  transactionSignBytes,
} from "../../../core/ledger/transaction.ts";
import { validatorsHash } from "../../../core/ledger/validators.ts";
import type { TransactionId } from "../../../core/units/ids.ts";
import { type BlockReader, blockReader, packingOf, transactionReader } from "../blockTable.ts";
import { openReadOnly } from "../database.ts";
import { LEDGER_FILE } from "../dataDirectory.ts";
import { plainBytes } from "../plainBytes.ts";
import { StoreError, storing } from "../storeError.ts";
import { receiptsFor } from "./receiptsFor.ts";
import { trustSteps } from "./trustSteps.ts";

/**
 * Why this ledger alone cannot show it. `firstHeight`: older blocks are not in this ledger; 1: there are none.
 * "validators": who votes had changed before the snapshot with which it begins, and what shows that is not here.
 */
export type NotHere = {
  readonly firstHeight: number;
  readonly missing: "transaction" | "validators";
};

/** Throws StoreError. Nothing is checked here. */
export function readProvable(dir: string, id: TransactionId): Provable | NotHere {
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

function provable(db: Database.Database, { path, id }: Wanted): Provable | NotHere {
  const rulesBytes = db.prepare<[], Uint8Array>("SELECT rules FROM community").pluck().get();
  const rules = rulesBytes === undefined ? null : decodeRules(plainBytes(rulesBytes));
  if (rules?.ok !== true) throw unreadable(path);
  const community = communityId(rules.value);
  const placed = transactionReader(db, community).byId(id);
  const first = firstHeight(db);
  if (placed === null) return { firstHeight: first, missing: "transaction" };
  const { height, position, transaction } = placed;
  const reader = blockReader(db, packingOf(db));
  const placeable = (at: number, place: number): Placeable => {
    const [stored] = reader.blocks(at, 1);
    const block = stored === undefined ? null : decodeBlock(stored.block);
    if (stored === undefined || block?.ok !== true) throw unreadable(path);
    return { block: block.value as Block, certificate: stored.certificate, position: place };
  };
  if (first > 1 && !isByFirstSet(placeable(first, 0), rules.value)) {
    return { firstHeight: first, missing: "validators" };
  }
  const trustUpTo = (last: number): readonly TrustStep[] => {
    const blockAt = (at: number) => reader.blocks(at, 1)[0];
    const steps = trustSteps(db, { rules: rules.value, height: last, blockAt });
    if (steps === null) throw unreadable(path);
    return steps;
  };
  const eras = followTrust(rules.value, trustUpTo(reader.head()), new Verifier());
  if (!eras.ok) throw unreadable(path);
  const votersAt = (at: number) => trustedAt(eras.value, at).validators;
  const card = needsCard(transaction, rules.value)
    ? cardOf(db, { transaction, reader, rules: rules.value })
    : null;
  const receipts = receiptsFor(db, { rules: rules.value, reader, votersAt, placed });
  return {
    ...{ ...placeable(height, position), rules: rules.value },
    trust: trustUpTo(receipts.at(-1)?.height ?? height),
    card,
    receipts: receipts.map((receipt) => placeable(receipt.height, receipt.position)),
  };
}

type Author = {
  readonly transaction: Transaction;
  readonly reader: BlockReader;
  readonly rules: Rules;
};

/** The certificate of the author's card with which it was signed; null if the ledger does not have it. */
function cardOf(db: Database.Database, { transaction, ...ledger }: Author): Uint8Array | null {
  const community = communityId(ledger.rules);
  const message = transactionSignBytes(community, transaction);
  const { signature } = transaction;
  const verifier = new Verifier();
  const signs = (certificate: Uint8Array): boolean => {
    const read = readCertificate(certificate);
    return read.ok && verifier.verify({ publicKey: read.value.publicKey, message, signature });
  };
  return cardsOf(db, { transaction, ...ledger }).find(signs) ?? null;
}

/** The certificates that the author was ever given, as far as this ledger has them. */
function cardsOf(
  db: Database.Database,
  { transaction: { author }, reader, rules }: Author,
): readonly Uint8Array[] {
  const given = db
    .prepare<[string], bigint>(
      "SELECT height FROM member_card JOIN card USING (card_no) WHERE member_id = ?",
    )
    .pluck();
  const certificates: Uint8Array[] = [];
  for (const height of author === null ? [] : given.all(author)) {
    const [stored] = reader.blocks(Number(height), 1);
    const block = stored === undefined ? null : decodeBlock(stored.block);
    for (const bytes of block?.ok === true ? block.value.transactions : []) {
      const decoded = decodeTransaction(communityId(rules), bytes);
      const payload = decoded.ok ? decoded.value.payload : null;
      if (payload?.type !== "registerMember" && payload?.type !== "bindIdentity") continue;
      const { memberId, certificate } = payload;
      if (memberId === author && certificate !== null) certificates.push(certificate);
    }
  }
  return certificates;
}

/** Whether those of the rules voted on it: then each change since is in the blocks that follow. */
function isByFirstSet({ block: { header }, certificate }: Placeable, rules: Rules): boolean {
  const { validators } = rules;
  const decoded = decodeCertificate(certificate);
  if (!decoded.ok || header.validatorsHash !== validatorsHash(validators)) return false;
  const context = { community: communityId(rules), validators, verifier: new Verifier() };
  return checkCertificate(decoded.value, context).ok;
}

function firstHeight(db: Database.Database): number {
  const first = db.prepare<[], bigint>("SELECT ifnull(min(height), 1) FROM block").pluck().get();
  return Number(first ?? 1);
}

function unreadable(path: string): StoreError {
  const advice = "Run verify to see where";
  return new StoreError("corrupt", `${path} is damaged: the block cannot be read. ${advice}.`);
}
