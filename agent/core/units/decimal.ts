// Decimals as people write them ("3", 2.5, "0.001") become whole numbers of a small unit, digit by digit:
// no floating-point arithmetic stands between a price in a file and a price on the ledger.

/** More digits than this are no price, energy or time of ours. */
const DECIMAL_LENGTH_MAX = 40;

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/**
 * `decimal` times 10^`places`, exactly: ("2.5", 3) is 2500n.
 * null if it is no plain decimal or has other digits than 0 after its last place.
 */
export function decimalToInteger(decimal: string | number, places: number): bigint | null {
  const text = String(decimal);
  const match = text.length <= DECIMAL_LENGTH_MAX ? DECIMAL.exec(text) : null;
  if (match === null) return null;
  const [, sign = "", whole = "", fraction = ""] = match;
  if (!/^0*$/.test(fraction.slice(places))) return null;
  const magnitude = BigInt(whole + fraction.slice(0, places).padEnd(places, "0"));
  return sign === "-" ? -magnitude : magnitude;
}

/** The shortest decimal of `integer` / 10^`places`: (2500n, 3) is "2.5". */
export function integerToDecimal(integer: bigint | number, places: number): string {
  const value = BigInt(integer);
  const digits = (value < 0n ? -value : value).toString().padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  const fraction = digits.slice(digits.length - places).replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}
