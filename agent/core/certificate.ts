// A member's certificate: Ed25519 X.509 v3 (RFC 5280, RFC 8410), of which one strict profile is read.
// Every home must read the same identity out of the same bytes, so there is no leniency to differ in.
//
//   version 3, serial, Ed25519, issuer, validity, subject, an Ed25519 key, and the extensions
//   subjectAltName (one e-mail address: the member's id), basicConstraints (no CA), keyUsage
//   (digitalSignature); others only where they are not critical. Ed25519 everywhere, without parameters.
//
// The subject is for people; the id is the address alone.

import { constructedTag, DER, DerError, DerReader, primitiveTag } from "./codec/der.ts";
import { readOid, readTime } from "./codec/derValues.ts";
import { PUBLIC_KEY_BYTES, SIGNATURE_BYTES, type Verifier } from "./crypto.ts";
import { accepted, type Result, refused } from "./result.ts";
import { isMemberId, MEMBER_ID_MAX, type MemberId } from "./units/ids.ts";
import type { UnixMs } from "./units/time.ts";

/** A certificate never has more bytes; ours have about 400. */
export const CERTIFICATE_BYTES_MAX = 2048;

const SERIAL_BYTES_MAX = 20; // RFC 5280 section 4.1.2.2
const NAME_PARTS_MAX = 16;
const EXTENSIONS_MAX = 16;

const SUBJECT_ALT_NAME = "2.5.29.17";
const BASIC_CONSTRAINTS = "2.5.29.19";
const KEY_USAGE = "2.5.29.15";

export type Certificate = {
  readonly memberId: MemberId;
  readonly publicKey: Uint8Array;
  readonly notBefore: UnixMs;
  /** The last instant at which it holds. */
  readonly notAfter: UnixMs;
  /** The tbsCertificate, tag and length included: what the CA signed. */
  readonly signedBytes: Uint8Array;
  readonly signature: Uint8Array;
};

/** Not the one profile; `problem` and `offset` say where. Whoever issued or sent it must act. */
export type BadCertificate = {
  readonly code: "badCertificate";
  readonly problem: string;
  readonly offset: number;
};

export type CertificateRefusal =
  | BadCertificate
  /** Another CA's, or altered since. Whoever sent it must act. */
  | { readonly code: "notIssuedByCa"; readonly memberId: MemberId }
  /** The CA signed a key that no card may have (not canonical or not of prime order). The CA must act. */
  | { readonly code: "unsuitableKey"; readonly memberId: MemberId }
  /** The member waits, or the clock is wrong. */
  | { readonly code: "notYetValid"; readonly notBefore: UnixMs; readonly at: UnixMs }
  /** The member must ask the CA for a new one. */
  | { readonly code: "expired"; readonly notAfter: UnixMs; readonly at: UnixMs };

/** Reads a certificate; says nothing yet about who signed it (see `checkCertificate`). Never throws. */
export function readCertificate(der: Uint8Array): Result<Certificate, BadCertificate> {
  if (der.length > CERTIFICATE_BYTES_MAX) {
    const problem = `${der.length} bytes, at most ${CERTIFICATE_BYTES_MAX}`;
    return refused({ code: "badCertificate", problem, offset: CERTIFICATE_BYTES_MAX });
  }
  try {
    return accepted(certificate(der));
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    return refused({ code: "badCertificate", problem: error.problem, offset: error.offset });
  }
}

export type CertificateCheck = {
  readonly caPublicKey: Uint8Array;
  readonly verifier: Verifier;
  readonly at: UnixMs;
};

/** Reads a certificate and holds it against the CA's key and the time `at`; both ends count as valid. */
export function checkCertificate(
  der: Uint8Array,
  { caPublicKey, verifier, at }: CertificateCheck,
): Result<Certificate, CertificateRefusal> {
  const read = readCertificate(der);
  if (!read.ok) return read;
  const { memberId, publicKey, notBefore, notAfter, signedBytes, signature } = read.value;
  if (!verifier.verify({ publicKey: caPublicKey, message: signedBytes, signature })) {
    return refused({ code: "notIssuedByCa", memberId });
  }
  if (!verifier.isCardKey(publicKey)) return refused({ code: "unsuitableKey", memberId });
  if (at < notBefore) return refused({ code: "notYetValid", notBefore, at });
  if (at > notAfter) return refused({ code: "expired", notAfter, at });
  return read;
}

function certificate(der: Uint8Array): Certificate {
  const file = new DerReader(der);
  const outer = file.enter(DER.sequence, "certificate");
  file.end("the file");
  const signedBytes = outer.whole(DER.sequence, "tbsCertificate");
  const signed = signedPart(outer.enter(DER.sequence, "tbsCertificate"));
  ed25519(outer, "signatureAlgorithm");
  const at = outer.offset;
  const signature = outer.bitString("signature");
  if (signature.length !== SIGNATURE_BYTES) throw new DerError("signature of another length", at);
  outer.end("the certificate");
  return { ...signed, signedBytes, signature };
}

function signedPart(tbs: DerReader): Omit<Certificate, "signedBytes" | "signature"> {
  version3(tbs);
  serial(tbs);
  ed25519(tbs, "signature");
  name(tbs, "issuer");
  const validity = tbs.enter(DER.sequence, "validity");
  const notBefore = readTime(validity);
  const notAfter = readTime(validity);
  validity.end("validity");
  name(tbs, "subject");
  const publicKey = key(tbs);
  const at = tbs.offset;
  const memberId = extensions(tbs.enter(constructedTag(3), "extensions"), at);
  tbs.end("tbsCertificate");
  return { memberId, publicKey, notBefore, notAfter };
}

function version3(tbs: DerReader): void {
  const at = tbs.offset;
  const version = tbs.enter(constructedTag(0), "version");
  const value = version.content(DER.integer, "version");
  version.end("version");
  if (value.length !== 1 || value[0] !== 2) throw new DerError("not version 3", at);
}

function serial(tbs: DerReader): void {
  const at = tbs.offset;
  const value = tbs.content(DER.integer, "serialNumber");
  const [first = 0, second = 0] = value;
  const isPositive = first < 0x80 && value.some((byte) => byte !== 0);
  const isMinimal = !(value.length > 1 && first === 0 && second < 0x80);
  if (!isPositive || !isMinimal || value.length > SERIAL_BYTES_MAX) {
    throw new DerError("serialNumber is not a positive integer of at most 20 bytes", at);
  }
}

/** 1.3.101.112 without parameters (RFC 8410 section 3). */
function ed25519(reader: DerReader, what: string): void {
  const at = reader.offset;
  const algorithm = reader.enter(DER.sequence, what);
  if (readOid(algorithm) !== "1.3.101.112") throw new DerError(`${what} is not Ed25519`, at);
  algorithm.end(what);
}

/** Names are for people: their form is checked, their content is not used. */
function name(tbs: DerReader, what: string): void {
  const parts = tbs.enter(DER.sequence, what);
  for (let count = 1; !parts.isAtEnd; count += 1) {
    if (count > NAME_PARTS_MAX) throw new DerError(`${what} of too many parts`, parts.offset);
    const part = parts.enter(DER.set, what);
    const attribute = part.enter(DER.sequence, what);
    part.end(what);
    readOid(attribute);
    attribute.skip();
    attribute.end(what);
  }
}

function key(tbs: DerReader): Uint8Array {
  const info = tbs.enter(DER.sequence, "subjectPublicKeyInfo");
  ed25519(info, "key algorithm");
  const at = info.offset;
  const publicKey = info.bitString("public key");
  if (publicKey.length !== PUBLIC_KEY_BYTES) throw new DerError("key of another length", at);
  info.end("subjectPublicKeyInfo");
  return publicKey;
}

/** The member's id out of the extensions, which must allow this certificate to be a card's. */
function extensions(wrapper: DerReader, at: number): MemberId {
  const list = wrapper.enter(DER.sequence, "extensions");
  wrapper.end("extensions");
  const seen = new Set<string>();
  let memberId: MemberId | null = null;
  while (!list.isAtEnd) {
    const start = list.offset;
    if (seen.size >= EXTENSIONS_MAX) throw new DerError("too many extensions", start);
    const extension = list.enter(DER.sequence, "extension");
    const id = readOid(extension);
    const isCritical = critical(extension);
    const value = extension.enter(DER.octetString, "extension value");
    extension.end("extension");
    if (seen.has(id)) throw new DerError(`extension ${id} twice`, start);
    seen.add(id);
    if (id === SUBJECT_ALT_NAME) memberId = emailAddress(value);
    else if (id === BASIC_CONSTRAINTS) noCa(value);
    else if (id === KEY_USAGE) signing(value);
    else if (isCritical) throw new DerError(`unknown critical extension ${id}`, start);
  }
  if (memberId === null) throw new DerError("no subjectAltName", at);
  return memberId;
}

/** BOOLEAN DEFAULT FALSE: DER writes only TRUE, as 0xff. */
function critical(extension: DerReader): boolean {
  if (extension.peek() !== DER.boolean) return false;
  isTrue(extension, "critical");
  return true;
}

function isTrue(reader: DerReader, what: string): void {
  const at = reader.offset;
  const value = reader.content(DER.boolean, what);
  if (value.length !== 1 || value[0] !== 0xff) throw new DerError(`${what} is not DER's TRUE`, at);
}

/** Exactly one name, an rfc822Name: [1] IMPLICIT IA5String. */
function emailAddress(value: DerReader): MemberId {
  const names = value.enter(DER.sequence, "subjectAltName");
  value.end("subjectAltName");
  const at = names.offset;
  const address = names.content(primitiveTag(1), "an e-mail address as only name");
  names.end("subjectAltName");
  const text = String.fromCharCode(...address.subarray(0, MEMBER_ID_MAX + 1));
  if (!isMemberId(text)) throw new DerError("not a lower-case e-mail address", at);
  return text;
}

function noCa(value: DerReader): void {
  const constraints = value.enter(DER.sequence, "basicConstraints");
  value.end("basicConstraints");
  if (constraints.peek() === DER.boolean) {
    throw new DerError("a CA's certificate is no member's", constraints.offset);
  }
  constraints.end("basicConstraints");
}

/** BIT STRING whose first bit is digitalSignature; DER drops trailing zero bits (X.690 section 11.2.2). */
function signing(value: DerReader): void {
  const at = value.offset;
  const [unused = 0, ...bits] = value.content(DER.bitString, "keyUsage");
  value.end("keyUsage");
  const [first = 0] = bits;
  const last = bits.at(-1) ?? 0;
  const isMinimal = bits.length <= 2 && unused < 8 && (last & ((1 << unused) - 1)) === 0;
  if (!isMinimal || ((last >>> unused) & 1) === 0) throw new DerError("keyUsage is not DER", at);
  if ((first & 0x80) === 0) throw new DerError("keyUsage without digitalSignature", at);
}
