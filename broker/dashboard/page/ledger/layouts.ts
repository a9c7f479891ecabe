// The forms of everything that is looked at: rules, blocks, and each kind of transaction. Only ever added to.

import type { Fields, Layout, Variants } from "./layout.ts";

const validator: Fields = { fields: { memberId: "text", publicKey: "bytes" } };
const pair: Fields = { fields: { start: "integer", end: "integer" } };
const maybe = (layout: Layout): Layout => ({ maybe: layout });
const step: Fields = { fields: { sequence: "integer", listingId: "text" } };

const votes = { choice: ["prevote", "precommit"] };

/** Two that one card signed; what they share stands before them. */
const ACCUSATIONS: Variants = [
  twice(
    "doubleVote",
    { vote: votes, height: "integer", round: "integer" },
    { blockId: maybe("bytes") },
  ),
  twice(
    "doubleProposal",
    { height: "integer", round: "integer" },
    { polRound: "integer", blockId: "bytes", time: "integer" },
  ),
  twice(
    "doubleReceipt",
    { sequence: "integer" },
    { previous: maybe("bytes"), from: "integer", to: "integer", entriesHash: "bytes" },
  ),
  twice(
    "doublePvOffer",
    { listingId: "text", pvId: "text", sequence: "integer" },
    { energy: "integer", reservePrice: "integer" },
  ),
  twice(
    "doubleBuyOffer",
    { listingId: "text", sequence: "integer" },
    { energy: "integer", bidPrice: "integer" },
  ),
];

function twice(
  name: string,
  shared: Fields["fields"],
  own: Fields["fields"],
): readonly [string, Fields] {
  const said = { fields: { ...own, signature: "bytes" as const } };
  return [name, { fields: { offender: "text", ...shared, a: said, b: said } }];
}

export const accusation: { readonly variants: Variants } = { variants: ACCUSATIONS };

/** By its number. */
export const PAYLOADS: Variants = [
  [
    "registerMember",
    {
      fields: {
        ...{ memberId: "text", firstName: "text", lastName: "text" },
        ...{ certificate: maybe("bytes"), balance: maybe("wide") },
      },
    },
  ],
  [
    "registerPv",
    { fields: { sequence: "integer", pvId: "text", owner: "text", capacity: "integer" } },
  ],
  [
    "pvOffer",
    {
      fields: {
        ...{ listingId: "text", pvId: "text", sequence: "integer" },
        ...{ energy: "integer", reservePrice: "integer" },
      },
    },
  ],
  [
    "buyOffer",
    { fields: { listingId: "text", sequence: "integer", energy: "integer", bidPrice: "integer" } },
  ],
  [
    "meterReading",
    {
      fields: {
        ...{ listingId: "text", gridImport: pair, gridExport: pair, production: maybe(pair) },
        quality: { choice: ["measured", "interpolated", "estimated"] },
        source: "text",
      },
    },
  ],
  ["grant", { fields: { sequence: "integer", memberId: "text", amount: "wide", reason: "text" } }],
  ["revoke", { fields: { sequence: "integer", memberId: "text", reason: "text" } }],
  ["createListing", step],
  ["acceptOfferBroadcast", step],
  ["closeBidding", step],
  [
    "receipt",
    {
      fields: {
        ...{ sequence: "integer", previous: maybe("bytes"), from: "integer", to: "integer" },
        entries: { list: { fields: { offer: "bytes", after: "integer" } } },
      },
    },
  ],
  ["evidence", { fields: { accusation } }],
  [
    "validatorChange",
    { fields: { sequence: "integer", add: { list: validator }, remove: { list: "text" } } },
  ],
  [
    "restart",
    {
      fields: {
        ...{ sequence: "integer", height: "integer", blockId: "bytes" },
        validators: { list: validator },
      },
    },
  ],
  ["bindIdentity", { fields: { sequence: "integer", memberId: "text", certificate: "bytes" } }],
  [
    "changeMember",
    {
      fields: {
        ...{ sequence: "integer", memberId: "text", firstName: "text", lastName: "text" },
        balance: maybe("wide"),
      },
    },
  ],
  ["removePv", { fields: { sequence: "integer", pvId: "text" } }],
];

export const ENVELOPE: Fields = {
  fields: {
    ...{ community: "bytes", author: maybe("text") },
    ...{ payload: { variants: PAYLOADS }, signature: "bytes" },
  },
};

export const HEADER: Fields = {
  fields: {
    ...{ version: "integer", community: "bytes", height: "integer", time: "integer" },
    ...{ previous: maybe("bytes"), proposer: "text", transactionsRoot: "bytes" },
    systemSteps: {
      list: {
        fields: {
          step: {
            choice: [
              "createListing",
              "acceptOfferBroadcast",
              "closeBidding",
              "voidListing",
              "finishListing",
            ],
          },
          listingId: "text",
        },
      },
    },
    ...{ validatorsHash: "bytes", nextValidatorsHash: "bytes", stateRoot: "bytes" },
  },
};

const TIMES = { list: "integer" } as const;

export const RULES: Fields = {
  fields: {
    ...{ name: "text", timeZone: "text", schedule: { choice: ["hourly", "manual"] } },
    ...{ timeline: TIMES, agreement: TIMES, stampBucket: "integer" },
    ...{ mechanism: { choice: ["paper-average"] }, guard: "boolean", initialBalance: "wide" },
    ...{ bidMax: "integer", pvCapacityMax: "integer", priceMax: "integer" },
    ...{ membersMax: "integer", pvsPerMemberMax: "integer", caPublicKey: "bytes" },
    ...{ administrator: maybe(validator), validators: { list: validator } },
  },
};
