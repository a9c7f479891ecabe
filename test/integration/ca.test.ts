import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkCertificate, readCertificate } from "../../agent/core/certificate.ts";
import { Verifier } from "../../agent/core/crypto.ts";
import { memberId } from "../../agent/core/units/ids.ts";
import { type UnixMs, unixMs } from "../../agent/core/units/time.ts";
import { type Ca, createCa, issueCertificate, readCa, writeCa } from "../../agent/io/ca.ts";
import { createKey, KeyError, publicKeyOf } from "../../agent/io/keys.ts";
import { toPem } from "../../agent/io/pem.ts";

const AT = unixMs(Date.UTC(2026, 2, 21));
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "ca-"));
afterAll(() => fs.rmSync(dir, { recursive: true }));

function opensslVersion(): string | null {
  try {
    return execFileSync("openssl", ["version"], { encoding: "utf8" }).trim();
  } catch {
    return null;
  }
}

const openssl = opensslVersion();
if (openssl === null)
  process.stdout.write("skipped: no openssl binary here to verify certificates with\n");

const member = createKey();
const issue = (ca: Ca, notAfter: UnixMs, firstName = "Ada"): Promise<Uint8Array> =>
  issueCertificate(ca, {
    memberId: memberId("seller1@vt.edu"),
    publicKey: publicKeyOf(member),
    firstName,
    lastName: "Lovelace",
    notBefore: AT,
    notAfter,
  });

describe("the CA", () => {
  let ca: Ca;
  beforeAll(async () => {
    ca = await createCa({ name: "Neighbourhood CA", at: AT });
  });

  it("issues what checkCertificate accepts, in UTCTime and in GeneralizedTime", async () => {
    const verifier = new Verifier();
    for (const notAfter of [unixMs(Date.UTC(2027, 2, 21)), unixMs(Date.UTC(2051, 0, 1))]) {
      const certificate = await issue(ca, notAfter);
      const { publicKey: caPublicKey } = ca;
      expect(checkCertificate(certificate, { caPublicKey, verifier, at: AT })).toMatchObject({
        ok: true,
        value: {
          memberId: "seller1@vt.edu",
          publicKey: publicKeyOf(member),
          notBefore: AT,
          notAfter,
        },
      });
    }
  });

  it("gives each certificate its own positive serial", async () => {
    const one = await issue(ca, AT);
    const two = await issue(ca, AT);
    // Certificate, tbsCertificate and [0] version take 4 + 4 + 5 bytes; then 02 10 and the serial.
    expect([...one.subarray(13, 15)]).toEqual([0x02, 0x10]);
    expect(one.subarray(15, 31)).not.toEqual(two.subarray(15, 31));
  });

  it("has a certificate of its own that is no member's", () => {
    const read = readCertificate(ca.certificate);
    expect(read).toMatchObject({ refusal: { problem: "a CA's certificate is no member's" } });
  });

  it("will not certify a key that no card may have", async () => {
    const request = issueCertificate(ca, {
      memberId: memberId("seller1@vt.edu"),
      publicKey: new Uint8Array(32),
      firstName: "Ada",
      lastName: "Lovelace",
      notBefore: AT,
      notAfter: AT,
    });
    await expect(request).rejects.toThrow("prime order");
  });

  it("is the same after writing and reading, and never overwritten", () => {
    const folder = path.join(dir, "ca");
    writeCa(folder, ca);
    const again = readCa(folder);
    expect(again.certificate).toEqual(ca.certificate);
    expect(again.sign(Uint8Array.of(1))).toEqual(ca.sign(Uint8Array.of(1)));
    expect(() => writeCa(folder, ca)).toThrow("is there already");
  });

  it("refuses a key that is not the certificate's", async () => {
    const other = await createCa({ name: "Other CA", at: AT });
    const folder = path.join(dir, "mixed");
    writeCa(folder, { ...ca, certificate: other.certificate });
    expect(() => readCa(folder)).toThrow(KeyError);
    expect(() => readCa(folder)).toThrow("the key is not the certificate's");
  });

  it.skipIf(openssl === null)("satisfies openssl verify and openssl x509", async () => {
    const [root, leaf] = [path.join(dir, "root.pem"), path.join(dir, "leaf.pem")];
    fs.writeFileSync(root, toPem("CERTIFICATE", ca.certificate));
    const certificate = await issue(ca, unixMs(Date.UTC(2027, 2, 21)), "Ada, CN=Mallory");
    fs.writeFileSync(leaf, toPem("CERTIFICATE", certificate));
    const run = (...args: string[]): string => execFileSync("openssl", args, { encoding: "utf8" });
    const seconds = String(AT / 1000 + 60);
    const strictly = ["-x509_strict", "-check_ss_sig", "-attime", seconds, "-CAfile", root];
    expect(run("verify", ...strictly, leaf)).toContain("leaf.pem: OK");
    const text = run("x509", "-in", leaf, "-noout", "-text");
    expect(text).toContain('Subject: CN = "Ada, CN=Mallory Lovelace"');
    expect(text).toMatch(/Basic Constraints: critical\s+CA:FALSE/);
    expect(text).toContain("email:seller1@vt.edu");
    expect(text).toContain("Not After : Mar 21 00:00:00 2027 GMT");
  });
});
