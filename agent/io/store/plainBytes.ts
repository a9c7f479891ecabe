// SQLite hands out Buffers, whose slice() is a view where a Uint8Array's is a copy.

/** The same bytes as a plain Uint8Array, not copied. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
