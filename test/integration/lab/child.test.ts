// The laboratory's processes: what they print is heard, and none outlives it.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Child } from "../../../agent/lab/child.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvtrading-child-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

function start(script: string, prefix: readonly string[] = []) {
  const file = join(dir, "script.mjs");
  writeFileSync(file, script);
  const heard = Promise.withResolvers<unknown>();
  const died = Promise.withResolvers<string>();
  const logFile = join(dir, "child.log");
  const child = new Child({
    ...{ name: "child", args: [file], prefix, logFile, line: heard.resolve, died: died.resolve },
  });
  return { child, heard: heard.promise, died: died.promise };
}

const ECHO = `process.stdin.on("data", (data) => process.stdout.write(data));`;

test("takes and gives lines of JSON, and stops when told, which is no death", async () => {
  const { child, heard, died } = start(ECHO);
  child.send({ hello: 1 });
  expect(await heard).toEqual({ hello: 1 });
  await child.stop();
  const outcome = await Promise.race([died, Promise.resolve("alive till told")]);
  expect(outcome).toBe("alive till told");
});

test("a prefix becomes the process, so that its id is the agent's", async () => {
  const script = `process.stdout.write(JSON.stringify([process.pid, process.env.STREET]) + "\\n");`;
  const { child, heard } = start(`${script}${ECHO}`, ["env", "STREET=home"]);
  expect(await heard).toEqual([child.pid, "home"]);
  await child.stop();
});

test("a death is told with its code and its last words", async () => {
  const { died } = start(`process.stderr.write("disk full\\n"); process.exitCode = 7;`);
  expect(await died).toBe("child ended: exit code 7\ndisk full");
});

test("a line that is no JSON is told", async () => {
  const { child, died } = start(`${ECHO} process.stdout.write("hello\\n");`);
  expect(await died).toBe("child printed no JSON: hello");
  await child.stop();
});

test("stopping what has ended already is no wait", async () => {
  const { child, died } = start("");
  expect(await died).toContain("exit code 0");
  await child.stop();
});
