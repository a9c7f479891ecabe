import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Verifier } from "../../agent/core/crypto.ts";
import { memberId } from "../../agent/core/units/ids.ts";
import { unixMs } from "../../agent/core/units/time.ts";
import { createCa, issueCertificate } from "../../agent/io/ca.ts";
import {
  type CardContents,
  createKey,
  KeyError,
  openCard,
  publicKeyOf,
  readCard,
  writeCard,
} from "../../agent/io/keys.ts";

const AT = unixMs(Date.UTC(2026, 2, 21));
const root = fs.mkdtempSync(path.join(os.tmpdir(), "keys-"));
afterAll(() => fs.rmSync(root, { recursive: true }));

let contents: CardContents;
beforeAll(async () => {
  const ca = await createCa({ name: "Neighbourhood CA", at: AT });
  const privateKey = createKey();
  const certificate = await issueCertificate(ca, {
    memberId: memberId("seller1@vt.edu"),
    publicKey: publicKeyOf(privateKey),
    firstName: "Ada",
    lastName: "Lovelace",
    notBefore: AT,
    notAfter: AT,
  });
  contents = {
    metadata: { version: 1, userName: "seller1", businessNetwork: "pv-auction" },
    connection: { name: "pv-auction", "x-type": "pvtrading" },
    certificate,
    privateKey,
  };
});

let dir = "";
let count = 0;
beforeEach(() => {
  count += 1;
  dir = path.join(root, `card${count}`);
});

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof KeyError) return error.code;
    throw error;
  }
  return "nothing thrown";
}

describe("a card's folder", () => {
  it("comes back as it was written, and signs", () => {
    writeCard(dir, contents);
    const card = readCard(dir);
    expect(card).toMatchObject({
      memberId: "seller1@vt.edu",
      metadata: contents.metadata,
      connection: contents.connection,
      certificate: contents.certificate,
    });
    const message = Uint8Array.of(1, 2, 3);
    const signature = card.sign(message);
    expect(new Verifier().verify({ publicKey: card.publicKey, message, signature })).toBe(true);
  });

  it("is for its owner alone", () => {
    writeCard(dir, contents);
    const mode = (name: string): number => fs.statSync(path.join(dir, name)).mode & 0o777;
    expect(mode(".")).toBe(0o700);
    expect(mode("credentials")).toBe(0o700);
    for (const name of ["metadata.json", "connection.json"]) expect(mode(name)).toBe(0o600);
    expect(mode("credentials/certificate")).toBe(0o600);
    expect(mode("credentials/privateKey")).toBe(0o600);
    expect(fs.readdirSync(root)).not.toContain(`${path.basename(dir)}.tmp`);
  });

  it("gives libp2p the seed of the same key, a fresh copy each time", () => {
    const card = openCard(contents);
    const seed = card.libp2pSeed();
    // PKCS8 of Ed25519 ends with the 32 bytes of the seed (RFC 8410 section 7).
    const pkcs8 = contents.privateKey.export({ format: "der", type: "pkcs8" });
    expect(Buffer.from(seed).equals(pkcs8.subarray(-32))).toBe(true);
    seed.fill(0);
    expect(card.libp2pSeed()).not.toEqual(seed);
  });

  it("shows no key when it is printed", () => {
    const card = openCard(contents);
    const seed = Buffer.from(card.libp2pSeed());
    const printed = `${inspect(card, { depth: 9, showHidden: true })}${JSON.stringify(card)}`;
    expect(printed).not.toContain(seed.toString("hex"));
    expect(printed).not.toContain(seed.toString("base64url"));
    expect(printed).not.toContain([...seed.subarray(0, 8)].join(", "));
  });

  it("is never overwritten", () => {
    writeCard(dir, contents);
    expect(codeOf(() => writeCard(dir, contents))).toBe("exists");
    expect(readCard(dir).memberId).toBe("seller1@vt.edu");
  });

  it("survives what an interrupted writing left behind", () => {
    fs.mkdirSync(`${dir}.tmp/credentials`, { recursive: true });
    fs.writeFileSync(`${dir}.tmp/credentials/privateKey`, "half");
    writeCard(dir, contents);
    expect(readCard(dir).memberId).toBe("seller1@vt.edu");
  });

  it("refuses a key that others may read, and says what to do", () => {
    writeCard(dir, contents);
    const file = path.join(dir, "credentials/privateKey");
    for (const mode of [0o640, 0o604, 0o660]) {
      fs.chmodSync(file, mode);
      expect(
        codeOf(() => readCard(dir)),
        mode.toString(8),
      ).toBe("tooOpen");
    }
    expect(() => readCard(dir)).toThrow(`${file}: others may read this key (mode 0660): run chmod`);
  });

  it("refuses another's key, on writing and on reading", () => {
    const stranger = { ...contents, privateKey: createKey() };
    expect(codeOf(() => writeCard(dir, stranger))).toBe("mismatch");
    expect(fs.existsSync(dir)).toBe(false);
    writeCard(dir, contents);
    const pem = stranger.privateKey.export({ format: "pem", type: "pkcs8" });
    fs.writeFileSync(path.join(dir, "credentials/privateKey"), pem);
    expect(codeOf(() => readCard(dir))).toBe("mismatch");
  });

  it.each([
    ["metadata.json", "{", "malformed"],
    ["metadata.json", '{"version":2,"userName":"seller1"}', "malformed"],
    ["metadata.json", '{"version":1}', "malformed"],
    ["connection.json", "{}", "malformed"],
    ["credentials/certificate", "-----BEGIN CERTIFICATE-----", "malformed"],
    ["credentials/certificate", pemOf("CERTIFICATE", "AAAA"), "malformed"],
    ["credentials/certificate", pemOf("PRIVATE KEY", "AAAA"), "malformed"],
    ["credentials/privateKey", "", "malformed"],
    ["credentials/privateKey", pemOf("PRIVATE KEY", "c2VjcmV0"), "malformed"],
    ["metadata.json", null, "notFound"],
    ["connection.json", null, "notFound"],
    ["credentials/certificate", null, "notFound"],
    ["credentials/privateKey", null, "notFound"],
  ])("refuses %s as %j", (name, content, code) => {
    writeCard(dir, contents);
    const file = path.join(dir, name);
    if (content === null) fs.rmSync(file);
    else fs.writeFileSync(file, content);
    expect(codeOf(() => readCard(dir))).toBe(code);
    expect(() => readCard(dir)).toThrow(dir);
    expect(() => readCard(dir)).not.toThrow("c2VjcmV0");
  });

  it("refuses a file beyond its limit", () => {
    writeCard(dir, contents);
    fs.writeFileSync(path.join(dir, "metadata.json"), " ".repeat(65_537));
    expect(codeOf(() => readCard(dir))).toBe("malformed");
    expect(() => readCard(dir)).toThrow("not a file of a few kilobytes");
  });

  it("says when the disk refuses", () => {
    const file = path.join(root, "file");
    fs.writeFileSync(file, "");
    expect(codeOf(() => writeCard(path.join(file, "card"), contents))).toBe("unwritable");
  });
});

function pemOf(label: string, base64: string): string {
  return `-----BEGIN ${label}-----\n${base64}\n-----END ${label}-----\n`;
}
