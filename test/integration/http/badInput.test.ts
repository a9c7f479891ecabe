// Whatever comes in: a clear answer in Composer's shape, nothing signed, and the door stays open for others.

import net from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  ADMIN,
  type Answer,
  LISTING,
  NS,
  openTestHome,
  SELLERS,
  startPaper,
  type TestHome,
} from "../../support/restDoor.ts";

const MEMBERS = `/api/${NS}.Member`;
const OFFERS = `/api/${NS}.PVOffer`;

let home: TestHome;
let admin: string;
let seller: string;
beforeAll(async () => {
  home = await openTestHome();
  admin = home.tokenOf(ADMIN);
  seller = home.tokenOf(SELLERS[0]);
  await startPaper(home);
});
afterAll(() => home.close());

/** Status and error, which must have Composer's shape and tell no secrets. */
function told({ status, json, text }: Answer): unknown[] {
  expect(json?.error).toMatchObject({
    ...{ statusCode: status, name: expect.any(String), message: expect.any(String) },
  });
  expect(text).not.toMatch(/stack|node_modules|\.ts:\d|\/tmp\//);
  expect(text).not.toContain(admin);
  return [status, json.error.name];
}

const post = (path: string, body: unknown, headers: { [name: string]: string } = {}) =>
  home.ask("POST", path, { token: admin, body, headers });

describe("a body", () => {
  test("that is no JSON is 400 SyntaxError", async () => {
    for (const body of ["{", '{"a":}', "[1,2", "nonsense", '"text"', "17", "null", "\u0000"]) {
      expect([body, ...told(await post(MEMBERS, body))]).toEqual([body, 400, "SyntaxError"]);
    }
  });

  test("that is empty lacks each field", async () => {
    const answer = await post(MEMBERS, "");
    expect(told(answer)).toEqual([422, "ValidationError"]);
    expect(Object.keys(answer.json.error.details.codes).sort()).toEqual([
      ...["balance", "email", "firstName", "lastName"],
    ]);
    expect((await home.ask("POST", MEMBERS, { token: admin })).status).toBe(422);
  });

  test("larger than 100 kB is 413, also if it does not say so before", async () => {
    expect(told(await post(MEMBERS, `{"a":"${"x".repeat(103_000)}"}`))).toEqual([
      413,
      "PayloadTooLargeError",
    ]);
    const chunk = `${(1000).toString(16)}\r\n${"x".repeat(1000)}\r\n`;
    const answer = await raw(
      `POST ${MEMBERS} HTTP/1.1\r\nHost: x\r\nX-Access-Token: ${admin}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(200)}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("of another type is 415; a form is taken", async () => {
    for (const type of ["text/plain", "application/xml", "multipart/form-data; boundary=x"]) {
      const answer = await post(MEMBERS, "<a/>", { "content-type": type });
      expect([type, ...told(answer)]).toEqual([type, 415, "UnsupportedMediaTypeError"]);
    }
    const form = "email=form%40vt.edu&balance=200&firstName=a&lastName=b";
    const type = "application/x-www-form-urlencoded";
    expect((await post(MEMBERS, form, { "content-type": type })).status).toBe(200);
  });

  test("is UTF-8, with a mark at its beginning or without, or nothing of it is on the ledger", async () => {
    const sent = async (
      bytes: Uint8Array<ArrayBuffer>,
      headers: { [name: string]: string } = {},
    ) => {
      const answer = await fetch(`${home.rest.address}${MEMBERS}`, {
        method: "POST",
        headers: { "x-access-token": admin, "content-type": "application/json", ...headers },
        body: bytes,
      });
      const { error } = (await answer.json()) as { error?: { message: string } };
      return [answer.status, error?.message];
    };
    const body = (email: string) =>
      JSON.stringify({ email, balance: 200, firstName: "é", lastName: "b" });
    const signed = home.door.signed.length;
    const latin = Buffer.from(body("latin@vt.edu"), "latin1");
    expect(await sent(latin)).toEqual([400, "The body is not UTF-8"]);
    const form = { "content-type": "application/x-www-form-urlencoded" };
    const bad = Buffer.from("email=f2%40vt.edu&balance=200&firstName=%E9&lastName=b");
    expect(await sent(bad, form)).toEqual([400, "The body is not UTF-8"]);
    const gzip = { "content-encoding": "gzip" };
    expect(await sent(latin, gzip)).toEqual([415, "The body must not be compressed"]);
    const charset = { "content-type": "application/json; charset=iso-8859-1" };
    expect(await sent(latin, charset)).toEqual([415, "The body must be UTF-8"]);
    expect(home.door.signed.length).toBe(signed);
    const marked = Buffer.from(`\ufeff${body("marked@vt.edu")}`);
    expect(await sent(marked)).toEqual([200, undefined]);
  });

  test("nested a thousand deep is 400, and echoed by nobody", async () => {
    const deep = `{"x":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
    expect(told(await post(MEMBERS, deep))[0]).toBe(400);
    const brackets = { email: "b@vt.edu", balance: 200, firstName: "[".repeat(40), lastName: "{" };
    expect((await post(MEMBERS, brackets)).status).toBe(200);
  });

  test("of wrong types is 422, field by field, never 500", async () => {
    const good = { email: "c@vt.edu", balance: 200, firstName: "a", lastName: "b" };
    for (const wrong of [
      { balance: "many" },
      { balance: -1 },
      { balance: 1e300 },
      { balance: 0.000_000_1 },
      { balance: [] },
      { balance: {} },
      { balance: null },
      { email: "" },
      { email: "no address" },
      { email: ["a@b.c"] },
      { email: "x".repeat(500) },
      { firstName: "" },
      { firstName: {} },
      { firstName: "x".repeat(65) },
      { $class: `${NS}.PV` },
      { $class: 7 },
    ]) {
      const answer = await post(MEMBERS, { ...good, ...wrong });
      expect([wrong, told(answer)[0]]).toEqual([wrong, 422]);
    }
  });

  test("with wrong relationships, numbers or a transactionId is refused", async () => {
    const good = { reservePrice: 0, kWhavailable: 1, listingid: LISTING, pv: "seller1house" };
    for (const [wrong, status] of [
      [{ pv: "http://example.org/x#y" }, 422],
      [{ pv: { PVid: "seller1house" } }, 422],
      [{ pv: `resource:${NS}.Member#${SELLERS[0]}` }, 422],
      [{ listingid: "tomorrow" }, 422],
      [{ listingid: "21Mar18-14:00" }, 404],
      [{ pv: "nothouse" }, 404],
      [{ kWhavailable: -1 }, 422],
      [{ kWhavailable: 1e9 }, 422],
      [{ kWhavailable: 50.001 }, 422],
      [{ reservePrice: 100.001 }, 422],
      [{ transactionId: "a".repeat(64) }, 422],
    ] as const) {
      const body = { ...good, ...wrong };
      const answer = await home.ask("POST", OFFERS, { token: seller, body });
      expect([wrong, told(answer)[0]]).toEqual([wrong, status]);
    }
  });

  test("that would set a prototype sets none", async () => {
    const body = `{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"email":"p@vt.edu","balance":200,"firstName":"a","lastName":"b"}`;
    expect((await post(MEMBERS, body)).status).toBeLessThan(500);
    expect(({} as { admin?: boolean }).admin).toBe(undefined);
  });

  test("in an array is refused like one alone", async () => {
    for (const body of [[1], [null], [[]], ["x"], [{}, {}]]) {
      expect([400, 422]).toContain((await post(MEMBERS, body)).status);
    }
  });
});

describe("a path or query", () => {
  test("that is no path of ours is 404 or 400, whatever stands in it", async () => {
    for (const path of [
      ...["/api", "/api/", "/api//", "/api/x/y/z", `${MEMBERS}/a/b`, "/..%2f..%2fetc%2fpasswd"],
      ...[`${MEMBERS}/%00`, `${MEMBERS}/${"x".repeat(4000)}`, `${MEMBERS}/%F0%9F%92%A9`],
      ...["/explorer/..%2f..%2fpackage.json", "/explorer/nothing.js", "/%E0%A4%A"],
    ]) {
      const answer = await home.ask("GET", path, { token: admin });
      expect([path.slice(0, 40), [400, 404, 414].includes(answer.status)]).toEqual([
        path.slice(0, 40),
        true,
      ]);
      told(answer);
    }
  });

  test("that cannot be read is answered without the token in it, and is not to be kept", async () => {
    for (const [path, status, message] of [
      [`${MEMBERS}/%zz`, 400, "The path is not percent-encoded UTF-8"],
      [`${MEMBERS}/${"x".repeat(600)}`, 414, "The path has too long a part"],
      ["/%E0%A4%A", 400, "The path is not percent-encoded UTF-8"],
    ] as const) {
      const answer = await home.ask("GET", `${path}?access_token=${admin}`);
      told(answer);
      expect([answer.status, answer.json.error.message]).toEqual([status, message]);
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
      expect(answer.headers.get("cache-control")).toBe("no-store");
    }
  });

  test("with a wrong filter is 400", async () => {
    for (const filter of [
      ...["{", "7", "[]", '{"where":7}', '{"where":{}}', '{"limit":-1}', '{"order":"a sideways"}'],
      ...['{"where":{"balance":{"like":"x"}}}'],
    ]) {
      const path = `${MEMBERS}?filter=${encodeURIComponent(filter)}`;
      const answer = await home.ask("GET", path, { token: admin });
      expect([filter, told(answer)[0]]).toEqual([filter, 400]);
    }
  });

  test("with a good filter is answered", async () => {
    const filtered = async (filter: object): Promise<string[]> => {
      const path = `${MEMBERS}?filter=${encodeURIComponent(JSON.stringify(filter))}`;
      const { json } = await home.ask("GET", path, { token: admin });
      return json.map((one: { email: string }) => one.email);
    };
    expect(await filtered({ where: { email: SELLERS[1] } })).toEqual([SELLERS[1]]);
    expect(await filtered({ where: { email: "nobody@vt.edu" } })).toEqual([]);
    expect(
      await filtered({ order: "email DESC", limit: 1, where: { firstName: "seller2" } }),
    ).toEqual([SELLERS[1]]);
    const pv = `/api/${NS}.PV?filter=${encodeURIComponent('{"include":"resolve"}')}`;
    const { json } = await home.ask("GET", pv, { token: admin });
    expect(json[0].owner).toEqual({
      ...{ $class: `${NS}.Member`, balance: 200, email: SELLERS[0] },
      ...{ firstName: "seller1", lastName: "seller1" },
    });
  });
});

/** Sends bytes and returns what came back until the other side closed. */
function raw(bytes: string, port = new URL(home.rest.address).port): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), "127.0.0.1", () => socket.write(bytes));
    let text = "";
    socket.setTimeout(5000, () => socket.destroy(new Error("nothing within 5 s")));
    socket.on("data", (chunk) => {
      text += chunk.toString();
      if (/^HTTP\/1\.1 4/.test(text) && text.includes("}}")) socket.end();
    });
    socket.on("error", (error) => (text === "" ? reject(error) : resolve(text)));
    socket.on("close", () => resolve(text));
  });
}

describe("a connection", () => {
  test("that speaks no HTTP, or too much of it, is told so and closed", async () => {
    expect(await raw("hello\r\n\r\n")).toMatch(/^HTTP\/1\.1 400 [\s\S]*"statusCode":400/);
    const header = `X: ${"x".repeat(20_000)}`;
    expect(await raw(`GET / HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  });

  test("that would rather speak another protocol is answered in this one", async () => {
    const head = "Host: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\n";
    expect(await raw(`GET /status HTTP/1.1\r\n${head}\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
  });

  test("that dribbles is cut off, and others are served meanwhile", async () => {
    const slow = await openTestHome({ limits: { headersWithinMs: 300, requestWithinMs: 600 } });
    const port = Number(new URL(slow.rest.address).port);
    try {
      const closed: Promise<string>[] = [];
      const sockets = Array.from({ length: 50 }, (_, i) => {
        const socket = net.connect(port, "127.0.0.1");
        let text = "";
        socket.on("data", (chunk) => {
          text += chunk.toString();
        });
        socket.on("error", () => undefined);
        closed.push(new Promise((resolve) => socket.on("close", () => resolve(text))));
        // Some never send a byte, some half of a head, some half of a body.
        if (i % 3 === 1) socket.write("GET / HTTP/1.1\r\nX-A: b");
        const token = slow.tokenOf(ADMIN);
        const head = `POST ${MEMBERS} HTTP/1.1\r\nHost: x\r\nX-Access-Token: ${token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`;
        if (i % 3 === 2) socket.write(head);
        return socket;
      });
      const dribble = setInterval(() => {
        for (const [i, socket] of sockets.entries()) if (i % 3 !== 0) socket.write("x");
      }, 50);
      expect((await slow.ask("GET", "/status")).status).toBe(200);
      const texts = await Promise.all(closed);
      clearInterval(dribble);
      expect(texts.filter((text) => text.startsWith("HTTP/1.1 408 ")).length).toBeGreaterThan(20);
      expect((await slow.ask("GET", "/status")).status).toBe(200);
    } finally {
      await slow.close();
    }
  });

  test("beyond those that may be is told so, and room is made when others go", async () => {
    const small = await openTestHome({ limits: { connectionsPerAddressMax: 5 } });
    const port = Number(new URL(small.rest.address).port);
    try {
      const open = Array.from({ length: 5 }, () => net.connect(port, "127.0.0.1"));
      await Promise.all(open.map((one) => new Promise((resolve) => one.once("connect", resolve))));
      const refused = await raw("GET /status HTTP/1.1\r\nHost: x\r\n\r\n", String(port));
      expect(refused).toMatch(/^HTTP\/1\.1 503 [\s\S]*Too many connections/);
      for (const one of open) one.destroy();
      await expect
        .poll(() =>
          raw("GET /status HTTP/1.1\r\nConnection: close\r\nHost: x\r\n\r\n", String(port)),
        )
        .toMatch(/^HTTP\/1\.1 200 /);
    } finally {
      await small.close();
    }
  });
});

test("who asks too often is told to wait; others are not", async () => {
  const busy = await openTestHome({
    limits: {
      requestsBurstMax: 5,
      requestsPerSecondMax: 0.001,
      strangersBurstMax: 5,
      strangersPerSecondMax: 0.001,
    },
  });
  try {
    const [one, other] = [busy.tokenOf(SELLERS[0]), busy.tokenOf(SELLERS[1])];
    const statuses: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      const answer = await busy.ask("GET", MEMBERS, { token: one });
      statuses.push(answer.status);
      if (answer.status === 429) {
        expect(told(answer)[0]).toBe(429);
        expect(answer.headers.get("retry-after")).toBe("1");
      }
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429, 429]);
    expect((await busy.ask("GET", MEMBERS, { token: other })).status).toBe(200);
    const strangers: number[] = [];
    for (let i = 0; i < 6; i += 1) strangers.push((await busy.ask("GET", `/api/x${i}`)).status);
    expect(strangers).toEqual([404, 404, 404, 404, 404, 429]);
    expect((await busy.ask("GET", MEMBERS, { token: other })).status).toBe(200);
  } finally {
    await busy.close();
  }
});
