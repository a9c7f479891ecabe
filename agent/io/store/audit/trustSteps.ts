// Each change of who votes, from the rules up to a block, read from the database for a proof of inclusion.

import type Database from "better-sqlite3";
import type { TrustStep } from "../../../core/audit/trustChain.ts";
import { decodeBlock, encodeHeader } from "../../../core/ledger/block.ts";
import { communityId, type Rules, type Validator } from "../../../core/ledger/rules.ts";
import { decodeTransaction } from "../../../core/ledger/transaction.ts";
import { encodeValidators } from "../../../core/ledger/validators.ts";
import type { MemberId } from "../../../core/units/ids.ts";
import type { StoredBlock } from "../../../ports.ts";
import { plainBytes } from "../plainBytes.ts";

type ChangeRow = {
  readonly fromHeight: bigint;
  readonly memberId: MemberId;
  readonly publicKey: Uint8Array | null;
};

export type TrustRequest = {
  readonly rules: Rules;
  /** Of the block whose votes are to be trusted. */
  readonly height: number;
  readonly blockAt: (height: number) => StoredBlock | undefined;
};

/** null: a block of the steps cannot be read. Nothing is checked here. */
export function trustSteps(
  db: Database.Database,
  { rules, height, blockAt }: TrustRequest,
): readonly TrustStep[] | null {
  const rows = db
    .prepare<[number], ChangeRow>(
      `SELECT from_height AS fromHeight, member_id AS memberId, public_key AS publicKey
       FROM validator_change JOIN card USING (card_no) WHERE from_height <= ?
       ORDER BY from_height, member_id`,
    )
    .all(height);
  const restarts = restartsUpTo(db, { rules, height, blockAt });
  if (restarts === null) return null;
  const changes = Map.groupBy(rows, (row) => Number(row.fromHeight));
  let set = new Map(rules.validators.map((validator) => [validator.memberId, validator]));
  const steps: TrustStep[] = [];
  for (const fromHeight of heightsOf([...changes.keys(), ...restarts.keys()])) {
    const restart = restarts.get(fromHeight);
    if (restart !== undefined) {
      set = new Map(restart.validators.map((validator) => [validator.memberId, validator]));
      steps.push({ restart: restart.bytes });
      continue;
    }
    for (const { memberId, publicKey } of changes.get(fromHeight) ?? []) {
      if (publicKey === null) set.delete(memberId);
      else set.set(memberId, { memberId, publicKey: plainBytes(publicKey) });
    }
    const step = stepOf(blockAt(fromHeight - 1), [...set.values()]);
    if (step === null) return null;
    steps.push(step);
  }
  return steps;
}

function heightsOf(found: readonly number[]): readonly number[] {
  return [...new Set(found)].sort((a, b) => a - b);
}

type Restarted = { readonly bytes: Uint8Array; readonly validators: readonly Validator[] };

/** By the height of the block that begins with it. null: one of them cannot be read. */
function restartsUpTo(
  db: Database.Database,
  { rules, height, blockAt }: TrustRequest,
): ReadonlyMap<number, Restarted> | null {
  const heights = db
    .prepare<[number], bigint>("SELECT height FROM restart WHERE height <= ?")
    .pluck()
    .all(height)
    .map(Number);
  const found = new Map<number, Restarted>();
  for (const at of heights) {
    const stored = blockAt(at);
    const block = stored?.height === at ? decodeBlock(stored.block) : null;
    const bytes = block?.ok === true ? block.value.transactions[0] : undefined;
    if (bytes === undefined) return null;
    const decoded = decodeTransaction(communityId(rules), bytes);
    if (!decoded.ok || decoded.value.payload.type !== "restart") return null;
    found.set(at, { bytes, validators: decoded.value.payload.validators });
  }
  return found;
}

/** The block before the change, which names the set after it. */
function stepOf(before: StoredBlock | undefined, set: readonly Validator[]): TrustStep | null {
  const block = before === undefined ? null : decodeBlock(before.block);
  if (before === undefined || block?.ok !== true) return null;
  const header = encodeHeader(block.value.header);
  const sorted = set.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1));
  return { header, certificate: before.certificate, validators: encodeValidators(sorted) };
}
