// Every refusal of the ledger, the mempool and the outbox as a status and a sentence: what is wrong, and what to do.
//
//   403   it is not for you to do         409   not now, or not again: look at the ledger and decide anew
//   404   there is no such thing          422   it can never be like this: change what is sent
//   429   you have too much under way     503   this home cannot just now: the same again, later
//
// What is a person's own permission (notAllowed, notOwner) has Composer's sentence; see errors.ts.

import type { RuleRefusal } from "../ledger/applyTransaction.ts";
import type { RestartRefusal } from "../ledger/restart.ts";
import type { TransactionRefusal } from "../ledger/transaction.ts";
import type { Refusal } from "../result.ts";
import { formatIso } from "../units/iso.ts";
import type { UnixMs } from "../units/time.ts";
import type { ComposerContext } from "./context.ts";
import { collectionName, type TypeName } from "./names.ts";
import { thousandths } from "./present.ts";

/** Of loops/outbox.ts and loops/mempool.ts, which core/ may not import; a test compares them. */
export type WayRefusalCode =
  | "noAdministratorCard"
  | "outboxFull"
  | "alreadySigned"
  | "alreadyPending"
  | "mempoolFull"
  | "authorHasTooMany"
  | "tooManyWaiting"
  | "notCaughtUp"
  | "stopped";

/** Of identities that are bound later, members that change and PVs that leave. */
type RegistryRefusalCode =
  | "noIdentity"
  | "hasIdentity"
  | "seatHeld"
  | "administratorHeld"
  | "balanceNotAllowed"
  | "pvHasOffer"
  | "pvsEverMax";

type LedgerRefusal = RuleRefusal | TransactionRefusal | RestartRefusal;

export type RefusalCode = LedgerRefusal["code"] | RegistryRefusalCode | WayRefusalCode;

/** What a refusal of this code carries, where its rule's type says so. */
type FactsOf<C> = [Extract<LedgerRefusal, { code: C }>] extends [never]
  ? Refusal
  : Extract<LedgerRefusal, { code: C }>;

/** Status, sentence, and for a 422 the field of the body that is at fault. */
export type RefusalText<F = Refusal> = readonly [
  number,
  (facts: F, ctx: ComposerContext) => string,
  ...fields: readonly string[],
];

const say = (text: string) => (): string => text;

export const REFUSALS: { readonly [C in RefusalCode]: RefusalText<FactsOf<C>> } = {
  // Who says it
  unknownMember: [404, ({ memberId }, ctx) => absent(ctx, "Member", memberId)],
  revoked: [
    403,
    ({ memberId }) => `The card of ${memberId} is revoked: the community's CA can bind another`,
  ],
  notAllowed: [403, ({ who }) => `Only this may be done by: ${who}`],
  badSignature: [403, say("The signature is not the author's: check which card signs")],
  notOwner: [403, ({ pv, owner }) => `PV ${pv} belongs to ${owner}: only its owner offers from it`],
  notManual: [
    403,
    say(
      "This community's listings follow from block time: nobody creates, opens or closes them by hand",
    ),
  ],
  noAdministratorCard: [
    403,
    say("This agent holds no administrator's card: import it, or ask the agent that holds it"),
  ],

  // Members
  memberExists: [409, ({ memberId }, ctx) => exists(ctx, "Member", memberId)],
  membersMax: [409, ({ max }) => `The community takes ${max} members at most, and has them`],
  balanceNotInitial: [
    422,
    ({ initial, claimed }) =>
      `A new member has ${initial} tokens, not ${claimed}: send balance ${initial}`,
    "balance",
  ],
  issuedBeyondMax: [
    422,
    ({ amount, max, issued }) =>
      `${amount} tokens more would leave 0 to ${max}, all there may be (issued: ${issued})`,
    "balance",
  ],
  keyInUse: [409, say("Another member has this key: issue a card with a key of its own")],
  alreadyRevoked: [409, ({ memberId }) => `The card of ${memberId} is revoked already`],
  hasIdentity: [
    409,
    ({ memberId }) =>
      `${memberId} has a card that is not revoked: revoke it before binding another`,
  ],
  noIdentity: [403, ({ memberId }) => `${memberId} has no card yet: bind an identity to it first`],
  seatHeld: [
    409,
    ({ memberId }) => `${memberId} votes with its old key: the CA must take that seat away first`,
  ],
  administratorHeld: [
    409,
    ({ memberId }) => `The community's rules name ${memberId} as administrator by another key`,
  ],
  balanceNotAllowed: [403, say("A member does not change a balance: send the one that it has")],

  // Certificates
  badCertificate: [
    422,
    ({ problem, offset }) => `The certificate cannot be read: ${problem} (byte ${offset})`,
    "certificate",
  ],
  certificateOfOther: [
    422,
    ({ certified, memberId }) =>
      `The certificate is for ${certified}, not for ${memberId}: bind the member's own`,
    "certificate",
  ],
  notIssuedByCa: [
    422,
    say("The certificate is not from this community's CA: ask the CA for one"),
    "certificate",
  ],
  unsuitableKey: [
    422,
    say("The certificate has a key that no card may have: ask the CA for another"),
    "certificate",
  ],
  notYetValid: [
    422,
    ({ notBefore }) =>
      `The certificate holds from ${clock(notBefore)} on: wait, or check the clock`,
    "certificate",
  ],
  expired: [
    422,
    ({ notAfter }) => `The certificate ended at ${clock(notAfter)}: ask the CA for a new one`,
    "certificate",
  ],

  // PVs and listings
  pvExists: [409, ({ pv }, ctx) => exists(ctx, "PV", pv)],
  pvsPerMemberMax: [409, ({ max }) => `A member has ${max} PVs at most: remove one first`],
  pvsEverMax: [
    409,
    ({ max }) => `The owner has had ${max} PVs, as many as may be: register one of those again`,
  ],
  pvHasOffer: [
    409,
    ({ pv, listingId }) =>
      `PV ${pv} has an offer in listing ${listingId}: cancel it with 0 kWh first`,
  ],
  pvCapacityMax: [
    422,
    ({ max, capacity }) =>
      `A PV has ${milli(max)} kW at most here, not ${milli(capacity)}: register less`,
    "capacityKw",
  ],
  pvUnknown: [404, ({ pv }, ctx) => absent(ctx, "PV", pv)],
  listingExists: [409, ({ listingId }, ctx) => exists(ctx, "kWhlisting", listingId)],
  listingsMax: [409, ({ max }) => `The community keeps ${max} listings at most, and has them`],
  listingUnknown: [404, ({ listingId }, ctx) => absent(ctx, "kWhlisting", listingId)],
  notAnHour: [
    422,
    ({ listingId }) =>
      `${listingId} is no hour of the community's calendar: name one such as 21Mar18-13:00`,
    "listingid",
  ],
  wrongListingState: [
    409,
    ({ listingId, state, needed }) =>
      `Listing ${listingId} is ${state}, and would have to be ${needed}`,
  ],

  // Offers and bids
  listingNotOpen: [
    409,
    ({ listingId, state }) =>
      `Listing ${listingId} is not ACCEPT_OFFERS but ${state}: offer in one that is open`,
  ],
  staleSequence: [
    409,
    ({ got, have }) =>
      `Number ${got} is not above ${have}, the last on the ledger: read again what is there`,
  ],
  sequenceBeyondMax: [
    409,
    ({ max }) => `It was amended ${max} times, as often as may be: what stands, stands`,
  ],
  amendedTooLate: [
    409,
    ({ cutoffAt }) => `What is offered stands since ${clock(cutoffAt)}: offer in the next listing`,
  ],
  beyondCapacity: [
    422,
    ({ capacity, offered }) =>
      `The PV makes ${milli(capacity)} kWh in an hour at most: offer no more, not ${milli(offered)}`,
    "kWhavailable",
  ],
  priceBeyondMax: [
    422,
    ({ max, price }) =>
      `The highest price is ${milli(max)} tokens/kWh: name no more, not ${milli(price)}`,
    "reservePrice",
    "BidPrice",
  ],
  beyondBidMax: [
    422,
    ({ max, wanted }) =>
      `A member buys ${milli(max)} kWh in an hour at most: bid for no more, not ${milli(wanted)}`,
    "kWhQuantity",
  ],
  insufficientFunds: [
    409,
    ({ need, free }) =>
      `${need} tokens are needed and ${free} are free: bid less, or cancel another bid`,
  ],

  // Meter readings
  listingNotClosed: [
    409,
    ({ listingId, state }) => `Listing ${listingId} is ${state}: readings come after it closed`,
  ],
  hourNotOver: [
    409,
    ({ deliveryEnd }) => `The hour ends at ${clock(deliveryEnd)}: read the meter then`,
  ],
  alreadyRead: [
    409,
    ({ memberId }) => `The reading of ${memberId} is on the ledger: the first counts`,
  ],
  registersDecrease: [
    422,
    ({ register, start, end }) =>
      `Register ${register} runs from ${start} back to ${end} Wh: check the meter`,
  ],
  implausible: [
    422,
    ({ register, energy, max }) =>
      `Register ${register} counts ${energy} Wh in an hour, more than ${max}: check the meter`,
  ],

  // Receipts, evidence, validators: signed by agents and the CA, never sent by a Composer client
  receiptsUnused: [409, say("This community takes no receipts")],
  receiptAhead: [409, ({ needed, got }) => `Receipt ${needed} must come before receipt ${got}`],
  receiptForked: [409, say("Another receipt of this number is on the ledger")],
  receiptEmpty: [422, say("The receipt names no offer")],
  receiptTimes: [422, say("The receipt's times are not in order")],
  receiptRepeats: [422, say("The receipt names an offer that was named before")],
  evidenceKnown: [409, ({ subject }) => `${subject} was shown before: nothing is left to do`],
  evidenceTooOld: [409, ({ oldest, got }) => `Only from ${oldest} on: ${got} is too long ago`],
  evidenceEarly: [409, ({ newest }) => `The ledger has come to ${newest} only: show it later`],
  evidenceEnough: [409, ({ offender }) => `${offender} was shown often enough`],
  evidenceNotTwo: [422, say("These are not two different things in their order")],
  unknownOffender: [404, ({ offender }) => `There is no member or validator ${offender}`],
  evidenceUnproven: [422, ({ offender }) => `${offender} did not sign both`],
  validatorChangeEmpty: [422, say("The order changes nobody's vote")],
  validatorChangesMax: [
    409,
    ({ recent, max, blocks }) =>
      `${recent} of ${max} changes were made in the last ${blocks} blocks: wait`,
  ],
  notInSet: [409, ({ memberId }) => `${memberId} does not vote`],
  alreadyInSet: [409, ({ memberId }) => `${memberId} votes already`],
  validatorsCount: [422, ({ max, got }) => `1 to ${max} vote, not ${got}`],
  otherKey: [422, ({ memberId }) => `The card of ${memberId} has another key`],
  noRestart: [422, say("This is no restart")],
  restartAhead: [409, ({ height, head }) => `Block ${height} is still to come here, after ${head}`],
  restartPast: [409, ({ height, head }) => `The ledger is past block ${height}, at ${head}`],
  restartOtherBlock: [409, say("The restart is for another block of this height")],
  restartOrder: [422, say("The restart's validators are not in order, or none")],
  restartMisplaced: [409, say("A restart is for the one block that it names")],

  // On the way
  malformed: [422, ({ problem, offset }) => `This is no transaction: ${problem} (byte ${offset})`],
  otherCommunity: [422, say("This was signed for another community")],
  alreadyPending: [
    409,
    say("The same is under way already: wait for it, and read what came of it"),
  ],
  alreadySigned: [
    409,
    say("The card has signed something else under this number: wait until that is on the ledger"),
  ],
  authorHasTooMany: [
    429,
    ({ max }) => `${max} transactions of this card are under way: wait for them`,
  ],
  mempoolFull: [503, say("Too much is under way in the community: send it again later")],
  outboxFull: [
    503,
    ({ max }) => `This agent has ${max} transactions under way: send it again later`,
  ],
  tooManyWaiting: [
    503,
    ({ max }) => `${max} requests wait for earlier ones on this agent: send it again later`,
  ],
  notCaughtUp: [503, say("This agent is still fetching the ledger: try again soon")],
  stopped: [503, say("This agent is stopping: send it again later, or to another")],
};

type Fact = Refusal[string] | undefined;

/** As Composer's runtime said it; Fabric's prefix is left out. */
export function exists(ctx: ComposerContext, type: TypeName, id: Fact): string {
  return `Failed to add object with ID '${id}' in collection with ID '${collectionName(ctx, type)}' as the object already exists`;
}

export function absent(ctx: ComposerContext, type: TypeName, id: Fact): string {
  return `Object with ID '${id}' in collection with ID '${collectionName(ctx, type)}' does not exist`;
}

function milli(n: Fact): string {
  return typeof n === "number" ? String(thousandths(n)) : String(n);
}

function clock(at: Fact): string {
  return typeof at === "number" ? formatIso(at as UnixMs) : String(at);
}
