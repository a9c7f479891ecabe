// Whether a card's seat begins with the height under way. Then it cannot have signed for an earlier height of
// this seat, and may be needed at once: of two or three that vote all are, and after a restart the new ones are.

import { sameBytes } from "../core/codec/bytes.ts";
import { decodeBlock } from "../core/ledger/block.ts";
import { communityId, type Validator } from "../core/ledger/rules.ts";
import type { LedgerState } from "../core/ledger/state.ts";
import { decodeTransaction } from "../core/ledger/transaction.ts";
import { hasSeat } from "../core/ledger/validators.ts";
import type { Store } from "../ports.ts";
import type { Voting } from "./restart.ts";

export type NewSeat = {
  /** After the last block. */
  readonly state: LedgerState;
  readonly voting: Voting;
  readonly store: Pick<Store, "blocks">;
};

export function isSeatNew({ state, voting, store }: NewSeat, card: Validator): boolean {
  const { height, rules, validators } = state;
  if (!hasSeat(voting.validators, card)) return false;
  if (height === 0) return true;
  if (voting.restart !== null) return !hasSeat(validators, card);
  // A change counts from the block after the next one on.
  const [changing] = height === 1 ? [] : store.blocks(height - 1, 1);
  const block = changing === undefined ? null : decodeBlock(changing.block);
  if (block === null || !block.ok) return false;
  return block.value.transactions.some((bytes) => {
    const decoded = decodeTransaction(communityId(rules), bytes);
    if (!decoded.ok || decoded.value.payload.type !== "validatorChange") return false;
    return decoded.value.payload.add.some(
      ({ memberId, publicKey }) =>
        memberId === card.memberId && sameBytes(publicKey, card.publicKey),
    );
  });
}
