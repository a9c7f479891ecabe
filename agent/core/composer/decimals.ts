// Decimals of the door and whole numbers of the ledger, digit by digit in both directions.

import { decimalToInteger, integerToDecimal } from "../units/decimal.ts";
import type { Json } from "./context.ts";
import type { Decimal } from "./model.ts";

/** What a decimal as sent has at most of digits and exponent; longer is no amount of ours. */
const NUMERAL_LENGTH_MAX = 64;
const EXPONENT_MAX = 64;
/** Beyond every `max`, and short enough to multiply. */
const WHOLE_DIGITS_MAX = 24;

const NUMERAL = /^([+-]?)(?=\.?\d)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,6}))?$/;

export type ReadDecimal =
  | { readonly ok: true; readonly integer: bigint }
  /** `isNumber` false: Composer's NaN. `message` goes after the field's name. */
  | { readonly ok: false; readonly isNumber: boolean; readonly message: string };

const NOT_A_NUMBER: ReadDecimal = { ok: false, isNumber: false, message: "can't be blank" };

/** A JSON number, or a text that is one, in units of `decimal`'s last place. */
export function readDecimal(value: unknown, decimal: Decimal): ReadDecimal {
  const { places, min, max, unit } = decimal;
  const least = `must be at least ${integerToDecimal(min, places)} ${unit}`;
  const most = `must be at most ${integerToDecimal(max, places)} ${unit}`;
  if (typeof value !== "number" && typeof value !== "string") return NOT_A_NUMBER;
  const text = String(value).trim();
  if (/^[+-]?Infinity$/.test(text)) return bad(text.startsWith("-") ? least : most);
  if (text.length > NUMERAL_LENGTH_MAX)
    return isNumeral(text) ? bad(tooFine(decimal)) : NOT_A_NUMBER;
  const plain = plainDecimal(text);
  if (plain === null) return NOT_A_NUMBER;
  if (plain === "") return bad(text.startsWith("-") ? least : most);
  if (plain === "fine") return bad(tooFine(decimal));
  const integer = decimalToInteger(plain, places);
  if (integer === null) return bad(tooFine(decimal));
  if (integer < min) return bad(min === 0n ? "must not be negative" : least);
  return integer > max ? bad(most) : { ok: true, integer };
}

/** A JSON number where it prints the same decimal, else a text: nothing is rounded on the way out. */
export function showDecimal(integer: bigint | number, places: number): Json {
  const text = integerToDecimal(integer, places);
  const number = Number(text);
  return String(number) === text ? number : text;
}

function bad(message: string): ReadDecimal {
  return { ok: false, isNumber: true, message };
}

function tooFine({ places, unit }: Decimal): string {
  return `can have ${places} places behind the point at most, for the ledger counts 0.${"1".padStart(places, "0")} ${unit}`;
}

function isNumeral(text: string): boolean {
  return text.length <= 1024 && NUMERAL.test(text);
}

/**
 * The numeral without exponent, sign plus or idle zeros. null: no numeral; "": too large for any amount;
 * "fine": not 0, and smaller than any amount.
 */
function plainDecimal(text: string): string | null {
  const match = NUMERAL.exec(text);
  if (match === null) return null;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match;
  const all = whole + fraction;
  if (/^0*$/.test(all)) return "0";
  const point = whole.length + Number(exponent);
  if (point > EXPONENT_MAX) return "";
  if (point < -EXPONENT_MAX) return "fine";
  const padded = `${"0".repeat(Math.max(0, 1 - point))}${all}`;
  const at = Math.max(1, point);
  const before = padded
    .slice(0, at)
    .padEnd(at, "0")
    .replace(/^0+(?=\d)/, "");
  const after = padded.slice(at).replace(/0+$/, "");
  if (before.length > WHOLE_DIGITS_MAX) return "";
  return `${sign === "-" ? "-" : ""}${before}${after === "" ? "" : `.${after}`}`;
}
