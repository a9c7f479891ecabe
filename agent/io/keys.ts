// A member's card as a folder, in the form of Composer's .card: metadata.json, connection.json,
// credentials/certificate (PEM) and credentials/privateKey (PKCS8, PEM). The private key stays in here:
// others get a Signer, and libp2p the seed it insists on.

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
} from "node:crypto";
import path from "node:path";
import { z } from "zod";
import { readCertificate } from "../core/certificate.ts";
import { sameBytes } from "../core/codec/bytes.ts";
import type { Signer } from "../ports.ts";
import { fromPem, toPem } from "./pem.ts";
import { KeyError, readPrivateFile, readPublicFile, writePrivateFolder } from "./privateFiles.ts";

export { KeyError, type KeyErrorCode } from "./privateFiles.ts";

export const CARD_VERSION = 1;

/** Fields that Composer knows and we do not are kept as they are. */
export const metadataSchema = z.looseObject({
  version: z.literal(CARD_VERSION),
  userName: z.string().min(1).max(128),
  businessNetwork: z.string().min(1).max(128).optional(),
  description: z.string().max(1024).optional(),
  roles: z.array(z.string()).max(16).optional(),
});

export const connectionSchema = z.looseObject({ name: z.string().min(1).max(128) });

export type CardMetadata = z.infer<typeof metadataSchema>;
export type ConnectionProfile = z.infer<typeof connectionSchema>;

export type CardContents = {
  readonly metadata: CardMetadata;
  readonly connection: ConnectionProfile;
  /** X.509, DER. */
  readonly certificate: Uint8Array;
  readonly privateKey: KeyObject;
};

/** A card that can sign. Printing it shows no secret: the key lives in its functions only. */
export type Card = Signer & {
  readonly metadata: CardMetadata;
  readonly connection: ConnectionProfile;
  /** A fresh copy of the key's 32 bytes, for libp2p alone. Never log or store it. */
  readonly libp2pSeed: () => Uint8Array;
};

/** A new Ed25519 key, made at home. */
export function createKey(): KeyObject {
  return generateKeyPairSync("ed25519").privateKey;
}

/** The 32 bytes of a private key's public half. */
export function publicKeyOf(privateKey: KeyObject): Uint8Array {
  return jwkBytes(createPublicKey(privateKey).export({ format: "jwk" }).x);
}

/** PKCS8, PEM. For a file of mode 0600, nothing else. */
export function privateKeyPem(privateKey: KeyObject): string {
  return privateKey.export({ format: "pem", type: "pkcs8" }).toString();
}

/** A card from its parts; throws KeyError where they do not belong together. */
export function openCard(contents: CardContents, where = "card"): Card {
  const { metadata, connection, certificate, privateKey } = contents;
  const read = readCertificate(certificate);
  if (!read.ok) {
    const { problem, offset } = read.refusal;
    const sentence = `the certificate cannot be read: ${problem} at byte ${offset}`;
    throw new KeyError("malformed", { path: where, sentence });
  }
  const publicKey = publicKeyOf(privateKey);
  if (!sameBytes(publicKey, read.value.publicKey)) {
    const sentence = `the private key is not the one that ${read.value.memberId} is certified for`;
    throw new KeyError("mismatch", { path: where, sentence });
  }
  return {
    memberId: read.value.memberId,
    publicKey,
    certificate,
    metadata,
    connection,
    sign: (message) => Uint8Array.from(signBytes(null, message, privateKey)),
    libp2pSeed: () => jwkBytes(privateKey.export({ format: "jwk" }).d),
  };
}

/** Writes a card's folder, whole or not at all; an existing one is refused (`exists`). */
export function writeCard(dir: string, contents: CardContents): void {
  openCard(contents, dir);
  const files = new Map([
    ["metadata.json", json(contents.metadata)],
    ["connection.json", json(contents.connection)],
    ["credentials/certificate", toPem("CERTIFICATE", contents.certificate)],
    ["credentials/privateKey", privateKeyPem(contents.privateKey)],
  ]);
  writePrivateFolder(dir, files);
}

/** Reads a card's folder. Throws KeyError: something is missing, malformed, mismatched or too open. */
export function readCard(dir: string): Card {
  return openCard(readCardContents(dir), dir);
}

/** What a card's folder holds, its private key included: for a wallet that keeps it. Throws as `readCard`. */
export function readCardContents(dir: string): CardContents {
  const metadata = readJson(path.join(dir, "metadata.json"), metadataSchema);
  const connection = readJson(path.join(dir, "connection.json"), connectionSchema);
  const certificate = readPemCertificate(path.join(dir, "credentials", "certificate"));
  const privateKey = readPrivateKey(path.join(dir, "credentials", "privateKey"));
  return { metadata, connection, certificate, privateKey };
}

/** The DER of a PEM file. */
export function readPemCertificate(file: string): Uint8Array {
  return parsePemCertificate(readPublicFile(file), file);
}

/** The DER of PEM that came from `where`. */
export function parsePemCertificate(pem: string, where: string): Uint8Array {
  const der = fromPem("CERTIFICATE", pem);
  if (der !== null) return der;
  throw new KeyError("malformed", { path: where, sentence: "not one certificate in PEM" });
}

/** An Ed25519 key from a file that only its owner may read. */
export function readPrivateKey(file: string): KeyObject {
  return parsePrivateKey(readPrivateFile(file), file);
}

/** An Ed25519 key from PKCS8 PEM that came from `where`. */
export function parsePrivateKey(pem: string, where: string): KeyObject {
  let key: KeyObject | null = null;
  try {
    key = createPrivateKey({ key: pem, format: "pem" });
  } catch {
    // OpenSSL's own words could quote the file; ours name it.
  }
  if (key?.asymmetricKeyType === "ed25519") return key;
  throw new KeyError("malformed", { path: where, sentence: "not an Ed25519 key in PKCS8 PEM" });
}

function readJson<T>(file: string, schema: z.ZodType<T>): T {
  const text = readPublicFile(file);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new KeyError("malformed", { path: file, sentence: "not JSON", cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new KeyError("malformed", { path: file, sentence: problems.join("; ") });
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function jwkBytes(text: string | undefined): Uint8Array {
  return Uint8Array.from(Buffer.from(text ?? "", "base64url"));
}
