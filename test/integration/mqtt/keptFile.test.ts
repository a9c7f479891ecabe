// What dashboards were told, on a real disk: whole, or put aside and said.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openKeptFile } from "../../../agent/io/mqtt/keptFile.ts";
import { silentLog } from "../../support/silentLog.ts";

let dir = "";
let file = "";
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), "pv-kept-"));
  file = path.join(dir, "mqtt.json");
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

it("comes back as it was saved, the client's name too", () => {
  const { value, save } = openKeptFile(file, silentLog);
  expect(value.clientSuffix).toMatch(/^[0-9a-f]{12}$/);
  const trades = { ...value.trades, total: { sold: 5, bought: 0 } } as typeof value.trades;
  expect(save({ ...value, trades })).toBe(true);
  expect(openKeptFile(file, silentLog).value).toEqual({ ...value, trades });
  expect(fs.statSync(file).mode & 0o777).toBe(0o600);
  expect(openKeptFile(path.join(dir, "other.json"), silentLog).value.clientSuffix).not.toBe(
    value.clientSuffix,
  );
});

it("that is damaged is put aside and said, and the home starts", () => {
  const said: string[] = [];
  const log = { ...silentLog, error: (message: string) => void said.push(message) };
  for (const text of ["{", '{"version":2}', "[]", ""]) {
    fs.writeFileSync(file, text, { mode: 0o600 });
    expect(openKeptFile(file, log).value.devices).toEqual({});
    expect(fs.existsSync(file)).toBe(false);
    expect(fs.readFileSync(`${file}.damaged`, "utf8")).toBe(text);
  }
  expect(said).toHaveLength(4);
});

it("says once that the disk refuses, and throws at nobody", () => {
  const said: string[] = [];
  const log = { ...silentLog, error: (message: string) => void said.push(message) };
  const { value, save } = openKeptFile(path.join(dir, "missing", "mqtt.json"), log);
  expect(save(value)).toBe(false);
  expect(save(value)).toBe(false);
  expect(said).toHaveLength(1);
  fs.mkdirSync(path.join(dir, "missing"));
  expect(save(value)).toBe(true);
});
