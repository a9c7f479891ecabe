// The charts' history outlives the page's server: what was heard is there again, whole or not at all.

import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRecorder, openRecorder } from "../../../broker/dashboard/recorder.ts";
import {
  keepRecord,
  RECORD_BYTES_MAX,
  readRecord,
} from "../../../broker/dashboard/recorderFile.ts";
import type { PageLog } from "../../../broker/dashboard/server.ts";

const MINUTE = 60_000;
const MINUTES = 5 * MINUTE;
/** Nobody listens there. */
const mqttUrl = "mqtt://127.0.0.1:1";

let dir = "";
let file = "";
let said: string[] = [];
const log: PageLog = (level, message) => {
  if (level !== "debug") said.push(`${level} ${message}`);
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvtrading-record-"));
  file = join(dir, "history.json");
  said = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

const roof = "pvtrading/a/device/roof/state";
const reading = (at: number, w: number) =>
  JSON.stringify({ at: new Date(at).toISOString(), power_w: w });
const hour = JSON.stringify({ listingid: "21Mar18-13:00", sold_kwh: 1.5, bought_kwh: 0 });

test("what one server heard the next one shows, and goes on with the same means", async () => {
  const first = openRecorder({ mqttUrl, file, log });
  first.hear(roof, reading(0, 100));
  first.hear(roof, reading(MINUTES, 100));
  first.hear(roof, reading(MINUTES + MINUTE, 201));
  first.hear("pvtrading/a/hour", hour);
  const before = JSON.parse(first.history("a"));
  await first.close();
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(dir)).toEqual(["history.json"]);

  const second = openRecorder({ mqttUrl, file, log });
  expect(JSON.parse(second.history("a"))).toEqual(before);
  expect(before.hours).toEqual([["21Mar18-13:00", 1.5, 0, null, null]]);
  // The third reading of the slot that was running: (100 + 201 + 2) / 3 is 101.
  second.hear(roof, reading(MINUTES + 2 * MINUTE, 2));
  expect(JSON.parse(second.history("a")).devices[0].samples).toEqual([
    [0, 100],
    [MINUTES, 101],
  ]);
  await second.close();
  expect(said).toEqual([]);
});

test.each([
  ["no JSON", "{"],
  ["another version", '{"version":2,"homes":[]}'],
  ["a home with a slash", '{"version":1,"homes":[{"name":"a/b","devices":[],"hours":[]}]}'],
  [
    "slots out of order",
    JSON.stringify({
      version: 1,
      homes: [
        {
          ...{ name: "a", hours: [] },
          devices: [
            {
              name: "roof",
              fine: {
                slots: [
                  [MINUTES, 1],
                  [0, 1],
                ],
                sum: 1,
                count: 1,
              },
              coarse: { slots: [], sum: 0, count: 0 },
            },
          ],
        },
      ],
    }),
  ],
])("rubbish is said and a new record begins: %s", async (_what, content) => {
  writeFileSync(file, content);
  const recorder = openRecorder({ mqttUrl, file, log });
  expect(said).toEqual(["warn the charts' history is unreadable, a new one begins"]);
  // It may be a newer version's, or not a record at all.
  expect(readFileSync(`${file}.unreadable`, "utf8")).toBe(content);
  recorder.hear(roof, reading(0, 7));
  await recorder.close();
  expect(createRecorder(readRecord(file, log)).history("a")).toContain("[0,7]");
});

test("a file that is too large is not even read", () => {
  writeFileSync(file, "");
  // A hole: no byte of it is on the disk.
  truncateSync(file, RECORD_BYTES_MAX + 1);
  expect(readRecord(file, log)).toBeNull();
  expect(said).toHaveLength(1);
});

test("it is written now and then, only when something was heard, and a failing disk is said once", async () => {
  const recorder = createRecorder();
  const folder = join(dir, "later");
  const keeper = keepRecord({
    ...{ file: join(folder, "history.json"), text: recorder.changed, log, everyMs: 5 },
  });
  recorder.hear("pvtrading/a/hour", hour);
  await expect.poll(() => said).toEqual(["error the charts' history cannot be kept"]);
  // Nothing more is heard, and yet it is tried again.
  mkdirSync(folder);
  await expect.poll(() => readdirSync(folder)).toEqual(["history.json"]);
  expect(said).toHaveLength(1);
  const written = statSync(join(folder, "history.json")).mtimeMs;
  await keeper.close();
  await keeper.close();
  expect(statSync(join(folder, "history.json")).mtimeMs).toBe(written);
  expect(readFileSync(join(folder, "history.json"), "utf8")).toContain("21Mar18-13:00");
});
