import { expect, test } from "vitest";
import { lineLog } from "../../../broker/log.ts";

const now = (): Date => new Date("2026-03-21T12:00:01.234Z");

test("a line for people quotes what others made up", () => {
  const lines: string[] = [];
  const log = lineLog("info", { json: false, write: (line) => lines.push(line), now });
  log("debug", "not told", {});
  log("warn", "login refused", { username: 'x\n12:00 info fine="y"', port: 1883, none: undefined });
  expect(lines).toEqual([
    '12:00:01 warn  login refused username="x\\n12:00 info fine=\\"y\\"" port=1883 none=undefined\n',
  ]);
});

test("a line of JSON is what was said, whatever the facts are called", () => {
  const lines: string[] = [];
  const log = lineLog("debug", { json: true, write: (line) => lines.push(line), now });
  log("debug", "client logged in", { message: "no", level: "no", role: "agent" });
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    {
      level: "debug",
      time: "2026-03-21T12:00:01.234Z",
      role: "agent",
      message: "client logged in",
    },
  ]);
});

test("what others are called moves no cursor, turns no text and fills no disk", () => {
  const lines: string[] = [];
  const plan = { write: (line: string) => lines.push(line), now: () => new Date(0) };
  const facts = { a: "\u009b2J\u202egnp\u2028", b: "x".repeat(16_000) };
  lineLog("info", { json: false, ...plan })("warn", "m", facts);
  lineLog("info", { json: true, ...plan })("warn", "m", facts);
  const [plain = "", json = ""] = lines;
  expect(plain).toBe(`00:00:00 warn  m a="\\u009b2J\\u202egnp\\u2028" b=${"x".repeat(200)}...\n`);
  expect(json).toMatch(/^[\x20-\x7e]+\n$/);
  expect(JSON.parse(json)).toMatchObject({ a: facts.a, b: `${"x".repeat(200)}...` });
});
