// A card's certificate (X.509, DER) as far as it says whose key it is: the member's address, its key, and the CA's
// signature over both.

import { hexOf, isSame } from "./bytes.ts";
import { isSignedBy } from "./signature.ts";

export type Card = {
  readonly memberId: string;
  readonly publicKey: Uint8Array;
};

/** An Ed25519 key without parameters, up to its 32 bytes (RFC 8410). */
const KEY_HEAD = "302a300506032b6570032100";
const KEY_PLACE = 6;
const SEQUENCE = 0x30;
const ED25519 = "300506032b6570";
const SUBJECT_ALT_NAME = "0603551d11";

/** null: another CA's, or it cannot be read. */
export function cardIn(certificate: Uint8Array, caPublicKey: Uint8Array): Card | null {
  const [outer] = partsOf(certificate) ?? [];
  const [signed, algorithm, signature, ...others] = (outer && partsOf(outer.content)) ?? [];
  const isWhole =
    outer?.tag === SEQUENCE &&
    signed?.tag === SEQUENCE &&
    isSame(outer.whole, certificate) &&
    others.length === 0;
  if (!isWhole || signed === undefined || signature === undefined) return null;
  if (algorithm === undefined || hexOf(algorithm.whole) !== ED25519) return null;
  // A BIT STRING begins with how many bits of it are not used: none.
  const bits =
    signature.tag === 0x03 && signature.content[0] === 0 ? signature.content.slice(1) : null;
  const message = signed.whole;
  if (bits === null || !isSignedBy({ publicKey: caPublicKey, message, signature: bits }))
    return null;
  const parts = partsOf(signed.content) ?? [];
  const key = parts[KEY_PLACE];
  const memberId = addressIn(parts.at(-1));
  if (key === undefined || !hexOf(key.whole).startsWith(KEY_HEAD) || memberId === null) return null;
  const publicKey = key.whole.slice(KEY_HEAD.length / 2);
  return publicKey.length === 32 ? { memberId, publicKey } : null;
}

type Part = { readonly tag: number; readonly content: Uint8Array; readonly whole: Uint8Array };

/** The values one after another; null: no DER. */
function partsOf(bytes: Uint8Array): readonly Part[] | null {
  const parts: Part[] = [];
  let at = 0;
  while (at < bytes.length) {
    const [tag = 0, first = 0x80] = bytes.subarray(at, at + 2);
    const more = first < 0x80 ? 0 : first & 0x7f;
    if (first === 0x80 || more > 2) return null;
    const length = [...bytes.subarray(at + 2, at + 2 + more)].reduce(
      (n, byte) => n * 256 + byte,
      0,
    );
    const start = at + 2 + more;
    const end = start + (more === 0 ? first : length);
    if (end > bytes.length) return null;
    parts.push({ tag, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) });
    at = end;
  }
  return parts;
}

/** The one e-mail address among the extensions. */
function addressIn(wrapper: Part | undefined): string | null {
  const [list] = (wrapper?.tag === 0xa3 ? partsOf(wrapper.content) : null) ?? [];
  const names = (list === undefined ? null : partsOf(list.content))
    ?.map((extension) => partsOf(extension.content) ?? [])
    .filter(([id]) => id !== undefined && hexOf(id.whole) === SUBJECT_ALT_NAME);
  const value = names?.length === 1 ? names[0]?.at(-1) : undefined;
  const [sequence] = (value === undefined ? null : partsOf(value.content)) ?? [];
  const [address, ...others] = (sequence === undefined ? null : partsOf(sequence.content)) ?? [];
  if (address?.tag !== 0x81 || others.length > 0) return null;
  return String.fromCharCode(...address.content);
}
