import { afterEach, describe, expect, test } from "vitest";
import {
  admitAll,
  allConnected,
  closeAll,
  identities,
  type NodeOptions,
  startNode,
  type TestNode,
  until,
} from "./support.ts";

afterEach(closeAll);

/** Four nodes, each connected only to the next: a - b - c - d. */
async function line(options: (index: number) => NodeOptions = () => ({})): Promise<TestNode[]> {
  const who = await identities("a", "b", "c", "d");
  const nodes: TestNode[] = [];
  for (const [index, identity] of who.entries()) {
    const before = nodes.at(-1);
    const bootstrap = before ? [before.address] : [];
    nodes.push(await startNode(identity, { bootstrap, ...options(index) }));
  }
  await until("the line is connected", () =>
    nodes.every(({ network }, i) => network.peers().length === (i === 0 || i === 3 ? 1 : 2)),
  );
  return nodes;
}

describe("gossip", () => {
  test("reaches everyone through a line, once each, from the neighbour that passed it on", async () => {
    const [a, b, c, d] = (await line()) as [TestNode, TestNode, TestNode, TestNode];
    await until("everyone hears everyone", () => {
      a.network.publish("transaction", Buffer.from(`hello ${performance.now()}`));
      return d.received.length > 0;
    });
    a.network.publish("transaction", Buffer.from("sun"));
    d.network.publish("consensus", Buffer.from("vote"));
    const has = (node: TestNode, text: string): number =>
      node.received.filter((received) => received.text === text).length;
    await until("d has a's, a has d's", () => has(d, "sun") === 1 && has(a, "vote") === 1);
    expect([b, c, d].map((node) => has(node, "sun"))).toEqual([1, 1, 1]);
    expect([a, b, c].map((node) => has(node, "vote"))).toEqual([1, 1, 1]);
    expect(has(a, "sun")).toBe(0);
    expect(d.received.find(({ text }) => text === "sun")).toEqual({
      topic: "transaction",
      text: "sun",
      from: c.identity.id,
    });
    expect(a.received.find(({ text }) => text === "vote")?.topic).toBe("consensus");
  });

  test("what is ignored or rejected is not passed on", async () => {
    const nodes = (await line((index) =>
      index === 1
        ? {
            verdict: ({ text }) =>
              text === "bad" ? "reject" : text === "early" ? "ignore" : "accept",
          }
        : {},
    )) as [TestNode, TestNode, TestNode, TestNode];
    const [a, b, , d] = nodes;
    const last = `last ${await firstThrough(a, d)}`;
    for (const text of ["early", "bad", last]) a.network.publish("transaction", Buffer.from(text));
    await until("the last one arrives", () => d.received.some(({ text }) => text === last));
    expect(b.received.map(({ text }) => text)).toEqual(expect.arrayContaining(["early", "bad"]));
    expect(d.received.map(({ text }) => text)).not.toContain("early");
    expect(d.received.map(({ text }) => text)).not.toContain("bad");
  });

  test("rejects cost the neighbour its connection, ignored messages do not", async () => {
    const [a, b] = await identities("a", "b");
    const verdict: NodeOptions["verdict"] = ({ text }) =>
      text.startsWith("bad") ? "reject" : "ignore";
    const judge = await startNode(a!, {
      verdict,
      limits: { rejectsMax: 4, denialFirstMs: 60_000 },
    });
    const sender = await startNode(b!, { bootstrap: [judge.address] });
    await allConnected([judge, sender], 1);
    await until("gossip flows", () => {
      sender.network.publish("transaction", Buffer.from(`early ${performance.now()}`));
      return judge.count("gossip.in.transaction.ignore") >= 50;
    });
    expect(judge.network.peers()).toEqual([b!.id]);
    expect(judge.count("peer.expelled")).toBe(0);
    // rejectsMax 4, and forgiving one takes 10 s: the fourth within seconds is one too many or,
    // with what was forgiven meanwhile, the fifth.
    for (let i = 0; i < 5; i += 1) sender.network.publish("transaction", Buffer.from(`bad ${i}`));
    await until("the sender is expelled", () => judge.network.peers().length === 0);
    expect(judge.count("peer.expelled")).toBe(1);
    expect(judge.peerLog).toEqual([`+${b!.id}`, `-${b!.id}`]);
    await until("its next dial is denied", () => judge.count("connection.denied") > 0);
    expect(judge.network.peers()).toEqual([]);
  });

  test("a message above the limit is rejected without asking the handler", async () => {
    const [a, b] = await identities("a", "b");
    const judge = await startNode(a!, { limits: { messageBytesMax: 1_000 } });
    const sender = await startNode(b!, { bootstrap: [judge.address] });
    await allConnected([judge, sender], 1);
    await until("gossip flows", () => {
      sender.network.publish("transaction", Buffer.from(`hello ${performance.now()}`));
      return judge.received.length > 0;
    });
    sender.network.publish("transaction", Buffer.alloc(1_001, 1));
    await until("it is refused", () => judge.count("gossip.in.transaction.reject") === 1);
    expect(judge.received.every(({ text }) => text.startsWith("hello"))).toBe(true);
  });

  test("a handler that throws is logged, and the sender is not punished", async () => {
    const [a, b] = await identities("a", "b");
    const broken = await startNode(a!, {
      verdict: () => {
        throw new Error("our bug");
      },
      limits: { rejectsMax: 1 },
    });
    const sender = await startNode(b!, { bootstrap: [broken.address] });
    await allConnected([broken, sender], 1);
    await until("the handler has thrown", () => {
      sender.network.publish("transaction", Buffer.from(`hello ${performance.now()}`));
      return broken.errors.length > 0;
    });
    expect(broken.errors[0]?.message).toBe("network handler threw");
    expect(broken.count("handler.threw")).toBeGreaterThan(0);
    expect(broken.network.peers()).toEqual([b!.id]);
  });

  test("too many messages of one neighbour are ignored", async () => {
    const [a, b] = await identities("a", "b");
    const limits = { messagesPerSecondMax: 1, messagesBurstMax: 10 };
    const judge = await startNode(a!, { limits, admit: admitAll() });
    const sender = await startNode(b!, { bootstrap: [judge.address] });
    await allConnected([judge, sender], 1);
    let sent = 0;
    await until("the limit bites", () => {
      sent += 1;
      sender.network.publish("transaction", Buffer.from(`message ${sent}`));
      return judge.count("gossip.in.transaction.limited") >= 20;
    });
    // 10 at once, then 1 a second for as long as the test may run (8 s).
    expect(judge.received.length).toBeLessThanOrEqual(18);
    expect(judge.network.peers()).toEqual([b!.id]);
  });
});

/** Publishes until one message has come all the way; returns its text. */
async function firstThrough(from: TestNode, to: TestNode): Promise<string> {
  await until("a message comes through", () => {
    from.network.publish("transaction", Buffer.from(`hello ${performance.now()}`));
    return to.received.length > 0;
  });
  return to.received[0]!.text;
}
