import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { strToU8, unzipSync, type Zippable, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type CardContents,
  createKey,
  KeyError,
  openCard,
  privateKeyPem,
} from "../../../agent/io/keys.ts";
import { toPem } from "../../../agent/io/pem.ts";
import { cardName, readCardFile, writeCardFile } from "../../../agent/io/wallet/cardFile.ts";
import { testCa, testCard } from "../../support/cards.ts";

const root = fs.mkdtempSync(path.join(os.tmpdir(), "card-file-"));
afterAll(() => fs.rmSync(root, { recursive: true }));

const hasPython = spawnSync("python3", ["--version"]).status === 0;
if (!hasPython) process.stdout.write("skipped: no python3 here to read a .card with\n");

let contents: CardContents;
let parts: { readonly [name: string]: string };
beforeAll(async () => {
  contents = await testCard(await testCa(), "seller1@vt.edu");
  parts = {
    "metadata.json": JSON.stringify(contents.metadata),
    "connection.json": JSON.stringify(contents.connection),
    "credentials/certificate": toPem("CERTIFICATE", contents.certificate),
    "credentials/privateKey": privateKeyPem(contents.privateKey),
  };
});

function zipOf(changes: { readonly [name: string]: string | null }): Uint8Array {
  const files: Zippable = {};
  for (const [name, text] of Object.entries({ ...parts, ...changes })) {
    if (text !== null) files[name] = strToU8(text);
  }
  return zipSync(files);
}

function sentenceOf(zip: Uint8Array): string {
  try {
    readCardFile(zip);
  } catch (error) {
    if (error instanceof KeyError) return `${error.code}: ${error.sentence}`;
    throw error;
  }
  return "nothing thrown";
}

describe("a .card", () => {
  it("comes back as it was written, and signs with the same key", () => {
    const read = readCardFile(writeCardFile(contents));
    expect(read).toMatchObject({ metadata: contents.metadata, connection: contents.connection });
    expect(read.certificate).toEqual(contents.certificate);
    const message = Uint8Array.of(1, 2, 3);
    expect(openCard(read).sign(message)).toEqual(openCard(contents).sign(message));
  });

  it("has the four files of Composer's, readable by their owner alone once unpacked", () => {
    const zip = writeCardFile(contents);
    expect(Object.keys(unzipSync(zip)).sort()).toEqual(Object.keys(parts).sort());
    // External attributes of the first central header (APPNOTE 4.4.15): regular file, 0600.
    const view = new DataView(zip.buffer, zip.byteOffset);
    const directory = view.getUint32(zip.length - 6, true);
    expect(view.getUint32(directory + 38, true) >>> 16).toBe(0o100600);
  });

  it.skipIf(!hasPython)("is a sound zip to Python, too", () => {
    const file = path.join(root, "seller1.card");
    fs.writeFileSync(file, writeCardFile(contents));
    const python = "import sys,zipfile;print(zipfile.ZipFile(sys.argv[1]).testzip())";
    expect(execFileSync("python3", ["-c", python, file], { encoding: "utf8" })).toBe("None\n");
  });

  it("keeps what it does not know, and passes over other files and folders", () => {
    const metadata = { ...contents.metadata, enrollmentSecret: "used", roles: ["PeerAdmin"] };
    const zip = zipOf({
      "metadata.json": JSON.stringify({ ...metadata, image: "x" }),
      "credentials/": "",
      "../../etc/passwd": "root",
      __proto__x: "1",
    });
    expect(readCardFile(zip).metadata).toEqual({ ...metadata, image: "x" });
  });

  it("is called as in Composer", () => {
    expect(cardName(contents)).toBe("seller1@vt.edu@pv-auction");
    const metadata = { version: 1 as const, userName: "PeerAdmin" };
    const connection = { name: "hlfv1" };
    expect(cardName({ ...contents, metadata, connection })).toBe("PeerAdmin@hlfv1");
  });

  it("of the old form has its user as enrollmentId", () => {
    const old = { enrollmentId: "seller1@vt.edu", name: "my card", businessNetwork: "pv" };
    for (const version of [{}, { version: 0 }]) {
      const zip = zipOf({ "metadata.json": JSON.stringify({ ...old, ...version }) });
      const metadata = { version: 1, userName: "seller1@vt.edu", businessNetwork: "pv" };
      expect(readCardFile(zip).metadata).toEqual(metadata);
    }
  });

  it.each([
    ["connection.json", null, "malformed: Required file not found: connection.json"],
    ["metadata.json", null, "malformed: Required file not found: metadata.json"],
    ["metadata.json", '{"version":1}', "malformed: Required metadata field not found: userName"],
    ["metadata.json", "{}", "malformed: Required metadata field not found: userName"],
    ["connection.json", "{}", "malformed: Required connection field not found: name"],
    [
      "metadata.json",
      '{"version":2,"userName":"a"}',
      "malformed: Incompatible card version 2. Current version is 1",
    ],
    [
      "metadata.json",
      '{"version":"1","userName":"a"}',
      "malformed: Incompatible card version of another kind. Current version is 1",
    ],
    ["metadata.json", "[", "malformed: metadata.json is not JSON"],
    ["metadata.json", "[]", "malformed: metadata.json is no object"],
    ["connection.json", "null", "malformed: connection.json is no object"],
    ["metadata.json", '{"version":1,"userName":7}', "malformed: metadata.json: userName: "],
    ["connection.json", '{"name":["x"]}', "malformed: connection.json: name: "],
    [
      "connection.json",
      `{"name":"x","y":${"[".repeat(33)}${"]".repeat(33)}}`,
      "malformed: connection.json is nested too deeply",
    ],
    [
      "connection.json",
      `{"name":"x","y":${"[".repeat(12_000)}${"]".repeat(12_000)}}`,
      "malformed: connection.json is nested too deeply",
    ],
    ["credentials/certificate", "x", "malformed: not one certificate in PEM"],
    ["credentials/privateKey", "x", "malformed: not an Ed25519 key in PKCS8 PEM"],
    ["credentials/certificate", null, "malformed: Required file not found: credentials/cert"],
    ["credentials/privateKey", null, "malformed: Required file not found: credentials/privateKey"],
    ["credentials/privateKey", " ".repeat(24_577), "malformed: credentials/privateKey has more"],
  ])("is refused with %s as %j", (name, text, sentence) => {
    expect(sentenceOf(zipOf({ [name]: text }))).toContain(sentence);
  });

  it("with an enrolment secret and no key is refused with what to do", () => {
    const zip = zipOf({
      "metadata.json": JSON.stringify({ ...contents.metadata, enrollmentSecret: "hush" }),
      "credentials/certificate": null,
      "credentials/privateKey": null,
    });
    expect(sentenceOf(zip)).toContain("enrolment secret and no key");
    expect(sentenceOf(zip)).toContain("ca issue");
    expect(sentenceOf(zip)).not.toContain("hush");
  });

  it("is refused with another's key", () => {
    const zip = zipOf({ "credentials/privateKey": privateKeyPem(createKey()) });
    expect(sentenceOf(zip)).toContain("mismatch: the private key is not the one that seller1@");
  });

  it("is refused if it is no zip, cut short or too large", () => {
    const zip = writeCardFile(contents);
    const none = "malformed: not a card: no readable zip";
    expect(sentenceOf(new Uint8Array(0))).toBe(none);
    expect(sentenceOf(strToU8("PK"))).toBe(none);
    expect(sentenceOf(zip.subarray(0, zip.length - 1))).toBe(none);
    expect(sentenceOf(new Uint8Array(131_073))).toContain("131073 bytes, a card has at most");
  });

  it("is refused with too many files, or one of them twice", () => {
    const many = Object.fromEntries(Array.from({ length: 61 }, (_, i) => [`f${i}`, ""]));
    expect(sentenceOf(zipOf(many))).toBe("malformed: more than 64 files");
    expect(sentenceOf(zipOf(Object.fromEntries(Object.entries(many).slice(1))))).toBe(
      "nothing thrown",
    );
    const twin = zipOf({ "metadata.jsoX": parts["metadata.json"] ?? "" });
    const bytes = Buffer.from(twin);
    for (let at = bytes.indexOf("metadata.jsoX"); at >= 0; at = bytes.indexOf("metadata.jsoX")) {
      bytes.write("metadata.json", at);
    }
    expect(sentenceOf(bytes)).toBe("malformed: metadata.json is in it twice");
  });

  it("of 100 MB in 100 kB is refused unread", () => {
    const bomb = zipSync({ "metadata.json": new Uint8Array(100_000_000) }, { level: 9 });
    expect(bomb.length).toBeLessThan(131_072);
    const before = process.memoryUsage().arrayBuffers;
    expect(sentenceOf(bomb)).toContain("metadata.json has more than 24576 bytes");
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  it("that lies about its sizes unpacks no further than it says", () => {
    const packed = deflateRawSync(Buffer.alloc(10_000_000), { level: 9 });
    const zip = Buffer.from(zipSync({ "metadata.json": [new Uint8Array(packed), { level: 0 }] }));
    const directory = zip.readUInt32LE(zip.length - 6);
    // Method deflate, and 100 bytes once unpacked.
    zip.writeUInt16LE(8, directory + 10);
    zip.writeUInt32LE(100, directory + 24);
    expect(packed.length).toBeLessThan(24_576);
    const before = process.memoryUsage().arrayBuffers;
    expect(sentenceOf(zip)).toMatch(/^malformed: /);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });

  it("with any byte changed is read or refused, and nothing else", () => {
    const zip = writeCardFile(contents);
    const change = fc.tuple(fc.nat(zip.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const damaged = Uint8Array.from(zip);
        for (const [at, byte] of changes) damaged[at] = byte;
        expect(sentenceOf(damaged)).toMatch(/^(?:nothing thrown|malformed: |mismatch: )/);
      }),
      { numRuns: 300 },
    );
  });
});
