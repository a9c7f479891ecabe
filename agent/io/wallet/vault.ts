// Private keys at rest. With a passphrase they are sealed with AES-256-GCM under one key that scrypt makes of
// it; without, they are PKCS8 in files of mode 0600. (OpenSSL's own encrypted PKCS8 would stretch the
// passphrase by 2,048 rounds of PBKDF2, which Node does not let us raise.)

import { Buffer } from "node:buffer";
import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  type KeyObject,
  randomBytes,
  scryptSync,
} from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import { parsePrivateKey, privateKeyPem } from "../keys.ts";
import { KeyError, readPrivateFile, writePrivateFile } from "../privateFiles.ts";

/** 16 MiB and five passes, as OWASP's password storage sheet has it: 0.2 s here, once for each opening. */
const SCRYPT = { N: 16_384, r: 8, p: 5, maxmem: 64 * 1024 * 1024 } as const;
const CIPHER = "aes-256-gcm";
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const PASSPHRASE_BYTES_MAX = 1024;
const CHECKED = "pvtrading wallet 1";

const base64 = z.base64().max(4096);
const sealedKey = z.strictObject({ sealed: base64, iv: base64, tag: base64 });
const openKey = z.strictObject({ pkcs8: z.string().max(4096) });
const saltFile = z.strictObject({ version: z.literal(1), salt: base64, check: sealedKey });

export const storedKey: z.ZodType<StoredKey> = z.union([openKey, sealedKey]);
export type StoredKey = z.infer<typeof openKey> | z.infer<typeof sealedKey>;

export type Vault = {
  readonly isSealed: boolean;
  /** `of` names the card; the sealed key opens under no other name. */
  readonly store: (key: KeyObject, of: string) => StoredKey;
  /** Throws KeyError `locked` or `malformed`. */
  readonly open: (stored: StoredKey, of: string) => KeyObject;
};

/**
 * The vault of a folder. The first passphrase given is its passphrase from then on; afterwards a missing or
 * wrong one is KeyError `locked`.
 */
export function openVault(dir: string, passphrase: string | undefined): Vault {
  const file = path.join(dir, "passphrase.json");
  if (!fs.existsSync(file)) {
    if (passphrase === undefined) return openVaultOf(file);
    makeSaltFile(file, passphrase);
  }
  if (passphrase === undefined) {
    return locked(file, "the wallet has a passphrase, and none was given (see passphraseFile)");
  }
  const { salt, check } = readSaltFile(file);
  const key = stretch(passphrase, salt);
  if (unseal(key, check, CHECKED) === null) return locked(file, "the passphrase is wrong");
  return sealedVaultOf(file, key);
}

/** Reads a passphrase from a file that only its owner may read; one line break at its end is not part of it. */
export function readPassphrase(file: string): string {
  const passphrase = readPrivateFile(file).replace(/\r?\n$/, "");
  if (passphrase !== "" && Buffer.byteLength(passphrase) <= PASSPHRASE_BYTES_MAX) return passphrase;
  const sentence = `a passphrase has 1 to ${PASSPHRASE_BYTES_MAX} bytes`;
  throw new KeyError("malformed", { path: file, sentence });
}

function openVaultOf(file: string): Vault {
  return {
    isSealed: false,
    store: (key) => ({ pkcs8: privateKeyPem(key) }),
    open: (stored, of) => {
      if ("pkcs8" in stored) return parsePrivateKey(stored.pkcs8, of);
      // Another process gave it a passphrase since it was opened here.
      return locked(file, "the wallet has a passphrase now: start again with it");
    },
  };
}

function sealedVaultOf(file: string, vaultKey: Uint8Array): Vault {
  return {
    isSealed: true,
    store: (key, of) => seal(vaultKey, key.export({ format: "der", type: "pkcs8" }), of),
    open: (stored, of) => {
      if ("pkcs8" in stored) return parsePrivateKey(stored.pkcs8, of);
      const der = unseal(vaultKey, stored, of);
      if (der !== null) return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
      const sentence = `the key of ${of} does not open: it was altered, or sealed for another wallet`;
      throw new KeyError("malformed", { path: path.dirname(file), sentence });
    },
  };
}

function makeSaltFile(file: string, passphrase: string): void {
  const salt = randomBytes(SALT_BYTES).toString("base64");
  const check = seal(stretch(passphrase, salt), Buffer.alloc(0), CHECKED);
  try {
    writePrivateFile(file, JSON.stringify({ version: 1, salt, check }), true);
  } catch (error) {
    // Another process was quicker: its salt holds.
    if (!(error instanceof KeyError) || error.code !== "exists") throw error;
  }
}

function readSaltFile(file: string): z.infer<typeof saltFile> {
  try {
    return saltFile.parse(JSON.parse(readPrivateFile(file)));
  } catch (cause) {
    if (cause instanceof KeyError) throw cause;
    throw new KeyError("malformed", { path: file, sentence: "not a wallet's salt", cause });
  }
}

function stretch(passphrase: string, salt: string): Uint8Array {
  return scryptSync(passphrase.normalize("NFC"), Buffer.from(salt, "base64"), KEY_BYTES, SCRYPT);
}

function seal(key: Uint8Array, plain: Uint8Array, of: string): z.infer<typeof sealedKey> {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES }).setAAD(
    Buffer.from(of),
  );
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  const text = (bytes: Buffer): string => bytes.toString("base64");
  return { sealed: text(sealed), iv: text(iv), tag: text(cipher.getAuthTag()) };
}

/** Null: another key, another name, or altered. */
function unseal(key: Uint8Array, sealed: z.infer<typeof sealedKey>, of: string): Buffer | null {
  try {
    const iv = Buffer.from(sealed.iv, "base64");
    const opener = createDecipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES });
    opener.setAAD(Buffer.from(of)).setAuthTag(Buffer.from(sealed.tag, "base64"));
    return Buffer.concat([opener.update(Buffer.from(sealed.sealed, "base64")), opener.final()]);
  } catch {
    // OpenSSL says no more than that it does not fit.
    return null;
  }
}

function locked(file: string, sentence: string): never {
  throw new KeyError("locked", { path: path.dirname(file), sentence });
}
