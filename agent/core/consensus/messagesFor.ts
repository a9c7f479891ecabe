// What a neighbour may lack. The algorithm takes for granted that what one honest validator has received
// all will receive; gossip does not promise it, so neighbours ask each other (loops/sync.ts).

import type { Proposal, Vote } from "./message.ts";
import type { Known } from "./multiplex.ts";
import { votesIn } from "./votes.ts";

export type ConsensusMessages = readonly (
  | ({ readonly type: "proposal" } & Proposal)
  | ({ readonly type: "vote" } & Vote)
)[];

/**
 * The known proposals and votes of a few rounds, the most useful first: `round` if given (where the
 * neighbour is), ours, the one before, and those whose polka our proposal or our valid or locked value
 * rests on. Each round: its proposal, prevotes, precommits. At most 6 rounds of 1 + 2 n messages and,
 * where a validator voted twice, a second prevote for each claimed block.
 */
export function messagesFor(
  known: Known,
  asked: { readonly round?: number } = {},
): ConsensusMessages {
  const { roundState, proposals, votes } = known;
  const rounds = new Set([
    asked.round ?? -1,
    roundState.round,
    roundState.round - 1,
    proposals.get(roundState.round)?.proposal.polRound ?? -1,
    roundState.valid?.round ?? -1,
    roundState.locked?.round ?? -1,
  ]);
  return [...rounds].flatMap((round) => {
    const kept = proposals.get(round);
    const proposal = kept === undefined ? [] : [{ type: "proposal" as const, ...kept.proposal }];
    return [
      ...proposal,
      ...votesIn(votes, round).map((vote) => ({ type: "vote" as const, ...vote })),
    ];
  });
}
