import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { bytesToHex } from "../../../agent/core/codec/hex.ts";
import {
  allConnected,
  ask,
  closeAll,
  type Identity,
  identities,
  startNode,
  type TestNode,
  until,
} from "./support.ts";

const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await closeAll();
});

/** An agent's network in a process of its own; resolves when it listens. */
async function spawnNode(
  who: Identity,
  { port = 0, bootstrap = "" } = {},
): Promise<{ child: ChildProcess; address: string }> {
  const script = fileURLToPath(new URL("nodeProcess.ts", import.meta.url));
  const args = [script, who.id, bytesToHex(who.seed), String(port), bootstrap];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const lines = createInterface({ input: child.stdout! });
  const address = await new Promise<string>((resolve, reject) => {
    lines.once("line", resolve);
    child.once("exit", () => reject(new Error("the node did not start")));
  });
  return { child, address };
}

const portOf = (address: string): number => Number(/\/tcp\/(\d+)/.exec(address)?.[1]);
const withoutId = (address: string): string => address.replace(/\/p2p\/.*/, "");

test("five nodes that all know each other connect, once each", async () => {
  const who = await identities("n1", "n2", "n3", "n4", "n5");
  // Ports must be known beforehand, as in a community file, so that all dial all at once.
  const first: TestNode[] = [];
  for (const one of who) first.push(await startNode(one));
  const bootstrap = first.map(({ address }) => address);
  await closeAll();
  const before = performance.now();
  const nodes = await Promise.all(
    who.map((one, i) =>
      startNode(one, { bootstrap, port: portOf(bootstrap[i] ?? ""), validators: who }),
    ),
  );
  await allConnected(nodes, 4);
  const took = Math.round(performance.now() - before);
  process.stderr.write(`five nodes connected in ${took} ms\n`);
  await until("surplus connections are closed", () =>
    nodes.every((node) => node.count("now.connections") === 4),
  );
  expect(nodes.map(({ network }) => network.peers().length)).toEqual([4, 4, 4, 4, 4]);
});

test("a bare address is enough, and our own in the list is forgotten", async () => {
  const [a, b] = await identities("a", "b");
  const home = await startNode(a!);
  const port = portOf(home.address);
  await closeAll();
  const bootstrap = [`/ip4/127.0.0.1/tcp/${port}`];
  const again = await startNode(a!, { port, bootstrap });
  const other = await startNode(b!, { bootstrap });
  await allConnected([again, other], 1);
  await until("its own address is forgotten", () => again.count("now.targets") === 0);
});

test("a neighbour that restarts on its port is back soon", async () => {
  const [a, b] = await identities("a", "b");
  const home = await startNode(a!);
  const stays = await startNode(b!, { bootstrap: [withoutId(home.address)] });
  await allConnected([home, stays], 1);
  await home.open.close();
  await until("the loss is seen", () => stays.network.peers().length === 0);
  expect(stays.peerLog).toEqual([`+${a!.id}`, `-${a!.id}`]);
  // Nobody tells the new one where the other is: it must be dialled.
  const again = await startNode(a!, { port: portOf(home.address) });
  const before = performance.now();
  await allConnected([again, stays], 1);
  expect(performance.now() - before).toBeLessThan(3_000);
  stays.network.publish("transaction", Buffer.from("welcome back"));
  await until("gossip runs again", () => again.received.length === 1);
});

test("killed and restarted, frozen and thawed: noticed, not waited for, and back", async () => {
  const [a, b, c] = await identities("a", "b", "victim");
  const validators = [a!, b!, c!];
  const { child, address } = await spawnNode(c!);
  const limits = { pingMs: 500, requestMs: 1_000 };
  const home = await startNode(a!, { validators, limits, bootstrap: [withoutId(address)] });
  const other = await startNode(b!, { validators, limits, bootstrap: [home.address] });
  await until("all are there", () => home.network.peers().length === 2);

  child.kill("SIGKILL");
  await until("the death is noticed", () => home.network.peers().length === 1, 2_000);
  const { child: reborn } = await spawnNode(c!, { port: portOf(address) });
  await until("it is back", () => home.network.peers().length === 2, 3_000);

  reborn.kill("SIGSTOP");
  const unanswered = ask(home, c!);
  for (let i = 0; i < 50; i += 1) home.network.publish("consensus", Buffer.alloc(50_000, i));
  await until("others are served meanwhile", () => other.received.length === 50, 2_000);
  expect(await unanswered).toBeNull();
  await until("the frozen one is given up", () => !home.network.peers().includes(c!.id), 5_000);
  reborn.kill("SIGCONT");
  await until("it is back", () => home.network.peers().includes(c!.id), 6_000);
});
