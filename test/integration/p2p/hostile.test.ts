import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import type { Connection } from "@libp2p/interface";
import { afterEach, expect, test } from "vitest";
import { toFrame } from "../../../agent/io/p2p/frames.ts";
import {
  allConnected,
  ask,
  closeAll,
  type Identity,
  identities,
  rawCard,
  rawNode,
  rawStream,
  startNode,
  type TestNode,
  until,
} from "./support.ts";

afterEach(closeAll);

/** A node, and a good neighbour that must notice nothing. */
async function homeAndFriend(): Promise<{ home: TestNode; friend: TestNode; bad: Identity }> {
  const [a, b, bad] = (await identities("home", "friend", "bad")) as [Identity, Identity, Identity];
  const home = await startNode(a, { answer: () => Buffer.from("!") });
  const friend = await startNode(b, { bootstrap: [home.address] });
  await allConnected([home, friend], 1);
  return { home, friend, bad };
}

async function expectServing(home: TestNode, friend: TestNode): Promise<void> {
  const text = `still here ${performance.now()}`;
  friend.network.publish("transaction", Buffer.from(text));
  await until("gossip runs", () => home.received.some((received) => received.text === text));
  expect(await ask(friend, home.identity)).not.toBeNull();
  expect(friend.peerLog).toEqual([`+${home.identity.id}`]);
  expect(home.errors).toEqual([]);
}

/** Writes, and waits for the other side to hang up, at most 300 ms. */
function scribble(port: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    const done = (): void => {
      socket.destroy();
      resolve();
    };
    socket.on("error", done);
    socket.on("close", done);
    socket.on("data", () => undefined);
    setTimeout(done, 300);
  });
}

test("garbage on the TCP port", async () => {
  const { home, friend } = await homeAndFriend();
  const port = Number(/\/tcp\/(\d+)/.exec(home.address)?.[1]);
  const hello = Buffer.from("\x13/multistream/1.0.0\n");
  const garbage = [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    Buffer.alloc(0),
    Buffer.alloc(100_000, 0xff),
    hello,
    Buffer.concat([hello, Buffer.from("\x07/noise\n"), randomBytes(2_000)]),
    Buffer.concat([hello, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f])]),
    ...Array.from({ length: 20 }, () => randomBytes(500)),
  ];
  await Promise.all(garbage.map((bytes) => scribble(port, bytes)));
  await expectServing(home, friend);
});

const GARBAGE: readonly Uint8Array[] = [
  Buffer.from("ffffffff", "hex"),
  Buffer.from("00000004ffffff", "hex"),
  Buffer.alloc(70_000, 0x41),
  toFrame(randomBytes(3_000)),
  randomBytes(10_000),
];

/** Sends garbage on every protocol; the connection may end at any time. */
async function spray(connection: Connection): Promise<void> {
  const names = ["card", "push", "votes", "blocks", "transactions", "snapshot"];
  const others = ["/meshsub/1.2.0", "/meshsub/1.1.0", "/ipfs/id/1.0.0", "/floodsub/1.0.0"];
  for (const name of [...names, ...others]) {
    for (const bytes of GARBAGE) {
      if (connection.status !== "open") return;
      try {
        const stream = await rawStream(connection, name);
        stream.send(bytes);
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (bytes.length % 2 === 0) stream.abort(new Error("enough"));
        else await stream.close();
      } catch {
        // Refused or cut off: as it should be.
      }
    }
  }
}

test("garbage on every protocol, from a stranger and from a member", async () => {
  const { home, friend, bad } = await homeAndFriend();
  const stranger = await rawNode(bad);
  await spray(await stranger.dial(home.address));
  const [member] = await identities("member");
  const node = await rawNode(member!);
  const connection = await node.dial(home.address);
  expect(await rawCard(connection, member!.certificate)).toBe(true);
  await spray(connection);
  // Push frames too large, and a handler-accepted 3000 random bytes: nothing worse.
  await expectServing(home, friend);
  expect(home.received.filter(({ text }) => !text.startsWith("still here")).length).toBeLessThan(3);
});

test("many strangers at once do not keep a neighbour out", async () => {
  const names = Array.from({ length: 12 }, (_, i) => `stranger${i}`);
  const [a, b, ...strangers] = await identities("home", "friend", ...names);
  const home = await startNode(a!, {
    validators: [a!, b!],
    limits: { strangersMax: 4, admissionMs: 30_000 },
  });
  const raws = await Promise.all(strangers.map((stranger) => rawNode(stranger)));
  await Promise.allSettled(raws.map((raw) => raw.dial(home.address)));
  await until("the door is crowded", () => home.count("now.strangers") >= 4);
  expect(home.count("now.strangers")).toBeLessThanOrEqual(4);
  expect(home.count("connection.denied")).toBeGreaterThan(0);
  const friend = await startNode(b!, { bootstrap: [home.address], validators: [a!, b!] });
  await allConnected([home, friend], 1);
});
