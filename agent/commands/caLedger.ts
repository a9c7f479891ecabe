// What the CA signs follows from a ledger, which is checked from its first byte before: the key and the state
// after its last block, or why nothing may be signed.

import { sameBytes } from "../core/codec/bytes.ts";
import { Verifier } from "../core/crypto.ts";
import type { Validator } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import type { MemberId } from "../core/units/ids.ts";
import { type Ca, readCa } from "../io/ca.ts";
import { KeyError } from "../io/privateFiles.ts";
import { auditLedger } from "../io/store/audit/auditLedger.ts";
import { findingSentence } from "../io/store/audit/finding.ts";
import { cannotRead, type Outcome, reading } from "./auditOutcome.ts";

export type CaLedger = {
  /** The CA's folder. */
  readonly ca: string;
  /** A home's data directory, or a copy of it. */
  readonly data: string;
};

/** Runs `work` on a ledger without a fault that is this CA's; exit code 1 otherwise, 2 where it cannot be read. */
export function onCaLedger(
  { ca: dir, data }: CaLedger,
  work: (ca: Ca, state: LedgerState) => Outcome,
): Outcome {
  return reading(() => {
    const ca = caIn(dir);
    if (typeof ca === "string") return cannotRead(ca);
    const { findings, state } = auditLedger(data, { rules: null, verifier: new Verifier() });
    if (state === null || findings.length > 0) return wrong(...findings.map(findingSentence));
    if (!sameBytes(ca.publicKey, state.rules.caPublicKey)) {
      return wrong(`${dir} is not the CA of the community in ${data}.`);
    }
    return work(ca, state);
  });
}

function caIn(dir: string): Ca | string {
  try {
    return readCa(dir);
  } catch (error) {
    if (error instanceof KeyError) return error.message;
    throw error;
  }
}

/** Who is to vote, with the key that the ledger knows; or the first name that is no member's. */
export function seatsOf(
  state: LedgerState,
  names: readonly string[],
): { readonly seats: readonly Validator[] } | { readonly unknown: string } {
  const seats: Validator[] = [];
  for (const name of [...new Set(names)].sort()) {
    const seat = seatOf(state, name);
    if (seat === null) return { unknown: name };
    seats.push(seat);
  }
  return { seats };
}

function seatOf({ members, validators }: LedgerState, name: string): Validator | null {
  const memberId = name as MemberId;
  const seat = validators.find((one) => one.memberId === memberId);
  const publicKey = members.get(memberId)?.publicKey ?? seat?.publicKey;
  return publicKey === undefined ? null : { memberId, publicKey };
}

/** Nothing was signed. */
export function wrong(...sentences: readonly string[]): Outcome {
  const lines = sentences.map((sentence) => `wrong: ${sentence}`);
  return { code: 1, lines, json: { ok: false, sentences } };
}
