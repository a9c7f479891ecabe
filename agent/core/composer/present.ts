// The ledger's values as Composer's REST server printed them: the paper's Tables II to V, to the field.

import { sha256Hex } from "../crypto.ts";
import type { Fill, ListingState, Member, PlacedBid, PlacedOffer, Pv } from "../ledger/state.ts";
import type { Payload } from "../ledger/transaction.ts";
import type { ListingId, MemberId, TransactionId } from "../units/ids.ts";
import { formatIso } from "../units/iso.ts";
import { cost, type MilliTokensPerKwh } from "../units/money.ts";
import type { UnixMs } from "../units/time.ts";
import type { ComposerContext, Json, JsonObject } from "./context.ts";
import { showDecimal } from "./decimals.ts";
import { className, relationshipTo, SYSTEM_NAMESPACE, systemRelationshipTo } from "./names.ts";

/** With the time of the block that has its transaction. */
export type Timed<T> = T & { readonly time: UnixMs };

export type ListingFacts = {
  readonly listingId: ListingId;
  readonly state: ListingState;
  readonly mcp: MilliTokensPerKwh | null;
  /** The live ones in any sequence; cancelled ones (0 Wh) may be among them. */
  readonly pvOffers: readonly Timed<PlacedOffer>[];
  readonly buyOffers: readonly Timed<PlacedBid>[];
  readonly fills: readonly Fill[];
};

/** A transaction as the history has it. */
export type TransactionFacts = {
  readonly id: TransactionId;
  /** null: the CA. */
  readonly author: MemberId | null;
  readonly payload: Payload;
  readonly time: UnixMs;
};

/** Whom Composer would call the network's administrator. */
const CA = "ca";

/** Table II: {$class, balance, email, firstName, lastName} */
export function presentMember(ctx: ComposerContext, member: Member): JsonObject {
  const { memberId, firstName, lastName, balance } = member;
  return {
    $class: className(ctx, "Member"),
    balance: tokens(balance),
    email: memberId,
    firstName,
    lastName,
  };
}

/** Table III: {$class, PVid, owner}, and `capacityKw` where it is not the community's maximum. */
export function presentPv(ctx: ComposerContext, { pvId, owner, capacity }: Pv): JsonObject {
  const isMax = Number(capacity) === Number(ctx.rules.pvCapacityMax);
  return {
    $class: className(ctx, "PV"),
    PVid: pvId,
    owner: relationshipTo(ctx, "Member", owner),
    ...(isMax ? {} : { capacityKw: thousandths(capacity) }),
  };
}

/**
 * Table IV: {$class, listingid, state, pvoffers, buyoffers}; `mcp` and `fills` once it is closed. Offers by time.
 * Bids by time, and once closed as they were served: by value, by price, by time.
 */
export function presentListing(ctx: ComposerContext, listing: ListingFacts): JsonObject {
  const { listingId, state, mcp, fills } = listing;
  const offers = listing.pvOffers.filter(isLive).toSorted(byTime);
  const compare = state === "AUCTION_CLOSED" ? byValue : byTime;
  const bids = listing.buyOffers.filter(isLive).toSorted(compare);
  return {
    $class: className(ctx, "kWhlisting"),
    listingid: listingId,
    state,
    pvoffers: offers.map((offer) => presentOffer(ctx, listingId, offer)),
    buyoffers: bids.map((bid) => presentBid(ctx, listingId, bid)),
    ...(state === "AUCTION_CLOSED"
      ? { mcp: showPrice(mcp), fills: fills.map((fill) => presentFill(ctx, fill)) }
      : {}),
  };
}

/** Tokens per kWh; null: no valid bid made a price. */
export function showPrice(price: MilliTokensPerKwh | null): Json {
  return price === null ? null : thousandths(price);
}

export function presentFill(ctx: ComposerContext, fill: Fill): JsonObject {
  const { seller, pvId, buyer, energy, price } = fill;
  return {
    seller: relationshipTo(ctx, "Member", seller),
    pv: relationshipTo(ctx, "PV", pvId),
    buyer: relationshipTo(ctx, "Member", buyer),
    kWh: thousandths(energy),
    price: thousandths(price),
  };
}

/** An offer as a listing of Table IV embeds it. */
export function presentOffer(
  ctx: ComposerContext,
  listingId: ListingId,
  offer: Timed<Omit<PlacedOffer, "memberId" | "sequence">>,
): JsonObject {
  const { pvId, energy, reservePrice, transactionId } = offer;
  return {
    $class: className(ctx, "PVOffer"),
    reservePrice: thousandths(reservePrice),
    kWhavailable: thousandths(energy),
    listingid: relationshipTo(ctx, "kWhlisting", listingId),
    pv: relationshipTo(ctx, "PV", pvId),
    transactionId,
    timestamp: formatIso(placedAt(offer)),
  };
}

export function presentBid(
  ctx: ComposerContext,
  listingId: ListingId,
  bid: Timed<Omit<PlacedBid, "sequence">>,
): JsonObject {
  const { memberId, energy, bidPrice, transactionId } = bid;
  return {
    $class: className(ctx, "BUYOffer"),
    BidPrice: thousandths(bidPrice),
    kWhQuantity: thousandths(energy),
    listingid: relationshipTo(ctx, "kWhlisting", listingId),
    member: relationshipTo(ctx, "Member", memberId),
    transactionId,
    timestamp: formatIso(placedAt(bid)),
  };
}

/** GET of a transaction by its type; null for what has no route of its own. */
export function presentTransaction(
  ctx: ComposerContext,
  { id, author, payload, time }: TransactionFacts,
): JsonObject | null {
  const placed = { transactionId: id, stamp: null, time };
  switch (payload.type) {
    case "pvOffer":
      return presentOffer(ctx, payload.listingId, { ...payload, ...placed });
    case "buyOffer":
      return author === null
        ? null
        : presentBid(ctx, payload.listingId, { ...payload, ...placed, memberId: author });
    case "acceptOfferBroadcast":
    case "closeBidding":
      return {
        $class: transactionType(ctx, payload.type),
        listingid: relationshipTo(ctx, "kWhlisting", payload.listingId),
        transactionId: id,
        timestamp: formatIso(time),
      };
    default:
      return null;
  }
}

/** What Composer calls what the ledger calls `type`: its own names for registries and identities. */
const SYSTEM_TYPES: ReadonlyMap<string, string> = new Map([
  ["registerMember", "AddParticipant"],
  ["changeMember", "UpdateParticipant"],
  ["registerPv", "AddAsset"],
  ["removePv", "RemoveAsset"],
  ["createListing", "AddAsset"],
  ["bindIdentity", "BindIdentity"],
  ["revoke", "RevokeIdentity"],
]);
const OWN_TYPES: ReadonlyMap<string, string> = new Map([
  ["pvOffer", "PVOffer"],
  ["buyOffer", "BUYOffer"],
]);

/** org.acme.pv.auction.PVOffer for pvOffer, org.hyperledger.composer.system.AddAsset for registerPv */
export function transactionType(ctx: ComposerContext, type: Payload["type"]): string {
  const system = SYSTEM_TYPES.get(type);
  if (system !== undefined) return `${SYSTEM_NAMESPACE}.${system}`;
  const name = OWN_TYPES.get(type) ?? `${type.slice(0, 1).toUpperCase()}${type.slice(1)}`;
  return className(ctx, name);
}

/**
 * A line of Composer's historian. `identityUsed`: the id of the identity that signed, if it is known (see
 * `identityId`); `events`: what the transaction emitted.
 */
export function presentHistorianRecord(
  ctx: ComposerContext,
  { id, author, payload, time }: TransactionFacts,
  { identityUsed, events }: { identityUsed?: string; events?: readonly JsonObject[] } = {},
): JsonObject {
  const type = transactionType(ctx, payload.type);
  return {
    $class: `${SYSTEM_NAMESPACE}.HistorianRecord`,
    transactionId: id,
    transactionType: type,
    transactionInvoked: `resource:${type}#${id}`,
    participantInvoking: participant(ctx, author),
    ...(identityUsed === undefined
      ? {}
      : { identityUsed: systemRelationshipTo("Identity", identityUsed) }),
    eventsEmitted: events ?? [],
    transactionTimestamp: formatIso(time),
  };
}

/** A member; or who is none, the CA, as the network's administrator. */
export function participant(ctx: ComposerContext, id: MemberId | null): string {
  return id === null ? systemRelationshipTo("NetworkAdmin", CA) : relationshipTo(ctx, "Member", id);
}

export type IdentityState = "ISSUED" | "BOUND" | "ACTIVATED" | "REVOKED";

/** SHA-256 of a certificate or, where there is none at hand, of a key; 64 hex digits. */
export function identityId(certificateOrKey: Uint8Array): string {
  return sha256Hex(certificateOrKey);
}

/**
 * A member's identity, by its key; null: it has none yet. Whoever is on the ledger with a key has used or bound
 * it, so ACTIVATED unless told otherwise.
 */
export function presentIdentity(
  ctx: ComposerContext,
  member: { memberId: MemberId; publicKey: Uint8Array | null; revoked: boolean },
  state: IdentityState = member.revoked ? "REVOKED" : "ACTIVATED",
): JsonObject | null {
  const { memberId, publicKey } = member;
  if (publicKey === null) return null;
  return {
    $class: `${SYSTEM_NAMESPACE}.Identity`,
    identityId: identityId(publicKey),
    name: memberId,
    issuer: sha256Hex(ctx.rules.caPublicKey),
    certificate: "",
    state,
    participant: relationshipTo(ctx, "Member", memberId),
  };
}

export function tokens(money: bigint): Json {
  return showDecimal(money, 6);
}

/** Wh as kWh, W as kW, milli-tokens as tokens. */
export function thousandths(n: number): Json {
  return showDecimal(n, 3);
}

function isLive({ energy }: { readonly energy: number }): boolean {
  return energy > 0;
}

/** When the community received it; by hand, when it came on the ledger. */
function placedAt({ stamp, time }: Timed<{ readonly stamp: UnixMs | null }>): UnixMs {
  return stamp ?? time;
}

type Placed = Timed<Pick<PlacedBid, "stamp" | "transactionId">>;

function byTime(a: Placed, b: Placed): number {
  return placedAt(a) - placedAt(b) || (a.transactionId < b.transactionId ? -1 : 1);
}

/** As `paper-average` serves them, but for ties within one bucket of stamps, where a hash decides. */
function byValue(a: Timed<PlacedBid>, b: Timed<PlacedBid>): number {
  const [left, right] = [cost(a.bidPrice, a.energy), cost(b.bidPrice, b.energy)];
  if (left !== right) return left > right ? -1 : 1;
  return b.bidPrice - a.bidPrice || byTime(a, b);
}
