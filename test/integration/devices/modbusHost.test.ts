// The Modbus connection against peers that break every rule.

import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { ModbusHost, type ModbusLimits } from "../../../agent/io/devices/sunspec/modbusHost.ts";
import { silentLog } from "../../support/silentLog.ts";

const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const LIMITS: ModbusLimits = { timeoutMs: 10_000, gapMs: 0, backOffMs: 1, backOffMaxMs: 1 };
const REQUEST = { unitId: 1, address: 40_000, count: 2 };

/** A peer that does `act` with each request's frame. */
async function connect(
  act: (frame: Buffer, socket: Socket) => void,
  limits: Partial<ModbusLimits> = {},
): Promise<{ host: ModbusHost; stop: AbortController; connections: () => number }> {
  let connections = 0;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (frame) => act(frame as Buffer, socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const stop = new AbortController();
  closing.push(() => {
    stop.abort();
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => {
      server.close(resolve);
    });
  });
  const { port } = server.address() as AddressInfo;
  const options = { limits: { ...LIMITS, ...limits }, signal: stop.signal, log: silentLog };
  const host = new ModbusHost({ host: "127.0.0.1", port }, options);
  return { host, stop, connections: () => connections };
}

/** The request's header, then `body` from the unit on. */
function reply(frame: Buffer, body: readonly number[]): Buffer {
  const header = Buffer.from(frame.subarray(0, 6));
  header.writeUInt16BE(body.length, 4);
  return Buffer.concat([header, Buffer.from(body)]);
}

const GOOD = [1, 3, 4, 0x53, 0x75, 0x6e, 0x53];

async function look(host: ModbusHost): Promise<unknown> {
  const outcome = await host.read(REQUEST);
  return outcome.ok ? outcome.value : outcome.refusal;
}

describe("ModbusHost", () => {
  test("reads over one connection, one request at a time", async () => {
    let underWay = 0;
    const { host, connections } = await connect((frame, socket) => {
      // Two requests in one packet would be 24 bytes.
      expect(frame.length).toBe(12);
      underWay += 1;
      expect(underWay).toBe(1);
      setImmediate(() => {
        underWay -= 1;
        socket.write(reply(frame, GOOD));
      });
    });
    const all = await Promise.all([look(host), look(host), look(host)]);
    expect(all).toEqual(new Array(3).fill([0x5375, 0x6e53]));
    expect(connections()).toBe(1);
  });

  test.each<[string, (socket: Socket) => void]>([
    ["a FIN", (socket) => socket.end()],
    ["a reset", (socket) => socket.resetAndDestroy()],
  ])("%s in mid-request is told at once, not after the timeout", async (_, end) => {
    let isFirst = true;
    const { host } = await connect((frame, socket) => {
      if (isFirst) end(socket);
      else socket.write(reply(frame, GOOD));
      isFirst = false;
    });
    expect(await look(host)).toMatchObject({ code: "unreachable" });
    await expect.poll(() => look(host)).toEqual([0x5375, 0x6e53]);
  });

  test("silence ends by the timeout, and the next read has a new connection", async () => {
    let isFirst = true;
    const { host, connections } = await connect(
      (frame, socket) => {
        if (!isFirst) socket.write(reply(frame, GOOD));
        isFirst = false;
      },
      { timeoutMs: 60 },
    );
    expect(await look(host)).toMatchObject({
      code: "unreachable",
      detail: "no answer within 60 ms",
    });
    await expect.poll(() => look(host)).toEqual([0x5375, 0x6e53]);
    expect(connections()).toBe(2);
    expect(host.connection).toBe(2);
  });

  test("an idle connection that the device closed costs no reading", async () => {
    let peer: Socket | null = null;
    const { host, connections } = await connect((frame, socket) => {
      peer = socket;
      socket.write(reply(frame, GOOD));
    });
    expect(await look(host)).toEqual([0x5375, 0x6e53]);
    const closed = new Promise((resolve) => peer?.once("close", resolve));
    (peer as Socket | null)?.end();
    await closed;
    expect(await look(host)).toEqual([0x5375, 0x6e53]);
    expect(connections()).toBe(2);
  });

  test("nor does one that it closes when it is asked again", async () => {
    let requests = 0;
    const { host, connections } = await connect((frame, socket) => {
      requests += 1;
      if (requests === 2) socket.resetAndDestroy();
      else socket.write(reply(frame, GOOD));
    });
    expect(await look(host)).toEqual([0x5375, 0x6e53]);
    expect(await look(host)).toEqual([0x5375, 0x6e53]);
    expect(connections()).toBe(2);
  });

  test("an exception keeps the connection and is named", async () => {
    const { host, connections } = await connect((frame, socket) =>
      socket.write(reply(frame, [1, 0x83, 2])),
    );
    expect(await look(host)).toMatchObject({
      code: "deviceError",
      exception: 2,
      detail: "Modbus exception 2: illegal data address",
      address: 40_000,
      unitId: 1,
    });
    await look(host);
    expect(connections()).toBe(1);
  });

  test.each([
    ["too short", [1, 3, 2, 0x53, 0x75]],
    ["too long", [1, 3, 6, 0, 0, 0, 0, 0, 0]],
    ["of another unit", [2, 3, 4, 0, 0, 0, 0]],
    ["of another function", [1, 4, 4, 0, 0, 0, 0]],
    ["of nothing", [1]],
  ])("an answer %s is unintelligible", async (_, body) => {
    const { host } = await connect((frame, socket) => socket.write(reply(frame, body)));
    expect(await look(host)).toMatchObject({ code: "unintelligible" });
  });

  test("noise, and the answer to another request, do not harm", async () => {
    const { host } = await connect(
      (frame, socket) => {
        const late = reply(frame, GOOD);
        late.writeUInt16BE(0x7777, 0);
        socket.write(late);
        socket.write("HTTP/1.1 400 Bad Request\r\n\r\n");
      },
      { timeoutMs: 60 },
    );
    expect(await look(host)).toMatchObject({ code: "unreachable" });
  });

  test("waits longer after each failure, without touching the network", async () => {
    const { host, connections } = await connect((_, socket) => socket.destroy(), {
      backOffMs: 60_000,
      backOffMaxMs: 60_000,
    });
    expect(await look(host)).toMatchObject({ code: "unreachable" });
    expect(await look(host)).toMatchObject({ detail: expect.stringContaining("next attempt in") });
    expect(connections()).toBe(1);
  });

  test("closing settles what is under way and what is queued", async () => {
    const { host, stop } = await connect(() => undefined);
    const reads = [look(host), look(host)];
    stop.abort();
    expect(await Promise.all(reads)).toMatchObject([{ detail: "closed" }, { detail: "closed" }]);
  });

  test("a closed port is told by its code", async () => {
    const options = { limits: LIMITS, signal: new AbortController().signal, log: silentLog };
    const host = new ModbusHost({ host: "127.0.0.1", port: 1 }, options);
    expect(await look(host)).toMatchObject({ code: "unreachable", detail: "ECONNREFUSED" });
  });
});
