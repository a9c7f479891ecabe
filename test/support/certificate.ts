// A certificate of test validators for any block.

import { type Certificate, voteSignBytes } from "../../agent/core/consensus/message.ts";
import { communityId, type Rules } from "../../agent/core/ledger/rules.ts";
import type { BlockId } from "../../agent/core/units/ids.ts";
import { testKey } from "./ledger.ts";

/** Precommits of all validators of `rules` (made by makeRules) in round 0. */
export function certificateFor(rules: Rules, height: number, blockId: BlockId): Certificate {
  const subject = { vote: "precommit", height, round: 0, blockId } as const;
  const message = voteSignBytes(communityId(rules), subject);
  const signatures = rules.validators.map(({ memberId }) => {
    return { validator: memberId, signature: testKey(memberId).sign(message) };
  });
  return { height, round: 0, blockId, signatures };
}
