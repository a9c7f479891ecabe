// The page's server over a real socket: what it hands out, to whom, and what it refuses.

import { request } from "node:http";
import { gunzipSync } from "node:zlib";
import { afterEach, expect, test } from "vitest";
import { openFiles } from "../../../broker/dashboard/files.ts";
import { type OpenPage, openPage, type PageOptions } from "../../../broker/dashboard/server.ts";

const WEIGHT_MAX = 300_000;

let page: OpenPage | null = null;

afterEach(async () => {
  await page?.close();
  page = null;
});

async function open(
  config: Partial<PageOptions["config"]> = {},
  history = (home: string) => `{"of":"${home}"}`,
): Promise<string> {
  page = await openPage({
    ...{ host: "127.0.0.1", port: 0, log: () => {} },
    config: {
      title: "Test street",
      mqttUrl: "ws://127.0.0.1:9001",
      homes: [{ name: "a", memberId: "a@b.c", rest: "http://127.0.0.1:3000" }],
      readToken: "secret",
      ...config,
    },
    history,
  });
  return page.address;
}

type Answer = {
  readonly status: number;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly body: Buffer;
};

/** Node's own client: fetch would not say another Host. */
function ask(
  url: string,
  options: { readonly method?: string; readonly headers?: { [name: string]: string } } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(url, options, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(parts),
        }),
      );
    });
    asked.on("error", reject);
    asked.end();
  });
}

test("every module of the page is served as JavaScript, and all of it is light", async () => {
  const address = await open();
  let weight = 0;
  for (const path of openFiles().paths) {
    const { status, headers, body } = await ask(address + path, {
      headers: { "accept-encoding": "gzip" },
    });
    expect(status, path).toBe(200);
    weight += body.length;
    if (!path.endsWith(".ts")) continue;
    expect(headers["content-type"]).toBe("text/javascript; charset=utf-8");
    const text = (headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString();
    expect(text).not.toMatch(/^import type|^export type/m);
  }
  expect(weight).toBeGreaterThan(100_000);
  expect(weight).toBeLessThan(WEIGHT_MAX);
});

test("the page may talk to its broker and homes, also by the name it was found by", async () => {
  const address = await open();
  const { port } = new URL(address);
  const { headers, body } = await ask(address, { headers: { host: `192.168.1.5:${port}` } });
  const policy = String(headers["content-security-policy"]);
  for (const source of [
    "ws://127.0.0.1:9001",
    "ws://192.168.1.5:9001",
    "http://127.0.0.1:3000",
    "ws://192.168.1.5:3000",
  ]) {
    expect(policy).toContain(source);
  }
  expect(policy).not.toContain("unsafe");
  expect(body.toString()).toContain('rel="modulepreload" href="dashboard/page/main.ts"');
});

test("a name that is no name does not get into the policy", async () => {
  const address = await open();
  const { headers } = await ask(address, { headers: { host: "a;script-src *" } });
  expect(String(headers["content-security-policy"])).not.toContain("script-src *");
});

test("the token is for who asks this machine by its address", async () => {
  const address = await open();
  const token = async (host: string) =>
    JSON.parse((await ask(`${address}/config.json`, { headers: { host } })).body.toString())
      .readToken;
  expect(await token("127.0.0.1:8080")).toBe("secret");
  expect(await token("localhost:8080")).toBe("secret");
  expect(await token("[::1]:8080")).toBe("secret");
  expect(await token("rebound.example.org")).toBeNull();
});

test("history is compressed as it is now, whatever was compressed before", async () => {
  let heard = 1;
  const address = await open({}, (home) => `{"of":"${home}","heard":"${`${heard}`.repeat(2000)}"}`);
  const told = async (home: string) => {
    const { headers, body } = await ask(`${address}/history.json?home=${home}`, {
      headers: { "accept-encoding": "gzip" },
    });
    expect(headers["content-encoding"]).toBe("gzip");
    const { of, heard } = JSON.parse(gunzipSync(body).toString());
    return [of, heard[0]];
  };
  expect([await told("a"), await told("b"), await told("a")]).toEqual([
    ...[
      ["a", "1"],
      ["b", "1"],
      ["a", "1"],
    ],
  ]);
  heard = 2;
  expect([await told("a"), await told("b")]).toEqual([
    ...[
      ["a", "2"],
      ["b", "2"],
    ],
  ]);
});

test("what was had is not sent again, and history is its home's", async () => {
  const address = await open();
  const first = await ask(`${address}/dashboard/page/styles.css`);
  const again = await ask(`${address}/dashboard/page/styles.css`, {
    headers: { "if-none-match": String(first.headers["etag"]) },
  });
  expect([again.status, again.body.length]).toEqual([304, 0]);
  const history = await ask(`${address}/history.json?home=a`);
  expect(history.body.toString()).toBe('{"of":"a"}');
  for (const [host, told] of [
    ["pi.local:8080", '{"of":"a"}'],
    ["evil.example:8080", "{}"],
    ["a;b", "{}"],
  ] as const) {
    const { body } = await ask(`${address}/history.json?home=a`, { headers: { host } });
    expect(body.toString()).toBe(told);
  }
});

test.for([
  ["GET", "/dashboard/server.ts", 404],
  ["GET", "/../package.json", 404],
  ["GET", "/dashboard/page/%2e%2e/server.ts", 404],
  ["GET", "/dashboard/page/index.html", 404],
  ["GET", `/${"a".repeat(2000)}`, 414],
  ["POST", "/config.json", 405],
] as const)("%s %s is refused", async ([method, path, status]) => {
  const address = await open();
  expect((await ask(address + path, { method })).status).toBe(status);
});

test("a port that is taken is told", async () => {
  const address = await open();
  const port = Number(new URL(address).port);
  await expect(
    openPage({
      ...{ host: "127.0.0.1", port, log: () => {} },
      config: { title: "", mqttUrl: null, homes: [] },
    }),
  ).rejects.toMatchObject({ code: "EADDRINUSE" });
});
