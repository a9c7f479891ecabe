// Composer's errors: its names, codes and sentences, so that a client that matched on them still does; but with
// honest statuses, for Composer said 500 to almost everything. No stack traces.

import type { Refusal } from "../result.ts";
import type { ComposerContext, ComposerError } from "./context.ts";
import { fieldOf } from "./model.ts";
import { className, modelName, relationshipTo, TYPES, type TypeName } from "./names.ts";
import { absent, REFUSALS, type RefusalText } from "./refusals.ts";

/** What was asked for when the ledger refused. */
export type Asked = {
  readonly operation: "read" | "create" | "update" | "delete";
  /** PVOffer; or Historian, Identity and the like. */
  readonly type: string;
  /** As far as the instance has one yet. */
  readonly id: string | null;
  /** Who asked: a member's id; null: nobody known. */
  readonly participant: string | null;
};

/**
 * The error for any refusal of the ledger, the mempool or the outbox; its facts are in `details.refusal`. A code
 * that nobody thought of is a conflict, never a 500.
 */
export function errorOf(ctx: ComposerContext, refusal: Refusal, asked: Asked): ComposerError {
  const { code } = refusal;
  const [statusCode, sentence, ...fields] = textOf(code);
  const message = sentence(refusal, ctx);
  if (code === "notAllowed" || code === "notOwner") {
    return { ...forbidden(ctx, asked), details: { refusal, reason: message } };
  }
  const error = {
    statusCode,
    name: statusCode === 422 ? "ValidationError" : "Error",
    message,
    code,
  };
  if (statusCode !== 422) return { ...error, details: { refusal } };
  const field = fields.find((one) => isFieldOf(asked.type, one)) ?? fields[0] ?? "transaction";
  const codes = { codes: { [field]: ["custom"] }, messages: { [field]: [message] } };
  return { ...error, details: { context: modelName(ctx, asked.type), ...codes, refusal } };
}

function textOf(code: string): RefusalText {
  // Each sentence takes the facts of its own code.
  const known = REFUSALS as unknown as { readonly [code: string]: RefusalText };
  const text = Object.hasOwn(known, code) ? known[code] : undefined;
  return text ?? [409, () => `The ledger refused this: ${code}`];
}

function isFieldOf(type: string, field: string): boolean {
  const known = TYPES.find((one) => one === type);
  return known !== undefined && fieldOf(known, field) !== undefined;
}

/** 403, in the words of Composer's access control. */
export function forbidden(
  ctx: ComposerContext,
  { operation, type, id, participant }: Asked,
): ComposerError {
  const who = participant === null ? "anonymous" : instance(ctx, "Member", participant);
  const what = id === null ? className(ctx, type) : instance(ctx, type, id);
  const message = `Participant '${who}' does not have '${operation.toUpperCase()}' access to resource '${what}'`;
  return { statusCode: 403, name: "Error", message, code: "ACCESS_DENIED" };
}

/** 403 where the community, not the person, is the reason: these steps follow from block time. */
export function notByHand(ctx: ComposerContext, asked: Asked): ComposerError {
  return errorOf(ctx, { code: "notManual" }, asked);
}

/** 404 of GET and HEAD, in LoopBack's words. */
export function unknownId(ctx: ComposerContext, type: string, id: string): ComposerError {
  const message = `Unknown "${modelName(ctx, type)}" id "${id}".`;
  return { statusCode: 404, name: "Error", message, code: "MODEL_NOT_FOUND" };
}

/** 404 of PUT and DELETE, in Composer's. */
export function doesNotExist(ctx: ComposerContext, type: TypeName, id: string): ComposerError {
  return notFound(absent(ctx, type, id));
}

/** 404: no such type; the path without /api. */
export function noMethod(method: string, path: string): ComposerError {
  return notFound(`There is no method to handle ${method} ${path}`);
}

/** 404: the type has no such method; the path within the type. */
export function noSharedMethod(
  ctx: ComposerContext,
  { type, method, path }: { readonly type: string; readonly method: string; readonly path: string },
): ComposerError {
  return notFound(
    `Shared class "${modelName(ctx, type)}" has no method handling ${method} ${path}`,
  );
}

/** 404 in a sentence of the caller's. */
export function notFound(message: string): ComposerError {
  return { statusCode: 404, name: "Error", message };
}

/** 400: no JSON, a bad filter, a missing parameter. */
export function badRequest(message: string, name = "Error"): ComposerError {
  return { statusCode: 400, name, message };
}

/** 401: no token, or one that nobody knows. */
export function unauthorized(): ComposerError {
  const message = "Authorization Required";
  return { statusCode: 401, name: "Error", message, code: "AUTHORIZATION_REQUIRED" };
}

/** 401: a token that was good once. */
export function expiredToken(): ComposerError {
  const message = "Invalid Access Token";
  return { statusCode: 401, name: "Error", message, code: "INVALID_TOKEN" };
}

/** 403: the token's user has no card that could sign. */
export function noCard(): ComposerError {
  const message = "A business network card has not been specified";
  return { statusCode: 403, name: "Error", message, code: "NO_CARD" };
}

/** 413 */
export function tooLarge(bytesMax: number): ComposerError {
  const message = `The body has more than ${bytesMax} bytes: send less at a time`;
  return { statusCode: 413, name: "PayloadTooLargeError", message };
}

/** 429 */
export function tooMany(retryAfterSeconds: number): ComposerError {
  const message = `Too many requests: try again in ${retryAfterSeconds} s`;
  return { statusCode: 429, name: "Error", message, code: "TOO_MANY_REQUESTS" };
}

/** 503: signed and sent, and not on the ledger within the time; it may come yet. */
export function notCommitted(transactionId: string | null): ComposerError {
  const which = transactionId === null ? "The transaction" : `Transaction ${transactionId}`;
  const message = `${which} is under way and not on the ledger yet: look for it later before sending it again`;
  const details = { transactionId };
  return { statusCode: 503, name: "Error", message, code: "NOT_COMMITTED", details };
}

/** 503: this agent does not know the ledger's end. */
export function notCaughtUp(): ComposerError {
  const message = "This agent is still fetching the ledger: try again soon, or ask another agent";
  return { statusCode: 503, name: "Error", message, code: "NOT_CAUGHT_UP" };
}

function instance(ctx: ComposerContext, type: string, id: string): string {
  return relationshipTo(ctx, type, id).slice("resource:".length);
}
