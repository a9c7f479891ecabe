// A broker's certificate for 127.0.0.1, by a CA that nobody but a test trusts.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadX509 } from "../../agent/io/x509.ts";

export type CertificateFiles = {
  readonly ca: Buffer;
  readonly certFile: string;
  readonly keyFile: string;
};

/** A certificate for 127.0.0.1 by a CA that nobody but this test trusts. */
export async function brokerCertificate(dir: string): Promise<CertificateFiles> {
  const x509 = await loadX509();
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const create = () => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const [caKeys, keys] = [await create(), await create()];
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ name: "CN=street CA", keys: caKeys, signingAlgorithm: algorithm },
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const made = await x509.X509CertificateGenerator.create({
    ...{ subject: "CN=broker", issuer: ca.subject, publicKey: keys.publicKey },
    ...{ signingKey: caKeys.privateKey, signingAlgorithm: algorithm },
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }])],
  });
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  const pem = `-----BEGIN PRIVATE KEY-----\n${key.toString("base64")}\n-----END PRIVATE KEY-----\n`;
  const files = { certFile: join(dir, "cert.pem"), keyFile: join(dir, "key.pem") };
  writeFileSync(files.certFile, made.toString("pem"));
  writeFileSync(files.keyFile, pem);
  return { ...files, ca: Buffer.from(ca.toString("pem")) };
}
