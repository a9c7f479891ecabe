// A certificate request (PKCS #10): a member's key is made at home, and only this travels to the CA.

import { createPublicKey, type KeyObject, webcrypto } from "node:crypto";
import { isCardKey } from "../core/crypto.ts";
import type { MemberId } from "../core/units/ids.ts";
import { KeyError } from "./keys.ts";
import { fromPem, toPem } from "./pem.ts";
import { readPublicFile } from "./privateFiles.ts";
import { loadX509 } from "./x509.ts";

const LABEL = "CERTIFICATE REQUEST";
const REQUEST_BYTES_MAX = 4096;
const ED25519 = { name: "Ed25519" } as const;
/** The SubjectPublicKeyInfo of Ed25519 is these 12 bytes and the key (RFC 8410 section 4). */
const SPKI_HEAD = "302a300506032b6570032100";

/** PEM. The member's id is in it, so that no other is certified for its key by mistake. */
export async function makeRequest(privateKey: KeyObject, memberId: MemberId): Promise<string> {
  const x509 = await loadX509();
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      name: new x509.Name([{ CN: [memberId.slice(0, 64)] }]),
      keys: {
        publicKey: createPublicKey(privateKey).toCryptoKey(ED25519, true, ["verify"]),
        privateKey: privateKey.toCryptoKey(ED25519, false, ["sign"]),
      },
      signingAlgorithm: ED25519,
      extensions: [new x509.SubjectAlternativeNameExtension([{ type: "email", value: memberId }])],
    },
    webcrypto,
  );
  return toPem(LABEL, new Uint8Array(request.rawData));
}

/**
 * The key of a request's file, which its sender has proved to hold. Throws KeyError `malformed`, also if it
 * names somebody else; who makes requests with other programs need not name anybody.
 */
export async function readRequest(file: string, member: string): Promise<Uint8Array> {
  const der = fromPem(LABEL, readPublicFile(file));
  if (der === null || der.length > REQUEST_BYTES_MAX) {
    return wrong(file, "not one certificate request in PEM");
  }
  const x509 = await loadX509();
  let spki: string;
  let isProved: boolean;
  let named: readonly string[];
  try {
    const request = new x509.Pkcs10CertificateRequest(Buffer.from(der));
    spki = Buffer.from(request.publicKey.rawData).toString("hex");
    isProved = await request.verify(webcrypto);
    named = request.extensions
      .filter((one) => one instanceof x509.SubjectAlternativeNameExtension)
      .flatMap(({ names }) => names.items)
      .flatMap(({ type, value }) => (type === "email" ? [value] : []));
  } catch (cause) {
    throw new KeyError("malformed", { path: file, sentence: "not a certificate request", cause });
  }
  const key = Uint8Array.from(Buffer.from(spki.slice(SPKI_HEAD.length), "hex"));
  if (!spki.startsWith(SPKI_HEAD) || !isCardKey(key)) {
    return wrong(file, "its key is not an Ed25519 key that a card may have");
  }
  if (named.length > 0 && !named.includes(member)) {
    return wrong(file, `it is a request of ${named.join(", ")}, not of ${member}`);
  }
  return isProved ? key : wrong(file, "its sender has not signed it with its key");
}

function wrong(file: string, sentence: string): never {
  throw new KeyError("malformed", { path: file, sentence });
}
