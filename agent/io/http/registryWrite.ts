// What POST, PUT and DELETE want of the ledger, and as whom. Everything is checked before anything is signed:
// who may (the table), what was sent (core/composer/accept.ts), and what the ledger has already.
//
//   Member       POST registers it: the administrator anybody, a member itself with its own certificate
//                PUT changes names; the administrator by hand the balance too
//   PV           POST registers it, PUT with the same values is an echo, DELETE removes it
//   kWhlisting   POST creates and opens it; PUT of AUCTION_CLOSED closes the bidding
//   offers       POST; the one that stands already is answered as it stands: no place in the queue is lost

import type { Operation, Resource } from "../../core/access/permissions.ts";
import { checkCertificate } from "../../core/certificate.ts";
import { type Accepted, acceptBody, type Wanted } from "../../core/composer/accept.ts";
import { isObject, type JsonObject, own } from "../../core/composer/context.ts";
import { doesNotExist, errorOf } from "../../core/composer/errors.ts";
import { MODELS } from "../../core/composer/model.ts";
import type { TypeName } from "../../core/composer/names.ts";
import { withoutBlanks } from "../../core/composer/quirks.ts";
import type { Listing, PlacedOffer } from "../../core/ledger/state.ts";
import type { ListingId, MemberId, PvId, TransactionId } from "../../core/units/ids.ts";
import type { Intent } from "../../ports.ts";
import type { Actor } from "./principal.ts";
import { committed, denied, mustMay, type RestContext } from "./restContext.ts";
import { orRefuse, RestError, restError } from "./restError.ts";

export type Prepared = {
  readonly type: TypeName;
  /** Of the thing; of a transaction, what it is about. */
  readonly id: string;
  readonly operation: Operation;
  readonly echo: JsonObject;
  readonly step:
    | { readonly type: "sign"; readonly intent: Intent }
    /** On the ledger already; `transactionId` of what is a transaction. */
    | { readonly type: "stands"; readonly transactionId: TransactionId | null };
};

export type Ask = {
  readonly actor: Actor;
  readonly type: TypeName;
  readonly operation: "create" | "update";
  readonly body: unknown;
  /** "update": the id in the path. */
  readonly pathId?: string;
};

/** Which cell of the table a write asks. */
const CELLS: {
  readonly [T in TypeName]: { readonly [O in Operation]?: readonly [Operation, Resource] };
} = {
  Member: {
    create: ["create", "Member"],
    update: ["update", "Member"],
    delete: ["update", "Member"],
  },
  PV: { create: ["create", "PV"], update: ["create", "PV"], delete: ["delete", "PV"] },
  kWhlisting: {
    create: ["create", "kWhlisting"],
    update: ["create", "CloseBidding"],
    delete: ["create", "kWhlisting"],
  },
  PVOffer: { create: ["create", "PVOffer"] },
  BUYOffer: { create: ["create", "BUYOffer"] },
  AcceptOfferBroadcast: { create: ["create", "AcceptOfferBroadcast"] },
  CloseBidding: { create: ["create", "CloseBidding"] },
};

/** Throws a RestError where the body is wrong, or not the actor's to send. */
export function prepare(context: RestContext, ask: Ask): Prepared {
  const { actor, type, operation, body } = ask;
  const { idField } = MODELS[type];
  const said = isObject(body) ? own(body, idField) : undefined;
  const target = ask.pathId ?? (typeof said === "string" ? said : "");
  // Before the body is looked at: who may never do this is told nothing about it.
  check(context, { actor, type, operation, id: target, owner: actor.memberId });
  const { echo, wanted } = accept(context, ask);
  const { id, owner } = about(context, operation, wanted);
  check(context, { actor, type, operation, id, owner: owner ?? actor.memberId });
  const step =
    operation === "create"
      ? stepOfCreate(context, actor, wanted)
      : stepOfUpdate(context, actor, wanted);
  return { type, id, operation, echo, step };
}

/** The transaction that says so once it is on the ledger; null: it stands, and no transaction is named after it. */
export async function putOnLedger(
  context: RestContext,
  actor: Actor,
  { step, operation, type, id }: Prepared,
): Promise<TransactionId | null> {
  if (step.type === "stands") return step.transactionId;
  return await committed(context, { actor, intent: step.intent, asked: { operation, type, id } });
}

function accept({ composer, door }: RestContext, ask: Ask): Accepted {
  const { type, operation, body, pathId } = ask;
  const pvOf = (owner: MemberId): PvId | null => {
    const [only, ...others] = [...door.ledger().pvs.values()].filter((pv) => pv.owner === owner);
    return only === undefined || others.length > 0 ? null : only.pvId;
  };
  const sent = { type, operation, body, pvOf };
  return orRefuse(acceptBody(composer, pathId === undefined ? sent : { ...sent, pathId }));
}

type Write = {
  readonly actor: Actor;
  readonly type: TypeName;
  readonly operation: Operation;
  readonly id: string;
  readonly owner: MemberId | null;
};

function check(context: RestContext, { actor, type, operation, id, owner }: Write): void {
  const [cell, resource] = CELLS[type][operation] ?? [operation, type];
  const asked = { operation, type, id: id === "" ? null : id };
  mustMay(context, { actor, deed: { operation: cell, resource, owner }, asked });
}

/** `owner` null: nobody's, or of somebody whom the ledger does not know (yet): it will say so. */
function about(
  { door }: RestContext,
  operation: Ask["operation"],
  wanted: Wanted,
): { readonly id: string; readonly owner: MemberId | null } {
  switch (wanted.type) {
    case "Member":
      return { id: wanted.memberId, owner: wanted.memberId };
    case "PV": {
      const { pvId, owner } = wanted;
      // Of what is there the ledger says whose it is, and not whoever would have it.
      return operation === "create"
        ? { id: pvId, owner }
        : { id: pvId, owner: door.ledger().pvs.get(pvId)?.owner ?? null };
    }
    case "PVOffer":
      return { id: wanted.pvId, owner: door.ledger().pvs.get(wanted.pvId)?.owner ?? null };
    case "BUYOffer":
      return { id: wanted.memberId, owner: wanted.memberId };
    case "kWhlisting":
    case "AcceptOfferBroadcast":
    case "CloseBidding":
      return { id: wanted.listingId, owner: null };
  }
}

function sign(intent: Intent): Prepared["step"] {
  return { type: "sign", intent };
}

const STANDS: Prepared["step"] = { type: "stands", transactionId: null };

/** `same`: the offer or bid that is there and says the same. A listing that is closed refuses it like another. */
function signUnlessStanding(
  intent: Intent,
  listing: Listing | undefined,
  same: Pick<PlacedOffer, "transactionId"> | null,
): Prepared["step"] {
  if (same === null || listing?.state !== "ACCEPT_OFFERS") return sign(intent);
  return { type: "stands", transactionId: same.transactionId };
}

function stepOfCreate(context: RestContext, actor: Actor, wanted: Wanted): Prepared["step"] {
  const { listings } = context.door.ledger();
  switch (wanted.type) {
    case "Member": {
      const { memberId, firstName, lastName, balance } = wanted;
      const certificate = certificateFor(context, actor, memberId);
      return sign({ type: "registerMember", memberId, firstName, lastName, certificate, balance });
    }
    case "PV": {
      const { pvId, owner, capacity } = wanted;
      return sign({ type: "registerPv", pvId, owner, capacity });
    }
    case "kWhlisting":
      return sign({ type: "createListing", listingId: wanted.listingId });
    case "PVOffer": {
      const { listingId, pvId, energy, reservePrice } = wanted;
      const listing = listings.get(listingId);
      const live = listing?.pvOffers.get(pvId);
      const isSame = live?.energy === energy && live.reservePrice === reservePrice;
      const intent: Intent = { type: "pvOffer", listingId, pvId, energy, reservePrice };
      return signUnlessStanding(intent, listing, isSame ? live : null);
    }
    case "BUYOffer": {
      const { listingId, memberId, energy, bidPrice } = wanted;
      const listing = listings.get(listingId);
      const live = listing?.buyOffers.get(memberId);
      const isSame = live?.energy === energy && live.bidPrice === bidPrice;
      const intent: Intent = { type: "buyOffer", listingId, energy, bidPrice };
      return signUnlessStanding(intent, listing, isSame ? live : null);
    }
    case "AcceptOfferBroadcast":
      return sign({ type: "acceptOfferBroadcast", listingId: wanted.listingId });
    case "CloseBidding":
      return sign({ type: "closeBidding", listingId: wanted.listingId });
  }
}

/**
 * A member's own; or the one of its card in this agent's wallet, so that who is registered by the administrator
 * can trade at once; or none, and the member's identity is bound later.
 */
function certificateFor(
  { wallet, verifier, door }: RestContext,
  { card, memberId: actor }: Actor,
  memberId: MemberId,
): Uint8Array | null {
  if (actor === memberId) return card.certificate;
  const certificate = wallet.ofMember(memberId)?.card.certificate;
  if (certificate === undefined) return null;
  const { caPublicKey } = door.rules;
  const checked = checkCertificate(certificate, { caPublicKey, verifier, at: door.now() });
  return checked.ok && checked.value.memberId === memberId ? certificate : null;
}

function stepOfUpdate(context: RestContext, actor: Actor, wanted: Wanted): Prepared["step"] {
  switch (wanted.type) {
    case "Member":
      return changeMember(context, actor, wanted);
    case "PV": {
      const pv = context.door.ledger().pvs.get(wanted.pvId);
      if (pv === undefined) throw missing(context, "PV", wanted.pvId);
      if (pv.owner === wanted.owner && pv.capacity === wanted.capacity) return STANDS;
      // Who could change a PV's owner could give away what the old one has offered.
      throw restError(409, `The ledger keeps PV ${pv.pvId} as it is: DELETE it and POST it anew`);
    }
    case "kWhlisting":
      return moveListing(context, wanted.listingId, wanted.state);
    default:
      throw restError(404, "A transaction is never changed");
  }
}

function changeMember(
  context: RestContext,
  actor: Actor,
  { memberId, firstName, lastName, balance }: Extract<Wanted, { type: "Member" }>,
): Prepared["step"] {
  const member = context.door.ledger().members.get(memberId);
  if (member === undefined) throw missing(context, "Member", memberId);
  const isSameBalance = balance === null || balance === member.balance;
  if (!isSameBalance && actor.role !== "administrator") {
    const deed = { operation: "update", resource: "Member", owner: null } as const;
    throw denied(context, {
      actor,
      deed,
      asked: { operation: "update", type: "Member", id: memberId },
    });
  }
  const isSameName = firstName === member.firstName && lastName === member.lastName;
  if (isSameName && isSameBalance) return STANDS;
  const changed = isSameBalance ? null : balance;
  return sign({ type: "changeMember", memberId, firstName, lastName, balance: changed });
}

function moveListing(context: RestContext, id: ListingId, state: string): Prepared["step"] {
  const listing = context.door.history.listing(id);
  if (listing === null) throw missing(context, "kWhlisting", id);
  if (listing.state === state) return STANDS;
  if (state === "AUCTION_CLOSED") return sign({ type: "closeBidding", listingId: id });
  throw restError(409, `Listing ${id} is ${listing.state}, and does not go to ${state}`);
}

/** DELETE. Of a PV alone; a ledger keeps everything else, and says what to do instead. */
export function prepareDelete(
  context: RestContext,
  { actor, type, id: said }: { actor: Actor; type: TypeName; id: string },
): Prepared {
  const id = withoutBlanks(said);
  const { members, pvs } = context.door.ledger();
  const pv = type === "PV" ? pvs.get(id as PvId) : undefined;
  const owner = pv?.owner ?? (type === "Member" ? (id as MemberId) : null);
  check(context, { actor, type, operation: "delete", id, owner: owner ?? actor.memberId });
  if (type === "Member") {
    if (!members.has(id as MemberId)) throw missing(context, type, id);
    const what = "revoke its identity instead (POST /api/system/identities/<id>/revoke)";
    throw restError(409, `A ledger keeps its members: ${what}`);
  }
  if (type === "kWhlisting") {
    if (context.door.history.listing(id as ListingId) === null) {
      throw missing(context, type, id);
    }
    throw restError(409, "A ledger keeps its listings: close the bidding instead (CloseBidding)");
  }
  if (pv === undefined) throw missing(context, type, id);
  const intent: Intent = { type: "removePv", pvId: pv.pvId };
  return { type, id, operation: "delete", echo: {}, step: sign(intent) };
}

/** Throws what the ledger would refuse first, if it would not take them all. */
export function checkTogether(context: RestContext, actor: Actor, all: readonly Prepared[]): void {
  const { composer, door } = context;
  const toSign = all.flatMap(({ step, ...about }) =>
    step.type === "sign" ? [{ ...about, intent: step.intent }] : [],
  );
  const refused = door.firstRefused(
    toSign.map(({ intent }) => intent),
    actor.memberId,
  );
  const what = refused === null ? undefined : toSign[refused.at];
  if (refused === null || what === undefined) return;
  const { operation, type, id } = what;
  const asked = { operation, type, id, participant: actor.memberId };
  throw new RestError(errorOf(composer, refused.refusal, asked));
}

function missing({ composer }: RestContext, type: TypeName, id: string): RestError {
  return new RestError(doesNotExist(composer, type, id));
}
