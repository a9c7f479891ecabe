// How Composer names things: types by namespace, instances by `resource:` texts, and the other way about.

import { isHash, isListingId, isMemberId, isPvId } from "../units/ids.ts";
import { type Answer, type ComposerContext, fault } from "./context.ts";
import { OTHER_TYPE_NAMES, withoutBlanks } from "./quirks.ts";

/** What has a route of its own under /api. */
export const TYPES = [
  "Member",
  "PV",
  "kWhlisting",
  "PVOffer",
  "BUYOffer",
  "AcceptOfferBroadcast",
  "CloseBidding",
] as const;

export type TypeName = (typeof TYPES)[number];

/** Composer's own types: historian records, identities. */
export const SYSTEM_NAMESPACE = "org.hyperledger.composer.system";

const SCHEME = "resource:";
/** Longer is no relationship of ours, however much of it is percent-encoded. */
const RELATIONSHIP_MAX = 1024;
const FOREIGN_SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;

const IDS: { readonly [T in TypeName]: (text: string) => boolean } = {
  Member: isMemberId,
  PV: isPvId,
  kWhlisting: isListingId,
  PVOffer: isHash,
  BUYOffer: isHash,
  AcceptOfferBroadcast: isHash,
  CloseBidding: isHash,
};

/** What an id of the type looks like, for the sentence that refuses another. */
export const ID_FORMS: { readonly [T in TypeName]: string } = {
  Member: "must be an e-mail address in lower case",
  PV: "must be 1 to 64 letters, digits or any of ._:@- and begin with a letter or digit",
  kWhlisting: "must be a delivery hour such as 21Mar18-13:00",
  PVOffer: "must be 64 hex digits",
  BUYOffer: "must be 64 hex digits",
  AcceptOfferBroadcast: "must be 64 hex digits",
  CloseBidding: "must be 64 hex digits",
};

/** org.acme.pv.auction.Member */
export function className({ namespace }: ComposerContext, type: string): string {
  return `${namespace}.${type}`;
}

/** LoopBack's name of the type: org_acme_pv_auction_Member */
export function modelName(ctx: ComposerContext, type: string): string {
  return className(ctx, type).replaceAll(".", "_");
}

/** Where Composer keeps the instances of a type: Participant:org.acme.pv.auction.Member */
export function collectionName(ctx: ComposerContext, type: TypeName): string {
  const kind =
    type === "Member"
      ? "Participant"
      : type === "PV" || type === "kWhlisting"
        ? "Asset"
        : "Transaction";
  return `${kind}:${className(ctx, type)}`;
}

/** The type that `text` names in this namespace; null if it names none. */
export function typeOf({ namespace }: ComposerContext, text: string): TypeName | null {
  if (!text.startsWith(`${namespace}.`)) return null;
  const written = text.slice(namespace.length + 1);
  const name = OTHER_TYPE_NAMES.get(written) ?? written;
  return TYPES.find((type) => type === name) ?? null;
}

export function isIdOf(type: TypeName, text: string): boolean {
  return IDS[type](text);
}

/** resource:org.acme.pv.auction.Member#seller1@vt.edu */
export function relationshipTo(ctx: ComposerContext, type: string, id: string): string {
  return SCHEME + qualified(className(ctx, type), id);
}

/** An instance of one of Composer's own types. */
export function systemRelationshipTo(type: string, id: string): string {
  return `${SCHEME}${qualified(`${SYSTEM_NAMESPACE}.${type}`, id)}`;
}

function qualified(fullName: string, id: string): string {
  // Of a lone surrogate encodeURI would throw.
  return `${fullName}#${encodeURI(id.toWellFormed())}`;
}

export type RelationshipProblem = "notText" | "scheme" | "type" | "id";

export type ReadRelationship =
  | { readonly ok: true; readonly id: string }
  | {
      readonly ok: false;
      readonly problem: RelationshipProblem;
      /** "type": what was named instead. */
      readonly found: string;
    };

/**
 * The id in a relationship: `resource:ns.T#id`, `ns.T#id` or a bare id, percent-encoded or not, blanks round it
 * not counted. Whether there is such an instance, the ledger knows.
 */
export function readRelationship(
  ctx: ComposerContext,
  type: TypeName,
  value: unknown,
): ReadRelationship {
  if (typeof value !== "string") return { ok: false, problem: "notText", found: typeof value };
  const text = withoutBlanks(value);
  if (text.length > RELATIONSHIP_MAX) return { ok: false, problem: "id", found: text.slice(0, 64) };
  const local = text.startsWith(SCHEME) ? text.slice(SCHEME.length) : text;
  const hash = local.indexOf("#");
  if (hash === -1) {
    if (local.includes("://")) return { ok: false, problem: "scheme", found: text };
    return idFrom(type, local);
  }
  const named = local.slice(0, hash);
  if (FOREIGN_SCHEME.test(named)) return { ok: false, problem: "scheme", found: text };
  if (typeOf(ctx, named) !== type) return { ok: false, problem: "type", found: named };
  return idFrom(type, local.slice(hash + 1));
}

/** `readRelationship` for whoever has no field to name. */
export function idOf(ctx: ComposerContext, type: TypeName, text: string): Answer<string> {
  const read = readRelationship(ctx, type, text);
  if (read.ok) return { ok: true, value: read.id };
  const wanted = className(ctx, type);
  const sentences: { readonly [P in RelationshipProblem]: string } = {
    notText: `A relationship to ${wanted} is a text`,
    scheme: `Invalid URI scheme: ${read.found}`,
    type: `${read.found} is not derived from ${wanted}`,
    id: `The identifier of a ${wanted} ${ID_FORMS[type]}`,
  };
  return fault({ statusCode: 422, name: "ValidationException", message: sentences[read.problem] });
}

function idFrom(type: TypeName, encoded: string): ReadRelationship {
  const id = withoutBlanks(decoded(encoded));
  return isIdOf(type, id) ? { ok: true, id } : { ok: false, problem: "id", found: id };
}

/** A text whose percent signs encode nothing stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
