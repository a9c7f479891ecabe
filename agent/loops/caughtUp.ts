// Whether this home knows, since its start, what the ledger says of it. Until then it neither offers nor
// receipts: after a lost database, or on an old copy, it would say again with another content what stands on
// the ledger already.
//
// It does once the last block is newer than the start, or once it has what a quorum of validators, asked
// one by one, say that they have: so much that one of the honest among them says it, whatever a liar adds.

import { isNewerThan } from "../core/consensus/quarantine.ts";
import { isQuorum, isSkip } from "../core/consensus/quorum.ts";
import type { Rules } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import type { MemberId } from "../core/units/ids.ts";
import type { UnixMs } from "../core/units/time.ts";
import type { Clock, Signer } from "../ports.ts";

export type CaughtUp = {
  /** `peer` says that its ledger is at `height`, and has handed over its pending transactions or votes. */
  readonly told: (peer: MemberId, height: number) => void;
  /** Once true it stays true for this run. */
  readonly isCaughtUp: () => boolean;
};

export type CaughtUpDependencies = {
  readonly rules: Rules;
  readonly signer: Pick<Signer, "memberId">;
  readonly clock: Clock;
  readonly ledger: () => LedgerState;
};

export function createCaughtUp(dependencies: CaughtUpDependencies): CaughtUp {
  const { rules, signer, clock, ledger } = dependencies;
  const others = new Map<MemberId, number>();
  let since: UnixMs | null = null;
  let isCaughtUp = false;

  /** As far as this ledger knows who votes by now. */
  function isSeated(memberId: MemberId): boolean {
    return ledger().validators.some((seat) => seat.memberId === memberId);
  }

  function hasNewBlock(): boolean {
    if (!clock.isSynchronised()) return false;
    since ??= clock.now();
    return isNewerThan(since, { time: ledger().time, ...rules.agreement });
  }

  function hasWhatOthersHave(): boolean {
    const { height, validators } = ledger();
    const told = validators
      .flatMap(({ memberId }) => others.get(memberId) ?? [])
      .sort((a, b) => b - a);
    const voices = told.length + (isSeated(signer.memberId) ? 1 : 0);
    if (!isQuorum(voices, validators.length)) return false;
    const honest = told.findIndex((_height, i) => isSkip(i + 1, validators.length));
    return height >= (told[honest] ?? told.at(-1) ?? 0);
  }

  return {
    told: (peer, height) => {
      if (isCaughtUp || peer === signer.memberId || !isSeated(peer)) return;
      others.set(peer, height);
    },
    isCaughtUp: () => {
      isCaughtUp ||= hasNewBlock() || hasWhatOthersHave();
      return isCaughtUp;
    },
  };
}
