// Our gossip streams are opened beside one another, and again when one is lost.

import type { Connection, Stream, StreamHandler, Topology } from "@libp2p/interface";
import { expect, test } from "vitest";
import { GossipGate } from "../../../../agent/io/p2p/gossip.ts";

type Registrar = Parameters<GossipGate["guard"]>[0];
type FakeStream = { status: string; abort: () => void };

/** A connection whose streams come when the test says so. */
function line(name: string) {
  const opened: { come: (stream: FakeStream) => void; fail: () => void }[] = [];
  const connection = {
    remotePeer: name,
    status: "open",
    newStream: (protocols: readonly string[]) => {
      expect(protocols).toEqual(["/meshsub/1.2.0", "/meshsub/1.1.0"]);
      const { promise, resolve, reject } = Promise.withResolvers<FakeStream>();
      opened.push({ come: resolve, fail: () => reject(new Error("too slow")) });
      return promise;
    },
  };
  return { connection: connection as unknown as Connection, opened };
}

function stream(): FakeStream {
  const fake = {
    status: "open",
    abort: () => {
      fake.status = "aborted";
    },
  };
  return fake;
}

/** The gate, with what gossipsub hears through it: who may be gossiped with, and on which streams it comes. */
async function gate() {
  const announced: string[] = [];
  const streams: Stream[] = [];
  let taking = Promise.resolve();
  const take = async (connection: Connection): Promise<void> => {
    const own = await connection.newStream(["/meshsub/1.2.0"]).catch(() => null);
    if (own !== null) streams.push(own);
  };
  let inbound: StreamHandler = () => undefined;
  const registrar = {
    handle: async (_: string, handler: StreamHandler) => {
      inbound = handler;
    },
  };
  const it = new GossipGate(() => true);
  const guarded = it.guard(registrar as unknown as Registrar);
  const topology: Topology = {
    onConnect: (peer, connection) => {
      announced.push(String(peer));
      taking = taking.then(() => take(connection));
    },
  };
  await guarded.register("/meshsub/1.2.0", topology);
  await guarded.register("/meshsub/1.1.0", topology);
  await guarded.handle("/meshsub/1.2.0", (_, connection) => {
    taking = taking.then(() => take(connection));
  });
  const hear = (connection: Connection): void => void inbound({} as Stream, connection);
  return { it, announced, streams, hear };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("one that is slow keeps nobody waiting, and each gets its own stream", async () => {
  const { it, announced, streams, hear } = await gate();
  const [slow, quick] = [line("slow"), line("quick")];
  it.open(slow.connection);
  // The peer's own stream comes first: gossipsub asks for one of ours at once, and must not wait for it.
  hear(slow.connection);
  it.open(quick.connection);
  const own = stream();
  quick.opened[0]?.come(own);
  await settled();
  expect(announced).toEqual(["quick"]);
  expect(streams).toEqual([own]);
  const late = stream();
  slow.opened[0]?.come(late);
  await settled();
  expect(announced).toEqual(["quick", "slow"]);
  expect(streams).toEqual([own, late]);
  expect([slow.opened.length, quick.opened.length]).toEqual([1, 1]);
});

test("a stream that did not come, or is lost, is opened again; one under way is not opened twice", async () => {
  const { it, streams } = await gate();
  const { connection, opened } = line("home");
  it.open(connection);
  it.open(connection);
  expect(opened.length).toBe(1);
  opened[0]?.fail();
  await settled();
  it.open(connection);
  expect(opened.length).toBe(2);
  const first = stream();
  opened[1]?.come(first);
  await settled();
  expect(streams).toEqual([first]);
  first.abort();
  it.open(connection);
  const second = stream();
  opened[2]?.come(second);
  await settled();
  expect(streams).toEqual([first, second]);
});

test("a stream that comes when the peer is gone is given back, and nobody hears of it", async () => {
  const { it, announced } = await gate();
  const { connection, opened } = line("gone");
  it.open(connection);
  it.close(connection);
  const late = stream();
  opened[0]?.come(late);
  await settled();
  expect(late.status).toBe("aborted");
  expect(announced).toEqual([]);
});
