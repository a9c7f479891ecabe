// A connection: from where, as whom, and what it was refused.

import type { Duplex } from "node:stream";
import type { Origin } from "./doors.ts";
import type { Facts, Level, Log } from "./log.ts";
import type { Kept } from "./retained.ts";
import { ANONYMOUS, type Rights, rightsOf, type User } from "./rights.ts";

/** A client that is refused again and again is told about this often. */
const TELL_EVERY_MS = 60_000;

export class Session {
  readonly address: string;
  /** Of a page that must not read without a password, see doors.ts. */
  readonly isForeign: boolean;
  readonly stream: Duplex;
  /** Nobody until the login is over. */
  user: User = ANONYMOUS;
  rights: Rights = rightsOf(ANONYMOUS);
  /** User and client id; for people. */
  name = "";
  /** What it wants said when it is lost, if that is to be retained. */
  will: Kept | null = null;
  #refused = 0;
  #toldAt: number | null = null;
  readonly #log: Log;

  constructor({ address, isForeign }: Origin, { stream, log }: { stream: Duplex; log: Log }) {
    this.address = address;
    this.isForeign = isForeign;
    this.stream = stream;
    this.#log = log;
  }

  logIn(user: User): void {
    this.user = user;
    this.rights = rightsOf(user);
  }

  tell(level: Level, message: string, facts: Facts): void {
    this.#log(level, message, { client: this.name, address: this.address, ...facts });
  }

  /** Something was left out: told the first time, and then once a minute how often. */
  refuse(what: string, facts: Facts): void {
    this.#refused += 1;
    const now = Date.now();
    if (this.#toldAt !== null && now - this.#toldAt < TELL_EVERY_MS) return;
    this.#toldAt = now;
    this.tell("warn", what, { ...facts, times: this.#refused });
    this.#refused = 0;
  }
}
