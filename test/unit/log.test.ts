// The log's lines: what a person and a program read, and what nobody may.

import { expect, test } from "vitest";
import { openLog } from "../../agent/log.ts";

function lines(form: "json" | "text", level: "debug" | "warn" = "debug") {
  const written: string[] = [];
  const to = { write: (text: string) => void written.push(text) };
  return { log: openLog({ level, form, home: "seller1@vt.edu", to }), written };
}

test("JSON: constant message, facts as fields, bigint and bytes as text", () => {
  const { log, written } = lines("json");
  log.info("hour metered", { producedWh: 1200, money: 5n, key: Uint8Array.of(0xab, 1) });
  const { time, ...line } = JSON.parse(written[0] ?? "") as Record<string, unknown>;
  expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect(line).toEqual({
    ...{ level: "info", home: "seller1@vt.edu", message: "hour metered" },
    ...{ producedWh: 1200, money: "5", key: "ab01" },
  });
});

test("text: one readable line", () => {
  const { log, written } = lines("text");
  log.warn("device refuses", { device: "grid meter", code: "unreachable" });
  expect(written.join("")).toMatch(
    /^\d\d:\d\d:\d\d warn {2}device refuses home=seller1@vt\.edu device="grid meter" code=unreachable\n$/,
  );
});

test("below its level nothing is said", () => {
  const { log, written } = lines("json", "warn");
  log.debug("a");
  log.info("b");
  expect(written).toEqual([]);
  log.error("c");
  expect(written).toHaveLength(1);
});

test("secrets never appear, nor do errors lose their message", () => {
  const { log, written } = lines("json");
  const card = { privateKey: "-----BEGIN", deep: { password: "hunter2" } };
  log.error("cannot go on", { privateKey: "MC4CAQ", card, error: new TypeError("why") });
  const text = written.join("");
  expect(text).not.toMatch(/BEGIN|MC4CAQ|hunter2/);
  expect(text).toContain('"message":"why"');
});
