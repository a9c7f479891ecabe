// What was said in the last heights, for messages that come late: who signs something else now has signed
// twice, and a height that is over has nobody else to notice. Kept in memory; a restart forgets it.

import {
  contradiction,
  firstMessages,
  messageKey,
  withoutBlock,
} from "../core/consensus/contradiction.ts";
import type { DriverState } from "../core/consensus/driver.ts";
import type { Evidence } from "../core/consensus/effect.ts";
import type { ConsensusMessage } from "../core/consensus/message.ts";
import type { Validator } from "../core/ledger/rules.ts";

/** A message that is later than this is not looked at. */
export const PAST_HEIGHTS_MAX = 16;
/** Messages remembered of one height: 21 validators in 40 rounds. */
const MESSAGES_PER_HEIGHT_MAX = 2048;

type Past = {
  readonly said: Map<string, ConsensusMessage>;
  readonly seats: readonly Validator[];
};

export type Late =
  /** Nothing that we do not know, or cannot check: drop it. */
  | { readonly type: "ignored" }
  /** Its author never signed it: whoever passed it on is at fault. */
  | { readonly type: "forged" }
  /** `evidence` null: nothing against it. */
  | { readonly type: "heard"; readonly evidence: Evidence | null };

export class PastHeights {
  readonly #past = new Map<number, Past>();

  /** A height is over; `seats` is who voted in it. */
  add(state: DriverState, seats: readonly Validator[]): void {
    const { height } = state.start;
    this.#past.set(height, { said: firstMessages(state), seats });
    for (const old of this.#past.keys()) {
      if (old <= height - PAST_HEIGHTS_MAX) this.#past.delete(old);
    }
  }

  /** Votes are for another chain from now on. */
  clear(): void {
    this.#past.clear();
  }

  /** `isSigned` is asked only where the answer matters: it is dear, and anybody can send rubbish. */
  hear(
    message: ConsensusMessage,
    isSigned: (message: ConsensusMessage, publicKey: Uint8Array) => boolean,
  ): Late {
    const past = this.#past.get(message.height);
    const author = message.type === "vote" ? message.validator : message.proposer;
    const seat = past?.seats.find(({ memberId }) => memberId === author);
    if (past === undefined || seat === undefined) return { type: "ignored" };
    const { said } = past;
    const key = messageKey(message);
    const known = said.get(key);
    const evidence = known === undefined ? null : contradiction(known, message);
    const isFirst = known === undefined && said.size < MESSAGES_PER_HEIGHT_MAX;
    if (evidence === null && !isFirst) return { type: "ignored" };
    if (!isSigned(message, seat.publicKey)) return { type: "forged" };
    if (isFirst) said.set(key, withoutBlock(message));
    return { type: "heard", evidence };
  }
}
