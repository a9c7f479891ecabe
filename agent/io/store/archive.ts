// Blocks as they were agreed on, for whoever checks them: with who votes on each, and the cards that were given.
// On the connection of history.ts, which only reads.

import type Database from "better-sqlite3";
import { decodeBlock, type Header } from "../../core/ledger/block.ts";
import { chainAfter } from "../../core/ledger/restart.ts";
import { communityId, decodeRules, type Rules, type Validator } from "../../core/ledger/rules.ts";
import { decodeState } from "../../core/ledger/state.ts";
import { decodeTransaction } from "../../core/ledger/transaction.ts";
import { decodeValidators, validatorsHash } from "../../core/ledger/validators.ts";
import type { CommunityId, MemberId, TransactionId } from "../../core/units/ids.ts";
import type { EvidenceRecord, LedgerArchive, Voters } from "../../ports.ts";
import {
  type BlockReader,
  blockReader,
  packingOf,
  type TransactionReader,
  transactionNumber,
  transactionReader,
} from "./blockTable.ts";
import { plainBytes } from "./plainBytes.ts";
import { EVIDENCE, rows } from "./reader.ts";
import { StoreError, storing } from "./storeError.ts";

/** A member is rarely given more; each costs a block. */
const CARDS_MAX = 32;

type Open = {
  readonly db: Database.Database;
  readonly rules: Rules;
  readonly reader: BlockReader;
};

/** null: the file is of no home yet. */
export function archiveOn(db: Database.Database): LedgerArchive | null {
  const { name: path } = db;
  const stored = db.prepare<[], Uint8Array>("SELECT rules FROM community").pluck().get();
  const rules = stored === undefined ? null : decodeRules(plainBytes(stored));
  if (rules?.ok !== true) return null;
  const reader = blockReader(db, packingOf(db));
  const open = { db, rules: rules.value, reader };
  const span = db.prepare<[], { first: bigint; last: bigint }>(
    "SELECT ifnull(min(height), 0) AS first, ifnull(max(height), 0) AS last FROM block",
  );
  const transactions = transactionReader(db, communityId(open.rules));
  const votersOf = votersReader(open, transactions);
  const cards = cardsReader(open);
  return {
    span: () =>
      storing(path, () => {
        const { first = 0n, last = 0n } = span.get() ?? {};
        return { first: Number(first), last: Number(last) };
      }),
    blocks: (from, count) =>
      storing(path, () => reader.blocks(from, count)).filter(({ height }) => height < from + count),
    votersOf: (header) => storing(path, () => votersOf(header)),
    placeOf: (id) =>
      storing(path, () => {
        const found = transactions.byId(id);
        return found === null ? null : { height: found.height, position: found.position };
      }),
    cards: (member) => storing(path, () => cards(member)),
    evidence: rows<EvidenceRecord, [number]>(db, EVIDENCE),
  };
}

type ChangeRow = { readonly memberId: MemberId; readonly publicKey: Uint8Array | null };

/** The set is the one whose hash the header names, or nobody can say. */
function votersReader(
  open: Open,
  transactions: TransactionReader,
): (header: Header) => Voters | null {
  const { db, rules } = open;
  const changes = db.prepare<[number], ChangeRow>(
    `SELECT member_id AS memberId, public_key AS publicKey
     FROM validator_change JOIN card USING (card_no) WHERE from_height <= ?
     ORDER BY from_height, member_id`,
  );
  const ofSnapshot = db
    .prepare<[number], Uint8Array | null>("SELECT validators FROM checkpoint WHERE height = ?")
    .pluck();
  const chainOf = chainReader(open, transactions);
  const changed = (height: number): readonly Validator[] => {
    const set = new Map(rules.validators.map((validator) => [validator.memberId, validator]));
    for (const { memberId, publicKey } of changes.all(height)) {
      if (publicKey === null) set.delete(memberId);
      else set.set(memberId, { memberId, publicKey: plainBytes(publicKey) });
    }
    return [...set.values()].sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  };
  const kept = (height: number): readonly Validator[] => {
    const bytes = ofSnapshot.get(height) ?? null;
    const set = bytes === null ? null : decodeValidators(plainBytes(bytes));
    return set?.ok === true ? set.value : [];
  };
  return ({ height, validatorsHash: hash }) => {
    const validators = [changed, kept]
      .map((find) => find(height))
      .find((set) => validatorsHash(set) === hash);
    const chain = validators === undefined ? null : chainOf(height);
    return validators === undefined || chain === null ? null : { validators, ...chain };
  };
}

type Chain = Pick<Voters, "chain" | "restart">;

function chainReader(
  { db, rules, reader }: Open,
  transactions: TransactionReader,
): (height: number) => Chain | null {
  const community = communityId(rules);
  const lastRestart = db
    .prepare<[number], bigint | null>("SELECT max(height) FROM restart WHERE height <= ?")
    .pluck();
  const first = db.prepare<[], { height: bigint; state: Uint8Array | null }>(
    `SELECT block.height AS height, state FROM block LEFT JOIN checkpoint USING (height)
       ORDER BY block.height LIMIT 1`,
  );
  const restarts = new Map<number, TransactionId>();
  let atFirst: Chain | null | undefined;
  const ofFirst = (): Chain | null => {
    const row = first.get();
    if (row === undefined || row.height === 1n) return { chain: community, restart: null };
    const state = row.state === null ? null : decodeState(rules, plainBytes(row.state), null);
    return state?.ok === true ? { chain: state.value.chain, restart: null } : null;
  };
  return (height) => {
    const at = lastRestart.get(height) ?? null;
    if (at === null) {
      // A block that is here never leaves, so that it is read once.
      if (atFirst === undefined && reader.head() > 0) atFirst = ofFirst();
      return atFirst ?? null;
    }
    const restart =
      restarts.get(Number(at)) ??
      transactions.byNumber(transactionNumber(Number(at), 0)).transaction.id;
    restarts.set(Number(at), restart);
    return { chain: chainAfter(community, restart), restart };
  };
}

function cardsReader({ db, rules, reader }: Open): LedgerArchive["cards"] {
  const given = db
    .prepare<[string, number], bigint>(
      `SELECT height FROM member_card JOIN card USING (card_no) WHERE member_id = ?
       ORDER BY height DESC LIMIT ?`,
    )
    .pluck();
  return (member) =>
    given.all(member, CARDS_MAX).flatMap((height) => {
      const [stored] = reader.blocks(Number(height), 1);
      const block = stored === undefined ? null : decodeBlock(stored.block);
      if (block?.ok !== true) throw unreadable(Number(height));
      const community: CommunityId = communityId(rules);
      return block.value.transactions.toReversed().flatMap((bytes) => {
        const decoded = decodeTransaction(community, bytes);
        const payload = decoded.ok ? decoded.value.payload : null;
        if (payload?.type !== "registerMember" && payload?.type !== "bindIdentity") return [];
        const { memberId, certificate } = payload;
        return memberId === member && certificate !== null ? [certificate] : [];
      });
    });
}

function unreadable(height: number): StoreError {
  return new StoreError("corrupt", `Block ${height} cannot be read. Run verify.`);
}
