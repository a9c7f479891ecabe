// Who it is that connects. Hashing a password is slow on purpose, so it is done once at a time, a password
// that was right is remembered in memory, and who is wrong too often waits for the next minute.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { PerMinute } from "./perMinute.ts";
import { ANONYMOUS, type User } from "./rights.ts";
import { isPasswordOf, NOBODY, PASSWORD_BYTES_MAX, type UserRecord } from "./users.ts";

export type Credentials = {
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly address: string;
  /** It may not come in without a name. */
  readonly isForeign: boolean;
};

export type Login =
  | { readonly ok: true; readonly user: User }
  | {
      readonly ok: false;
      readonly refusal: /** No such user, or not its password: the operator looks at both. */
        | "wrongPassword"
        /** It gave no name, and here everybody needs one. */
        | "noName"
        /** Wrong too often within this minute: it comes again later. */
        | "tooManyFailures"
        /** Too many others log in right now: it comes again. */
        | "busy";
    };

export type LoginRules = {
  readonly anonymous: "none" | "read";
  /** As the users' file is now. */
  readonly users: () => ReadonlyMap<string, UserRecord>;
  readonly failuresPerMinuteMax: number;
  /** Passwords that wait to be hashed, or are. */
  readonly waitingMax: number;
  readonly now: () => number;
};

/** One address under many names: a home or two behind a router gets that far, a list of names does not. */
const NAMES_PER_ADDRESS = 10;

export class Logins {
  readonly #rules: LoginRules;
  /** Of one address under one name, and of one address under any. */
  readonly #failures: PerMinute;
  readonly #addressFailures: PerMinute;
  /** Of this process only, so that what is remembered is worth nothing elsewhere. */
  readonly #key = randomBytes(32);
  readonly #right = new Map<string, { readonly hash: string; readonly digest: Buffer }>();
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(rules: LoginRules) {
    this.#rules = rules;
    this.#failures = new PerMinute(rules.failuresPerMinuteMax, rules.now);
    this.#addressFailures = new PerMinute(
      rules.failuresPerMinuteMax * NAMES_PER_ADDRESS,
      rules.now,
    );
  }

  async check({ username, password, address, isForeign }: Credentials): Promise<Login> {
    if (username === undefined && password === undefined) {
      return this.#rules.anonymous === "read" && !isForeign
        ? { ok: true, user: ANONYMOUS }
        : { ok: false, refusal: "noName" };
    }
    const name = username ?? "";
    const given = password ?? new Uint8Array();
    const record = this.#rules.users().get(name);
    if (record !== undefined && this.#isRemembered(record, given)) return this.#in(record);
    const key = `${address} ${name}`;
    if (this.#failures.isFull(key) || this.#addressFailures.isFull(address)) {
      return { ok: false, refusal: "tooManyFailures" };
    }
    if (this.#waiting >= this.#rules.waitingMax) return { ok: false, refusal: "busy" };
    const isSane = given.length > 0 && given.length <= PASSWORD_BYTES_MAX;
    const isRight = isSane && (await this.#hash(record ?? NOBODY, given));
    // As the file is now: it may have been read again meanwhile.
    const known = this.#rules.users().get(name);
    if (isRight && record !== undefined && known?.scrypt.hash === record.scrypt.hash) {
      const { hash } = known.scrypt;
      this.#right.set(name, { hash, digest: this.#digest(given) });
      return this.#in(known);
    }
    this.#failures.count(key);
    this.#addressFailures.count(address);
    return { ok: false, refusal: "wrongPassword" };
  }

  #in({ name, role }: UserRecord): Login {
    return { ok: true, user: { name, role } };
  }

  #isRemembered({ name, scrypt }: UserRecord, password: Uint8Array): boolean {
    const right = this.#right.get(name);
    if (right === undefined || right.hash !== scrypt.hash) return false;
    return timingSafeEqual(right.digest, this.#digest(password));
  }

  #digest(password: Uint8Array): Buffer {
    return createHmac("sha256", this.#key).update(password).digest();
  }

  async #hash(record: UserRecord, password: Uint8Array): Promise<boolean> {
    this.#waiting += 1;
    const before = this.#last;
    const result = before.then(() => isPasswordOf(record, password));
    // The next one waits for the end of this one, however it ends.
    this.#last = result.catch(() => undefined);
    try {
      return await result;
    } finally {
      this.#waiting -= 1;
    }
  }
}
