// Puts the home on the ledger: its member, then its PV. Each is said once and then left to the outbox.

import type { LedgerState } from "../core/ledger/state.ts";
import type { Payload } from "../core/ledger/transaction.ts";
import { MINUTE_MS, type UnixMs } from "../core/units/time.ts";
import { purposeOf } from "./outbox.ts";
import type { TradeDependencies } from "./trade.ts";

/** What was refused is said again after this long: a person may have put things right. */
const REGISTER_AGAIN_AFTER = 10 * MINUTE_MS;

/** Returns a function that registers what is missing, to be called now and then. */
export function createRegistration(
  dependencies: TradeDependencies,
): (state: LedgerState, now: UnixMs) => void {
  const { signer, member, pv, log, submit, isPending } = dependencies;
  const { memberId, certificate } = signer;
  const submittedAt = new Map<string, UnixMs>();
  let isForeignPvTold = false;

  function say(payload: Payload, now: UnixMs): void {
    const purpose = purposeOf(payload);
    if (isPending(purpose)) return;
    const before = submittedAt.get(purpose);
    // A clock that was set back must not silence it.
    if (before !== undefined && Math.abs(now - before) < REGISTER_AGAIN_AFTER) return;
    submittedAt.set(purpose, now);
    submit(purpose, payload);
  }

  return (state, now) => {
    const known = state.members.get(memberId);
    if (known === undefined) {
      return say({ type: "registerMember", memberId, ...member, certificate, balance: null }, now);
    }
    // Without a card on the ledger there is nothing that it could sign.
    if (pv === null || known.publicKey === null) return;
    // Its owner has taken it off the ledger, and may put it back.
    if (state.removedPvs.has(pv.pvId)) return;
    const ours = state.pvs.get(pv.pvId);
    if (ours === undefined)
      return say({ type: "registerPv", sequence: 0, owner: memberId, ...pv }, now);
    if (ours.owner === memberId || isForeignPvTold) return;
    isForeignPvTold = true;
    log.error("another member has registered our PV", { pvId: pv.pvId, owner: ours.owner });
  };
}
