import { afterEach, describe, expect, test } from "vitest";
import { memberId } from "../../../agent/core/units/ids.ts";
import { toFrame } from "../../../agent/io/p2p/frames.ts";
import {
  allConnected,
  ask,
  closeAll,
  type Identity,
  identities,
  type NodeOptions,
  PREFIX,
  rawCard,
  rawNode,
  rawSend,
  rawStream,
  startNode,
  type TestNode,
  until,
} from "./support.ts";

afterEach(closeAll);

/** `asker` is connected to `answerer`. */
async function pair(options: NodeOptions = {}): Promise<{
  asker: TestNode;
  answerer: TestNode;
}> {
  const [a, b] = (await identities("asker", "answerer")) as [Identity, Identity];
  const answerer = await startNode(b, options);
  const limits = options.limits ?? {};
  const asker = await startNode(a, { bootstrap: [answerer.address], limits });
  await allConnected([asker, answerer], 1);
  return { asker, answerer };
}

/** A neighbour of `asker` that treats its requests as `serve` says. */
async function badAnswerer(
  asker: TestNode,
  who: Identity,
  serve: Parameters<Awaited<ReturnType<typeof rawNode>>["libp2p"]["handle"]>[1],
): Promise<void> {
  const node = await rawNode(who);
  await node.libp2p.handle(`${PREFIX}/votes/1`, serve);
  expect(await rawCard(await node.dial(asker.address), who.certificate)).toBe(true);
}

describe("requests", () => {
  test("each protocol reaches the handler with its asker, and its answer comes back", async () => {
    const { asker, answerer } = await pair({
      answer: ({ protocol, body }) => Buffer.from(`${protocol}:${Buffer.from(body)}`),
    });
    const to = answerer.identity;
    const answers = await Promise.all(
      (["votes", "blocks", "transactions"] as const).map((protocol) =>
        ask(asker, to, { protocol, body: Buffer.from("7") }),
      ),
    );
    expect(answers.map((answer) => Buffer.from(answer!).toString())).toEqual([
      "votes:7",
      "blocks:7",
      "transactions:7",
    ]);
    expect(answerer.asked.map(({ from }) => from)).toEqual(Array(3).fill(asker.identity.id));
  });

  test("the largest request and the largest answer pass; empty ones, too", async () => {
    const largest = 6 * 1024 * 1024;
    const { asker, answerer } = await pair({
      answer: ({ body }) => (body.length === 0 ? new Uint8Array(0) : new Uint8Array(largest)),
    });
    const to = answerer.identity;
    expect((await ask(asker, to, { body: new Uint8Array(64 * 1024) }))?.length).toBe(largest);
    expect((await ask(asker, to, { body: new Uint8Array(0) }))?.length).toBe(0);
    await until("nothing is left open", () => asker.count("now.requests") === 0);
  });

  test("no answer is null: refused, handler threw, answer above the limit, not connected", async () => {
    const { asker, answerer } = await pair({
      answer: ({ body }) => {
        if (Buffer.from(body).toString() === "throw") throw new Error("our bug");
        return Buffer.from(body).toString() === "large" ? new Uint8Array(2_001) : null;
      },
      limits: { responseBytesMax: 2_000 },
    });
    const to = answerer.identity;
    expect(await ask(asker, to)).toBeNull();
    expect(answerer.errors).toEqual([]);
    expect(await ask(asker, to, { body: Buffer.from("throw") })).toBeNull();
    expect(await ask(asker, to, { body: Buffer.from("large") })).toBeNull();
    expect(answerer.errors.length).toBe(2);
    expect(await ask(asker, { ...to, id: memberId("nobody@test.example") })).toBeNull();
    expect(asker.count("request.out.votes.unanswered")).toBe(4);
  });

  test("never calls back before request() returns, and refuses its own oversize", async () => {
    const { asker } = await pair();
    const order: string[] = [];
    const body = new Uint8Array(0);
    const to = memberId("nobody@test.example");
    asker.network.request({ to, protocol: "votes", body, answered: () => order.push("answered") });
    order.push("returned");
    await until("it is answered", () => order.length === 2);
    expect(order).toEqual(["returned", "answered"]);
    const oversize = new Uint8Array(64 * 1024 + 1);
    expect(() =>
      asker.network.request({ to, protocol: "votes", body: oversize, answered: () => undefined }),
    ).toThrow(/limit/);
  });

  test("silence ends after the time allowed; so does an answer above the limit, at once", async () => {
    const [a, b, c] = await identities("asker", "silent", "loud");
    const limits = { requestMs: 300, responseBytesMax: 1_000 };
    const asker = await startNode(a!, { limits });
    await badAnswerer(asker, b!, () => undefined);
    await badAnswerer(asker, c!, (stream) => {
      stream.send(toFrame(new Uint8Array(1_001)));
    });
    await until("both are in", () => asker.count("card.admitted") === 2);
    const before = performance.now();
    expect(await ask(asker, c!)).toBeNull();
    expect(performance.now() - before).toBeLessThan(300);
    expect(await ask(asker, b!)).toBeNull();
    expect(performance.now() - before).toBeGreaterThanOrEqual(300);
    await until("no stream is left", () => asker.count("now.requests") === 0);
  });

  test("only so many at once to one neighbour; close() answers the rest with null, once", async () => {
    const [a, b] = await identities("asker", "silent");
    const asker = await startNode(a!, { limits: { requestsOutMax: 3, requestMs: 20_000 } });
    await badAnswerer(asker, b!, () => undefined);
    await until("it is in", () => asker.count("card.admitted") === 1);
    const replies: (Uint8Array | null)[] = [];
    for (let i = 0; i < 5; i += 1) {
      const answered = (reply: Uint8Array | null): number => replies.push(reply);
      asker.network.request({ to: b!.id, protocol: "votes", body: Buffer.from("?"), answered });
    }
    await until("two are refused", () => replies.length === 2);
    expect(asker.count("request.out.votes.busy")).toBe(2);
    const closed = asker.open.close();
    expect(replies).toEqual([null, null, null, null, null]);
    await closed;
    asker.network.request({
      to: b!.id,
      protocol: "votes",
      body: Buffer.from("?"),
      answered: (reply) => replies.push(reply),
    });
    await until("after close() it is null", () => replies.length === 6);
    expect(replies[5]).toBeNull();
  });

  test("a neighbour that goes answers null at once", async () => {
    const [a, b] = await identities("asker", "leaver");
    const asker = await startNode(a!, { limits: { requestMs: 20_000 } });
    const leaver = await rawNode(b!);
    await leaver.libp2p.handle(`${PREFIX}/votes/1`, (_stream, connection) => {
      connection.abort(new Error("gone"));
    });
    await rawCard(await leaver.dial(asker.address), b!.certificate);
    await until("it is in", () => asker.count("card.admitted") === 1);
    const before = performance.now();
    expect(await ask(asker, b!)).toBeNull();
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  test("a neighbour that asks too often, too much or nonsense is not answered", async () => {
    const [a, b] = await identities("answerer", "asker");
    const answerer = await startNode(a!, {
      answer: () => Buffer.from("!"),
      limits: { requestsPerSecondMax: 0.001, requestsBurstMax: 4 },
    });
    const asker = await rawNode(b!);
    const connection = await asker.dial(answerer.address);
    await rawCard(connection, b!.certificate);
    const rawAsk = async (bytes: Uint8Array): Promise<boolean> => {
      const stream = await rawStream(connection, "votes");
      return new Promise((resolve) => {
        stream.addEventListener("message", () => resolve(true));
        stream.addEventListener("close", () => resolve(false));
        rawSend(stream, bytes);
        if (stream.status !== "open") resolve(false);
      });
    };
    expect(await rawAsk(toFrame(Buffer.from("?")))).toBe(true);
    expect(await rawAsk(Buffer.from("00010001ff", "hex"))).toBe(false);
    expect(await rawAsk(Buffer.concat([toFrame(Buffer.from("?")), Buffer.from("more")]))).toBe(
      false,
    );
    expect(answerer.count("request.in.votes.malformed")).toBe(2);
    expect(await rawAsk(toFrame(Buffer.from("?")))).toBe(true);
    expect(await rawAsk(toFrame(Buffer.from("?")))).toBe(false);
    expect(answerer.count("request.in.votes.limited")).toBe(1);
    expect(answerer.asked.length).toBe(2);
  });
});
