import { afterEach, expect, test } from "vitest";
import { toFrame } from "../../../agent/io/p2p/frames.ts";
import {
  admitAll,
  allConnected,
  ask,
  certificateOf,
  closeAll,
  identities,
  identity,
  isDenied,
  rawCard,
  rawNode,
  rawSend,
  rawStream,
  startNode,
  until,
} from "./support.ts";

afterEach(closeAll);

test("a stranger is disconnected, denied, and nothing of it reaches a handler", async () => {
  const [a, b, s] = await identities("a", "b", "stranger");
  const home = await startNode(a!, { answer: () => Buffer.from("!") });
  const neighbour = await startNode(b!, { bootstrap: [home.address] });
  await allConnected([home, neighbour], 1);
  const certificate = certificateOf(s!.id, a!.publicKey);
  const stranger = await startNode(s!, { bootstrap: [home.address], certificate });
  await until("its card is refused", () => home.count("card.refused") === 1);
  await until("it is denied when it comes back", () => home.count("connection.denied") > 0);
  stranger.network.publish("consensus", Buffer.from("let me in"));
  stranger.network.publish("transaction", Buffer.from("let me in"));
  expect(await ask(stranger, a!)).toBeNull();
  neighbour.network.publish("transaction", Buffer.from("hello"));
  await until("the neighbour is heard", () => home.received.length > 0);
  expect(home.received.map(({ text }) => text)).toEqual(["hello"]);
  expect(home.asked).toEqual([]);
  expect(home.peerLog).toEqual([`+${b!.id}`]);
  expect(stranger.peerLog).toEqual([]);
});

test("one who shows no card is neither heard nor answered, and is cut off in time", async () => {
  const [a, s] = await identities("a", "silent");
  const home = await startNode(a!, {
    answer: () => Buffer.from("!"),
    limits: { admissionMs: 600, denialFirstMs: 60_000 },
  });
  const silent = await rawNode(s!);
  const connection = await silent.dial(home.address);
  rawSend(await rawStream(connection, "push"), toFrame(Buffer.from("psst")));
  const votes = await rawStream(connection, "votes");
  let answered = false;
  votes.addEventListener("message", () => {
    answered = true;
  });
  rawSend(votes, toFrame(Buffer.from("?")));
  rawSend(await rawStream(connection, "/meshsub/1.1.0"), Buffer.from("00", "hex"));
  await until("it is cut off", () => connection.status !== "open");
  expect(home.count("card.late")).toBe(1);
  expect([home.received, home.asked, home.peerLog, answered]).toEqual([[], [], [], false]);
  expect(home.errors).toEqual([]);
  expect(await isDenied(silent, home.address)).toBe(true);
});

test("gossip said right behind the card waits for it", async () => {
  // Both dial each other: whichever connection stays, joined means that gossip runs.
  const [a, b] = await identities("a", "b");
  const first = await startNode(a!);
  const second = await startNode(b!, { bootstrap: [first.address] });
  await until("joined", () => second.peerLog.length === 1);
  second.network.publish("transaction", Buffer.from("first words"));
  await until("heard", () => first.received.length === 1);
});

test("a revoked member is disconnected at the next check", async () => {
  const [a, b] = await identities("a", "b");
  const revoked = new Set<string>();
  const home = await startNode(a!, { admit: admitAll(revoked) });
  const neighbour = await startNode(b!, { bootstrap: [home.address] });
  await allConnected([home, neighbour], 1);
  home.open.recheck();
  expect(home.network.peers()).toEqual([b!.id]);
  revoked.add(b!.id);
  home.open.recheck();
  expect(home.network.peers()).toEqual([]);
  expect(home.count("peer.revoked")).toBe(1);
  await until("the other side notices", () => neighbour.network.peers().length === 0);
  await until("it is denied when it comes back", () => home.count("connection.denied") > 0);
});

test("cards are checked again by themselves", async () => {
  const [a, b] = await identities("a", "b");
  const revoked = new Set<string>();
  const home = await startNode(a!, { admit: admitAll(revoked), limits: { recheckMs: 500 } });
  const neighbour = await startNode(b!, { bootstrap: [home.address] });
  await allConnected([home, neighbour], 1);
  revoked.add(b!.id);
  await until("it is out", () => home.network.peers().length === 0);
});

test("an admit that throws refuses, and is logged", async () => {
  const [a, b] = await identities("a", "b");
  const home = await startNode(a!, {
    admit: () => {
      throw new Error("our bug");
    },
  });
  await startNode(b!, { bootstrap: [home.address] });
  await until("it is refused", () => home.count("card.refused") === 1);
  expect(home.errors[0]?.facts).toMatchObject({ handler: "admit" });
});

test("another community does not get in", async () => {
  const [a, b] = await identities("a", "b");
  const home = await startNode(a!);
  await startNode(b!, { bootstrap: [home.address], communityId: "ab".repeat(32) });
  await until("they have tried", () => home.count("connection.opened") > 0);
  await until("they have given up", () => home.count("now.connections") === 0);
  expect(home.peerLog).toEqual([]);
});

test("one member with two keys: the latest wins, the other is denied for a while", async () => {
  const [a, old, fresh] = await Promise.all([identity("a"), identity("twice"), identity("twice")]);
  const home = await startNode(a);
  const first = await rawNode(old);
  const connection = await first.dial(home.address);
  expect(await rawCard(connection, old.certificate)).toBe(true);
  const second = await startNode(fresh, { bootstrap: [home.address] });
  await until("the second is in", () => home.network.peers().length === 1);
  await until("the first is out", () => connection.status !== "open");
  expect(home.count("peer.replaced")).toBe(1);
  expect(await isDenied(first, home.address)).toBe(true);
  expect(second.network.peers()).toEqual([a.id]);
});

test("too large a card is cut off", async () => {
  const [a, b] = await identities("a", "b");
  const home = await startNode(a!);
  const large = await rawNode(b!);
  const connection = await large.dial(home.address);
  expect(await rawCard(connection, new Uint8Array(4_097))).toBe(false);
  await until("it is cut off", () => connection.status !== "open");
  expect(home.count("card.malformed")).toBe(1);
});
