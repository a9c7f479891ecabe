import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { memberId } from "../../../agent/core/units/ids.ts";
import { unixMs } from "../../../agent/core/units/time.ts";
import { type CardContents, KeyError, openCard, privateKeyPem } from "../../../agent/io/keys.ts";
import { readCardFile, writeCardFile } from "../../../agent/io/wallet/cardFile.ts";
import { readPassphrase } from "../../../agent/io/wallet/vault.ts";
import { openWallet, type Wallet } from "../../../agent/io/wallet/wallet.ts";
import { CARDS_AT, testCa, testCard } from "../../support/cards.ts";

const root = fs.mkdtempSync(path.join(os.tmpdir(), "wallet-"));
afterAll(() => fs.rmSync(root, { recursive: true }));

let seller: CardContents;
let buyer: CardContents;
let sellerLater: CardContents;
beforeAll(async () => {
  const ca = await testCa();
  seller = await testCard(ca, "seller1@vt.edu");
  buyer = await testCard(ca, "buyer1@vt.edu");
  sellerLater = await testCard(ca, "seller1@vt.edu", unixMs(CARDS_AT + 1000));
});

let dir = "";
let wallet: Wallet;
let count = 0;
beforeEach(() => {
  count += 1;
  dir = path.join(root, `wallet${count}`);
  wallet = openWallet(dir);
});

const ADA = "github:1";
const BOB = "github:2";

function errorOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof KeyError) return `${error.code}: ${error.sentence}`;
    throw error;
  }
  return "nothing thrown";
}

const namesOf = (user: string | null): string[] =>
  wallet.list(user).map(({ name, isDefault }) => (isDefault ? `${name}, default` : name));

/** All that lies in the folder, as text. */
function everyByte(): string {
  return fs
    .readdirSync(dir)
    .map((name) => fs.readFileSync(path.join(dir, name), "latin1"))
    .join("\n");
}

describe("the wallet", () => {
  it("gives an imported card back, for signing and as a .card", () => {
    const imported = wallet.import(writeCardFile(seller), { user: ADA });
    expect(imported).toMatchObject({ name: "seller1@vt.edu@pv-auction", user: ADA });
    expect(imported.isDefault).toBe(true);
    const message = Uint8Array.of(7);
    expect(imported.card.sign(message)).toEqual(openCard(seller).sign(message));
    const again = openWallet(dir);
    expect(again.get("seller1@vt.edu@pv-auction", ADA)?.card.sign(message)).toEqual(
      openCard(seller).sign(message),
    );
    const exported = readCardFile(again.export("seller1@vt.edu@pv-auction", ADA));
    expect(privateKeyPem(exported.privateKey)).toBe(privateKeyPem(seller.privateKey));
    expect(exported.metadata).toEqual(seller.metadata);
  });

  it("is for its owner alone", () => {
    wallet.add(seller, { user: ADA });
    expect(fs.statSync(dir).mode & 0o777).toBe(0o700);
    const files = fs.readdirSync(dir);
    expect(files).toHaveLength(2);
    for (const name of files) expect(fs.statSync(path.join(dir, name)).mode & 0o777).toBe(0o600);
    fs.chmodSync(dir, 0o750);
    expect(errorOf(() => openWallet(dir))).toContain("tooOpen: others may enter this folder");
    fs.chmodSync(dir, 0o700);
    fs.chmodSync(path.join(dir, files[0]!), 0o640);
    expect(errorOf(() => openWallet(dir).list(null))).toContain("tooOpen: others may read this");
  });

  it("keeps Composer's rules for defaults and names", () => {
    wallet.add(seller, { user: ADA, name: "one" });
    wallet.add(buyer, { user: ADA, name: "two" });
    expect(namesOf(ADA)).toEqual(["one, default", "two"]);
    wallet.setDefault("two", ADA);
    expect(namesOf(ADA)).toEqual(["one", "two, default"]);
    expect(wallet.defaultOf(ADA)?.card.memberId).toBe("buyer1@vt.edu");
    wallet.add(seller, { user: ADA, name: "two" });
    expect(namesOf(ADA)).toEqual(["one", "two, default"]);
    expect(wallet.defaultOf(ADA)?.card.memberId).toBe("seller1@vt.edu");
    wallet.delete("two", ADA);
    expect(namesOf(ADA)).toEqual(["one"]);
    expect(wallet.defaultOf(ADA)).toBe(null);
    wallet.add(buyer, { user: ADA, name: "two" });
    expect(wallet.defaultOf(ADA)).toBe(null);
    wallet.delete("one", ADA);
    wallet.delete("two", ADA);
    wallet.add(buyer, { user: ADA, name: "three" });
    expect(namesOf(ADA)).toEqual(["three, default"]);
  });

  it("shows a user only what is that user's, and the operator everything", () => {
    wallet.add(seller, { user: ADA, name: "mine" });
    wallet.add(buyer, { user: BOB, name: "his" });
    expect(namesOf(ADA)).toEqual(["mine, default"]);
    expect(wallet.get("his", ADA)).toBe(null);
    for (const call of [wallet.export, wallet.delete, wallet.setDefault]) {
      expect(errorOf(() => call("his", ADA))).toBe(
        'notFound: The business network card "his" does not exist',
      );
    }
    expect(wallet.get("his", BOB)?.user).toBe(BOB);
    expect(wallet.list(null).map(({ user }) => user)).toEqual([ADA, BOB]);
    expect(wallet.get("his", null)?.user).toBe(BOB);
    wallet.delete("his", null);
    expect(wallet.list(BOB)).toEqual([]);
  });

  it("asks the operator whose card is meant, unless the operator has one of that name", () => {
    wallet.add(seller, { user: ADA, name: "card" });
    wallet.add(buyer, { user: BOB, name: "card" });
    expect(errorOf(() => wallet.delete("card", null))).toBe(
      "ambiguous: several users have it: github:1, github:2",
    );
    wallet.add(seller, { user: "operator", name: "card" });
    wallet.delete("card", null);
    expect(wallet.list(null).map(({ user }) => user)).toEqual([ADA, BOB]);
  });

  it("finds a member's latest card, whoever has it", () => {
    wallet.add(sellerLater, { user: BOB, name: "new" });
    wallet.add(seller, { user: ADA, name: "old" });
    expect(wallet.ofMember(memberId("seller1@vt.edu"))?.name).toBe("new");
    expect(wallet.ofMember(memberId("buyer1@vt.edu"))).toBe(null);
  });

  it("sees what another process does, at once", () => {
    const other = openWallet(dir);
    expect(wallet.list(null)).toEqual([]);
    other.add(seller, { user: ADA, name: "one" });
    expect(namesOf(ADA)).toEqual(["one, default"]);
    other.add(buyer, { user: ADA, name: "one" });
    expect(wallet.get("one", ADA)?.card.memberId).toBe("buyer1@vt.edu");
    other.delete("one", ADA);
    expect(wallet.list(ADA)).toEqual([]);
  });

  it("sees a change even if the file system's clock stood still", () => {
    wallet.add(seller, { user: ADA, name: "one" });
    wallet.list(ADA);
    const { atime, mtime } = fs.statSync(dir);
    openWallet(dir).add(buyer, { user: ADA, name: "two" });
    fs.utimesSync(dir, atime, mtime);
    expect(namesOf(ADA)).toEqual(["one, default", "two"]);
  });

  it("refuses bad names and too many cards", () => {
    for (const name of ["", "a/b", 'a"b', "a\\b", "a\nb", "x".repeat(257)]) {
      expect(errorOf(() => wallet.add(seller, { user: ADA, name }))).toContain("malformed: a card");
    }
    for (const user of ["", "a\u0000", "x".repeat(257)]) {
      expect(errorOf(() => wallet.add(seller, { user, name: "a" }))).toContain("malformed: a user");
    }
    for (let i = 0; i < 32; i += 1) wallet.add(seller, { user: ADA, name: `card${i}` });
    expect(errorOf(() => wallet.add(seller, { user: ADA, name: "more" }))).toContain("full: ");
    expect(wallet.add(buyer, { user: ADA, name: "card0" }).card.memberId).toBe("buyer1@vt.edu");
    expect(wallet.add(seller, { user: BOB, name: "more" }).isDefault).toBe(true);
  });

  it("makes no path of a name", () => {
    wallet.add(seller, { user: "../../x", name: ".." });
    expect(fs.readdirSync(root).every((name) => name.startsWith("wallet"))).toBe(true);
    expect(wallet.get("..", "../../x")?.card.memberId).toBe("seller1@vt.edu");
  });

  it("refuses a card that is too large to be kept", () => {
    const large = { ...seller, connection: { name: "x", large: "x".repeat(65_536) } };
    expect(errorOf(() => wallet.add(large, { user: BOB }))).toBe(
      "malformed: the card is too large",
    );
    expect(wallet.list(BOB)).toEqual([]);
  });

  it("says which file is damaged, and takes no file under another card's name", () => {
    wallet.add(seller, { user: ADA, name: "one" });
    const file = fs.readdirSync(dir).find((name) => name.startsWith("card-"))!;
    const text = fs.readFileSync(path.join(dir, file), "utf8");
    fs.writeFileSync(path.join(dir, file), text.slice(1));
    expect(() => openWallet(dir).list(null)).toThrow(file);
    expect(errorOf(() => openWallet(dir).list(null))).toContain("malformed: not what this program");
    fs.writeFileSync(path.join(dir, file), text.replace(ADA, BOB));
    expect(errorOf(() => openWallet(dir).list(null))).toContain("another card's file, renamed");
  });

  it("clears away what an interrupted writing left, not what may be under way", () => {
    const [old, young] = ["card-a.json.000000000000.tmp", "card-b.json.000000000000.tmp"];
    for (const name of [old, young]) fs.writeFileSync(path.join(dir, name), "{", { mode: 0o600 });
    const longAgo = new Date(Date.now() - 61_000);
    fs.utimesSync(path.join(dir, old), longAgo, longAgo);
    expect(openWallet(dir).list(null)).toEqual([]);
    expect(fs.readdirSync(dir)).toEqual([young]);
  });

  it("leaves nothing half written when the disk refuses", () => {
    wallet.add(seller, { user: ADA, name: "one" });
    const before = fs.readdirSync(dir);
    const full = vi.spyOn(fs, "renameSync").mockImplementation(() => {
      throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
    });
    try {
      expect(errorOf(() => wallet.add(seller, { user: BOB }))).toBe(
        "unwritable: cannot be written",
      );
    } finally {
      full.mockRestore();
    }
    expect(fs.readdirSync(dir)).toEqual(before);
  });
});

describe("a wallet with a passphrase", () => {
  const passphrase = "correct horse battery staple";

  it("has no private key in its files, and gives it to the passphrase alone", () => {
    const sealed = openWallet(path.join(dir, "sealed"), { passphrase });
    dir = path.join(dir, "sealed");
    sealed.add(seller, { user: ADA, name: "one" });
    const der = seller.privateKey.export({ format: "der", type: "pkcs8" });
    const pem = privateKeyPem(seller.privateKey);
    const held = [der.toString("base64"), der.subarray(-32).toString("base64"), pem.slice(30, 80)];
    for (const text of [...held, "PRIVATE KEY"]) expect(everyByte()).not.toContain(text);
    const message = Uint8Array.of(1);
    const again = openWallet(dir, { passphrase });
    expect(again.get("one", ADA)?.card.sign(message)).toEqual(openCard(seller).sign(message));
    expect(errorOf(() => openWallet(dir, { passphrase: "wrong" }))).toBe(
      "locked: the passphrase is wrong",
    );
    expect(errorOf(() => openWallet(dir))).toContain("locked: the wallet has a passphrase, and no");
    for (const name of fs.readdirSync(dir)) {
      expect(fs.statSync(path.join(dir, name)).mode & 0o777).toBe(0o600);
    }
  });

  it("seals what was in it before", () => {
    wallet.add(seller, { user: ADA, name: "one" });
    expect(everyByte()).toContain("BEGIN PRIVATE KEY");
    const sealed = openWallet(dir, { passphrase });
    expect(everyByte()).not.toContain("PRIVATE KEY");
    expect(sealed.get("one", ADA)?.card.memberId).toBe("seller1@vt.edu");
    // Opened before it had one: no longer able to read it, and says so.
    expect(errorOf(() => wallet.list(null))).toContain("locked: the wallet has a passphrase now");
  });

  it("opens no key that was moved to another card, or altered", () => {
    const sealed = openWallet(path.join(dir, "sealed"), { passphrase });
    dir = path.join(dir, "sealed");
    sealed.add(seller, { user: ADA, name: "one" });
    const file = path.join(dir, fs.readdirSync(dir).find((name) => name.startsWith("card-"))!);
    const stored = JSON.parse(fs.readFileSync(file, "utf8")) as {
      privateKey: { sealed: string; iv: string; tag: string };
    };
    const bytes = Buffer.from(stored.privateKey.sealed, "base64");
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    const altered = { ...stored.privateKey, sealed: bytes.toString("base64") };
    const short = { ...stored.privateKey, tag: stored.privateKey.tag.slice(0, 8) };
    for (const privateKey of [altered, short]) {
      fs.writeFileSync(file, JSON.stringify({ ...stored, privateKey }));
      expect(errorOf(() => openWallet(dir, { passphrase }).list(null))).toContain("does not open");
    }
  });

  it("takes it from a file that only its owner may read", () => {
    const file = path.join(root, "passphrase");
    fs.writeFileSync(file, "hush hush\n", { mode: 0o600 });
    expect(readPassphrase(file)).toBe("hush hush");
    fs.writeFileSync(file, "\n");
    expect(errorOf(() => readPassphrase(file))).toContain("1 to 1024 bytes");
    fs.chmodSync(file, 0o644);
    expect(errorOf(() => readPassphrase(file))).toContain("tooOpen");
  });
});

describe("two processes at one wallet", () => {
  it("lose no card", async () => {
    const module = path.join(import.meta.dirname, "../../../agent/io/wallet/wallet.ts");
    const card = path.join(root, "seller.card");
    fs.writeFileSync(card, writeCardFile(seller));
    const script = `import { readFileSync } from "node:fs";
      const { openWallet } = await import(${JSON.stringify(module)});
      const wallet = openWallet(${JSON.stringify(dir)});
      for (let i = 0; i < 10; i += 1) {
        wallet.import(readFileSync(${JSON.stringify(card)}), { user: process.argv[1], name: "card" + i });
      }`;
    const done = ["a", "b", "c"].map(
      (user) =>
        new Promise((resolve) => {
          const args = ["--input-type=module", "-e", script, user];
          spawn(process.execPath, args, { stdio: "inherit" }).once("exit", resolve);
        }),
    );
    expect(await Promise.all(done)).toEqual([0, 0, 0]);
    expect(wallet.list(null)).toHaveLength(30);
    expect(wallet.list(null).filter(({ isDefault }) => isDefault)).toHaveLength(3);
  });
});
