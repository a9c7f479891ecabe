// The WebSocket door: nothing before the first event, who hears what, and that no reader harms another.

import net from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import {
  ADMIN,
  LISTING,
  mustBe,
  NS,
  openTestHome,
  SELLERS,
  startPaper,
  type TestHome,
} from "../../support/restDoor.ts";

type Frame = { readonly $class: string; readonly [field: string]: unknown };

type Listener = {
  readonly socket: WebSocket;
  readonly frames: Frame[];
  readonly closed: Promise<number>;
};

function listen(
  home: TestHome,
  path = "/",
  headers: { [name: string]: string } = {},
): Promise<Listener> {
  const socket = new WebSocket(home.rest.address.replace("http:", "ws:") + path, { headers });
  const frames: Frame[] = [];
  socket.on("message", (data, isBinary) => {
    expect(isBinary).toBe(false);
    frames.push(JSON.parse(String(data)) as Frame);
  });
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  return new Promise((resolve, reject) => {
    socket.on("open", () => resolve({ socket, frames, closed }));
    socket.on("error", reject);
    socket.on("unexpected-response", (_request, response) =>
      reject(new Error(`status ${response.statusCode}`)),
    );
  });
}

const classes = (frames: readonly Frame[]): string[] =>
  frames.map(({ $class }) => $class.slice(NS.length + 1));

async function trade(home: TestHome): Promise<void> {
  const [admin, seller] = [home.tokenOf(ADMIN), home.tokenOf(SELLERS[0])];
  const post = (token: string, type: string, body: object) =>
    mustBe(200, home.ask("POST", `/api/${NS}.${type}`, { token, body }));
  await post(admin, "AcceptOfferBroadcast", { listingid: LISTING });
  const offer = { reservePrice: 1, kWhavailable: 2, listingid: LISTING, pv: "seller1house" };
  await post(seller, "PVOffer", offer);
  const bid = { BidPrice: 2, kWhQuantity: 2, listingid: LISTING, member: "buyer1@vt.edu" };
  await post(home.tokenOf("buyer1@vt.edu"), "BUYOffer", bid);
  await post(admin, "CloseBidding", { listingid: LISTING });
}

describe("an hour", () => {
  let home: TestHome;
  beforeAll(async () => {
    home = await openTestHome();
    await startPaper(home);
  });
  afterAll(() => home.close());

  test("is heard by strangers as far as it is public, by members in full, at any path", async () => {
    const token = home.tokenOf(SELLERS[1]);
    const stranger = await listen(home);
    const elsewhere = await listen(home, "/some/where?x=y");
    const member = await listen(home, `/?access_token=${token}`);
    const byHeader = await listen(home, "/", { authorization: `Bearer ${token}` });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([stranger.frames, member.frames]).toEqual([[], []]);
    await trade(home);
    await expect.poll(() => classes(member.frames).at(-1)).toBe("BalanceChanged");
    await expect.poll(() => stranger.frames.length).toBe(2);
    expect(classes(stranger.frames)).toEqual(["AcceptOfferBroadcast", "CloseBidding"]);
    expect(elsewhere.frames).toEqual(stranger.frames);
    expect(stranger.frames[1]).not.toHaveProperty("fills");
    expect(stranger.frames[0]).toMatchObject({
      listingid: `resource:${NS}.kWhlisting#${LISTING}`,
      eventId: expect.stringMatching(/^[0-9a-f]{64}#\d+$/),
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    const heard = classes(member.frames);
    expect(heard.slice(0, 2)).toEqual(["AcceptOfferBroadcast", "PVOffer"]);
    expect(heard).toContain("BUYOffer");
    expect(heard).toContain("CloseBidding");
    expect(member.frames.find((one) => one.$class.endsWith("CloseBidding"))).toHaveProperty(
      "fills",
    );
    expect(byHeader.frames).toEqual(member.frames);
    for (const { socket } of [stranger, elsewhere, member, byHeader]) socket.close();
  });

  test("is refused to a token that nobody knows or that is over", async () => {
    await expect(listen(home, `/?access_token=${"x".repeat(64)}`)).rejects.toThrow("status 401");
    const over = home.tokenOf(ADMIN, { expiresAt: Date.now() - 1 });
    await expect(listen(home, `/?access_token=${over}`)).rejects.toThrow("status 401");
  });

  test("is not heard in full by another site's page with its visitor's cookie", async () => {
    const headers = {
      cookie: `access_token=${home.tokenOf(ADMIN)}`,
      origin: "https://evil.example",
    };
    const page = await listen(home, "/", headers);
    const own = await listen(home, "/", { cookie: headers.cookie });
    const body = { PVid: "seller1shed", owner: SELLERS[0] };
    await mustBe(200, home.ask("POST", `/api/${NS}.PV`, { token: home.tokenOf(ADMIN), body }));
    const listing = { listingid: "21Mar18-14:00", state: "ACCEPT_OFFERS" };
    const token = home.tokenOf(ADMIN);
    await mustBe(200, home.ask("POST", `/api/${NS}.kWhlisting`, { token, body: listing }));
    const offer = { kWhavailable: 1, listingid: "21Mar18-14:00", pv: "seller1shed" };
    const seller = home.tokenOf(SELLERS[0]);
    await mustBe(200, home.ask("POST", `/api/${NS}.PVOffer`, { token: seller, body: offer }));
    await expect.poll(() => classes(own.frames)).toContain("PVOffer");
    expect(classes(page.frames)).not.toContain("PVOffer");
    for (const { socket } of [page, own]) socket.close();
  });
});

describe("a reader", () => {
  const limits = { pingEveryMs: 100, webSocketsMax: 3, webSocketFramesMax: 20 };
  let home: TestHome;
  beforeAll(async () => {
    home = await openTestHome({ limits });
  });
  afterAll(() => home.close());

  test("is pinged, and stays while it answers", async () => {
    const { socket, closed } = await listen(home);
    let pings = 0;
    socket.on("ping", () => {
      pings += 1;
    });
    await expect.poll(() => pings).toBeGreaterThan(3);
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.close();
    await closed;
  });

  test("that answers no ping is dropped", async () => {
    const { socket, closed } = await listen(home);
    // ws answers pings by itself; a reader that is gone does not.
    (socket as unknown as { _socket: net.Socket })._socket.pause();
    setTimeout(() => (socket as unknown as { _socket: net.Socket })._socket.resume(), 500);
    expect(await closed).toBe(1006);
  });

  test("that talks too much, or in too large frames, is dropped", async () => {
    const chatty = await listen(home);
    for (let i = 0; i < 50; i += 1) chatty.socket.send("hello");
    expect(await chatty.closed).toBe(1006);
    const large = await listen(home);
    large.socket.on("error", () => undefined);
    large.socket.send("x".repeat(10_000));
    expect(await large.closed).toBe(1009);
  });

  test("beyond those that may listen is told so; when one goes, another may", async () => {
    const all = await Promise.all([listen(home), listen(home), listen(home)]);
    await expect(listen(home)).rejects.toThrow("status 503");
    all[0]!.socket.close();
    await all[0]!.closed;
    await expect
      .poll(async () => {
        try {
          (await listen(home)).socket.close();
          return true;
        } catch {
          return false;
        }
      })
      .toBe(true);
    for (const { socket } of all) socket.close();
    await Promise.all(all.map(({ closed }) => closed));
  });

  test("whose token is revoked, or runs out, is closed", async () => {
    const token = home.tokenOf(ADMIN);
    const revoked = await listen(home, `/?access_token=${token}`);
    home.tokens.revokeToken(token);
    expect(await revoked.closed).toBe(1008);
    const short = home.tokenOf(ADMIN, { expiresAt: Date.now() + 150 });
    const over = await listen(home, `/?access_token=${short}`);
    expect(await over.closed).toBe(1008);
  });

  test("that sends a broken frame is closed, and the door stays open", async () => {
    const { hostname, port } = new URL(home.rest.address);
    const socket = net.connect(Number(port), hostname);
    const key = Buffer.alloc(16).toString("base64");
    const head = `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`;
    socket.write(head);
    await new Promise((resolve) => socket.once("data", resolve));
    socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]));
    await new Promise((resolve) => socket.on("close", resolve));
    expect((await home.ask("GET", "/status")).status).toBe(200);
  });
});

test("a member's socket closes with its card's revocation", async () => {
  const home = await openTestHome();
  try {
    await startPaper(home);
    const { closed } = await listen(home, `/?access_token=${home.tokenOf(SELLERS[1])}`);
    const token = home.tokenOf(ADMIN);
    const { json } = await home.ask("GET", "/api/system/identities", { token });
    const { identityId } = json.find((one: { name: string }) => one.name === SELLERS[1]);
    const path = `/api/system/identities/${identityId}/revoke`;
    await mustBe(204, home.ask("POST", path, { token, body: {} }));
    expect(await closed).toBe(1008);
  } finally {
    await home.close();
  }
});

test("a reader that does not read is dropped, and the others hear all", async () => {
  const home = await openTestHome({ limits: { webSocketBufferBytesMax: 2000 } });
  try {
    await startPaper(home);
    const slow = await listen(home);
    const quick = await listen(home);
    (slow.socket as unknown as { _socket: net.Socket })._socket.pause();
    const publish = (height: number, count: number): void => {
      home.rest.publisher.publish({
        ...{ type: "block", height, round: 0, time: 0 as never, transactions: 0 },
        ...{ blockId: "b".repeat(64) as never, stateRoot: "" },
      });
      for (let i = 0; i < count; i += 1) {
        const event = {
          type: "acceptOfferBroadcast",
          listingId: LISTING,
          deliveryStart: 0,
        } as never;
        home.rest.publisher.publish({ type: "ledger", height, event });
      }
    };
    // The kernel takes some megabytes before anything waits here.
    let sent = 0;
    for (let height = 1000; height < 1100; height += 1) {
      publish(height, 500);
      sent += 500;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await expect.poll(() => quick.frames.length, { timeout: 20_000 }).toBe(sent);
    (slow.socket as unknown as { _socket: net.Socket })._socket.resume();
    expect(await slow.closed).toBe(1006);
    expect(slow.frames.length).toBeLessThan(sent);
    quick.socket.close();
  } finally {
    await home.close();
  }
});

test("a thousand sockets hear each event", async () => {
  const home = await openTestHome();
  try {
    await startPaper(home);
    const before = process.memoryUsage().rss;
    const all = await Promise.all(Array.from({ length: 1000 }, () => listen(home)));
    const body = { listingid: LISTING };
    const token = home.tokenOf(ADMIN);
    for (let i = 0; i < 5; i += 1) {
      await mustBe(200, home.ask("POST", `/api/${NS}.AcceptOfferBroadcast`, { token, body }));
    }
    await expect
      .poll(() => all.filter(({ frames }) => frames.length === 5).length, { timeout: 20_000 })
      .toBe(1000);
    // Both ends of each are in this process.
    expect((process.memoryUsage().rss - before) / 1000).toBeLessThan(300_000);
    expect((await home.ask("GET", "/status")).status).toBe(200);
    for (const { socket } of all) socket.terminate();
  } finally {
    await home.close();
  }
});
