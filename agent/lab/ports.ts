// Free TCP ports on this machine.

import { createServer, type Server } from "node:net";

/** `count` different ports of 127.0.0.1 that were free a moment ago. */
export async function freePorts(count: number): Promise<readonly number[]> {
  // All are held at once, so that none is given twice.
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)));
  const ports = servers.map((server) => {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no TCP port");
    return address.port;
  });
  await Promise.all(servers.map(close));
  return ports;
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
