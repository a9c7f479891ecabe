// What every file of this room speaks: JSON values, the community they belong to, and Composer's errors.

import type { Rules } from "../ledger/rules.ts";

export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = { readonly [name: string]: Json };

export type ComposerContext = {
  /** Of the community's types: org.acme.pv.auction */
  readonly namespace: string;
  readonly rules: Rules;
};

/** What stands under `error` in an answer, as Composer's REST server had it but for the stack. */
export type ComposerError = {
  readonly statusCode: number;
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly details?: object;
};

/** `Result` with Composer's error for its refusal. */
export type Answer<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: ComposerError };

export function fault(refusal: ComposerError): {
  readonly ok: false;
  readonly refusal: ComposerError;
} {
  return { ok: false, refusal };
}

/** Deeper JSON than this is nobody's payload, and would exhaust the stack of whoever prints it. */
export const JSON_DEPTH_MAX = 16;

/** Whether `value` nests no deeper than `depth`; looks no further than that. */
export function isShallow(value: unknown, depth: number = JSON_DEPTH_MAX): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (depth <= 0) return false;
  for (const inner of Object.values(value)) if (!isShallow(inner, depth - 1)) return false;
  return true;
}

export function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object's own value of that name: never a `constructor` or `__proto__` that it inherits. */
export function own(value: { readonly [name: string]: unknown }, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined;
}
