// A body that a client sent: Composer's checks in Composer's words, and what it wants of the ledger.
//
// LoopBack came first in Composer (blanks, NaN, dates; a list of all faults at once), then the types. Everything
// that is the client's fault and not a matter of the ledger's state ends here, as 422; only an id that differs
// from the path's, or a body that is no object, is 400.

import type { ListingState } from "../ledger/state.ts";
import type { Watts, Wh } from "../units/energy.ts";
import type { ListingId, MemberId, PvId } from "../units/ids.ts";
import { type MicroTokens, type MilliTokensPerKwh, milliTokensPerKwh } from "../units/money.ts";
import { checkField, type Value } from "./acceptField.ts";
import {
  type Answer,
  type ComposerContext,
  type ComposerError,
  fault,
  isObject,
  isShallow,
  JSON_DEPTH_MAX,
  type Json,
  type JsonObject,
  own,
} from "./context.ts";
import { MODELS } from "./model.ts";
import { className, readRelationship, type TypeName, typeOf } from "./names.ts";
import { invalid, type Problem, unfit } from "./problems.ts";
import { OTHER_NAMES, OWNER_OF_PV, withoutBlanks } from "./quirks.ts";

/** What a body asks for, in the ledger's units. */
export type Wanted =
  | {
      readonly type: "Member";
      readonly memberId: MemberId;
      readonly firstName: string;
      readonly lastName: string;
      readonly balance: MicroTokens | null;
    }
  | {
      readonly type: "PV";
      readonly pvId: PvId;
      readonly owner: MemberId;
      readonly capacity: Watts;
    }
  /** "create": ACCEPT_OFFERS always. */
  | { readonly type: "kWhlisting"; readonly listingId: ListingId; readonly state: ListingState }
  | {
      readonly type: "PVOffer";
      readonly listingId: ListingId;
      readonly pvId: PvId;
      readonly energy: Wh;
      readonly reservePrice: MilliTokensPerKwh;
    }
  | {
      readonly type: "BUYOffer";
      readonly listingId: ListingId;
      readonly memberId: MemberId;
      readonly energy: Wh;
      readonly bidPrice: MilliTokensPerKwh;
    }
  | { readonly type: "AcceptOfferBroadcast" | "CloseBidding"; readonly listingId: ListingId };

export type SentBody = {
  readonly type: TypeName;
  /** As JSON.parse gave it; undefined: there was none. An array's items come one by one. */
  readonly body: unknown;
  readonly operation: "create" | "update";
  /** "update": the id in the path. */
  readonly pathId?: string;
  /** The only PV of a member, for a PVOffer that names its owner instead; null: it has none, or several. */
  readonly pvOf?: (owner: MemberId) => PvId | null;
};

export type Accepted = {
  /** What was sent, coerced, with `$class`: the answer, but for the transactionId. */
  readonly echo: JsonObject;
  readonly wanted: Wanted;
};

/** Checks a body as Composer did; never throws, whatever JSON it is. */
export function acceptBody(ctx: ComposerContext, sent: SentBody): Answer<Accepted> {
  const { type } = sent;
  const body = sent.body ?? {};
  if (!isObject(body)) return fault(malformed("The body must be a JSON object"));
  if (!isShallow(body)) {
    return fault(malformed(`The body must not nest deeper than ${JSON_DEPTH_MAX} levels`));
  }
  const otherId = checkPathId(sent, body);
  if (otherId !== null) return fault(otherId);
  const { values, coerced, problems, faults } = checkFields(ctx, sent, body);
  if (problems.length > 0) return fault(invalid(ctx, type, problems));
  const [first = checkClass(ctx, type, own(body, "$class"))] = faults;
  if (first !== null) return fault(first);
  const wanted = wantedFrom(ctx, type, values);
  if ("field" in wanted) return fault(invalid(ctx, type, [wanted]));
  return { ok: true, value: { echo: echoOf(ctx, sent, { body, coerced }), wanted } };
}

/** 400: no JSON object at all. */
export function malformed(message: string): ComposerError {
  return { statusCode: 400, name: "SyntaxError", message };
}

type Body = { readonly [name: string]: unknown };

function checkPathId({ type, pathId }: SentBody, body: Body): ComposerError | null {
  const { idField } = MODELS[type];
  const given = own(body, idField);
  if (pathId === undefined || given === undefined || given === null || given === "") return null;
  const [from, to] = [withoutBlanks(pathId), typeof given === "object" ? "" : String(given)];
  if (withoutBlanks(to) === from) return null;
  const message = `id property (${idField}) cannot be updated from ${from} to ${to}`;
  return { statusCode: 400, name: "Error", message };
}

type CheckedFields = {
  /** By the fields' own names. */
  readonly values: ReadonlyMap<string, Value>;
  /** By the names under which they were sent. */
  readonly coerced: ReadonlyMap<string, Json>;
  readonly problems: readonly Problem[];
  readonly faults: readonly ComposerError[];
};

function checkFields(ctx: ComposerContext, sent: SentBody, body: Body): CheckedFields {
  const { type, operation, pathId } = sent;
  const { fields, idField } = MODELS[type];
  const values = new Map<string, Value>();
  const coerced = new Map<string, Json>();
  const problems: Problem[] = [];
  const faults: ComposerError[] = [];
  const givenId = own(body, idField);
  const id = pathId ?? (typeof givenId === "string" ? givenId : "");
  for (const field of fields) {
    const { name, value } = find(ctx, sent, body, field.name);
    const checked = checkField(ctx, { type, id, operation, field, value });
    if (checked.is === "problem") problems.push({ ...checked.problem, field: field.name });
    if (checked.is === "fault") faults.push(checked.error);
    if (checked.is !== "value") continue;
    values.set(field.name, checked.value);
    if (checked.shown !== undefined) coerced.set(name, checked.shown);
  }
  return { values, coerced, problems, faults };
}

/** The field's value, under whichever of its names it was sent. */
function find(
  ctx: ComposerContext,
  { type, pathId, pvOf }: SentBody,
  body: Body,
  field: string,
): { name: string; value: unknown } {
  const others = OTHER_NAMES[type]?.[field] ?? [];
  const name = [field, ...others].find((one) => own(body, one) !== undefined) ?? field;
  const value = own(body, name);
  if (value !== undefined) return { name, value };
  if (field === MODELS[type].idField) return { name, value: pathId };
  if (type !== "PVOffer" || field !== "pv") return { name, value };
  const owner = readRelationship(ctx, "Member", own(body, OWNER_OF_PV));
  return { name: OWNER_OF_PV, value: owner.ok ? pvOf?.(owner.id as MemberId) : undefined };
}

function checkClass(ctx: ComposerContext, type: TypeName, sent: unknown): ComposerError | null {
  if (sent === undefined || sent === null) return null;
  const text = typeof sent === "string" ? sent : JSON.stringify(sent).slice(0, 64);
  const named = typeOf(ctx, text);
  if (named === type) return null;
  const wrong = { field: "$class", code: "inclusion", value: sent } as const;
  const isOurs = text.startsWith(`${ctx.namespace}.`);
  const sentence =
    named !== null
      ? `Cannot add type: ${className(ctx, named)} to ${className(ctx, type)}`
      : isOurs
        ? `Type ${text.slice(ctx.namespace.length + 1)} is not defined in namespace ${ctx.namespace}`
        : `Namespace is not defined for type ${text}`;
  const name = named === null ? "TypeNotFoundException" : "Error";
  return unfit(ctx, type, { ...wrong, message: sentence, name, sentence });
}

/** Composer's echo: what was sent, not what is stored; but never a token, which LoopBack took in bodies. */
function echoOf(
  ctx: ComposerContext,
  { type, pathId }: SentBody,
  { body, coerced }: { readonly body: Body; readonly coerced: ReadonlyMap<string, Json> },
): JsonObject {
  const { idField } = MODELS[type];
  const { $class, access_token: _, ...fields } = body;
  const sent = Object.entries(fields).map(([name, value]) => [name, coerced.get(name) ?? value]);
  const id = pathId === undefined || Object.hasOwn(body, idField) ? [] : [[idField, pathId]];
  return Object.fromEntries([["$class", $class ?? className(ctx, type)], ...sent, ...id]);
}

/** Every field is there and of its kind; or the one problem that only two fields together show. */
function wantedFrom(
  ctx: ComposerContext,
  type: TypeName,
  values: ReadonlyMap<string, Value>,
): Wanted | Problem {
  const text = <T extends string>(name: string): T => String(values.get(name) ?? "") as T;
  const number = (name: string, absent = 0): number => Number(values.get(name) ?? absent);
  const price = (name: string): MilliTokensPerKwh => milliTokensPerKwh(number(name));
  const listingId = text<ListingId>("listingid");
  switch (type) {
    case "Member": {
      const [firstName, lastName] = [text("firstName"), text("lastName")];
      const balance = BigInt(values.get("balance") ?? 0n) as MicroTokens;
      return { type, memberId: text<MemberId>("email"), firstName, lastName, balance };
    }
    case "PV": {
      const capacity = number("capacityKw", ctx.rules.pvCapacityMax) as Watts;
      return { type, pvId: text<PvId>("PVid"), owner: text<MemberId>("owner"), capacity };
    }
    case "kWhlisting":
      return { type, listingId, state: text<ListingState>("state") };
    case "PVOffer": {
      const energy = number("kWhavailable") as Wh;
      return {
        type,
        listingId,
        pvId: text<PvId>("pv"),
        energy,
        reservePrice: price("reservePrice"),
      };
    }
    case "BUYOffer": {
      const [energy, bid] = [number("kWhQuantity") as Wh, price("BidPrice")];
      if (bid === 0 && energy > 0) {
        const message =
          "must be at least 0.001 tokens/kWh: a bid of 0 kWh cancels, one of 0 tokens does not";
        return { field: "BidPrice", code: "numericality", message, value: 0 };
      }
      // Whoever cancels need not think of a price.
      const bidPrice = bid === 0 ? milliTokensPerKwh(1) : bid;
      return { type, listingId, memberId: text<MemberId>("member"), energy, bidPrice };
    }
    case "AcceptOfferBroadcast":
    case "CloseBidding":
      return { type, listingId };
  }
}
