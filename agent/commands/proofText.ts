// A proof of inclusion in words: who said what, when, in which block; or why it proves nothing.

import type { Included } from "../core/audit/inclusion.ts";
import type { ProofFileRefusal } from "../core/audit/proofFile.ts";
import { isOffer, type ShownStamp } from "../core/audit/shownStamp.ts";
import { subjectOf } from "../core/ledger/accusation.ts";
import type { Payload } from "../core/ledger/transaction.ts";
import { integerToDecimal } from "../core/units/decimal.ts";
import { formatTokens } from "../core/units/money.ts";

/** `isCompared`: the reader named the community. */
export function proofLines(included: Included, isCompared: boolean): readonly string[] {
  const { community, rules, header, blockId, certificate, validators, transaction, stamp } =
    included;
  const signers = certificate.signatures.map(({ validator }) => validator);
  return [
    `right: ${transaction.author ?? "the CA"} ${said(transaction.payload)}`,
    ...(isOffer(transaction) ? stampLines(stamp) : []),
    `block       ${header.height} of ${new Date(header.time).toISOString()}, ${blockId}`,
    `signed by   ${signers.join(", ")} (${signers.length} of ${validators.length} validators)`,
    `transaction ${transaction.id}`,
    `community   ${rules.name}, ${community}`,
    ...(isCompared
      ? []
      : [
          "Compare the community's id with your own community's: without that the proof is anyone's.",
        ]),
  ];
}

function stampLines(stamp: ShownStamp | null): readonly string[] {
  if (stamp === null) {
    return [
      "stamp       none is shown: the proof has no receipts for it, so it may not have counted",
    ];
  }
  const { time, heard } = stamp;
  const iso = (at: number): string => new Date(at).toISOString();
  if (heard.length === 0) return [`stamp       ${iso(time)}, its block's time`];
  return [
    `stamp       ${iso(time)}, told by ${heard.length} validators' receipts:`,
    ...heard.map(
      ({ validator, at, height }) =>
        `            heard by ${validator} at ${iso(at)} (block ${height})`,
    ),
  ];
}

function said(payload: Payload): string {
  switch (payload.type) {
    case "pvOffer": {
      const { listingId, pvId, energy, reservePrice, sequence } = payload;
      const offer = `${kwh(energy)} kWh from ${price(reservePrice)} tokens/kWh of ${pvId}`;
      return `offered ${offer} for ${listingId} (sequence ${sequence})`;
    }
    case "buyOffer": {
      const { listingId, energy, bidPrice, sequence } = payload;
      const bid = `${kwh(energy)} kWh at ${price(bidPrice)} tokens/kWh`;
      return `bid for ${bid} for ${listingId} (sequence ${sequence})`;
    }
    case "meterReading": {
      const { listingId, gridImport, gridExport } = payload;
      const imported = kwh(gridImport.end - gridImport.start);
      const exported = kwh(gridExport.end - gridExport.start);
      return `read its meter for ${listingId}: ${imported} kWh imported, ${exported} kWh exported`;
    }
    case "registerMember":
      return `registered ${payload.memberId}`;
    case "registerPv":
      return `registered the PV ${payload.pvId} of ${kwh(payload.capacity)} kW`;
    case "removePv":
      return `removed the PV ${payload.pvId}`;
    case "bindIdentity":
      return `gave a card to ${payload.memberId}`;
    case "changeMember": {
      const { memberId, firstName, lastName, balance } = payload;
      const tokens = balance === null ? "" : `, with ${formatTokens(balance)} tokens`;
      return `changed ${memberId}: ${firstName} ${lastName}${tokens}`;
    }
    case "receipt":
      return `said when it first heard of ${payload.entries.length} offers and bids`;
    case "evidence": {
      const { accusation } = payload;
      return `accused ${accusation.offender} of signing twice: ${subjectOf(accusation)}`;
    }
    case "grant":
      return `granted ${formatTokens(payload.amount)} tokens to ${payload.memberId}`;
    case "revoke":
      return `ended the card of ${payload.memberId}`;
    case "restart": {
      const voters = payload.validators.map(({ memberId }) => memberId).join(", ");
      return `restarted the agreement after block ${payload.height} with ${voters}`;
    }
    case "validatorChange": {
      const { add, remove } = payload;
      const parts = [
        ...add.map(({ memberId }) => `+ ${memberId}`),
        ...remove.map((id) => `- ${id}`),
      ];
      return `changed who votes: ${parts.join(", ")}`;
    }
    case "createListing":
    case "acceptOfferBroadcast":
    case "closeBidding":
      return `did ${payload.type} for ${payload.listingId}`;
  }
}

/** Says what is wrong and what the reader may do. */
export function refusalSentence(refusal: ProofFileRefusal): string {
  switch (refusal.code) {
    case "notAProof":
      return `This is no proof of inclusion: ${refusal.problem}.`;
    case "notAsWritten":
      return `The file was altered at byte ${refusal.offset}, or not written by this program.`;
    case "malformed":
      return `The ${refusal.part} is not in its one form: ${refusal.problem} at byte ${refusal.offset} of it.`;
    case "otherCommunity":
      return `The ${refusal.part} belong to another community: ${refusal.community}.`;
    case "otherValidators":
      return "The header names other validators than the rules and the changes since.";
    case "trustBroken":
      return `Change ${refusal.at + 1} of who votes does not follow from the ones before: ${refusal.reason}.`;
    case "otherBlock":
      return `The certificate is for block ${refusal.certified}, the header is of ${refusal.header}: one of them was altered.`;
    case "notCertified":
      return `The certificate does not hold: ${refusal.reason}.`;
    case "notIncluded":
      return "The path does not lead from the transaction to the header: one of them was altered.";
    case "unknownAuthor":
      return `Who signed cannot be told: ${refusal.reason}.`;
    case "wrongReceipts":
      return `The receipts give no stamp, from number ${refusal.at + 1} on: ${refusal.reason}.`;
    case "notSigned":
      return `The transaction is not signed by ${refusal.author}.`;
  }
}

function kwh(energy: number): string {
  return integerToDecimal(energy, 3);
}

function price(milliTokens: number): string {
  return integerToDecimal(milliTokens, 3);
}
