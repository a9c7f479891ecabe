import { afterEach, expect, test } from "vitest";
import { toFrame } from "../../../agent/io/p2p/frames.ts";
import {
  allConnected,
  closeAll,
  identities,
  rawCard,
  rawNode,
  rawStream,
  startNode,
  type TestNode,
  until,
} from "./support.ts";

afterEach(closeAll);

/** Everyone is connected to everyone. */
async function clique(names: readonly string[], validators: number): Promise<readonly TestNode[]> {
  const who = await identities(...names);
  const nodes: TestNode[] = [];
  for (const one of who) {
    const bootstrap = nodes.map(({ address }) => address);
    nodes.push(await startNode(one, { bootstrap, validators: who.slice(0, validators) }));
  }
  await allConnected(nodes, names.length - 1);
  return nodes;
}

const arrivals = (node: TestNode, way: "push" | "gossip"): number =>
  ["accept", "duplicate"]
    .map((kind) => node.count(`${way}.in.consensus.${kind}`))
    .reduce((a, b) => a + b, 0);

test("a consensus message goes straight to validators, and by gossip to all; handlers see it once", async () => {
  const nodes = await clique(["v1", "v2", "v3", "home"], 3);
  const [v1, v2, v3, home] = nodes as [TestNode, TestNode, TestNode, TestNode];
  v1.network.publish("consensus", Buffer.from("vote"));
  await until("all have it", () => [v2, v3, home].every(({ received }) => received.length > 0));
  await until("both ways", () => [v2, v3].every((v) => arrivals(v, "push") === 1));
  await until("gossip too", () => [v2, v3, home].every((v) => arrivals(v, "gossip") >= 1));
  for (const node of [v2, v3, home]) {
    expect(node.received).toMatchObject([{ topic: "consensus", text: "vote" }]);
  }
  expect(arrivals(home, "push")).toBe(0);
  expect(v1.count("push.out.consensus")).toBe(2);
  expect(v1.received).toEqual([]);
});

test("transactions are not pushed", async () => {
  const [v1, v2] = (await clique(["v1", "v2"], 2)) as [TestNode, TestNode];
  await until("gossip flows", () => {
    v1.network.publish("transaction", Buffer.from(`offer ${performance.now()}`));
    return v2.received.length > 0;
  });
  expect(v1.count("push.out.consensus")).toBe(0);
});

test("said again, an ignored message is offered again by push, an accepted one is not", async () => {
  const [a, b] = await identities("a", "b");
  const validators = [a!, b!];
  const judge = await startNode(a!, {
    validators,
    limits: { ignoredMs: 50 },
    verdict: ({ text }) => (text === "early" ? "ignore" : "accept"),
  });
  const sender = await startNode(b!, { bootstrap: [judge.address], validators });
  await allConnected([judge, sender], 1);
  const seen = (wanted: string): number =>
    judge.received.filter(({ text }) => text === wanted).length;
  sender.network.publish("consensus", Buffer.from("vote"));
  await until("it is seen again and again", () => {
    sender.network.publish("consensus", Buffer.from("early"));
    return seen("early") >= 3;
  });
  sender.network.publish("consensus", Buffer.from("vote"));
  sender.network.publish("consensus", Buffer.from("last"));
  await until("all is sent", () => seen("last") === 1);
  expect(seen("vote")).toBe(1);
});

test("messages of the largest size, many at once, all arrive", async () => {
  const [v1, v2] = (await clique(["v1", "v2"], 2)) as [TestNode, TestNode];
  // 8 x 192 KiB = 1.5 MiB: within the queue's 2 MiB, six times the stream's window.
  for (let i = 0; i < 8; i += 1) {
    v1.network.publish("consensus", Buffer.alloc(192 * 1024, i));
  }
  await until("all arrived", () => arrivals(v2, "push") === 8);
  expect(v2.received.length).toBe(8);
  expect(v1.count("push.dropped")).toBe(0);
});

test("a validator that does not read loses its oldest messages and then its stream, nobody else does", async () => {
  const [a, b, c] = await identities("a", "b", "stuck");
  const validators = [a!, b!, c!];
  const limits = { pushStallMs: 500, pushFramesMax: 8 };
  const sender = await startNode(a!, { validators, limits });
  const reader = await startNode(b!, { validators, bootstrap: [sender.address] });
  const stuck = await rawNode(c!);
  await stuck.libp2p.handle("/pvtrading/c0ffee11/push/1", (stream) => stream.pause());
  const connection = await stuck.dial(sender.address);
  expect(await rawCard(connection, c!.certificate)).toBe(true);
  await until("both are in", () => sender.count("card.admitted") === 2);
  // 8 x 100 kB in the queue, 256 KiB in the window: from the twelfth on the oldest go.
  for (let i = 0; i < 20; i += 1) {
    sender.network.publish("consensus", Buffer.alloc(100_000, i));
    await until("the reader has it", () => reader.received.length === i + 1);
  }
  expect(sender.count("push.dropped")).toBeGreaterThan(0);
  await until("the stuck stream is reset", () => sender.count("push.reset") > 0);
});

test("pushed rejects and frames above the limit cost the connection", async () => {
  const [a, b, c] = await identities("a", "b", "c");
  const judge = await startNode(a!, { verdict: () => "reject", limits: { rejectsMax: 3 } });
  const bad = await rawNode(b!);
  const connection = await bad.dial(judge.address);
  expect(await rawCard(connection, b!.certificate)).toBe(true);
  const stream = await rawStream(connection, "push");
  for (let i = 0; i < 4; i += 1) stream.send(toFrame(Buffer.from(`bad ${i}`)));
  await until("it is expelled", () => judge.count("now.connections") === 0);
  // With 10 s per pardon the third or, at the latest, the fourth is one too many.
  expect(judge.count("push.in.consensus.reject")).toBeLessThanOrEqual(4);
  expect(judge.count("peer.expelled")).toBe(1);

  const worse = await rawNode(c!);
  const second = await worse.dial(judge.address);
  expect(await rawCard(second, c!.certificate)).toBe(true);
  for (let i = 0; i < 4 && second.status === "open"; i += 1) {
    const broken = await rawStream(second, "push").catch(() => null);
    broken?.send(Buffer.from("ffffffffffff", "hex"));
    await until("it is noticed", () => judge.count("push.malformed") > i);
  }
  await until("it is expelled, too", () => judge.count("peer.expelled") === 2);
});
