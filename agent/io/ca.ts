// The community's CA: it certifies that a key is a member's. Certificates are X.509 that openssl reads,
// in the one profile that core/certificate.ts accepts.

import {
  createPublicKey,
  type KeyObject,
  randomBytes,
  sign as signBytes,
  webcrypto,
  X509Certificate,
} from "node:crypto";
import path from "node:path";
import type { Extension, Name } from "@peculiar/x509";
import { assert } from "../core/assert.ts";
import { isCardKey } from "../core/crypto.ts";
import type { MemberId } from "../core/units/ids.ts";
import type { UnixMs } from "../core/units/time.ts";
import {
  createKey,
  privateKeyPem,
  publicKeyOf,
  readPemCertificate,
  readPrivateKey,
} from "./keys.ts";
import { toPem } from "./pem.ts";
import { KeyError, writePrivateFolder } from "./privateFiles.ts";
import { loadX509 } from "./x509.ts";

/** 20 years: a CA outlives the roofs; members are certified for less. */
const CA_VALID_MS = 20 * 365 * 24 * 3_600_000;
const ED25519 = { name: "Ed25519" } as const;
/** The upper bound of a common name, RFC 5280 appendix A. */
const COMMON_NAME_MAX = 64;

/** The private key lives in a KeyObject, which prints no secret. */
export type Ca = {
  readonly publicKey: Uint8Array;
  /** Self-signed X.509, DER. */
  readonly certificate: Uint8Array;
  readonly privateKey: KeyObject;
  /** Signs the CA's own transactions: grants and revocations. */
  readonly sign: (message: Uint8Array) => Uint8Array;
};

export type CaRequest = {
  /** What a person calls it, at most 64 characters: "Neighbourhood CA" */
  readonly name: string;
  readonly at: UnixMs;
};

/** A new CA with a new key, valid from `at` (whole seconds) for 20 years. */
export async function createCa({ name, at }: CaRequest): Promise<Ca> {
  assert(name.length > 0 && name.length <= COMMON_NAME_MAX, `a CA needs a short name, not ${name}`);
  const privateKey = createKey();
  const { KeyUsageFlags, ...x509 } = await loadX509();
  const subject = new x509.Name([{ CN: [name] }]);
  const certificate = await write({
    subject,
    issuer: subject,
    publicKey: createPublicKey(privateKey),
    signingKey: privateKey,
    notBefore: at,
    notAfter: at + CA_VALID_MS,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return caOf(privateKey, certificate);
}

export type CardRequest = {
  readonly memberId: MemberId;
  /** The member's 32 bytes; a key that no card may have is a bug of the caller. */
  readonly publicKey: Uint8Array;
  readonly firstName: string;
  readonly lastName: string;
  /** Whole seconds count. */
  readonly notBefore: UnixMs;
  readonly notAfter: UnixMs;
};

/** A member's certificate, DER. Whether this member may have one was decided before. */
export async function issueCertificate(ca: Ca, request: CardRequest): Promise<Uint8Array> {
  const { memberId, publicKey, firstName, lastName, notBefore, notAfter } = request;
  assert(isCardKey(publicKey), `${memberId} needs a canonical key of prime order`);
  assert(notBefore <= notAfter, "a certificate ends after it begins");
  const { KeyUsageFlags, ...x509 } = await loadX509();
  const name = `${firstName} ${lastName}`.trim() || memberId;
  const issuer = new x509.X509Certificate(Buffer.from(ca.certificate)).subjectName;
  const x = Buffer.from(publicKey).toString("base64url");
  return await write({
    subject: new x509.Name([{ CN: [name.slice(0, COMMON_NAME_MAX)] }]),
    issuer,
    publicKey: createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" }),
    signingKey: ca.privateKey,
    notBefore,
    notAfter,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new x509.SubjectAlternativeNameExtension([{ type: "email", value: memberId }]),
    ],
  });
}

/** Writes a CA's folder (certificate, privateKey; PEM), whole or not at all; never over another. */
export function writeCa(dir: string, ca: Ca): void {
  const files = new Map([
    ["certificate", toPem("CERTIFICATE", ca.certificate)],
    ["privateKey", privateKeyPem(ca.privateKey)],
  ]);
  writePrivateFolder(dir, files);
}

/** Reads a CA's folder; throws KeyError where something is missing, malformed or too open. */
export function readCa(dir: string): Ca {
  const certificate = readPemCertificate(path.join(dir, "certificate"));
  const privateKey = readPrivateKey(path.join(dir, "privateKey"));
  if (!isCertifiedFor(certificate, privateKey)) {
    throw new KeyError("mismatch", { path: dir, sentence: "the key is not the certificate's" });
  }
  return caOf(privateKey, certificate);
}

function isCertifiedFor(certificate: Uint8Array, privateKey: KeyObject): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(privateKey);
  } catch {
    // Not a certificate at all: it certifies nobody.
    return false;
  }
}

function caOf(privateKey: KeyObject, certificate: Uint8Array): Ca {
  const sign = (message: Uint8Array): Uint8Array =>
    Uint8Array.from(signBytes(null, message, privateKey));
  return { publicKey: publicKeyOf(privateKey), certificate, privateKey, sign };
}

type Draft = {
  readonly subject: Name;
  readonly issuer: Name;
  readonly publicKey: KeyObject;
  readonly signingKey: KeyObject;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly extensions: readonly Extension[];
};

async function write(draft: Draft): Promise<Uint8Array> {
  const x509 = await loadX509();
  const publicKey = draft.publicKey.toCryptoKey(ED25519, true, ["verify"]);
  const authority = createPublicKey(draft.signingKey).toCryptoKey(ED25519, true, ["verify"]);
  const identifiers = [
    await x509.SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
    await x509.AuthorityKeyIdentifierExtension.create(authority, false, webcrypto),
  ];
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      subject: draft.subject,
      issuer: draft.issuer,
      notBefore: wholeSeconds(draft.notBefore),
      notAfter: wholeSeconds(draft.notAfter),
      publicKey,
      signingKey: draft.signingKey.toCryptoKey(ED25519, false, ["sign"]),
      extensions: [...draft.extensions, ...identifiers],
    },
    webcrypto,
  );
  return new Uint8Array(certificate.rawData);
}

/** 16 random bytes, hex; the first is 0x40 to 0x7f, so that the integer is positive and of 16 bytes. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.toString("hex");
}

function wholeSeconds(at: number): Date {
  return new Date(Math.floor(at / 1000) * 1000);
}
