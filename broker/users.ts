// The users' file: names, roles, and passwords as scrypt hashes (RFC 7914), so that a copy of the file opens
// no door. Written by `broker user add`, read again while the broker runs.

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import fs from "node:fs";
import { z } from "zod";
import { BrokerError, causeText } from "./brokerError.ts";
import { ROLES, type Role, USER_NAME } from "./rights.ts";
import { writeWhole } from "./wholeFile.ts";

export const USERS_MAX = 1000;
export const PASSWORD_BYTES_MAX = 1024;
const FILE_BYTES_MAX = 1_048_576;
const OTHERS = 0o077;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** 16 MiB and some 50 ms each: a street that comes back after a restart logs in within seconds. */
const COST = { n: 16_384, r: 8, p: 1 };

const base64 = z.base64().min(1).max(128);
const record = z.strictObject({
  name: z.string().regex(USER_NAME, "letters, digits, _ and -, at most 64"),
  role: z.enum(ROLES),
  scrypt: z.strictObject({
    n: z.int().min(1024).max(1_048_576),
    r: z.int().min(1).max(32),
    p: z.int().min(1).max(16),
    salt: base64,
    hash: base64,
  }),
});
const shape = z.strictObject({ users: z.array(record).max(USERS_MAX) });

export type UserRecord = Readonly<z.infer<typeof record>>;

/** All users of the file, by name. Throws BrokerError with what to do. */
export function readUsers(file: string): ReadonlyMap<string, UserRecord> {
  const parsed = shape.safeParse(parseJson(file, readPrivate(file)));
  if (!parsed.success) {
    const problems = parsed.error.issues.map(
      ({ path, message }) => `${path.join(".")}: ${message}`,
    );
    throw new BrokerError("badUsersFile", `${file}: ${problems.join("; ")}`);
  }
  const users = new Map(parsed.data.users.map((user) => [user.name, user]));
  if (users.size === parsed.data.users.length) return users;
  throw new BrokerError("badUsersFile", `${file}: one name stands there twice`);
}

export type NewUser = {
  readonly name: string;
  readonly role: Role;
  /** 1 to 1024 bytes of UTF-8. */
  readonly password: string;
};

/** Adds a user, or gives it this role and password from now on; makes the file if there is none. */
export async function setUser(file: string, { name, role, password }: NewUser): Promise<void> {
  const users = new Map(fs.existsSync(file) ? readUsers(file) : []);
  const bytes = Buffer.from(password, "utf8");
  const problem =
    (USER_NAME.test(name) ? null : `"${name}": letters, digits, _ and -, at most 64`) ??
    (bytes.length > 0 ? null : "the password is empty") ??
    (bytes.length <= PASSWORD_BYTES_MAX
      ? null
      : `the password has more than ${PASSWORD_BYTES_MAX} bytes`) ??
    (users.has(name) || users.size < USERS_MAX ? null : `there are ${USERS_MAX} users already`);
  if (problem !== null) throw new BrokerError("badOption", problem);
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(bytes, { ...COST, salt, length: HASH_BYTES });
  const hashed = { ...COST, salt: salt.toString("base64"), hash: hash.toString("base64") };
  users.set(name, { name, role, scrypt: hashed });
  await write(file, users);
}

/** False: there is none of this name. */
export async function removeUser(file: string, name: string): Promise<boolean> {
  const users = new Map(readUsers(file));
  if (!users.delete(name)) return false;
  await write(file, users);
  return true;
}

/** Takes as long for a wrong password as for the right one. */
export async function isPasswordOf(user: UserRecord, password: Uint8Array): Promise<boolean> {
  const { salt, hash, ...cost } = user.scrypt;
  const wanted = Buffer.from(hash, "base64");
  const options = { ...cost, salt: Buffer.from(salt, "base64"), length: wanted.length };
  return timingSafeEqual(await derive(password, options), wanted);
}

/** Whose password nobody knows: asked about unknown names, which then take as long as known ones. */
export const NOBODY: UserRecord = {
  name: "nobody",
  role: "dashboard",
  scrypt: {
    ...COST,
    salt: Buffer.alloc(SALT_BYTES).toString("base64"),
    hash: Buffer.alloc(HASH_BYTES).toString("base64"),
  },
};

type Cost = { n: number; r: number; p: number; salt: Uint8Array; length: number };

function derive(password: Uint8Array, { n, r, p, salt, length }: Cost): Promise<Buffer> {
  // Node's own limit is 32 MiB; scrypt needs 128 N r bytes and a little.
  const options = { N: n, r, p, maxmem: 256 * n * r };
  return new Promise((resolve, reject) => {
    scrypt(password, salt, length, options, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

function readPrivate(file: string): string {
  let descriptor: number;
  try {
    descriptor = fs.openSync(file, "r");
  } catch (cause) {
    const sentence = `${file}: cannot be opened (${causeText(cause)}); \`broker user add\` makes it`;
    throw new BrokerError("badUsersFile", sentence, cause);
  }
  try {
    const { mode, size } = fs.fstatSync(descriptor);
    if ((mode & OTHERS) !== 0) {
      throw new BrokerError("badUsersFile", `${file}: others may read it: run chmod 600 on it`);
    }
    if (size > FILE_BYTES_MAX) throw new BrokerError("badUsersFile", `${file}: too large`);
    return fs.readFileSync(descriptor, "utf8");
  } finally {
    fs.closeSync(descriptor);
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BrokerError("badUsersFile", `${file}: is not JSON`, cause);
  }
}

async function write(file: string, users: ReadonlyMap<string, UserRecord>): Promise<void> {
  const sorted = [...users.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  try {
    await writeWhole(file, `${JSON.stringify({ users: sorted }, null, 2)}\n`);
  } catch (cause) {
    throw new BrokerError("fileFailed", `${file}: cannot be written (${causeText(cause)})`, cause);
  }
}
