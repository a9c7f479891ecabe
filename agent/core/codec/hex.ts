// Bytes are Uint8Array; hex is for ids and for people.

import { assert } from "../assert.ts";

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
  assert(/^(?:[0-9a-f]{2})*$/.test(hex), `not lower-case hex: ${hex.slice(0, 80)}`);
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i += 1) {
    bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}
