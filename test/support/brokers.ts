// Brokers for tests: aedes in this process, Debian's mosquitto where it is installed, and a wire in between that
// can be cut or freeze. Each listens on a port of its own and is gone afterwards.

import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import {
  type AddressInfo,
  createServer,
  connect as dial,
  type Server,
  type Socket,
} from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { Aedes } from "aedes";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";

export type TestBroker = {
  readonly port: number;
  readonly close: () => Promise<void>;
};

/** On `port`, or any that is free. */
export async function openAedes(
  port = 0,
  options: Parameters<typeof Aedes.createBroker>[0] = {},
): Promise<TestBroker & { readonly aedes: Aedes }> {
  const aedes = await Aedes.createBroker(options);
  const server = createServer(aedes.handle);
  const bound = await listen(server, port);
  const sockets = track(server);
  return {
    ...{ port: bound, aedes },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      await closed(server);
    },
  };
}

const MOSQUITTO = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"].find(
  (file) => existsSync(file),
);
export const hasMosquitto: boolean = MOSQUITTO !== undefined;

/** Without `rules` anybody may do everything. Files by their name in its folder, `%` in `rules` being the folder. */
export async function openMosquitto(
  port = 0,
  { rules = "allow_anonymous true", files = {} }: MosquittoSetup = {},
): Promise<TestBroker> {
  const chosen = port === 0 ? await freePort() : port;
  const dir = mkdtempSync(join(tmpdir(), "pv-mosquitto-"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  const lines = [
    `listener ${chosen} 127.0.0.1`,
    "persistence false",
    `user ${userInfo().username}`,
    rules.replaceAll("%", dir),
  ];
  const file = join(dir, "mosquitto.conf");
  writeFileSync(file, `${lines.join("\n")}\n`);
  for (const name of Object.keys(files)) chmodSync(join(dir, name), 0o600);
  const child = spawn(MOSQUITTO ?? "mosquitto", ["-c", file], { stdio: "ignore" });
  await answering(chosen, child);
  return {
    port: chosen,
    close: async () => {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await gone;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

export type MosquittoSetup = {
  readonly rules?: string;
  readonly files?: { readonly [name: string]: string };
};

async function answering(port: number, child: ChildProcess): Promise<void> {
  for (let i = 0; i < 200; i += 1) {
    if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}`);
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = dial(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.unref();
      setTimeout(() => socket.destroy(), 1000).unref();
    });
    if (isThere) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("mosquitto does not answer");
}

export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server, 0);
  await closed(server);
  return port;
}

export type Wire = TestBroker & {
  /** Every connection ends without a word. */
  readonly cut: () => void;
  /** Nothing passes any more, in either direction; connections stay. */
  readonly freeze: () => void;
  /** How many have connected since the start. */
  readonly count: () => number;
};

/** A wire to a broker's port. */
export async function openWire(to: number): Promise<Wire> {
  const server = createServer();
  const pairs = new Set<readonly [Socket, Socket]>();
  let count = 0;
  server.on("connection", (near) => {
    count += 1;
    const far = dial(to, "127.0.0.1");
    const pair = [near, far] as const;
    pairs.add(pair);
    near.pipe(far);
    far.pipe(near);
    for (const [one, other] of [pair, [far, near] as const]) {
      one.on("error", () => other.destroy());
      one.on("close", () => {
        other.destroy();
        pairs.delete(pair);
      });
    }
  });
  const port = await listen(server, 0);
  const cut = (): void => {
    for (const [near, far] of pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  };
  return {
    ...{ port, cut, count: () => count },
    freeze: () => {
      for (const [near, far] of pairs) {
        near.unpipe(far);
        far.unpipe(near);
        near.pause();
        far.pause();
      }
    },
    close: async () => {
      cut();
      await closed(server);
    },
  };
}

export type Heard = {
  readonly topic: string;
  readonly payload: string;
  readonly isRetained: boolean;
};

export type Listener = {
  readonly client: MqttClient;
  /** Everything in order. */
  readonly heard: Heard[];
  /** The newest on that topic. */
  readonly last: (topic: string) => string | null;
  /** Resolves once it holds; rejects after 10 s, saying what was heard. */
  readonly until: (what: string, holds: () => boolean) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** Somebody who subscribes to everything. */
export async function openListener(port: number, options: IClientOptions = {}): Promise<Listener> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
    ...{ protocolVersion: 4, reconnectPeriod: 0 },
    ...options,
  });
  const heard: Heard[] = [];
  client.on("message", (topic, payload, { retain }) => {
    heard.push({ topic, payload: payload.toString(), isRetained: retain });
  });
  client.on("error", () => {});
  await client.subscribeAsync("#", { qos: 1 });
  return {
    ...{ client, heard },
    last: (topic) => heard.findLast((one) => one.topic === topic)?.payload ?? null,
    until: async (what, holds) => {
      const end = Date.now() + 10_000;
      while (!holds()) {
        if (Date.now() > end) {
          const newest = heard.slice(-10).map(({ topic, payload }) => `${topic} ${payload}`);
          throw new Error(`waited too long for ${what}; heard last:\n${newest.join("\n")}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    close: () => client.endAsync(true),
  };
}

function track(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  return sockets;
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return (server.address() as AddressInfo).port;
}

async function closed(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}
