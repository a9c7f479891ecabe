// `run` with cards and files that do not fit each other: it says so and leaves nothing behind.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createCaFolder, createCardFolder } from "../../agent/commands/identity.ts";
import { run } from "../../agent/commands/run.ts";
import { unixMs } from "../../agent/core/units/time.ts";

const EXAMPLE = resolve(import.meta.dirname, "../../config/community.example.json");
const MEMBER = "ann@vt.edu";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pvtrading-run-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** The key that a folder was made with, from "caPublicKey: ..." or "publicKey: ...". */
function keyIn(lines: readonly string[]): string {
  return /[kK]ey: ([0-9a-f]{64})$/m.exec(lines.join("\n"))?.[1] ?? "";
}

async function makeCa(name: string): Promise<string> {
  const { lines } = await createCaFolder(join(dir, name), name, unixMs(Date.now()));
  return keyIn(lines);
}

async function makeCard(name: string, ca: string): Promise<string> {
  const people = { member: MEMBER, firstName: "Ann", lastName: "Lee" };
  const order = { ca: join(dir, ca), out: join(dir, name), days: "9", now: unixMs(Date.now()) };
  return keyIn((await createCardFolder({ ...people, ...order })).lines);
}

/** Starts a home with `card`, where the community's file has these changes. */
function start(card: string, community: object): Promise<number> {
  const example = JSON.parse(readFileSync(EXAMPLE, "utf8")) as object;
  const file = join(dir, "agent.json");
  writeFileSync(join(dir, "community.json"), JSON.stringify({ ...example, ...community }));
  const names = { firstName: "Ann", lastName: "Lee" };
  const own = { card, community: "community.json", data: "data", member: names };
  const network = { listen: ["/ip4/127.0.0.1/tcp/0"], mdns: false };
  const rest = { network, clock: { trust: "always" }, log: { level: "error" } };
  writeFileSync(file, JSON.stringify({ ...own, ...rest }));
  return run({ config: file, json: true });
}

it("a card of another CA does not take the data directory", async () => {
  const caPublicKey = await makeCa("ours");
  await makeCa("theirs");
  await makeCard("card", "theirs");
  expect(await start("card", { caPublicKey })).toBe(1);
  expect(existsSync(join(dir, "data"))).toBe(false);
});

it("a validator's home does not start with another key than the community knows it by", async () => {
  const caPublicKey = await makeCa("ours");
  const publicKey = await makeCard("old", "ours");
  await makeCard("new", "ours");
  const validators = [{ memberId: MEMBER, publicKey }];
  // It would follow, say nothing, and the community would lack a vote.
  expect(await start("new", { caPublicKey, validators })).toBe(1);
  expect(existsSync(join(dir, "data"))).toBe(false);
});
