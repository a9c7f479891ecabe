// Transactions: what members, the CA and the administrator say, signed. The id hashes what was signed,
// never the signature, for several signatures are valid for one message.

import { sameBytes } from "../codec/bytes.ts";
import { hexToBytes } from "../codec/hex.ts";
import {
  array,
  bytes,
  decode,
  encode,
  hash,
  hex,
  int64,
  integer,
  type Malformed,
  nullable,
  oneOf,
  type ShapeOf,
  struct,
  text,
  union,
} from "../codec/shape.ts";
import { SIGNATURE_BYTES, sha256Hex } from "../crypto.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { Watts, Wh } from "../units/energy.ts";
import {
  type BlockId,
  type CommunityId,
  type MemberId,
  OFFER_PREFIX_BYTES,
  type OfferPrefix,
  type TransactionId,
} from "../units/ids.ts";
import type { MicroTokens } from "../units/money.ts";
import { accusationShape } from "./accusation.ts";
import {
  bidPriceField,
  energyField,
  listingField as listing,
  memberField as member,
  pvField,
  reservePriceField,
  sequenceField as sequence,
  timeField as time,
} from "./fields.ts";
import { ENERGY_MAX, TRANSACTION_BYTES_MAX, VALIDATORS_MAX, validatorShape } from "./rules.ts";

const REGISTER_MAX = Number.MAX_SAFE_INTEGER;
/** 23 bytes an entry at most (head, 17 of prefix, 5 of time): 3680, which leaves 400 for the envelope. */
export const RECEIPT_ENTRIES_MAX = 160;
/** A receipt tells of 49 days at most, and so its times fit five bytes. */
export const RECEIPT_SPAN_MAX = 0xffff_ffff;
/** The first bytes of the community's id: tells another community's message from a forged one. */
const COMMUNITY_TAG_BYTES = 4;

const register = integer<Wh>(0, REGISTER_MAX);

const receiptEntriesShape = array(
  struct({ offer: hex<OfferPrefix>(OFFER_PREFIX_BYTES), after: integer(0, RECEIPT_SPAN_MAX) }),
  RECEIPT_ENTRIES_MAX,
);

/** A counter at the two edges of an hour, Wh. */
const registerPairShape = struct({ start: register, end: register });

export const payloadShape = union(
  {
    /** A homeowner joins. `balance` is a claim and must be the community's initial balance. */
    registerMember: struct({
      memberId: member,
      firstName: text(64),
      lastName: text(64),
      /**
       * X.509, DER, issued by the community's CA for this id and key; null, from a manual community's
       * administrator alone: a member that says nothing itself until it is given a key.
       */
      certificate: nullable(bytes(1, 2048)),
      balance: nullable(int64<MicroTokens>()),
    }),
    /** A PV joins; offers from it are capped by its capacity (W) times one hour. */
    registerPv: struct({
      /** Above the PV's last, which only one that was removed has. */
      sequence,
      pvId: pvField,
      owner: member,
      capacity: integer<Watts>(1, ENERGY_MAX),
    }),
    /** Energy for sale; a higher sequence amends, energy 0 cancels. */
    pvOffer: struct({
      listingId: listing,
      pvId: pvField,
      sequence,
      energy: energyField,
      reservePrice: reservePriceField,
    }),
    /** Energy wanted; a higher sequence amends, energy 0 cancels. */
    buyOffer: struct({
      listingId: listing,
      sequence,
      energy: energyField,
      bidPrice: bidPriceField,
    }),
    /** The grid meter's registers at the edges of the delivery hour, and the inverter's if known. */
    meterReading: struct({
      listingId: listing,
      gridImport: registerPairShape,
      gridExport: registerPairShape,
      production: nullable(registerPairShape),
      quality: oneOf(["measured", "interpolated", "estimated"]),
      /** The device that measured, as a person would name it: "Fronius Smart Meter 63A 15480258" */
      source: text(96),
    }),
    /** The CA gives tokens (or, negative, takes them as far as they are free). */
    grant: struct({ sequence, memberId: member, amount: int64<MicroTokens>(), reason: text(96) }),
    /** The CA ends a card, or by hand the administrator. */
    revoke: struct({ sequence, memberId: member, reason: text(96) }),
    /** The administrator's three steps in a community with schedule "manual"; the first opens the listing. */
    createListing: struct({ sequence, listingId: listing }),
    acceptOfferBroadcast: struct({ sequence, listingId: listing }),
    closeBidding: struct({ sequence, listingId: listing }),
    /** When a validator's home first heard of which offers and bids; see receipt.ts. */
    receipt: struct({
      sequence,
      /** This validator's receipt before; null in the first. */
      previous: nullable(hash<TransactionId>()),
      from: time,
      to: time,
      /** In the order of arrival; `after` is ms since `from`. */
      entries: receiptEntriesShape,
    }),
    /** A member has seen a card sign two things where it may sign one; see evidence.ts. */
    evidence: struct({ accusation: accusationShape }),
    /** The CA changes who votes, from the block after the next one on; see validatorChange.ts. */
    validatorChange: struct({
      sequence,
      add: array(validatorShape, VALIDATORS_MAX),
      remove: array(member, VALIDATORS_MAX),
    }),
    /** The CA says who votes after this block, for too many are gone for good; see restart.ts. */
    restart: struct({
      sequence,
      height: integer(1, Number.MAX_SAFE_INTEGER),
      blockId: hash<BlockId>(),
      validators: array(validatorShape, VALIDATORS_MAX),
    }),
    /** A card for a member that has none, or whose card was ended; by the CA, or by hand. */
    bindIdentity: struct({ sequence, memberId: member, certificate: bytes(1, 2048) }),
    /** A member's names; by hand also the balance that it is to have. null: it stays. */
    changeMember: struct({
      /** Of the administrator's by hand; else above the member's last. */
      sequence,
      memberId: member,
      firstName: text(64),
      lastName: text(64),
      balance: nullable(int64<MicroTokens>()),
    }),
    /** A PV leaves; its id stays its owner's. */
    removePv: struct({ sequence, pvId: pvField }),
  },
  {
    registerMember: 0,
    registerPv: 1,
    pvOffer: 2,
    buyOffer: 3,
    meterReading: 4,
    grant: 5,
    revoke: 6,
    createListing: 7,
    acceptOfferBroadcast: 8,
    closeBidding: 9,
    receipt: 10,
    evidence: 11,
    validatorChange: 12,
    restart: 13,
    bindIdentity: 14,
    changeMember: 15,
    removePv: 16,
  },
);

export type Payload = ShapeOf<typeof payloadShape>;
export type PayloadOf<T extends Payload["type"]> = Extract<Payload, { readonly type: T }>;
export type RegisterPair = ShapeOf<typeof registerPairShape>;

/** `author` null is the CA. */
export type Transaction = {
  readonly id: TransactionId;
  readonly author: MemberId | null;
  readonly payload: Payload;
  readonly signature: Uint8Array;
};

const envelopeShape = struct({
  community: bytes(COMMUNITY_TAG_BYTES),
  author: nullable(member),
  payload: payloadShape,
  signature: bytes(SIGNATURE_BYTES),
});

const signedShape = struct({
  purpose: text(32),
  community: hash<CommunityId>(),
  author: nullable(member),
  payload: payloadShape,
});

export type Unsigned = Pick<Transaction, "author" | "payload">;

const signedReceiptShape = struct({
  purpose: text(32),
  community: hash<CommunityId>(),
  author: nullable(member),
  sequence,
  previous: nullable(hash<TransactionId>()),
  from: time,
  to: time,
  entriesHash: hash(),
});

export type ReceiptHead = Omit<
  ShapeOf<typeof signedReceiptShape>,
  "purpose" | "community" | "author"
>;

/** What is signed of a receipt: its entries, which may have 4 kB, by their SHA-256. */
export function receiptHead({
  sequence,
  previous,
  from,
  to,
  entries,
}: PayloadOf<"receipt">): ReceiptHead {
  return {
    sequence,
    previous,
    from,
    to,
    entriesHash: sha256Hex(encode(receiptEntriesShape, entries)),
  };
}

/** The bytes that a validator's key signs for a receipt: two of one number accuse it, and fit anywhere. */
export function receiptSignBytes(
  community: CommunityId,
  author: MemberId | null,
  { sequence, previous, from, to, entriesHash }: ReceiptHead,
): Uint8Array {
  const head = { sequence, previous, from, to, entriesHash };
  return encode(signedReceiptShape, { purpose: "pvtrading/receipt/1", community, author, ...head });
}

/** The bytes that the author's key signs. */
export function transactionSignBytes(community: CommunityId, unsigned: Unsigned): Uint8Array {
  const { author, payload } = unsigned;
  if (payload.type === "receipt") return receiptSignBytes(community, author, receiptHead(payload));
  return encode(signedShape, { purpose: "pvtrading/transaction/1", community, author, payload });
}

/** What its id is, or would be, whoever signs it. */
export function transactionId(community: CommunityId, unsigned: Unsigned): TransactionId {
  return sha256Hex(transactionSignBytes(community, unsigned)) as TransactionId;
}

export function signTransaction(
  community: CommunityId,
  unsigned: Unsigned,
  sign: (message: Uint8Array) => Uint8Array,
): Transaction {
  const message = transactionSignBytes(community, unsigned);
  const { author, payload } = unsigned;
  return { id: sha256Hex(message) as TransactionId, author, payload, signature: sign(message) };
}

export function encodeTransaction(community: CommunityId, transaction: Transaction): Uint8Array {
  const { author, payload, signature } = transaction;
  return encode(envelopeShape, { community: communityTag(community), author, payload, signature });
}

export type TransactionRefusal =
  | Malformed
  /** Signed for another community: its sender may be honest there. */
  | { readonly code: "otherCommunity" };

/** Reads one transaction; says nothing yet about its signature (see `checkSignature`). */
export function decodeTransaction(
  community: CommunityId,
  encoded: Uint8Array,
): Result<Transaction, TransactionRefusal> {
  const envelope = decode(envelopeShape, encoded, TRANSACTION_BYTES_MAX);
  if (!envelope.ok) return envelope;
  const { author, payload, signature } = envelope.value;
  if (!sameBytes(envelope.value.community, communityTag(community))) {
    return refused({ code: "otherCommunity" });
  }
  const message = transactionSignBytes(community, { author, payload });
  return accepted({ id: sha256Hex(message) as TransactionId, author, payload, signature });
}

function communityTag(community: CommunityId): Uint8Array {
  return hexToBytes(community.slice(0, 2 * COMMUNITY_TAG_BYTES));
}
