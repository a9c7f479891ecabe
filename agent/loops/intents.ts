// What people ask for at the doors. Each intent gets its number in the moment in which it is signed, so that
// two of them never share one, whatever the trade loop says at the same time.
//
//   as many of this card under way as a mempool takes     it waits for a place, unsigned
//   refused, and a block on its way may lift that         it waits a moment: the asker may have seen that block
//                                                         at another home already
//   a step of the administrator's, overtaken by another   numbered again: the ledger took another home's step
//   the same offer or bid, while the first is under way   nothing is signed: who asks waits for the first

import { SEQUENCE_MAX } from "../core/ledger/fields.ts";
import { communityId } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import { transactionId, type Unsigned } from "../core/ledger/transaction.ts";
import { type Refusal, type Result, refused } from "../core/result.ts";
import type { TransactionId } from "../core/units/ids.ts";
import { type DurationMs, SECOND_MS } from "../core/units/time.ts";
import type { AgentDoor, Clock, Intent, Signer } from "../ports.ts";
import { mayNumberAgain, seriesOf, withNumber } from "./numbering.ts";
import { OUTBOX_PER_AUTHOR_MAX, type Outbox } from "./outbox.ts";

/** Intents that wait, of all cards. */
export const INTENTS_WAITING_MAX = 512;
/** The others are for what a home says by itself: receipts, readings, reports. */
const UNDER_WAY_MAX: number = OUTBOX_PER_AUTHOR_MAX - 16;
/** How often one intent is numbered anew. */
const NUMBERED_MAX = 16;
/** Longer than a block takes from one home to the next. */
export const NOT_YET_FOR: DurationMs = SECOND_MS;

/** Refusals that the next block may lift, if the asker has seen it before us. */
const NOT_YET: ReadonlySet<string> = new Set([
  ...["listingUnknown", "unknownMember", "pvUnknown", "listingNotOpen", "wrongListingState"],
]);

export type Intents = Pick<AgentDoor, "submit" | "firstRefused"> & {
  /** After each block. */
  readonly ledgerChanged: () => void;
  /** Whoever waits unsigned is told so. */
  readonly stop: () => void;
};

export type IntentsDependencies = {
  readonly outbox: Pick<
    Outbox,
    "submit" | "join" | "lastNumber" | "freeNumber" | "hasRoom" | "firstRefused"
  >;
  readonly clock: Clock;
  readonly ledger: () => LedgerState;
  readonly isCaughtUp: () => boolean;
};

type Wanted = {
  readonly intent: Intent;
  readonly signer: Signer;
  readonly done: (outcome: Result<TransactionId, Refusal>) => void;
  readonly signed: (id: TransactionId) => void;
  /** By the monotonic clock: what is not yet so is refused from then on. */
  readonly patientUntil: number;
  numbered: number;
};

export function createIntents(dependencies: IntentsDependencies): Intents {
  const { outbox, clock, ledger, isCaughtUp } = dependencies;
  const community = communityId(ledger().rules);
  /** In the order in which they came. */
  let waiting: Wanted[] = [];
  let isAlarmSet = false;
  /** Of the last change. After a snapshot nobody knows whether what is stale now landed in the blocks between. */
  let height = ledger().height;

  function say(wanted: Wanted): void {
    const { intent, signer } = wanted;
    const { memberId: author } = signer;
    const last = outbox.lastNumber(intent, author);
    if (last !== null && joinFirst(wanted, last)) return;
    if (!outbox.hasRoom(author, UNDER_WAY_MAX)) {
      wait(wanted);
      return;
    }
    let isEntered = false;
    const over = (outcome: Result<TransactionId, Refusal>): void =>
      ended(wanted, { outcome, isEntered });
    const number = outbox.freeNumber(intent, author);
    if (number !== null && number > SEQUENCE_MAX) {
      wanted.done(refused(beyondMax(number)));
      return;
    }
    const payload = withNumber(intent, number);
    const id = outbox.submit(payload, signer, over, true);
    if (id === null) return;
    isEntered = true;
    wanted.numbered += 1;
    wanted.signed(id);
  }

  /** Whether the newest under way in its row is the same, and it waits for that now. */
  function joinFirst({ intent, signer, done, signed }: Wanted, number: number): boolean {
    if (intent.type !== "pvOffer" && intent.type !== "buyOffer") return false;
    const unsigned = { author: signer.memberId, payload: withNumber(intent, number) };
    const id = transactionId(community, unsigned);
    if (!outbox.join(id, done)) return false;
    signed(id);
    return true;
  }

  type End = { readonly outcome: Result<TransactionId, Refusal>; readonly isEntered: boolean };

  function ended(wanted: Wanted, { outcome, isEntered }: End): void {
    const { intent, numbered, patientUntil, done } = wanted;
    const code = outcome.ok ? null : outcome.refusal.code;
    const isNextBlock = ledger().height <= height + 1;
    const isOvertaken = code === "staleSequence" && mayNumberAgain(intent) && isNextBlock;
    const isNotYet = !isEntered && code !== null && NOT_YET.has(code);
    const isPatient = clock.monotonic() < patientUntil && waiting.length < INTENTS_WAITING_MAX;
    if (isOvertaken && numbered < NUMBERED_MAX) say(wanted);
    else if (isNotYet && isPatient) wait(wanted);
    else done(outcome);
  }

  function wait(wanted: Wanted): void {
    if (waiting.length >= INTENTS_WAITING_MAX) {
      wanted.done(refused({ code: "outboxFull", max: INTENTS_WAITING_MAX }));
      return;
    }
    waiting.push(wanted);
    setAlarm();
  }

  function setAlarm(): void {
    if (isAlarmSet) return;
    isAlarmSet = true;
    clock.after(NOT_YET_FOR, () => {
      isAlarmSet = false;
      sayAll();
    });
  }

  function sayAll(): void {
    const all = waiting;
    waiting = [];
    for (const wanted of all) say(wanted);
    if (waiting.length > 0) setAlarm();
  }

  const firstRefused: Intents["firstRefused"] = (intents, author) => {
    const said = new Map<string, number>();
    const unsigned: Unsigned[] = [];
    for (const [i, intent] of intents.entries()) {
      const series = seriesOf(ledger().rules, author, intent);
      const before = series === null ? undefined : said.get(series);
      const number = before === undefined ? outbox.freeNumber(intent, author) : before + 1;
      if (series !== null && number !== null) said.set(series, number);
      if (number !== null && number > SEQUENCE_MAX) return { at: i, refusal: beyondMax(number) };
      unsigned.push({ author, payload: withNumber(intent, number) });
    }
    return outbox.firstRefused(unsigned);
  };

  return {
    firstRefused,
    submit: (intent, signer, done, signed = () => undefined) => {
      // On an old ledger it would sign numbers again that an earlier life has used.
      if (!isCaughtUp()) {
        done(refused({ code: "notCaughtUp" }));
        return;
      }
      const patientUntil = clock.monotonic() + NOT_YET_FOR;
      say({ intent, signer, done, signed, patientUntil, numbered: 0 });
    },
    ledgerChanged: () => {
      height = ledger().height;
      sayAll();
    },
    stop: () => {
      const all = waiting;
      waiting = [];
      for (const { done } of all) done(refused({ code: "stopped" }));
    },
  };
}

function beyondMax(got: number): Refusal {
  return { code: "sequenceBeyondMax", got, max: SEQUENCE_MAX };
}
