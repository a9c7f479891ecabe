// The wallet's files: one for each card, one for each user's default. Each is written whole or not at all, and
// named after a hash of whose it is, so that no name from outside becomes a path and no two processes ever
// read and write back one common file.

import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import { readCertificate } from "../../core/certificate.ts";
import {
  type Card,
  type CardContents,
  connectionSchema,
  KeyError,
  metadataSchema,
  openCard,
  parsePemCertificate,
} from "../keys.ts";
import { toPem } from "../pem.ts";
import {
  FILE_BYTES_MAX,
  ownPrivateFolder,
  readPrivateFile,
  removePrivateFile,
  removeUnfinished,
  writePrivateFile,
} from "../privateFiles.ts";
import { rereadOnChange, stampOf } from "./reread.ts";
import { openVault, storedKey, type Vault } from "./vault.ts";

/** Whose card, and what that user calls it. */
export type CardKey = { readonly user: string; readonly name: string };

export type StoredCard = CardKey & {
  readonly card: Card;
  readonly notBefore: number;
  /** With the private key: for export alone. */
  readonly contents: CardContents;
};

export type CardStore = {
  readonly cards: () => readonly StoredCard[];
  /** A user's default; may name a card that is there no more. */
  readonly defaults: () => ReadonlyMap<string, string>;
  /** In place of one with the same key. */
  readonly put: (key: CardKey, contents: CardContents) => void;
  readonly remove: (key: CardKey) => void;
  /** null: none. */
  readonly setDefault: (user: string, name: string | null) => void;
};

const cardShape = z.strictObject({
  user: z.string(),
  name: z.string(),
  metadata: metadataSchema,
  connection: connectionSchema,
  certificate: z.string(),
  privateKey: storedKey,
});
const defaultShape = z.strictObject({ user: z.string(), name: z.string() });

const CARD_FILE = /^card-[0-9a-f]{32}\.json$/;
const DEFAULT_FILE = /^default-[0-9a-f]{32}\.json$/;

/** Opens a folder of cards, made if there is none. Throws KeyError. */
export function openCardStore(dir: string, passphrase: string | undefined): CardStore {
  ownPrivateFolder(dir);
  removeUnfinished(dir);
  const vault = openVault(dir, passphrase);
  const read = cardReader(vault);
  const all = rereadOnChange(dir, () => {
    const names = fs.readdirSync(dir).sort();
    const cards = read(names.filter((name) => CARD_FILE.test(name)).map((n) => path.join(dir, n)));
    const defaults = new Map<string, string>();
    for (const name of names.filter((one) => DEFAULT_FILE.test(one))) {
      const found = readJson(path.join(dir, name), defaultShape);
      if (found !== null) defaults.set(found.user, found.name);
    }
    return { cards, defaults };
  });
  const cardPath = (key: CardKey): string => path.join(dir, cardFile(key));
  const store: CardStore = {
    cards: () => all().cards,
    defaults: () => all().defaults,
    put: (key, contents) => writePrivateFile(cardPath(key), cardText(vault, key, contents)),
    remove: (key) => {
      removePrivateFile(cardPath(key));
    },
    setDefault: (user, name) => {
      const file = path.join(dir, `default-${hashOf(user)}.json`);
      if (name === null) removePrivateFile(file);
      else writePrivateFile(file, JSON.stringify({ user, name }));
    },
  };
  if (vault.isSealed) sealAll(dir, store);
  return store;
}

/** Cards from before the wallet had a passphrase. */
function sealAll(dir: string, store: CardStore): void {
  for (const { user, name, contents } of store.cards()) {
    const stored = readJson(path.join(dir, cardFile({ user, name })), cardShape);
    if (stored !== null && "pkcs8" in stored.privateKey) store.put({ user, name }, contents);
  }
}

/** Reads only those files again that are not what they were. */
function cardReader(vault: Vault): (files: readonly string[]) => readonly StoredCard[] {
  let known = new Map<string, { readonly stamp: string; readonly card: StoredCard }>();
  return (files) => {
    const now = new Map<string, { readonly stamp: string; readonly card: StoredCard }>();
    for (const file of files) {
      const { stamp } = stampOf(file);
      const before = known.get(file);
      const card = before?.stamp === stamp ? before.card : readStored(vault, file);
      if (card !== null) now.set(file, { stamp, card });
    }
    known = now;
    return [...now.values()].map(({ card }) => card);
  };
}

/** Null: it was deleted meanwhile. */
function readStored(vault: Vault, file: string): StoredCard | null {
  const stored = readJson(file, cardShape);
  if (stored === null) return null;
  const { user, name, metadata, connection } = stored;
  if (cardFile({ user, name }) !== path.basename(file)) {
    throw new KeyError("malformed", {
      path: file,
      sentence: "this is another card's file, renamed",
    });
  }
  const contents = {
    ...{ metadata, connection },
    certificate: parsePemCertificate(stored.certificate, file),
    privateKey: vault.open(stored.privateKey, labelOf({ user, name })),
  };
  const card = openCard(contents, file);
  return { user, name, card, contents, notBefore: beginOf(card) };
}

function beginOf(card: Card): number {
  const read = readCertificate(card.certificate);
  return read.ok ? read.value.notBefore : 0;
}

/** Null: there is none. */
function readJson<T>(file: string, schema: z.ZodType<T>): T | null {
  let text: string;
  try {
    text = readPrivateFile(file);
  } catch (error) {
    if (error instanceof KeyError && error.code === "notFound" && !fs.existsSync(file)) return null;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    const sentence = "not what this program wrote: put the card's file back, or delete this one";
    throw new KeyError("malformed", { path: file, sentence, cause });
  }
}

function cardText(vault: Vault, key: CardKey, contents: CardContents): string {
  const { metadata, connection, certificate, privateKey } = contents;
  const text = JSON.stringify({
    ...key,
    ...{ metadata, connection },
    certificate: toPem("CERTIFICATE", certificate),
    privateKey: vault.store(privateKey, labelOf(key)),
  });
  if (Buffer.byteLength(text) <= FILE_BYTES_MAX) return text;
  throw new KeyError("malformed", { path: key.name, sentence: "the card is too large" });
}

function cardFile(key: CardKey): string {
  return `card-${hashOf(labelOf(key))}.json`;
}

/** The same text for the same user and name alone. */
function labelOf({ user, name }: CardKey): string {
  return JSON.stringify([user, name]);
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}
