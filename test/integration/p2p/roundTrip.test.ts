// How long the way to a neighbour takes, between two networks with a slow line between them.

import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { allConnected, closeAll, identities, startNode, until } from "./support.ts";

const SLOW_MS = 60;
const sockets = new Set<Socket>();
let line: Server | null = null;

afterEach(async () => {
  await closeAll();
  for (const socket of sockets) socket.destroy();
  line?.close();
});

/** What comes in on its port goes on to `port` SLOW_MS later; what comes back does not wait. */
async function slowLine(port: number): Promise<number> {
  const server = createServer((near) => {
    const far = dial(port, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
    }
    near.on("data", (data) => setTimeout(() => far.writable && far.write(data), SLOW_MS));
    far.on("data", (data) => near.writable && near.write(data));
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  line = server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("both ends measure it, each for its neighbour, and forget it with the connection", async () => {
  const [one, two] = await identities("near", "far");
  if (one === undefined || two === undefined) throw new Error("two identities");
  const limits = { pingMs: 400 };
  const far = await startNode(two, { limits });
  const port = Number(/\/tcp\/(\d+)/.exec(far.address)?.[1]);
  const slow = far.address.replace(`/tcp/${port}`, `/tcp/${await slowLine(port)}`);
  const near = await startNode(one, { limits, bootstrap: [slow] });
  await allConnected([near, far], 1);
  await until("both have measured", () =>
    [near, far].every(({ open }) => open.roundTripsMs().size === 1),
  );
  const [there, back] = [near.open.roundTripsMs().get(two.id), far.open.roundTripsMs().get(one.id)];
  process.stderr.write(
    `a line of ${SLOW_MS} ms: ${there?.toFixed(1)} and ${back?.toFixed(1)} ms\n`,
  );
  for (const ms of [there, back]) {
    // Timers fire up to a millisecond early; a busy machine answers late.
    expect(ms).toBeGreaterThan(SLOW_MS - 5);
    expect(ms).toBeLessThan(SLOW_MS + 2_000);
  }
  await far.open.close();
  await until("it is forgotten", () => near.open.roundTripsMs().size === 0);
}, 30_000);
