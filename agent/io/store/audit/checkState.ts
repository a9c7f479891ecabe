// The registries against the state itself, not through the code that writes tables: what members own.

import type Database from "better-sqlite3";
import type { LedgerState } from "../../../core/ledger/state.ts";
import { formatTokens, type MicroTokens } from "../../../core/units/money.ts";
import { discrepancies } from "../invariants.ts";
import { WrongPlace } from "./finding.ts";

type MemberRow = {
  readonly id: string;
  readonly balance: bigint;
  readonly reserved: bigint;
  readonly revoked: bigint;
};

/** The tables are what the blocks make of them already; here that is held against the state's sums. */
export function checkState(found: Database.Database, state: LedgerState): void {
  const rows = found
    .prepare<[], MemberRow>(
      `SELECT member_id AS id, balance_micro_tokens AS balance, reserved_micro_tokens AS reserved, revoked
       FROM member JOIN card USING (card_no) ORDER BY member_id`,
    )
    .all();
  let sum = 0n;
  for (const member of state.members.values()) {
    const row = rows.find(({ id }) => id === member.memberId);
    const isSame =
      row?.balance === member.balance &&
      row.reserved === member.reserved &&
      (row.revoked === 1n) === member.revoked;
    if (!isSame) {
      const problem = `the state has a balance of ${formatTokens(member.balance)} tokens, ${formatTokens(member.reserved)} of them reserved`;
      throw new WrongPlace({ table: "member", row: member.memberId, problem });
    }
    sum += member.balance;
  }
  if (rows.length !== state.members.size) {
    throw new WrongPlace({
      table: "member",
      problem: `the state has ${state.members.size} members`,
    });
  }
  if (sum !== state.issued) {
    const sums = `${formatTokens(sum as MicroTokens)} tokens in balances, ${formatTokens(state.issued)} issued`;
    throw new WrongPlace({ table: "member", problem: sums });
  }
  const [broken] = discrepancies(found);
  if (broken === undefined) return;
  const facts = Object.entries(broken.facts).map(([name, value]) => `${name} ${String(value)}`);
  throw new WrongPlace({ problem: `the rule ${broken.rule} does not hold (${facts.join(", ")})` });
}
