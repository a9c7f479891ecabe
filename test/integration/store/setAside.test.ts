// A damaged ledger file makes room for a new one and is kept; what is not ours is left alone.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DAMAGED_KEPT_MAX, openStoreOrSetAside } from "../../../agent/io/store/setAside.ts";
import { openStore } from "../../../agent/io/store/store.ts";
import { createRecordingLog } from "../../support/fakes.ts";
import { makeRules, registration, TestChain } from "../../support/ledger.ts";
import { storeChain } from "../../support/voices.ts";
import { codeOf, durable, options, type Scratch, scratch, vote } from "./fixtures.ts";

let place: Scratch;
beforeEach(() => {
  place = scratch();
});
afterEach(() => place.remove());

const START = 1_780_307_400_000;

/** Twenty true blocks with their certificates, and a signature. */
function filled(): { readonly dir: string; readonly file: string } {
  const dir = place.fresh("home");
  const chain = new TestChain(makeRules({ validators: ["v1@vt.edu"], schedule: "manual" }));
  for (let n = 1; n <= 20; n += 1) {
    chain.add(START + 1000 * n, [`home${n}@vt.edu`, registration(`home${n}@vt.edu`)]);
  }
  const store = openStore(dir, options);
  storeChain(store, chain);
  store.saveSigned(durable(21), vote(21, "a"));
  store.close();
  return { dir, file: join(dir, "ledger.db") };
}

function open(dir: string) {
  const log = createRecordingLog();
  const { store, keptAs } = openStoreOrSetAside(dir, { ...options, log });
  const { height } = store.status();
  const signed = store.durable();
  store.close();
  return { log, keptAs, height, signed };
}

describe("a ledger file", () => {
  it("that is whole is opened", () => {
    const { dir } = filled();
    expect(open(dir)).toMatchObject({ keptAs: null, height: 20, signed: { height: 21 } });
  });

  it.each([
    ["a page that is none", (bytes: Buffer) => bytes.fill(0xa5, 8 * 512, 12 * 512)],
    ["no end", (bytes: Buffer) => bytes.subarray(0, bytes.length - 3 * 512)],
    ["no head", (bytes: Buffer) => bytes.fill(0, 0, 512)],
  ])("with %s is kept under another name, and an empty one begun", (_what, damage) => {
    const { dir, file } = filled();
    const damaged = damage(readFileSync(file));
    writeFileSync(file, damaged);
    const { log, keptAs, height, signed } = open(dir);
    expect([keptAs, height, signed]).toEqual([`${file}.damaged-1`, 0, null]);
    expect(readFileSync(`${file}.damaged-1`).equals(damaged)).toBe(true);
    expect(log.of("error")).toMatchObject([{ facts: { keptAs: `${file}.damaged-1` } }]);
    // And the next start is as any other.
    expect(open(dir)).toMatchObject({ keptAs: null, height: 0 });
  });

  it("with a single bit changed in a block, where every page is in order, is found out too", () => {
    const { dir, file } = filled();
    const bytes = readFileSync(file);
    const db = new Database(file, { readonly: true });
    const packed = db
      .prepare<[], Buffer>("SELECT packed FROM block WHERE height = 20")
      .pluck()
      .get() as Buffer;
    db.close();
    const at = bytes.indexOf(packed.subarray(0, 32));
    expect(at).toBeGreaterThan(0);
    bytes.writeUInt8(bytes.readUInt8(at + 20) ^ 1, at + 20);
    writeFileSync(file, bytes);
    const whole = new Database(file, { readonly: true });
    expect(whole.pragma("quick_check(1)", { simple: true })).toBe("ok");
    whole.close();
    expect(open(dir)).toMatchObject({ keptAs: `${file}.damaged-1`, height: 0 });
  });

  it("is not set aside for ever: then the disk is to blame, and it says so", () => {
    const { dir, file } = filled();
    const spoil = () => writeFileSync(file, Buffer.alloc(8192, 0xa5));
    for (let n = 1; n <= DAMAGED_KEPT_MAX; n += 1) {
      spoil();
      expect(open(dir).keptAs).toBe(`${file}.damaged-${n}`);
    }
    spoil();
    expect(codeOf(() => open(dir))).toBe("corrupt");
    expect(() => open(dir)).toThrow(/3 damaged ones before it .*replace the disk/);
    expect(existsSync(file)).toBe(true);
  });
});

it("another program's database is refused and left alone", () => {
  const dir = place.fresh("foreign");
  const file = join(dir, "ledger.db");
  const db = new Database(file);
  db.exec("CREATE TABLE recipe (name TEXT)");
  db.close();
  const before = readFileSync(file);
  expect(codeOf(() => open(dir))).toBe("corrupt");
  expect(readFileSync(file)).toEqual(before);
});
