// The kinds of fields that config files have. Each says in one sentence what it allows; that sentence is its
// error and its description in the JSON Schema, so they cannot differ.

import { multiaddr } from "@multiformats/multiaddr";
import { z } from "zod";
import { hexToBytes } from "../core/codec/hex.ts";
import { isCardKey } from "../core/crypto.ts";
import { type BlockReference, parseReference } from "../core/ledger/blockReference.ts";
import { isTimeZone } from "../core/ledger/calendar.ts";
import { decimalToInteger, integerToDecimal } from "../core/units/decimal.ts";
import type { Watts, Wh } from "../core/units/energy.ts";
import { isMemberId, isPvId, type MemberId, type PvId } from "../core/units/ids.ts";
import type { MicroTokens, MilliTokensPerKwh } from "../core/units/money.ts";
import type { DurationMs, UnixMs } from "../core/units/time.ts";

type Fields = { readonly [key: string]: z.ZodType };

/** A table of known keys; unknown ones are refused and the known ones named. */
export function table<const F extends Fields>(
  meaning: string,
  fields: F,
): z.ZodObject<{ -readonly [K in keyof F]: F[K] }, z.core.$strict> {
  const keys = Object.keys(fields)
    .filter((key) => key !== "$schema")
    .join(", ");
  const error: z.core.$ZodErrorMap = (issue) =>
    issue.code === "unrecognized_keys" ? `one of ${keys}` : `a table with ${keys}`;
  return z.strictObject(fields, { error }).describe(meaning);
}

type Bounds = { readonly min: number; readonly max: number };

type DecimalBounds = Bounds & {
  /** Digits after the point that still count. */
  readonly places: number;
  readonly unit: string;
};

/** A decimal number or text from `min` to `max` (in the small unit), as a whole number of it. */
export function decimal(meaning: string, { min, max, places, unit }: DecimalBounds) {
  const from = integerToDecimal(min, places);
  const to = integerToDecimal(max, places);
  const form = places === 0 ? "a whole number" : `a decimal with at most ${places} places`;
  const error = `${form} from ${from} to ${to}, in ${unit}`;
  return z
    .union([z.number({ error }), z.string({ error })], { error })
    .transform((value, context): bigint => {
      const integer = decimalToInteger(value, places);
      if (integer !== null && integer >= min && integer <= max) return integer;
      context.addIssue({ code: "custom", message: error, input: value });
      return z.NEVER;
    })
    .describe(`${meaning}: ${error}`);
}

/** Tokens per kWh, to a thousandth. */
export function price(meaning: string, bounds: Bounds) {
  const unit = "tokens per kWh";
  return decimal(meaning, { ...bounds, places: 3, unit }).transform(
    (value) => Number(value) as MilliTokensPerKwh,
  );
}

/** Tokens, to a millionth. */
export function tokens(meaning: string, bounds: Bounds) {
  return decimal(meaning, { ...bounds, places: 6, unit: "tokens" }).transform(
    (value) => value as MicroTokens,
  );
}

/** kWh, to a watt-hour. */
export function kwh(meaning: string, bounds: Bounds) {
  return decimal(meaning, { ...bounds, places: 3, unit: "kWh" }).transform(
    (value) => Number(value) as Wh,
  );
}

/** Seconds, to a millisecond. */
export function seconds(meaning: string, bounds: Bounds) {
  return decimal(meaning, { ...bounds, places: 3, unit: "seconds" }).transform(
    (value) => Number(value) as DurationMs,
  );
}

/** Whole watts. */
export function wattage(meaning: string, bounds: Bounds) {
  return whole(meaning, bounds, "W").transform((value) => value as Watts);
}

export function whole(meaning: string, { min, max }: Bounds, unit = "") {
  const error = `a whole number from ${min} to ${max}${unit === "" ? "" : `, in ${unit}`}`;
  return z.int({ error }).min(min, { error }).max(max, { error }).describe(`${meaning}: ${error}`);
}

/** One line of text; `max` counts bytes, as the ledger does. */
export function line(meaning: string, max: number) {
  const error = `text of 1 to ${max} bytes on one line`;
  const fits = (text: string) =>
    text.length > 0 &&
    text.isWellFormed() &&
    Buffer.byteLength(text) <= max &&
    !/\p{Cc}/u.test(text);
  return z.string({ error }).refine(fits, { error }).describe(`${meaning}: ${error}`);
}

export function words<const W extends readonly [string, ...string[]]>(meaning: string, values: W) {
  const error = `one of ${values.join(", ")}`;
  return z.enum(values, { error }).describe(`${meaning}: ${error}`);
}

export function flag(meaning: string) {
  return z.boolean({ error: "true or false" }).describe(meaning);
}

export function memberId(meaning: string) {
  const error = "an e-mail address in lower case, such as seller1@vt.edu";
  const is = (text: string): text is MemberId => isMemberId(text);
  return z.string({ error }).refine(is, { error }).describe(`${meaning}: ${error}`);
}

export function pvId(meaning: string) {
  const error = "1 to 64 of A-Z a-z 0-9 . _ : @ -, such as seller1house";
  const is = (text: string): text is PvId => isPvId(text);
  return z.string({ error }).refine(is, { error }).describe(`${meaning}: ${error}`);
}

/** An Ed25519 public key in hex; keys that could sign for several messages are refused. */
export function publicKey(meaning: string) {
  const error = "an Ed25519 public key as 64 hex digits, lower case";
  return z
    .string({ error })
    .regex(/^[0-9a-f]{64}$/, { error, abort: true })
    .refine((hex) => isCardKey(hexToBytes(hex)), { error: `${error}, of prime order` })
    .describe(`${meaning}: ${error}`);
}

/** A libp2p address. */
export function address(meaning: string) {
  const error = "a libp2p address such as /ip4/192.168.1.20/tcp/4001";
  return z.string({ error }).refine(isAddress, { error }).describe(`${meaning}: ${error}`);
}

function isAddress(text: string): boolean {
  try {
    return text.length <= 256 && multiaddr(text).getComponents().length > 0;
  } catch {
    // The library says that it is no address by throwing; here that is an answer.
    return false;
  }
}

export function timeZone(meaning: string) {
  const error = "an IANA time zone such as America/New_York";
  return z.string({ error }).refine(isNamedTimeZone, { error }).describe(`${meaning}: ${error}`);
}

/** Offsets such as +01:00 are accepted by Intl but are no zone with rules. */
function isNamedTimeZone(text: string): boolean {
  return /^[A-Za-z]/.test(text) && isTimeZone(text);
}

/** An instant with its offset. */
export function instant(meaning: string) {
  const error = "a time with its offset such as 2018-03-21T12:00:00-04:00";
  return z.iso
    .datetime({ offset: true, error })
    .transform((text) => Date.parse(text) as UnixMs)
    .describe(`${meaning}: ${error}`);
}

/** A file or folder, relative to the file that names it. */
export function path(meaning: string) {
  const error = "a path, relative to this file";
  return z
    .string({ error })
    .min(1, { error })
    .max(4096, { error })
    .describe(`${meaning}: ${error}`);
}

/** At most `max` of the same. */
export function list<T extends z.ZodType>(meaning: string, item: T, max: number) {
  const error = `a list of at most ${max}`;
  return z.array(item, { error }).max(max, { error }).describe(meaning);
}

/** HEIGHT:BLOCKID, as `verify` prints it. */
export function blockReference(meaning: string) {
  const error = "HEIGHT:BLOCKID, such as 4711: and 64 hex digits";
  return z
    .string({ error })
    .transform((value, context): BlockReference => {
      const reference = parseReference(value);
      if (reference !== null) return reference;
      context.addIssue({ code: "custom", message: error, input: value });
      return z.NEVER;
    })
    .describe(`${meaning}: ${error}`);
}
