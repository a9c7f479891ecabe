// The embedded MQTT broker (3.1.1, aedes): for agents, dashboards and Home Assistant where no other broker
// is. It knows nothing of agents but the topics that they may use.

import fs from "node:fs";
import type { Duplex } from "node:stream";
import { Aedes, type Client } from "aedes";
import { useMemory, waitForNoReader } from "./aedesInside.ts";
import { BrokerError, causeText } from "./brokerError.ts";
import { doorkeeper } from "./doorkeeper.ts";
import { Doors, isLoopback, type Origin } from "./doors.ts";
import { watchFraming } from "./framing.ts";
import type { BrokerLimits } from "./limits.ts";
import type { Log } from "./log.ts";
import { Logins } from "./logins.ts";
import { PerMinute } from "./perMinute.ts";
import { type Kept, ownerOf, Retained } from "./retained.ts";
import { Session } from "./session.ts";
import { readUsers, type UserRecord } from "./users.ts";

export type BrokerOptions = {
  /** Where to listen; 127.0.0.1 is this machine only. */
  readonly host: string;
  /** 0: any that is free; so with the others. */
  readonly port: number;
  /** MQTT over WebSocket, for pages; null: none. */
  readonly wsPort: number | null;
  /** PEM files. */
  readonly tls: {
    readonly certFile: string;
    readonly keyFile: string;
    readonly port: number;
    /** MQTT over WebSocket over TLS, for pages; left out or null: none. */
    readonly wsPort?: number | null;
  } | null;
  /** Made by `broker user add`; null: nobody has a name. */
  readonly usersFile: string | null;
  /** What one may do without a name. */
  readonly anonymous: "none" | "read";
  readonly limits: BrokerLimits;
  /** Keeps the retained messages over a restart; left out or null: publishers say them again. */
  readonly retainedFile?: string | null;
  readonly log: Log;
};

export type OpenBroker = {
  readonly port: number;
  readonly wsPort: number | null;
  readonly tlsPort: number | null;
  readonly wssPort: number | null;
  /** Says the wills, ends all connections and saves what is retained. */
  readonly close: () => Promise<void>;
};

const USERS_LOOK_MS = 1000;
/** After a power cut publishers come back and say what is new; a memory card need not be written more often. */
const SAVE_MS = 3_600_000;
/** Inbound QoS 2 handshakes of one client under way; of each only the number is kept. */
const HANDSHAKES_MAX = 1000;

/** Opens all doors, or none. Throws BrokerError with a sentence for the operator. */
export async function openBroker(options: BrokerOptions): Promise<OpenBroker> {
  const broker = new Broker(options);
  try {
    return await broker.open();
  } catch (error) {
    await broker.close();
    throw error;
  }
}

class Broker {
  readonly #options: BrokerOptions;
  readonly #doors: Doors;
  readonly #aedes: Aedes;
  readonly #retained: Retained;
  /** Homes that were told about once, by what is retained of them. */
  readonly #told: PerMinute;
  readonly #sessions = new WeakMap<Client, Session>();
  /** Who is logged in, until its connection is closed. */
  readonly #connected = new Set<Client>();
  readonly #timers: NodeJS.Timeout[] = [];
  #users: ReadonlyMap<string, UserRecord> = new Map();
  /** Of the users' file when it was read. */
  #usersStamp = "";
  #isRestored = false;
  #isChanged = false;

  constructor(options: BrokerOptions) {
    const { host, limits, log } = options;
    const now = (): number => Date.now();
    this.#options = options;
    this.#retained = new Retained(limits);
    this.#told = new PerMinute(1, now);
    const logins = new Logins({
      anonymous: options.anonymous,
      users: () => this.#users,
      failuresPerMinuteMax: limits.loginFailuresPerMinuteMax,
      waitingMax: limits.loginsWaitingMax,
      now,
    });
    this.#aedes = new Aedes({
      connectTimeout: limits.connectMsMax,
      drainTimeout: limits.drainMsMax,
      maxInflightInbound: HANDSHAKES_MAX,
      // MQTT 3.1 allows 23; the doorkeeper has a limit for all.
      maxClientsIdLength: Number.MAX_SAFE_INTEGER,
      ...doorkeeper({
        limits,
        logins,
        sessionOf: (client) => this.#sessionOf(client),
        isConnected: (id) => [...this.#connected].some((client) => client.id === id),
        now,
      }),
    });
    const onStream = (stream: Duplex, from: Origin): void => this.#accept(stream, from);
    this.#doors = new Doors({ host, limits, log, now, onStream });
  }

  async open(): Promise<OpenBroker> {
    const { host, port, wsPort, tls, usersFile, anonymous, retainedFile, log } = this.#options;
    if (usersFile === null && anonymous === "none") {
      const sentence = "nobody could use this broker: name a users' file, or let anybody read";
      throw new BrokerError("badOption", sentence);
    }
    if (usersFile !== null) {
      this.#usersStamp = stampOf(usersFile);
      this.#users = readUsers(usersFile);
    }
    if (!isLoopback(host)) this.#warnOfNetwork();
    if (typeof retainedFile === "string") await this.#restore(retainedFile);
    await this.#openAedes();
    const opened = {
      port: await this.#doors.openTcp(port),
      tlsPort: tls === null ? null : await this.#doors.openTls(tls.port, tls),
      wsPort: wsPort === null ? null : await this.#doors.openWebSocket(wsPort, null),
      wssPort:
        typeof tls?.wsPort === "number" ? await this.#doors.openWebSocket(tls.wsPort, tls) : null,
    };
    this.#timers.push(setInterval(() => this.#lookAtUsers(), USERS_LOOK_MS));
    this.#timers.push(setInterval(() => void this.#save(), SAVE_MS));
    log("info", "broker listens", { host, ...opened });
    return { ...opened, close: () => this.close() };
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#doors.stop();
    if (!this.#aedes.closed) await new Promise<void>((resolve) => this.#aedes.close(resolve));
    await this.#doors.close();
    await this.#save();
  }

  async #openAedes(): Promise<void> {
    const { log } = this.#options;
    await this.#aedes.listen();
    useMemory(this.#aedes, {
      keep: (message) => this.#keep(message),
      matching: (filter) => this.#retained.matching(filter),
    });
    this.#aedes.on("client", (client) => {
      // Of two that came at once aedes closes neither, but only who was there before both.
      for (const other of this.#connected) if (other.id === client.id) other.close();
      if (!this.#sessionOf(client).stream.destroyed) this.#connected.add(client);
    });
    const failed = (client: Client, error: Error): void =>
      this.#sessionOf(client).tell("debug", "connection failed", { reason: error.message });
    this.#aedes.on("clientError", failed);
    this.#aedes.on("connectionError", failed);
    (this.#aedes as NodeJS.EventEmitter).on("error", (error) =>
      log("error", "the broker fails", { reason: causeText(error) }),
    );
  }

  #accept(stream: Duplex, from: Origin): void {
    const { limits, log } = this.#options;
    const session = new Session(from, { stream, log });
    watchFraming(stream, limits, (fault) =>
      session.tell("warn", "connection ended: this is not MQTT, or too large", { fault }),
    );
    const client = this.#aedes.handle(stream);
    this.#sessions.set(client, session);
    stream.once("close", () => this.#connected.delete(client));
    waitForNoReader(client);
  }

  #sessionOf(client: Client): Session {
    const session = this.#sessions.get(client);
    if (session === undefined) throw new Error("a client that came through no door");
    return session;
  }

  #keep(message: Kept): void {
    this.#isChanged = true;
    if (this.#retained.keep(message)) return;
    const { topic } = message;
    const owner = ownerOf(topic);
    if (this.#told.isFull(owner)) return;
    this.#told.count(owner);
    this.#options.log("warn", "no room to retain a message", { topic, kept: this.#retained.size });
  }

  async #restore(file: string): Promise<void> {
    const isWhole = await this.#retained.restore(file);
    this.#isRestored = true;
    if (isWhole) return;
    this.#options.log("warn", "retained messages are lost: their file is damaged", { file });
  }

  /** Not before it was restored: what could not be read must not be overwritten. */
  async #save(): Promise<void> {
    const { retainedFile, log } = this.#options;
    if (typeof retainedFile !== "string" || !this.#isRestored || !this.#isChanged) return;
    this.#isChanged = false;
    const wills = [...this.#connected].flatMap((client) => {
      const { will } = this.#sessionOf(client);
      return will === null ? [] : [will];
    });
    try {
      await this.#retained.save(retainedFile, wills);
    } catch (error) {
      this.#isChanged = true;
      log("error", "retained messages are not saved", { reason: causeText(error) });
    }
  }

  /** Who is no longer in the file, or has another role or password there, must log in again. */
  #lookAtUsers(): void {
    const { usersFile, log } = this.#options;
    const stamp = usersFile === null ? "" : stampOf(usersFile);
    if (usersFile === null || stamp === this.#usersStamp) return;
    this.#usersStamp = stamp;
    let users: ReadonlyMap<string, UserRecord>;
    try {
      users = readUsers(usersFile);
    } catch (error) {
      log("error", "users' file is not read again", { reason: causeText(error) });
      return;
    }
    const before = this.#users;
    this.#users = users;
    for (const client of this.#connected) {
      const { user } = this.#sessionOf(client);
      if (user.role === "anonymous" || isSame(before.get(user.name), users.get(user.name)))
        continue;
      this.#sessionOf(client).tell("info", "user changed: client must log in again", {});
      client.close();
    }
  }

  #warnOfNetwork(): void {
    const { host, anonymous, tls, usersFile, log } = this.#options;
    if (anonymous === "read") log("warn", "whoever reaches this port reads all homes", { host });
    if (tls === null && usersFile !== null) log("warn", "passwords travel unencrypted", { host });
  }
}

/** Another one whenever the file or its mode was changed, or it cannot be reached any more. */
function stampOf(file: string): string {
  try {
    const { ino, size, ctimeMs } = fs.statSync(file);
    return `${ino} ${size} ${ctimeMs}`;
  } catch (error) {
    // Who reads it next says why.
    return causeText(error);
  }
}

function isSame(a: UserRecord | undefined, b: UserRecord | undefined): boolean {
  return a?.role === b?.role && a?.scrypt.hash === b?.scrypt.hash;
}
