// Access tokens: who holds one acts as its user. Only a token's SHA-256 is stored, one small file for each, so
// that the agent and the command line never overwrite each other's and a copy of the folder opens no door.
// A token is looked up by its hash: how long that takes says nothing about any other token.

import { createHash, randomBytes } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { z } from "zod";
import type { UnixMs } from "../../core/units/time.ts";
import {
  KeyError,
  ownPrivateFolder,
  readPrivateFile,
  removePrivateFile,
  removeUnfinished,
  writePrivateFile,
} from "../privateFiles.ts";
import { rereadOnChange } from "./reread.ts";

/** In a home's data directory. */
export const TOKENS_FOLDER = "tokens";

const TOKENS_MAX = 4096;
/** A person who logs in again and again loses the token that ends first. */
const TOKENS_OF_USER_MAX = 32;
const TOKEN_LENGTH = 64;
const TOKEN = /^[A-Za-z0-9]{64}$/;
const ID_DIGITS = 16;

/** What a token may do: look, trade, keep cards, issue and revoke identities. */
export const SCOPES = ["read", "trade", "wallet", "identity"] as const;
export type Scope = (typeof SCOPES)[number];

export type TokenRecord = {
  /** 16 hex digits, no secret. */
  readonly id: string;
  readonly user: string;
  /** Of whoever runs the agent: issued without naming a user. Its wallet is the operator's own, no more. */
  readonly isOperator: boolean;
  /** The name of the card that it acts as; null: the user's default. */
  readonly card: string | null;
  readonly scopes: readonly Scope[];
  /** From then on it opens nothing. */
  readonly expiresAt: UnixMs;
};

export type FoundToken =
  | { readonly status: "valid"; readonly record: TokenRecord }
  | { readonly status: "expired" | "unknown" };

/** Every call throws KeyError where the disk fails or somebody damaged a file. */
export type Tokens = {
  /** A new token, 64 letters and digits: the only time that anybody sees it. Throws `full`. */
  readonly issue: (wanted: Omit<TokenRecord, "id">) => string;
  readonly find: (token: string, now: UnixMs) => FoundToken;
  /** False: there is none. */
  readonly revoke: (id: string) => boolean;
  readonly revokeToken: (token: string) => boolean;
  /** By user, then by end. */
  readonly list: () => readonly TokenRecord[];
};

const shape = z.strictObject({
  user: z.string().min(1).max(256),
  isOperator: z.boolean(),
  card: z.string().min(1).max(256).nullable(),
  scopes: z.array(z.enum(SCOPES)).max(SCOPES.length),
  expiresAt: z
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .transform((at) => at as UnixMs),
});

/** Opens a folder of tokens, made if there is none (0700, files 0600). `now` decides which are over. */
export function openTokens(dir: string, now: () => UnixMs = () => Date.now() as UnixMs): Tokens {
  ownPrivateFolder(dir);
  removeUnfinished(dir);
  const all = rereadOnChange(dir, tokenReader(dir));
  const fileOf = (hash: string): string => path.join(dir, `${hash}.json`);
  const sorted = (): [string, TokenRecord][] =>
    [...all()].sort(([, a], [, b]) => byUser(a.user, b.user) || a.expiresAt - b.expiresAt);
  return {
    issue: (wanted) => {
      makeRoom(sorted(), {
        user: wanted.user,
        now: now(),
        drop: (h) => removePrivateFile(fileOf(h)),
      });
      const token = randomToken();
      writePrivateFile(fileOf(hashOf(token)), JSON.stringify(shape.parse(wanted)), true);
      return token;
    },
    find: (token, at) => {
      const record = TOKEN.test(token) ? all().get(hashOf(token)) : undefined;
      if (record === undefined) return { status: "unknown" };
      return at < record.expiresAt ? { status: "valid", record } : { status: "expired" };
    },
    revoke: (id) => {
      const found = [...all()].find(([, record]) => record.id === id);
      return found !== undefined && removePrivateFile(fileOf(found[0]));
    },
    revokeToken: (token) => TOKEN.test(token) && removePrivateFile(fileOf(hashOf(token))),
    list: () => sorted().map(([, record]) => record),
  };
}

type Room = {
  readonly user: string;
  readonly now: UnixMs;
  readonly drop: (hash: string) => void;
};

function makeRoom(all: readonly [string, TokenRecord][], { user, now, drop }: Room): void {
  const isOver = (record: TokenRecord): boolean => record.expiresAt <= now;
  // Kept a while, a token that is over is told apart from one that never was; no longer than room is needed.
  const over = all.filter(([, record]) => isOver(record));
  if (all.length >= TOKENS_MAX) for (const [hash] of over) drop(hash);
  const own = all.filter(([, record]) => record.user === user);
  const [first] = own;
  if (own.length >= TOKENS_OF_USER_MAX && first !== undefined) drop(first[0]);
  else if (all.length - over.length >= TOKENS_MAX) {
    const sentence = `there are ${TOKENS_MAX} tokens, and no more may be: revoke some`;
    throw new KeyError("full", { path: "tokens", sentence });
  }
}

/** By hash. A token's file never changes, so each is read once. */
function tokenReader(dir: string): () => ReadonlyMap<string, TokenRecord> {
  let known: ReadonlyMap<string, TokenRecord> = new Map();
  return () => {
    const now = new Map<string, TokenRecord>();
    for (const name of fs.readdirSync(dir)) {
      const hash = /^([0-9a-f]{64})\.json$/.exec(name)?.[1];
      if (hash === undefined) continue;
      const record = known.get(hash) ?? readRecord(path.join(dir, name), hash);
      if (record !== null) now.set(hash, record);
    }
    known = now;
    return now;
  };
}

/** Null: revoked meanwhile. */
function readRecord(file: string, hash: string): TokenRecord | null {
  try {
    return { id: hash.slice(0, ID_DIGITS), ...shape.parse(JSON.parse(readPrivateFile(file))) };
  } catch (cause) {
    if (!fs.existsSync(file)) return null;
    if (cause instanceof KeyError) throw cause;
    const sentence = "not what this program wrote: remove it, and issue the token again";
    throw new KeyError("malformed", { path: file, sentence, cause });
  }
}

function byUser(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/** The largest multiple of 62 in a byte: all letters alike. */
const FAIR = 248;

function randomToken(): string {
  let token = "";
  while (token.length < TOKEN_LENGTH) {
    for (const byte of randomBytes(TOKEN_LENGTH)) {
      if (byte < FAIR && token.length < TOKEN_LENGTH) token += LETTERS[byte % LETTERS.length];
    }
  }
  return token;
}
