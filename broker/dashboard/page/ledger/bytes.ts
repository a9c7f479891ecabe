// Bytes and hex: what REST tells, and what was signed.

const HEX = /^[0-9a-f]*$/;
/** The largest block's; nothing of the ledger is longer. */
export const BYTES_MAX = 131_072;

export function hexOf(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return hex;
}

/** null: no lower-case hex of whole bytes, or of too many: who tells them may be a liar with time to waste. */
export function bytesOf(hex: string): Uint8Array | null {
  if (hex.length % 2 !== 0 || hex.length > 2 * BYTES_MAX || !HEX.test(hex)) return null;
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i += 1) {
    bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function join(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
