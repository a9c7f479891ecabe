// The ledger's state: everything the next block's validity depends on, and nothing else.
// Listings leave it when their readings are in; their history stays in SQLite.

import { sameBytes } from "../codec/bytes.ts";
import {
  array,
  boolean,
  bytes,
  decode,
  encode,
  hash,
  hex,
  int64,
  integer,
  kept,
  type Malformed,
  nullable,
  oneOf,
  type ShapeOf,
  struct,
  text,
} from "../codec/shape.ts";
import { sha256Hex } from "../crypto.ts";
import { accepted, type Result, refused } from "../result.ts";
import type { Watts, Wh } from "../units/energy.ts";
import {
  type BlockId,
  type CommunityId,
  type ListingId,
  type MemberId,
  OFFER_PREFIX_BYTES,
  type OfferPrefix,
  type PvId,
  type TransactionId,
} from "../units/ids.ts";
import type { MicroTokens, MilliTokensPerKwh } from "../units/money.ts";
import type { UnixMs } from "../units/time.ts";
import { ACCUSATION_KINDS, accusationKey, SUBJECT_MAX } from "./accusation.ts";
import {
  communityId,
  type Rules,
  VALIDATORS_MAX,
  type Validator,
  validatorShape,
} from "./rules.ts";
import { payloadShape } from "./transaction.ts";

const ID_MAX = 128;
const TIME_MAX = Number.MAX_SAFE_INTEGER;
const ITEMS_MAX = 1_000_000;
/** e entries of e - 1 former and 21 present validators: e <= 2f+1 for f of 20 + e, so e <= 43. */
const ENTRIES_MAX = 2 * VALIDATORS_MAX + 1;
/** As much as SQLite holds in one value: what could be written as a checkpoint can be read again. */
const STATE_BYTES_MAX = 1_000_000_000;

const time = integer<UnixMs>(0, TIME_MAX);
const energy = integer<Wh>(0, TIME_MAX);
const price = integer<MilliTokensPerKwh>(0, TIME_MAX);
const sequence = integer(0, TIME_MAX);
const member = text<MemberId>(ID_MAX);

const memberShape = struct({
  memberId: member,
  firstName: text(64),
  lastName: text(64),
  /** null: it has no card yet, and says nothing. */
  publicKey: nullable(bytes(32)),
  balance: int64<MicroTokens>(),
  /** Part of the balance that open bids hold; 0 <= reserved <= balance. */
  reserved: int64<MicroTokens>(),
  revoked: boolean,
  /** Of its own last change of itself. */
  sequence,
});

const pvShape = struct({
  pvId: text<PvId>(ID_MAX),
  owner: member,
  /** Of its registration or removal, whichever was last. */
  sequence,
  capacity: integer<Watts>(1, TIME_MAX),
});

/** When the community received an offer, ms; null until enough validators have said so. See stamp.ts. */
const stamp = nullable(time);

const placedOfferShape = struct({
  transactionId: hash<TransactionId>(),
  memberId: member,
  pvId: text<PvId>(ID_MAX),
  sequence,
  energy,
  reservePrice: price,
  stamp,
});

const placedBidShape = struct({
  transactionId: hash<TransactionId>(),
  memberId: member,
  sequence,
  energy,
  bidPrice: price,
  stamp,
});

export const fillShape = struct({
  seller: member,
  pvId: text<PvId>(ID_MAX),
  buyer: member,
  energy,
  price,
});

const recordedReadingShape = struct({
  memberId: member,
  transactionId: hash<TransactionId>(),
  reading: payloadShape,
});

export const LISTING_STATES = ["CREATED", "ACCEPT_OFFERS", "AUCTION_CLOSED", "VOID"] as const;

const listingShape = struct({
  listingId: text<ListingId>(ID_MAX),
  deliveryStart: time,
  state: oneOf(LISTING_STATES),
  pvOffers: array(kept(placedOfferShape), ITEMS_MAX),
  buyOffers: array(kept(placedBidShape), ITEMS_MAX),
  /** Who built blocks after the receipts were in, sorted; empty again when closed. See seal.ts. */
  sealers: array(member, VALIDATORS_MAX),
  mcp: nullable(price),
  fills: array(fillShape, ITEMS_MAX),
  resultHash: nullable(hash()),
  readings: array(kept(recordedReadingShape), ITEMS_MAX),
});

/** The end of a validator's chain of receipts. */
const lastReceiptShape = struct({
  validator: member,
  sequence,
  id: hash<TransactionId>(),
  to: time,
});

/** What the receipts say of one offer or bid; see heard.ts. */
const heardShape = struct({
  offer: hex<OfferPrefix>(OFFER_PREFIX_BYTES),
  /** Where it stands on the ledger; pvId null is a bid; null: not on the ledger yet. */
  place: nullable(
    struct({
      listingId: text<ListingId>(ID_MAX),
      memberId: member,
      pvId: nullable(text<PvId>(ID_MAX)),
    }),
  ),
  stamp,
  /** In the order in which blocks brought them; also of some who vote no more. */
  entries: array(struct({ validator: member, at: time }), ENTRIES_MAX),
});

/** Who was shown to have signed twice, until the same would be refused as too old; see evidence.ts. */
const accusedShape = struct({
  kind: oneOf(ACCUSATION_KINDS),
  offender: member,
  subject: text(SUBJECT_MAX),
  /** Height of a vote or proposal, number of a receipt, sequence of an offer or bid. */
  at: integer(0, TIME_MAX),
  /** Of an offer or bid. */
  listingId: nullable(text<ListingId>(ID_MAX)),
});

const stateShape = struct({
  version: integer(1, 1),
  community: hash(),
  height: integer(0, TIME_MAX),
  time,
  members: array(kept(memberShape), ITEMS_MAX),
  pvs: array(kept(pvShape), ITEMS_MAX),
  removedPvs: array(kept(pvShape), ITEMS_MAX),
  listings: array(listingShape, ITEMS_MAX),
  nextDelivery: nullable(time),
  caSequence: sequence,
  administratorSequence: sequence,
  issued: int64<MicroTokens>(),
  receipts: array(lastReceiptShape, ITEMS_MAX),
  heard: array(kept(heardShape), ITEMS_MAX),
  evidence: array(kept(accusedShape), ITEMS_MAX),
  validators: array(validatorShape, VALIDATORS_MAX),
  nextValidators: array(validatorShape, VALIDATORS_MAX),
  setChanges: array(integer(1, TIME_MAX), ITEMS_MAX),
  chain: hash<CommunityId>(),
});

export type Member = ShapeOf<typeof memberShape>;
export type Pv = ShapeOf<typeof pvShape>;
export type PlacedOffer = ShapeOf<typeof placedOfferShape>;
export type PlacedBid = ShapeOf<typeof placedBidShape>;
export type LastReceipt = ShapeOf<typeof lastReceiptShape>;
export type Heard = ShapeOf<typeof heardShape>;
export type Accused = ShapeOf<typeof accusedShape>;
export type Fill = ShapeOf<typeof fillShape>;
export type RecordedReading = ShapeOf<typeof recordedReadingShape>;
export type ListingState = (typeof LISTING_STATES)[number];

export type Listing = Omit<ShapeOf<typeof listingShape>, "pvOffers" | "buyOffers" | "readings"> & {
  /** The live offer of each PV, cancelled ones included (energy 0), for their sequence. */
  readonly pvOffers: ReadonlyMap<PvId, PlacedOffer>;
  /** The live bid of each member, likewise. */
  readonly buyOffers: ReadonlyMap<MemberId, PlacedBid>;
  readonly readings: ReadonlyMap<MemberId, RecordedReading>;
};

export type LedgerState = {
  readonly rules: Rules;
  readonly height: number;
  /** Time of the last block; 0 before the first. */
  readonly time: UnixMs;
  /** The last block; null before the first. Not part of the root, for the root is part of the block. */
  readonly lastBlock: { readonly blockId: BlockId; readonly proposer: MemberId } | null;
  readonly members: ReadonlyMap<MemberId, Member>;
  readonly pvs: ReadonlyMap<PvId, Pv>;
  /** PVs that left: their owners alone may register their ids again. */
  readonly removedPvs: ReadonlyMap<PvId, Pv>;
  /** Listings that still take offers or readings; in a manual community all that ever were. */
  readonly listings: ReadonlyMap<ListingId, Listing>;
  /** Hourly schedule: the first delivery hour that has no listing yet; null before the first block. */
  readonly nextDelivery: UnixMs | null;
  readonly caSequence: number;
  readonly administratorSequence: number;
  /** All tokens there are: initial balances, grants, and what was changed by hand. Equals the sum of balances. */
  readonly issued: MicroTokens;
  /** By validator. */
  readonly receipts: ReadonlyMap<MemberId, LastReceipt>;
  readonly heard: ReadonlyMap<OfferPrefix, Heard>;
  /** By `accusationKey`. */
  readonly evidence: ReadonlyMap<string, Accused>;
  /** Who votes on the block after this one, sorted by member id; never empty. */
  readonly validators: readonly Validator[];
  /** Who votes on the block after that; see validatorSet.ts. */
  readonly nextValidators: readonly Validator[];
  /** Heights of the blocks with a change that the CA made lately, once for each; ascending. */
  readonly setChanges: readonly number[];
  /** What votes and proposals are for: the community, or its last restart; see restart.ts. */
  readonly chain: CommunityId;
};

export function genesis(rules: Rules): LedgerState {
  return {
    rules,
    height: 0,
    time: 0 as UnixMs,
    lastBlock: null,
    members: new Map(),
    pvs: new Map(),
    removedPvs: new Map(),
    listings: new Map(),
    nextDelivery: null,
    caSequence: 0,
    administratorSequence: 0,
    issued: 0n as MicroTokens,
    receipts: new Map(),
    heard: new Map(),
    evidence: new Map(),
    validators: rules.validators,
    nextValidators: rules.validators,
    setChanges: [],
    chain: communityId(rules),
  };
}

/** The canonical bytes of a state; the same for everyone who applied the same blocks. */
export function encodeState(state: LedgerState): Uint8Array {
  const { height, time, nextDelivery, caSequence, administratorSequence, issued } = state;
  return encode(stateShape, {
    version: 1,
    community: communityId(state.rules),
    height,
    time,
    members: sortedValues(state.members),
    pvs: sortedValues(state.pvs),
    removedPvs: sortedValues(state.removedPvs),
    listings: [...state.listings.values()].sort(byDelivery).map((listing) => ({
      ...listing,
      pvOffers: sortedValues(listing.pvOffers),
      buyOffers: sortedValues(listing.buyOffers),
      readings: sortedValues(listing.readings),
    })),
    nextDelivery,
    caSequence,
    administratorSequence,
    issued,
    receipts: sortedValues(state.receipts),
    heard: sortedValues(state.heard),
    evidence: sortedValues(state.evidence),
    validators: state.validators,
    nextValidators: state.nextValidators,
    setChanges: state.setChanges,
    chain: state.chain,
  });
}

export type StateRefusal =
  /** Not a state's bytes at all. */
  | Malformed
  /** A state of a community with other rules. */
  | { readonly code: "otherCommunity" }
  /** Entries out of order or twice: nobody encodes a state like this. */
  | { readonly code: "notCanonical" };

/**
 * The state whose canonical bytes these are, from a checkpoint; `lastBlock` is not in the bytes.
 * Whether the state is the right one shows its root in the header of the last block.
 */
export function decodeState(
  rules: Rules,
  encoded: Uint8Array,
  lastBlock: LedgerState["lastBlock"],
): Result<LedgerState, StateRefusal> {
  const decoded = decode(stateShape, encoded, STATE_BYTES_MAX);
  if (!decoded.ok) return decoded;
  const { version: _, community, members, pvs, removedPvs, ...others } = decoded.value;
  const { listings, receipts, heard, evidence, ...rest } = others;
  if (community !== communityId(rules)) return refused({ code: "otherCommunity" });
  const state: LedgerState = {
    ...rest,
    rules,
    lastBlock,
    members: keyed(members, ({ memberId }) => memberId),
    pvs: keyed(pvs, ({ pvId }) => pvId),
    removedPvs: keyed(removedPvs, ({ pvId }) => pvId),
    listings: keyed(listings.map(listingFrom), ({ listingId }) => listingId),
    receipts: keyed(receipts, ({ validator }) => validator),
    heard: keyed(heard, ({ offer }) => offer),
    evidence: keyed(evidence, accusationKey),
  };
  // Maps forget duplicates and take any order; the bytes must have had neither.
  if (!sameBytes(encodeState(state), encoded)) return refused({ code: "notCanonical" });
  return accepted(state);
}

function listingFrom(listing: ShapeOf<typeof listingShape>): Listing {
  return {
    ...listing,
    pvOffers: keyed(listing.pvOffers, ({ pvId }) => pvId),
    buyOffers: keyed(listing.buyOffers, ({ memberId }) => memberId),
    readings: keyed(listing.readings, ({ memberId }) => memberId),
  };
}

function keyed<K, V>(values: readonly V[], keyOf: (value: V) => K): ReadonlyMap<K, V> {
  return new Map(values.map((value) => [keyOf(value), value]));
}

/** SHA-256 of the state's canonical bytes: in each header, compared by each home. */
export function stateRoot(state: LedgerState): string {
  return sha256Hex(encodeState(state));
}

function sortedValues<V>(entries: ReadonlyMap<string, V>): V[] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, value]) => value);
}

function byDelivery(a: Listing, b: Listing): number {
  return a.deliveryStart - b.deliveryStart || (a.listingId < b.listingId ? -1 : 1);
}
