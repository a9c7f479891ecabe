// Bytes are Uint8Array; hex is for ids and for people.

import { bug } from "../assert.ts";

const DIGITS: readonly string[] = Array.from({ length: 256 }, (_, i) =>
  i.toString(16).padStart(2, "0"),
);

export function bytesToHex(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += DIGITS[byte];
  return hex;
}

/** Lower-case hex of whole bytes only. */
export function hexToBytes(hex: string): Uint8Array {
  if (hex.length % 2 !== 0) bug(`hex of whole bytes, not ${hex.length} digits`);
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i += 1) {
    bytes[i] = (digit(hex.charCodeAt(2 * i)) << 4) | digit(hex.charCodeAt(2 * i + 1));
  }
  return bytes;
}

function digit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code < 0x61 || code > 0x66) bug(`not a lower-case hex digit: ${String.fromCharCode(code)}`);
  return code - 0x61 + 10;
}
