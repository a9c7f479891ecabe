// Each type's fields, once: the paper's Table I as Composer's model file would declare it. What is checked in a
// body (accept.ts), compared in a filter (filter.ts) and shown at /explorer follows from it.

import { ISSUED_MAX } from "../ledger/accounts.ts";
import { ENERGY_MAX } from "../ledger/rules.ts";
import { PRICE_MAX } from "../units/money.ts";
import type { ComposerContext, JsonObject } from "./context.ts";
import { className, TYPES, type TypeName } from "./names.ts";

/** Bytes of UTF-8, as the ledger counts them. */
export const NAME_BYTES_MAX = 64;

/** A number with so many places behind the point at most; bounds in units of the last place. */
export type Decimal = {
  readonly kind: "decimal";
  readonly places: number;
  readonly min: bigint;
  readonly max: bigint;
  /** As people write it: kWh, tokens/kWh. */
  readonly unit: string;
};

export type FieldKind =
  | { readonly kind: "id" }
  | { readonly kind: "text"; readonly bytesMax: number }
  | { readonly kind: "state" }
  | Decimal
  | { readonly kind: "relationship"; readonly to: TypeName }
  | { readonly kind: "date" }
  | { readonly kind: "list"; readonly of: TypeName }
  /** Given by the ledger; a client cannot set it. */
  | { readonly kind: "given" };

export type Field = FieldKind & {
  readonly name: string;
  readonly isRequired: boolean;
  readonly says: string;
};

export type Model = {
  readonly kind: "participant" | "asset" | "transaction";
  readonly idField: string;
  readonly says: string;
  readonly fields: readonly Field[];
};

/** The states of a kWhlisting that a client may name; FOR_SALE is ACCEPT_OFFERS. */
export const STATES = ["CREATED", "ACCEPT_OFFERS", "AUCTION_CLOSED", "VOID"] as const;

const ENERGY: Decimal = {
  ...{ kind: "decimal", places: 3, unit: "kWh" },
  ...{ min: 0n, max: BigInt(ENERGY_MAX) },
};
const PRICE: Decimal = {
  ...{ kind: "decimal", places: 3, unit: "tokens/kWh" },
  ...{ min: 0n, max: BigInt(PRICE_MAX) },
};
const TOKENS: Decimal = { kind: "decimal", places: 6, unit: "tokens", min: 0n, max: ISSUED_MAX };
const CAPACITY: Decimal = { ...ENERGY, min: 1n, unit: "kW" };
const NAME = { kind: "text", bytesMax: NAME_BYTES_MAX } as const;

const LISTING = needed("listingid", "the listing", { kind: "relationship", to: "kWhlisting" });
const GIVEN = [
  optional("transactionId", "given by the ledger: 64 hex digits", { kind: "given" }),
  optional("timestamp", "given by the ledger, whatever a client sends", { kind: "date" }),
];

export const MODELS: { readonly [T in TypeName]: Model } = {
  Member: {
    ...{ kind: "participant", idField: "email", says: "A homeowner." },
    fields: [
      needed("balance", "tokens", TOKENS),
      needed("email", "the member's id: an e-mail address in lower case", { kind: "id" }),
      needed("firstName", "first name", NAME),
      needed("lastName", "last name", NAME),
    ],
  },
  PV: {
    ...{
      kind: "asset",
      idField: "PVid",
      says: "A PV unit; offers from it are capped by its capacity.",
    },
    fields: [
      needed("PVid", "unique in the community", { kind: "id" }),
      needed("owner", "the homeowner", { kind: "relationship", to: "Member" }),
      optional("capacityKw", "the community's maximum unless told", CAPACITY),
    ],
  },
  kWhlisting: {
    ...{ kind: "asset", idField: "listingid", says: "The auction for one delivery hour." },
    fields: [
      needed("listingid", "date and time of the delivery: 21Mar18-13:00", { kind: "id" }),
      needed("state", "whether offers are accepted", { kind: "state" }),
      optional("pvoffers", "offers to sell, by time", { kind: "list", of: "PVOffer" }),
      optional("buyoffers", "bids", { kind: "list", of: "BUYOffer" }),
    ],
  },
  PVOffer: {
    ...{
      kind: "transaction",
      idField: "transactionId",
      says: "An offer to sell; 0 kWh cancels it.",
    },
    fields: [
      optional("reservePrice", "the least price, tokens/kWh; 0 unless told", PRICE),
      needed("kWhavailable", "kWh for sale", ENERGY),
      LISTING,
      needed("pv", "the PV it comes from", { kind: "relationship", to: "PV" }),
      ...GIVEN,
    ],
  },
  BUYOffer: {
    ...{ kind: "transaction", idField: "transactionId", says: "A bid to buy; 0 kWh cancels it." },
    fields: [
      needed("BidPrice", "tokens/kWh", PRICE),
      needed("kWhQuantity", "kWh wanted", ENERGY),
      LISTING,
      needed("member", "the homeowner who buys", { kind: "relationship", to: "Member" }),
      ...GIVEN,
    ],
  },
  AcceptOfferBroadcast: {
    ...{ kind: "transaction", idField: "transactionId" },
    ...{ says: "Tells everyone that the listing accepts offers.", fields: [LISTING, ...GIVEN] },
  },
  CloseBidding: {
    ...{ kind: "transaction", idField: "transactionId" },
    ...{ says: "Closes the bidding and clears the market.", fields: [LISTING, ...GIVEN] },
  },
};

export function fieldOf(type: TypeName, name: string): Field | undefined {
  return MODELS[type].fields.find((field) => field.name === name);
}

/** JSON Schema of what GET answers and POST takes, for the API's own description. */
export function jsonSchemaOf(ctx: ComposerContext, type: TypeName): JsonObject {
  const { says, fields } = MODELS[type];
  const name = className(ctx, type);
  const properties = fields.map((field) => [field.name, schemaOfField(ctx, field)] as const);
  return {
    type: "object",
    description: says,
    required: fields.filter(({ isRequired }) => isRequired).map((field) => field.name),
    properties: { $class: { type: "string", default: name }, ...Object.fromEntries(properties) },
  };
}

/** `jsonSchemaOf` for all types, by class name. */
export function jsonSchemas(ctx: ComposerContext): JsonObject {
  return Object.fromEntries(TYPES.map((type) => [className(ctx, type), jsonSchemaOf(ctx, type)]));
}

function schemaOfField(ctx: ComposerContext, field: Field): JsonObject {
  const description = field.says;
  switch (field.kind) {
    case "id":
    case "text":
      return { type: "string", description };
    case "given":
      return { type: "string", description, readOnly: true };
    case "state":
      return { type: "string", description, enum: [...STATES] };
    case "decimal":
      return { type: "number", format: "double", description, minimum: 0 };
    case "relationship": {
      const text = `${description}: resource:${className(ctx, field.to)}#its id`;
      return { type: "string", description: text };
    }
    case "date":
      return { type: "string", format: "date-time", description };
    case "list":
      return { type: "array", description, items: jsonSchemaOf(ctx, field.of) };
  }
}

function needed<K extends FieldKind>(name: string, says: string, kind: K): Field {
  return { ...kind, name, says, isRequired: true };
}

function optional<K extends FieldKind>(name: string, says: string, kind: K): Field {
  return { ...kind, name, says, isRequired: false };
}
