// A broker on free ports with one user of each role, and clients for it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import { type BrokerOptions, type OpenBroker, openBroker } from "../../broker/broker.ts";
import { BROKER_LIMITS, type BrokerLimits } from "../../broker/limits.ts";
import type { Facts, Level } from "../../broker/log.ts";
import type { Role } from "../../broker/rights.ts";
import { setUser } from "../../broker/users.ts";

/** A user's password is its name, turned round. */
export const USERS: { readonly [name: string]: Role } = {
  home1: "agent",
  home2: "agent",
  page: "dashboard",
  root: "admin",
};

export type Logged = { readonly level: Level; readonly message: string; readonly facts: Facts };

export type BrokerChanges = Partial<Omit<BrokerOptions, "limits">> & {
  readonly limits?: Partial<BrokerLimits>;
};

export function passwordOf(name: string): string {
  return [...name].reverse().join("");
}

export class TestBroker {
  readonly dir: string = mkdtempSync(join(tmpdir(), "pvtrading-broker-"));
  readonly usersFile: string = join(this.dir, "users.json");
  readonly logged: Logged[] = [];
  #clients: MqttClient[] = [];
  #broker: OpenBroker | null = null;

  static async open(changes: BrokerChanges = {}): Promise<TestBroker> {
    const broker = new TestBroker();
    for (const [name, role] of Object.entries(USERS)) {
      await setUser(broker.usersFile, { name, role, password: passwordOf(name) });
    }
    await broker.start(changes);
    return broker;
  }

  get broker(): OpenBroker {
    if (this.#broker === null) throw new Error("the broker is stopped");
    return this.#broker;
  }

  async start({ limits, ...changes }: BrokerChanges = {}): Promise<void> {
    this.#broker = await openBroker({
      ...{ host: "127.0.0.1", port: 0, wsPort: null, tls: null, anonymous: "read" },
      usersFile: this.usersFile,
      log: (level, message, facts) => this.logged.push({ level, message, facts }),
      ...changes,
      limits: { ...BROKER_LIMITS, ...limits },
    });
  }

  /** The messages of the log that are at least warnings. */
  warnings(): readonly string[] {
    const isGrave = ({ level }: Logged): boolean => level === "warn" || level === "error";
    return this.logged.filter(isGrave).map(({ message }) => message);
  }

  /** Connected as `name`; an empty one: without a name. Does not come again by itself. */
  connect(name: string, options: IClientOptions & { url?: string } = {}): Promise<TestClient> {
    const { url = `mqtt://127.0.0.1:${this.broker.port}`, ...more } = options;
    const login = name === "" ? {} : { username: name, password: passwordOf(name) };
    const client = mqtt.connect(url, {
      ...{ reconnectPeriod: 0, protocolVersion: 4, ...login, ...more },
    });
    this.#clients.push(client);
    const heard = new TestClient(client);
    return new Promise((resolve, reject) => {
      client.once("connect", () => resolve(heard));
      client.once("error", reject);
      client.once("close", () => reject(new Error("closed before it was connected")));
    });
  }

  async stop(): Promise<void> {
    await this.#broker?.close();
    this.#broker = null;
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.end(true);
    await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export class TestClient {
  readonly client: MqttClient;
  /** "topic=text", with ` r` where it came as retained. */
  readonly heard: string[] = [];
  connects = 0;
  closes = 0;

  constructor(client: MqttClient) {
    this.client = client;
    client.on("message", (topic, payload, { retain }) =>
      this.heard.push(`${topic}=${payload}${retain ? " r" : ""}`),
    );
    client.on("connect", () => {
      this.connects += 1;
    });
    client.on("close", () => {
      this.closes += 1;
    });
    client.on("error", () => {});
  }

  /** The granted QoS; 128 is no. */
  async subscribe(...filters: readonly string[]): Promise<readonly number[]> {
    const granted: number[] = [];
    for (const filter of filters) {
      granted.push(
        await new Promise<number>((resolve, reject) => {
          this.client.subscribe(filter, { qos: 1 }, (error, _grants, packet) => {
            const code = packet?.granted[0];
            if (typeof code === "number") resolve(code);
            else reject(error ?? new Error("no answer"));
          });
        }),
      );
    }
    return granted;
  }

  /** QoS 1: the broker has it when this returns. */
  async publish(topic: string, payload: string | Buffer, retain = false): Promise<void> {
    await this.client.publishAsync(topic, payload, { qos: 1, retain });
  }
}
