// The small shapes that Solar API answers are made of, as loosely as its firmwares send them.

import { z } from "zod";
import { type UnixMs, unixMs } from "../../../core/units/time.ts";

export type Fields = { readonly [key: string]: unknown };

/** 9999-12-31T23:59:59.999Z */
const TIME_MAX = 253_402_300_799_999;

/** GEN24 firmware before 1.13.5 sends some codes as strings. */
export const wholeNumber = z.union([
  z.number(),
  z
    .string()
    .regex(/^\s*-?\d{1,9}\s*$/)
    .transform(Number),
]);

export const fields = z.record(z.string(), z.unknown());

/** The fields of an object; null for anything else, lists included. */
export function asFields(value: unknown): Fields | null {
  const parsed = fields.safeParse(value);
  return parsed.success ? parsed.data : null;
}

/** A whole number sent as number or string; null for anything else. */
export function asWholeNumber(value: unknown): number | null {
  const parsed = wholeNumber.safeParse(value);
  return parsed.success && Number.isInteger(parsed.data) ? parsed.data : null;
}

/** Milliseconds since 1970 as a time; null if it is none. */
export function asTime(ms: number): UnixMs | null {
  return ms >= 0 && ms <= TIME_MAX ? unixMs(Math.floor(ms)) : null;
}

export function firstIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  return issue === undefined ? "malformed" : `${issue.path.join(".")}: ${issue.message}`;
}
