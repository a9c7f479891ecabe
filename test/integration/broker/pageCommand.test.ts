// `page FILE` as its operator runs it: the example's file, a wrong one, a port that is taken, a signal.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { pageSchema, readPageFile } from "../../../broker/dashboard/pageFile.ts";

const ROOT = join(import.meta.dirname, "../../..");
let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvtrading-page-"));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function write(value: unknown): string {
  const file = join(dir, "page.json");
  writeFileSync(file, JSON.stringify(value));
  return file;
}

function run(file: string) {
  const child = spawn(process.execPath, [join(ROOT, "broker/dashboard/main.ts"), file]);
  let [stdout, stderr] = ["", ""];
  const address = Promise.withResolvers<string>();
  child.stdout.on("data", (data: Buffer) => {
    stdout += data.toString();
    const found = /the page: (\S+)/.exec(stdout)?.[1];
    if (found !== undefined) address.resolve(found);
  });
  child.stderr.on("data", (data: Buffer) => {
    stderr += data.toString();
  });
  const ended = new Promise<{ code: number | null; stderr: string }>((resolve) => {
    child.on("close", (code) => resolve({ code, stderr }));
  });
  return { child, ended, address: address.promise };
}

test("the example is one, and what is left out is as for one machine", () => {
  const example = readPageFile(join(ROOT, "config/page.example.json"));
  expect(example).toMatchObject({ ok: true, value: { port: 8080, timeZone: "America/New_York" } });
  expect(example.ok ? example.value.record?.passwordFile : null).toBe(
    join(ROOT, "config/page.password"),
  );
  expect(example.ok ? example.value.record?.history : null).toBe(
    join(ROOT, "config/page-history.json"),
  );
  const least = readPageFile(write({ mqtt: null }));
  expect(least).toMatchObject({
    ok: true,
    value: { host: "127.0.0.1", port: 8080, record: null, homes: [] },
  });
});

test("the JSON Schema in config/ is what the code reads", () => {
  const kept = JSON.parse(readFileSync(join(ROOT, "config/page.schema.json"), "utf8")) as unknown;
  const how = "renew it: npm run --silent pvtrading -- schema page > config/page.schema.json";
  expect(kept, how).toEqual(pageSchema());
});

test("every problem is told at once", () => {
  const read = readPageFile(
    write({ mqtt: "http://x", timeZone: "Nowhere", extra: 1, homes: [{ name: "a b" }] }),
  );
  const problems = read.ok ? [] : read.problems.join("\n");
  for (const word of ["mqtt: ws://", "timeZone: an IANA", "extra", "homes.0.name: letters"]) {
    expect(problems).toContain(word);
  }
});

test("it serves until a signal, and says when it cannot", async () => {
  const first = run(write({ port: 0, mqtt: "ws://127.0.0.1:9", homes: [{ name: "a" }] }));
  const address = await first.address;
  const config = await (await fetch(`${address}/config.json`)).json();
  expect(config).toEqual({
    ...{ title: "PV trading", mqttUrl: "ws://127.0.0.1:9", timeZone: "UTC" },
    ...{ clock: null, readToken: null, homes: [{ name: "a", memberId: null, rest: null }] },
  });
  const second = run(write({ port: Number(new URL(address).port), mqtt: null }));
  expect(await second.ended).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("EADDRINUSE"),
  });
  first.child.kill("SIGTERM");
  expect((await first.ended).code).toBe(0);
});
