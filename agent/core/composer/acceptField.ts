// One field of a body: coerced as LoopBack coerced, then checked by its kind.

import { parseIso } from "../units/iso.ts";
import type { ComposerContext, ComposerError, Json } from "./context.ts";
import { readDecimal, showDecimal } from "./decimals.ts";
import { type Field, STATES } from "./model.ts";
import {
  className,
  ID_FORMS,
  isIdOf,
  type RelationshipProblem,
  readRelationship,
  type TypeName,
} from "./names.ts";
import { type Problem, unfit } from "./problems.ts";
import { OTHER_STATES, withoutBlanks } from "./quirks.ts";

/** What the ledger's side of a field is: an amount, or a text (an id, a name, a state). */
export type Value = bigint | string;

export type Checked =
  | { readonly is: "absent" }
  /** `shown`: what the echo has, where it differs from what was sent. */
  | { readonly is: "value"; readonly value: Value; readonly shown?: Json }
  /** LoopBack's: told with all others. */
  | { readonly is: "problem"; readonly problem: Omit<Problem, "field"> }
  /** Composer's: told alone, when there is no problem. */
  | { readonly is: "fault"; readonly error: ComposerError };

export type SentField = {
  readonly type: TypeName;
  /** The instance's id as sent, for the sentences that name it. */
  readonly id: string;
  readonly operation: "create" | "update";
  readonly field: Field;
  readonly value: unknown;
};

export function checkField(ctx: ComposerContext, sent: SentField): Checked {
  const { type, field, value } = sent;
  if (isBlank(value)) {
    return field.isRequired ? problem("presence", "can't be blank", value) : { is: "absent" };
  }
  switch (field.kind) {
    case "decimal": {
      const read = readDecimal(value, field);
      if (read.ok) return withShown(read.integer, showDecimal(read.integer, field.places), value);
      if (read.isNumber) return problem("numericality", read.message, value);
      return problem("presence", read.message, Number.NaN);
    }
    case "id":
      return checkId(type, value);
    case "text":
      return checkText(value, field.bytesMax);
    case "state":
      return checkState(ctx, sent);
    case "relationship":
      return checkRelationship(ctx, sent, field.to);
    case "date":
      return isDate(value)
        ? { is: "absent" }
        : problem("date", "is not a valid date", "Invalid Date");
    case "list":
      return checkList(sent);
    case "given":
      return problem("absence", "can't be set", value);
  }
}

/** LoopBack's blank; blanks alone are a name, but no id. */
function isBlank(value: unknown): boolean {
  return value === undefined || value === null || value === "" || Number.isNaN(value);
}

/** Numbers and booleans become texts, as LoopBack made them; null: a list or an object. */
function textOf(value: unknown): string | null {
  return typeof value === "object" ? null : String(value);
}

function checkId(type: TypeName, value: unknown): Checked {
  const text = textOf(value);
  if (text === null) return problem("format", "must be a text", value);
  const id = withoutBlanks(text);
  if (id === "") return problem("presence", "can't be blank", value);
  return isIdOf(type, id) ? withShown(id, text, value) : problem("format", ID_FORMS[type], value);
}

function checkText(value: unknown, bytesMax: number): Checked {
  const text = textOf(value);
  if (text === null || !text.isWellFormed()) return problem("format", "must be a text", value);
  // A UTF-16 unit has one byte of UTF-8 at least: what is far too long is not encoded first.
  if (text.length > bytesMax || new TextEncoder().encode(text).length > bytesMax) {
    return problem("length", `must have ${bytesMax} bytes at most`, value);
  }
  return withShown(text, text, value);
}

function checkState(
  ctx: ComposerContext,
  { type, id, operation, field, value }: SentField,
): Checked {
  const text = textOf(value) ?? JSON.stringify(value);
  const known = OTHER_STATES.get(text) ?? text;
  const state = STATES.find((one) => one === known);
  if (state === undefined) {
    const instance = `${className(ctx, type)}#${id}`;
    const sentence = `Instance ${instance} invalid enum value ${text} for field ListingState`;
    const found = {
      field: field.name,
      code: "inclusion",
      value,
      message: "is no such state",
    } as const;
    const error = unfit(ctx, type, { ...found, name: "ValidationException", sentence });
    return { is: "fault", error };
  }
  if (operation === "create" && state !== "ACCEPT_OFFERS") {
    return problem("custom", "must be ACCEPT_OFFERS in a new listing", value);
  }
  return { is: "value", value: state };
}

function checkRelationship(
  ctx: ComposerContext,
  { type, id, field, value }: SentField,
  to: TypeName,
): Checked {
  const read = readRelationship(ctx, to, value);
  if (read.ok) return { is: "value", value: read.id };
  const instance = id === "" ? className(ctx, type) : `${className(ctx, type)}#${id}`;
  const wanted = className(ctx, to);
  const sentences: { readonly [P in RelationshipProblem]: string } = {
    notText: `Invalid JSON data. Found a value that is not a string: ${field.name} must be a relationship to ${wanted}`,
    scheme: `Invalid URI scheme: ${read.found}`,
    type: `Instance ${instance} has property ${field.name} with type ${read.found} that is not derived from ${wanted}`,
    id: `Invalid relationship in property ${field.name}: the identifier of a ${wanted} ${ID_FORMS[to]}`,
  };
  const name = read.problem === "type" ? "ValidationException" : "Error";
  const sentence = sentences[read.problem];
  const found = { field: field.name, code: "relationship", message: sentence, value } as const;
  return { is: "fault", error: unfit(ctx, type, { ...found, name, sentence }) };
}

function checkList({ operation, value }: SentField): Checked {
  if (!Array.isArray(value)) return problem("format", "must be a list", value);
  if (operation === "update" || value.length === 0) return { is: "absent" };
  const owners = "must be empty in a new listing: each offer is signed and sent by its owner";
  return problem("custom", owners, value);
}

function isDate(value: unknown): boolean {
  return typeof value === "number" || (typeof value === "string" && parseIso(value) !== null);
}

function withShown(value: Value, shown: Json, sent: unknown): Checked {
  return shown === sent ? { is: "value", value } : { is: "value", value, shown };
}

function problem(code: Problem["code"], message: string, value: unknown): Checked {
  return { is: "problem", problem: { code, message, value } };
}
