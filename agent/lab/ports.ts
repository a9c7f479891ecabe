// Free TCP ports on this machine.

import { randomInt } from "node:crypto";
import { createServer, type Server } from "node:net";

/** Below those that the system gives to outgoing connections: one of them could be there before a home is. */
const FIRST = 15_000;
/** Each process looks among its own, so that two laboratories that start at once do not find the same. */
const [OWN, PROCESSES] = [200, 85];
const TRIES_MAX = 5000;

/** `count` different ports of 127.0.0.1 that were free a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const first = FIRST + (process.pid % PROCESSES) * OWN;
  // All are held at once, so that none is given twice.
  const held = new Map<number, Server>();
  for (let tries = 0; held.size < count; tries += 1) {
    if (tries === TRIES_MAX) throw new Error(`no ${count} free ports from ${first} on`);
    const port = first + randomInt(OWN);
    const server = held.has(port) ? null : await listen(port).catch(() => null);
    if (server !== null) held.set(port, server);
  }
  await Promise.all([...held.values()].map(close));
  return [...held.keys()];
}

/** Those of 127.0.0.1 on which something listens already, or on which we may not. */
export async function takenPorts(ports: readonly number[]): Promise<readonly number[]> {
  const tried = await Promise.allSettled(ports.map((port) => listen(port)));
  await Promise.all(tried.flatMap((one) => (one.status === "fulfilled" ? [close(one.value)] : [])));
  return ports.filter((_, i) => tried[i]?.status === "rejected");
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
