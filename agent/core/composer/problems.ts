// LoopBack's ValidationError: every fault of a body at once, for people and (details.codes) for programs.

import type { ComposerContext, ComposerError } from "./context.ts";
import { modelName, type TypeName } from "./names.ts";

/** LoopBack's codes of validations. */
export type ProblemCode =
  | "presence"
  | "absence"
  | "length"
  | "numericality"
  | "inclusion"
  | "format"
  | "date"
  | "custom"
  /** Ours, for what Composer's own checks found. */
  | "relationship";

export type Problem = {
  readonly field: string;
  readonly code: ProblemCode;
  /** Goes after the field's name: can't be blank */
  readonly message: string;
  readonly value: unknown;
};

/** As juggler cuts what it prints. */
const SHOWN_MAX = 32;

/** 422: The `org_acme_pv_auction_Member` instance is not valid. Details: ... */
export function invalid(
  ctx: ComposerContext,
  type: TypeName,
  problems: readonly Problem[],
): ComposerError {
  const context = modelName(ctx, type);
  const listed = problems.map(
    ({ field, message, value }) => `\`${field}\` ${message} (value: ${shown(value)})`,
  );
  return {
    statusCode: 422,
    name: "ValidationError",
    message: `The \`${context}\` instance is not valid. Details: ${listed.join("; ")}.`,
    details: { context, ...codesOf(problems) },
  };
}

/** 422 with one of Composer's own sentences, which say nothing of fields. */
export function unfit(
  ctx: ComposerContext,
  type: TypeName,
  { name, sentence, ...problem }: Problem & { readonly name: string; readonly sentence: string },
): ComposerError {
  const details = { context: modelName(ctx, type), ...codesOf([problem]) };
  return { statusCode: 422, name, message: sentence, details };
}

function codesOf(problems: readonly Problem[]): { codes: object; messages: object } {
  const byField = (pick: (problem: Problem) => string): object =>
    Object.fromEntries(problems.map((problem) => [problem.field, [pick(problem)]]));
  return { codes: byField(({ code }) => code), messages: byField(({ message }) => message) };
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(cut(value));
  if (typeof value === "object" && value !== null) return cut(JSON.stringify(value));
  return cut(String(value));
}

/** Brackets and blanks at the end stay, three at most; else the last three characters. */
function cut(text: string): string {
  if (text.length <= SHOWN_MAX) return text;
  const brackets = /[ \t})\]]+$/.exec(text)?.[0].slice(-3);
  const tail = brackets ?? text.slice(-3);
  // One less than would fit, as juggler has it.
  return `${text.slice(0, SHOWN_MAX - tail.length - 4)}...${tail}`;
}
