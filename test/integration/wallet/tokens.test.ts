import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { type UnixMs, unixMs } from "../../../agent/core/units/time.ts";
import { KeyError } from "../../../agent/io/keys.ts";
import { openTokens, type TokenRecord, type Tokens } from "../../../agent/io/wallet/tokens.ts";

const root = fs.mkdtempSync(path.join(os.tmpdir(), "tokens-"));
afterAll(() => fs.rmSync(root, { recursive: true }));

const AT = unixMs(1_000_000);
let dir = "";
let tokens: Tokens;
let time: UnixMs;
let count = 0;
beforeEach(() => {
  count += 1;
  dir = path.join(root, `tokens${count}`);
  time = AT;
  tokens = openTokens(dir, () => time);
});

const wanted = (changes: Partial<TokenRecord> = {}): Omit<TokenRecord, "id"> => ({
  ...{ user: "seller1@vt.edu", isOperator: false, card: null, scopes: ["read", "trade"] },
  expiresAt: unixMs(AT + 1000),
  ...changes,
});

describe("a token", () => {
  it("is 64 letters and digits, each as likely", () => {
    const seen = new Map<string, number>();
    for (let i = 0; i < 100; i += 1) {
      const token = tokens.issue(wanted({ user: `user${i}` }));
      expect(token).toMatch(/^[A-Za-z0-9]{64}$/);
      for (const letter of token) seen.set(letter, (seen.get(letter) ?? 0) + 1);
    }
    // 6,400 letters, 103 of each expected, standard deviation 10: seven of them either way.
    expect(seen.size).toBe(62);
    for (const times of seen.values()) expect(Math.abs(times - 103)).toBeLessThan(70);
  });

  it("gives what it was issued for, until it ends", () => {
    const token = tokens.issue(wanted({ card: "seller1@vt.edu@pv-auction" }));
    const id = createHash("sha256").update(token).digest("hex").slice(0, 16);
    const record = { id, ...wanted({ card: "seller1@vt.edu@pv-auction" }) };
    expect(tokens.find(token, AT)).toEqual({ status: "valid", record });
    expect(tokens.find(token, unixMs(AT + 999))).toEqual({ status: "valid", record });
    expect(tokens.find(token, unixMs(AT + 1000))).toEqual({ status: "expired" });
    expect(tokens.list()).toEqual([record]);
  });

  it("is not stored", () => {
    const token = tokens.issue(wanted());
    const [name] = fs.readdirSync(dir);
    expect(fs.readdirSync(dir)).toHaveLength(1);
    expect(name).toBe(`${createHash("sha256").update(token).digest("hex")}.json`);
    expect(fs.readFileSync(path.join(dir, name!), "utf8")).not.toContain(token.slice(0, 12));
    expect(fs.statSync(path.join(dir, name!)).mode & 0o777).toBe(0o600);
    expect(fs.statSync(dir).mode & 0o777).toBe(0o700);
  });

  it("that nobody issued is unknown", () => {
    const token = tokens.issue(wanted());
    const other = `${token.slice(0, 63)}${token.endsWith("a") ? "b" : "a"}`;
    const hash = createHash("sha256").update(token).digest("hex");
    for (const text of [other, "", `${token} `, hash, "../x", "x".repeat(1_000_000)]) {
      expect(tokens.find(text, AT)).toEqual({ status: "unknown" });
      expect(tokens.revokeToken(text)).toBe(false);
    }
  });

  it("opens nothing once it is revoked, by its id or by itself", () => {
    const [one, two] = [tokens.issue(wanted()), tokens.issue(wanted())];
    const found = tokens.find(one, AT);
    expect(found.status === "valid" && tokens.revoke(found.record.id)).toBe(true);
    expect(tokens.find(one, AT)).toEqual({ status: "unknown" });
    expect(tokens.find(two, AT).status).toBe("valid");
    expect(tokens.revokeToken(two)).toBe(true);
    expect(tokens.revokeToken(two)).toBe(false);
    expect(tokens.revoke("0123456789abcdef")).toBe(false);
    expect(tokens.list()).toEqual([]);
  });

  it("issued or revoked by another process counts at once", () => {
    const other = openTokens(dir, () => time);
    const token = other.issue(wanted());
    expect(tokens.find(token, AT).status).toBe("valid");
    other.revokeToken(token);
    expect(tokens.find(token, AT).status).toBe("unknown");
  });

  it("outlives the process", () => {
    const token = tokens.issue(wanted());
    expect(openTokens(dir).find(token, AT).status).toBe("valid");
  });

  it("pushes out the user's own that ends first, and nobody else's", () => {
    const other = tokens.issue(wanted({ user: "buyer1@vt.edu", expiresAt: unixMs(AT + 1) }));
    const own = Array.from({ length: 33 }, (_, i) =>
      tokens.issue(wanted({ expiresAt: unixMs(AT + 2000 - i) })),
    );
    // The 32nd ended first when the 33rd came.
    const gone = own.map((token) => tokens.find(token, AT).status !== "valid");
    expect(gone.flatMap((isGone, i) => (isGone ? [i] : []))).toEqual([31]);
    expect(tokens.find(other, AT).status).toBe("valid");
    expect(tokens.list()).toHaveLength(33);
  });

  it("needs room: what is over goes first, then no more is issued", () => {
    for (let i = 0; i < 4096; i += 1) {
      const record = wanted({ user: `user${i}`, expiresAt: unixMs(AT + 1 + (i % 2)) });
      const { ...json } = record;
      fs.writeFileSync(
        path.join(dir, `${i.toString(16).padStart(64, "0")}.json`),
        JSON.stringify(json),
        {
          mode: 0o600,
        },
      );
    }
    expect(() => tokens.issue(wanted())).toThrow(KeyError);
    expect(() => tokens.issue(wanted())).toThrow("4096 tokens, and no more may be");
    time = unixMs(AT + 1);
    tokens.issue(wanted());
    expect(tokens.list()).toHaveLength(2049);
  });

  it("of a damaged file opens nothing, and the file is named", () => {
    const token = tokens.issue(wanted());
    const [name] = fs.readdirSync(dir);
    fs.writeFileSync(path.join(dir, name!), '{"user":"x"}');
    expect(() => openTokens(dir).find(token, AT)).toThrow(name);
    expect(() => openTokens(dir).find(token, AT)).toThrow("not what this program wrote");
  });
});
