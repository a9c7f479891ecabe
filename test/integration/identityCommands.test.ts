import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unixMs } from "../../agent/core/units/time.ts";
import { publicKeyOf, readCard } from "../../agent/io/keys.ts";
import { readCardFile } from "../../agent/io/wallet/cardFile.ts";
import { openTokens } from "../../agent/io/wallet/tokens.ts";
import { openWallet } from "../../agent/io/wallet/wallet.ts";

const MAIN = path.join(import.meta.dirname, "../../agent/main.ts");
const root = fs.mkdtempSync(path.join(os.tmpdir(), "identity-"));
afterAll(() => fs.rmSync(root, { recursive: true }));
const at = (...names: string[]): string => path.join(root, ...names);
const modeOf = (file: string): number => fs.statSync(file).mode & 0o777;

type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

function run(...args: string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: "utf8",
  });
  return { code: status, stdout, stderr };
}

function done(...args: string[]): string {
  const { code, stdout, stderr } = run(...args);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout;
}

const PERSON = ["--first-name", "Ada", "--last-name", "Lovelace"];
const SELLER = ["--member", "seller1@vt.edu", ...PERSON];
const issue = (...args: string[]): string => done("ca", "issue", "--ca", at("ca"), ...args);

const hasOpenssl = spawnSync("openssl", ["version"]).status === 0;
if (!hasOpenssl) process.stdout.write("skipped: no openssl binary here to verify with\n");
const openssl = (...args: string[]): string => execFileSync("openssl", args, { encoding: "utf8" });

beforeAll(() => {
  expect(done("ca", "init", at("ca"))).toMatch(/^caPublicKey: [0-9a-f]{64}\n$/);
  issue(...SELLER, "--out", at("seller1.card"), "--network", "pv-auction");
});

describe("ca init and ca issue", () => {
  it("make a .card that a wallet reads, for its owner alone", () => {
    const file = at("seller1.card");
    expect(modeOf(file)).toBe(0o600);
    const card = readCardFile(fs.readFileSync(file));
    expect(card.metadata).toEqual({
      ...{ version: 1, userName: "seller1@vt.edu", businessNetwork: "pv-auction" },
    });
    const again = run("ca", "issue", "--ca", at("ca"), ...SELLER, "--out", file);
    expect(again).toMatchObject({ code: 1, stderr: `${file}: is there already\n` });
    expect(readCardFile(fs.readFileSync(file)).certificate).toEqual(card.certificate);
  });

  it("make a folder where the name does not end in .card, and keep their old names", () => {
    const printed = issue(...SELLER, "--out", at("folder"));
    const hex = Buffer.from(readCard(at("folder")).publicKey).toString("hex");
    expect(printed).toBe(`memberId: seller1@vt.edu\npublicKey: ${hex}\n`);
    done("ca", "create", at("ca2"));
    done("card", "create", at("folder2"), "--ca", at("ca2"), ...SELLER);
    expect(readCard(at("folder2")).memberId).toBe("seller1@vt.edu");
  });

  it.skipIf(!hasOpenssl)("satisfy openssl verify and openssl x509", () => {
    issue(...SELLER, "--out", at("checked"));
    const leaf = at("checked", "credentials", "certificate");
    const root = at("ca", "certificate");
    const verified = openssl("verify", "-x509_strict", "-check_ss_sig", "-CAfile", root, leaf);
    expect(verified).toBe(`${leaf}: OK\n`);
    const text = openssl("x509", "-in", leaf, "-noout", "-text");
    expect(text).toContain("Public Key Algorithm: ED25519");
    expect(text).toContain("Signature Algorithm: ED25519");
    expect(text).toContain("email:seller1@vt.edu");
    const key = openssl("pkey", "-in", at("checked", "credentials", "privateKey"), "-pubout");
    expect(openssl("x509", "-in", leaf, "-noout", "-pubkey")).toBe(key);
    done("ca", "create", at("otherCa"));
    const other = spawnSync("openssl", ["verify", "-CAfile", at("otherCa", "certificate"), leaf]);
    expect(other.status).not.toBe(0);
  });

  it("say what is wrong with their options", () => {
    const wrong = run("ca", "issue", "--ca", at("ca"), ...PERSON, "--member", "Ada", "--out", "x");
    expect(wrong).toMatchObject({
      code: 2,
      stderr: "--member Ada: an e-mail address in lower case\n",
    });
  });
});

describe("ca revoke", () => {
  it("is `ca order revoke`", () => {
    const order = ["--ca", at("ca"), "--data", at("none"), "--out", at("order.json"), "--json"];
    const wanted = [...order, "--member", "Seller1", "--reason", "lost"];
    const short = run("ca", "revoke", ...wanted);
    expect(short).toEqual(run("ca", "order", "revoke", ...wanted));
    expect(short.code).toBe(2);
    expect(short.stdout).toContain("Seller1: a member is an e-mail address in lower case");
  });
});

describe("a key made at home", () => {
  it("gets its certificate, and the key never leaves", () => {
    const printed = done("card", "request", at("home"), "--member", "seller1@vt.edu");
    expect(modeOf(at("home"))).toBe(0o700);
    expect(modeOf(at("home", "privateKey"))).toBe(0o600);
    const certificate = at("home.pem");
    const request = at("home", "request.pem");
    const issued = issue(...SELLER, "--request", request, "--out", certificate);
    const key = /publicKey: ([0-9a-f]{64})/.exec(issued)?.[1];
    expect(key).toBeDefined();
    expect(printed).toContain(`publicKey: ${key}`);
    expect(fs.readFileSync(certificate, "utf8")).not.toContain("PRIVATE");
    done("card", "complete", at("home"), "--certificate", certificate, "--out", at("home.card"));
    const card = readCardFile(fs.readFileSync(at("home.card")));
    expect(Buffer.from(publicKeyOf(card.privateKey)).toString("hex")).toBe(key);
    expect(card.metadata.userName).toBe("seller1@vt.edu");
  });

  it("is not certified for a request that is another's or altered", () => {
    done("card", "request", at("mine"), "--member", "seller1@vt.edu");
    done("card", "request", at("yours"), "--member", "buyer1@vt.edu");
    const der = Buffer.from(
      fs.readFileSync(at("mine", "request.pem"), "utf8").replace(/-----.*-----|\s/g, ""),
      "base64",
    );
    der[der.length - 1] = (der[der.length - 1] ?? 0) ^ 1;
    const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
    fs.writeFileSync(at("altered.pem"), pem);
    const order = ["ca", "issue", "--ca", at("ca"), ...SELLER, "--out", at("no.pem"), "--request"];
    const altered = run(...order, at("altered.pem"));
    expect(altered).toMatchObject({ code: 1, stdout: "" });
    expect(altered.stderr).toContain("its sender has not signed it with its key");
    expect(run(...order, at("seller1.card")).stderr).toContain("not one certificate request");
    expect(run(...order, at("yours", "request.pem")).stderr).toContain(
      "it is a request of buyer1@vt.edu, not of seller1@vt.edu",
    );
    issue(...SELLER, "--request", at("mine", "request.pem"), "--out", at("mine.pem"));
    const mixed = ["--certificate", at("mine.pem"), "--out", at("mixed.card")];
    const { code, stderr } = run("card", "complete", at("yours"), ...mixed);
    expect(code).toBe(1);
    expect(stderr).toContain("the private key is not the one that seller1@vt.edu is certified for");
    expect(fs.existsSync(at("mixed.card"))).toBe(false);
  });

  it.skipIf(!hasOpenssl)("may come from openssl, with a key of ours alone", () => {
    const files = (name: string): [string, string] => [at(`${name}.key`), at(`${name}.csr`)];
    const [ownKey, ownRequest] = files("own");
    openssl("genpkey", "-algorithm", "ed25519", "-out", ownKey);
    openssl("req", "-new", "-key", ownKey, "-subj", "/CN=Ada", "-out", ownRequest);
    issue(...SELLER, "--request", ownRequest, "--out", at("own.pem"));
    expect(openssl("x509", "-in", at("own.pem"), "-noout", "-pubkey")).toBe(
      openssl("pkey", "-in", ownKey, "-pubout"),
    );
    const [curveKey, curveRequest] = files("curve");
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", curveKey);
    openssl("req", "-new", "-key", curveKey, "-subj", "/CN=Ada", "-out", curveRequest);
    const order = ["ca", "issue", "--ca", at("ca"), ...SELLER, "--out", at("no.pem"), "--request"];
    expect(run(...order, curveRequest).stderr).toContain("not an Ed25519 key");
  });
});

describe("wallet", () => {
  it("imports, lists, exports, chooses and deletes cards", () => {
    const data = at("data");
    fs.mkdirSync(data, { mode: 0o700 });
    const wallet = (name: string, ...args: string[]): string =>
      done("wallet", name, "--data", data, ...args);
    expect(wallet("list")).toBe("no cards\n");
    expect(wallet("import", at("seller1.card"))).toBe(
      "card: seller1@vt.edu@pv-auction\nuser: seller1@vt.edu\n",
    );
    expect(modeOf(path.join(data, "wallet"))).toBe(0o700);
    // Twice the same is harmless; another key under the same name is not.
    wallet("import", at("seller1.card"));
    issue(...SELLER, "--out", at("another.card"), "--network", "pv-auction");
    const another = ["wallet", "import", at("another.card"), "--data", data];
    expect(run(...another)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("has a card seller1@vt.edu@pv-auction with another key"),
    });
    done(...another, "--replace");
    wallet("import", at("seller1.card"), "--replace");
    wallet("import", at("seller1.card"), "--name", "second", "--user", "seller1@vt.edu");
    const until = "until 20\\d\\d-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d.000Z";
    const line = (name: string) => `seller1@vt\\.edu {2}${name} {2}seller1@vt\\.edu {2}${until}`;
    expect(wallet("list")).toMatch(
      new RegExp(`^${line("second")}\n${line("seller1@vt.edu@pv-auction")} {2}default\n$`),
    );
    wallet("default", "second");
    const cards = JSON.parse(wallet("list", "--json")) as { name: string; isDefault: boolean }[];
    expect(cards.map(({ name, isDefault }) => [name, isDefault])).toEqual([
      ["second", true],
      ["seller1@vt.edu@pv-auction", false],
    ]);
    wallet("export", "second", "--out", at("exported.card"));
    expect(modeOf(at("exported.card"))).toBe(0o600);
    expect(readCardFile(fs.readFileSync(at("exported.card"))).certificate).toEqual(
      readCardFile(fs.readFileSync(at("seller1.card"))).certificate,
    );
    wallet("delete", "second");
    const gone = run("wallet", "delete", "second", "--data", data);
    expect(gone.code).toBe(1);
    expect(gone.stderr).toContain('The business network card "second" does not exist');
    expect(openWallet(path.join(data, "wallet")).list(null)).toHaveLength(1);
  });

  it("is sealed by a passphrase from a file", () => {
    const [dir, secret] = [at("sealed"), at("secret")];
    fs.writeFileSync(secret, "hush hush\n", { mode: 0o600 });
    const options = ["--wallet", dir, "--passphrase-file", secret];
    done("wallet", "import", at("seller1.card"), ...options);
    expect(done("wallet", "list", ...options)).toContain("seller1@vt.edu@pv-auction");
    const locked = run("wallet", "list", "--wallet", dir);
    expect(locked.code).toBe(1);
    expect(locked.stderr).toContain("the wallet has a passphrase");
    expect(openWallet(dir, { passphrase: "hush hush" }).list(null)).toHaveLength(1);
  });

  it("is not made where a folder was mistyped", () => {
    expect(run("wallet", "list", "--data", at("typo"))).toMatchObject({
      code: 1,
      stderr: `${at("typo")}: there is no such folder\n`,
    });
    expect(run("wallet", "list").stderr).toBe("name either --data or --wallet\n");
    expect(run("wallet", "import", at("seller1.card"), "--data", at("typo")).code).toBe(1);
    expect(fs.existsSync(at("typo"))).toBe(false);
  });
});

describe("token", () => {
  it("issues, lists and revokes, and shows a token once", () => {
    const data = at("tokenData");
    fs.mkdirSync(data, { mode: 0o700 });
    const user = ["--user", "seller1@vt.edu", "--scope", "read", "trade", "--days", "2"];
    const token = done("token", "issue", "--data", data, ...user).trim();
    expect(token).toMatch(/^[A-Za-z0-9]{64}$/);
    const operator = JSON.parse(done("token", "issue", "--data", data, "--json")) as object;
    expect(operator).toMatchObject({ user: "operator", isOperator: true, card: null });
    const tokens = openTokens(path.join(data, "tokens"));
    const now = unixMs(Date.now());
    expect(tokens.find(token, now)).toMatchObject({
      record: { user: "seller1@vt.edu", isOperator: false, scopes: ["read", "trade"] },
    });
    expect(tokens.find(token, unixMs(now + 2 * 86_400_000)).status).toBe("expired");
    const listed = done("token", "list", "--data", data);
    expect(listed).not.toContain(token.slice(0, 8));
    const id = /^([0-9a-f]{16}) {2}seller1/m.exec(listed)?.[1] ?? "";
    expect(done("token", "revoke", id, "--data", data)).toBe(`revoked: ${id}\n`);
    expect(tokens.find(token, now).status).toBe("unknown");
    expect(run("token", "revoke", id, "--data", data).code).toBe(1);
    const wrong = run("token", "issue", "--data", data, "--scope", "all", "--days", "0");
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toBe(
      "--days 0: a whole number from 1 to 3650\n--scope all: one of read, trade, wallet, identity\n",
    );
  });
});
