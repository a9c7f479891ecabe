// Why an order is refused, for whoever signs as the CA or carries its file.

import type { Refusal } from "../core/result.ts";

/** One sentence; for a code that no order of ours meets, its facts. */
export function orderRefusalSentence(refusal: Refusal): string {
  const { memberId, have, got, max, blocks, recent, need, free, problem } = refusal;
  switch (refusal.code) {
    case "staleSequence":
      return `It is number ${got} of the CA's, and number ${have} is on the ledger already: the CA must sign it again.`;
    case "unknownMember":
      return `${memberId} is no member of this community.`;
    case "revoked":
      return `The card of ${memberId} was revoked: it cannot vote.`;
    case "alreadyRevoked":
      return `The card of ${memberId} was revoked already.`;
    case "hasIdentity":
      return `${memberId} has a card, which must be revoked first.`;
    case "noIdentity":
      return `${memberId} has no card yet.`;
    case "seatHeld":
      return `${memberId} votes with another key: it must be taken out of those who vote first.`;
    case "certificateOfOther":
      return `The certificate is not of ${memberId}.`;
    case "notInSet":
      return `${memberId} does not vote.`;
    case "alreadyInSet":
      return `${memberId} votes already.`;
    case "otherKey":
      return `${memberId} has another key on its card.`;
    case "keyInUse":
      return "Somebody has this key already.";
    case "validatorChangeEmpty":
      return "It changes nobody.";
    case "validatorChangesMax":
      return (
        `It changes ${got}, and in ${blocks} blocks at most ${max} may change, of which ` +
        `${recent} did lately: change fewer, or wait.`
      );
    case "validatorsCount":
      return `${got} would vote; 1 to ${max} may.`;
    case "insufficientFunds":
      return `It takes ${need} tokens, and only ${free} are free.`;
    case "issuedBeyondMax":
      return "There would be more tokens than a ledger can count.";
    case "badSignature":
      return "It is not signed by this community's CA.";
    case "notAllowed":
      return "Only the CA's orders are taken here.";
    case "alreadyPending":
      return "This home is carrying it already, and has not been answered yet.";
    case "outboxFull":
      return `This home has ${max} transactions under way already.`;
    case "noOrderFile":
      return `It is no order of this community's CA: ${problem}.`;
    default:
      return `${JSON.stringify(refusal)}.`;
  }
}
