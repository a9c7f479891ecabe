// Balances and reservations: the only place that changes either. 0 <= reserved <= balance, always.

import { assert } from "../assert.ts";
import type { MemberId } from "../units/ids.ts";
import { addMoney, type MicroTokens, subtractMoney } from "../units/money.ts";
import { type Draft, memberOf } from "./draft.ts";
import type { LedgerEvent, Posting } from "./event.ts";
import type { Member } from "./state.ts";

/** All tokens that can ever be issued: far from 64 bits, so that no sum of balances leaves them. */
export const ISSUED_MAX: MicroTokens = (2n ** 62n) as MicroTokens;

/** What a member can still spend or reserve. */
export function freeBalance(member: Pick<Member, "balance" | "reserved">): MicroTokens {
  return subtractMoney(member.balance, member.reserved);
}

/** Changes a balance and says why. That the balance suffices has been checked before. */
export function post(draft: Draft, posting: Posting): void {
  const member = memberOf(draft, posting.memberId);
  putAccount(draft, { ...member, balance: addMoney(member.balance, posting.amount) });
  draft.events.push({ type: "posted", posting });
}

/** Holds (or with a negative amount releases) a part of the balance. */
export function reserve(draft: Draft, memberId: MemberId, amount: MicroTokens): void {
  if (amount === 0n) return;
  const member = memberOf(draft, memberId);
  putAccount(draft, { ...member, reserved: addMoney(member.reserved, amount) });
}

/** One event for each member whose balance or reservation is not what it was, sorted by id. */
export function balanceChanges(draft: Draft): LedgerEvent[] {
  const changed: Member[] = [];
  for (const { before, now } of draft.members.changes()) {
    assert(now !== undefined, "a member never leaves the ledger");
    if (before?.balance !== now.balance || before.reserved !== now.reserved) changed.push(now);
  }
  changed.sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  return changed.map(({ memberId, balance, reserved }) => {
    return { type: "balanceChanged", memberId, balance, reserved };
  });
}

function putAccount(draft: Draft, member: Member): void {
  const { memberId, balance, reserved } = member;
  assert(reserved >= 0n, `${memberId} would have ${reserved} uT reserved`);
  assert(reserved <= balance, `${memberId} would reserve ${reserved} of ${balance} uT`);
  draft.members.set(memberId, member);
}
