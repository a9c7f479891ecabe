// A home's own process on a disk that is full or read-only: it says which file and what to do, ends with 1, and
// goes on by itself when there is room. Needs root, for a disk of its own to fill.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCaFolder, createCardFolder } from "../../../agent/commands/identity.ts";
import { unixMs } from "../../../agent/core/units/time.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const MEMBER = "ann@vt.edu";
/** Up to four processes one after the other. */
const TIMEOUT_MS = 240_000;

let dir = "";
const ROOF = {
  ...{ type: "registerPv", sequence: 0, pvId: "annhouse", owner: MEMBER, capacity: 5000 },
};

let isMounted = false;
const children: ChildProcess[] = [];
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "pvtrading-disk-"));
  mkdirSync(join(dir, "data"));
  isMounted = mount("-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", join(dir, "data"));
  await writeHome();
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  if (isMounted) execFileSync("umount", ["-l", join(dir, "data")]);
  rmSync(dir, { recursive: true, force: true });
});

function mount(...how: readonly string[]): boolean {
  try {
    execFileSync("mount", how, { stdio: "ignore" });
    return true;
  } catch {
    process.stderr.write("skipped: this user may not mount a disk of its own\n");
    return false;
  }
}

/** Ann is the community's only validator. */
async function writeHome(): Promise<void> {
  const now = unixMs(Date.now());
  const key = (lines: readonly string[]) => /[kK]ey: ([0-9a-f]{64})$/m.exec(lines.join("\n"))?.[1];
  const caPublicKey = key((await createCaFolder(join(dir, "ca"), "ca", now)).lines);
  const people = { member: MEMBER, firstName: "Ann", lastName: "Lee" };
  const order = { ca: join(dir, "ca"), out: join(dir, "card"), days: "9", now };
  const publicKey = key((await createCardFolder({ ...people, ...order })).lines);
  const example = readFileSync(join(ROOT, "config/community.example.json"), "utf8");
  const validators = [{ memberId: MEMBER, publicKey }];
  const community = { ...(JSON.parse(example) as object), caPublicKey, validators };
  writeFileSync(join(dir, "community.json"), JSON.stringify(community));
  const own = { card: "card", community: "community.json", data: "data" };
  const network = { listen: ["/ip4/127.0.0.1/tcp/0"], mdns: false };
  const member = { firstName: "Ann", lastName: "Lee" };
  const rest = { network, member, clock: { trust: "always" }, log: { level: "warn" } };
  writeFileSync(join(dir, "agent.json"), JSON.stringify({ ...own, ...rest }));
}

type Line = { readonly type?: unknown; readonly height?: unknown };

/** The agent's process; `line` waits for the first line on stdout for which `is` holds. */
function start() {
  const args = ["agent/main.ts", "run", "--config", join(dir, "agent.json"), "--json"];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: "pipe" });
  children.push(child);
  const lines: Line[] = [];
  const waiting: { readonly is: (line: Line) => boolean; readonly done: (line: Line) => void }[] =
    [];
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    for (const one of waiting) if (one.is(line)) one.done(line);
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const ended = once(child, "close").then(([code]) => code as number);
  const line = (is: (line: Line) => boolean): Promise<Line> => {
    const known = lines.find(is);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((done) => waiting.push({ is, done }));
  };
  const say = (command: object) => child.stdin.write(`${JSON.stringify(command)}\n`);
  return { lines, line, say, ended, errors: () => errors, stop: () => child.stdin.end() };
}

const isBlock = (height: number) => (line: Line) => line.type === "block" && line.height === height;

describe("a disk of its own", () => {
  it(
    "that is full: the home says so, ends with 1, and goes on when there is room",
    async (context) => {
      if (!isMounted) return context.skip("needs root to mount a disk");
      const first = start();
      await first.line(isBlock(1));
      const filler = join(dir, "data", "filler");
      expect(() => writeFileSync(filler, Buffer.alloc(4 * 1024 * 1024))).toThrow(/ENOSPC/);
      first.say({ id: 1, submit: ROOF });
      expect(await first.ended).toBe(1);
      expect(first.errors()).toMatch(/No room to write .*ledger\.db .*free some space/);
      // A sentence for people and no stack.
      expect(first.errors()).not.toMatch(/\n\s+at /);
      expect(first.lines.at(-1)).toMatchObject({ type: "halted" });

      const stillFull = start();
      await stillFull.line(({ type }) => type === "started");
      stillFull.say({ id: 2, submit: ROOF });
      expect(await stillFull.ended).toBe(1);

      rmSync(filler);
      const again = start();
      expect(await again.line(({ type }) => type === "started")).toMatchObject({ height: 1 });
      again.say({ id: 3, submit: ROOF });
      await again.line(isBlock(2));
      again.stop();
      expect(await again.ended).toBe(0);
      expect(existsSync(join(dir, "data", "ledger.db.damaged-1"))).toBe(false);
    },
    TIMEOUT_MS,
  );

  it(
    "that is read-only: the home says so at the start and ends with 1",
    async (context) => {
      if (!isMounted) return context.skip("needs root to mount a disk");
      const first = start();
      await first.line(isBlock(1));
      first.stop();
      expect(await first.ended).toBe(0);
      expect(mount("-o", "remount,ro", join(dir, "data"))).toBe(true);
      const second = start();
      expect(await second.ended).toBe(1);
      expect(second.errors()).toMatch(/cannot be written .*mounted read-write/);
      expect(mount("-o", "remount,rw", join(dir, "data"))).toBe(true);
      const third = start();
      expect(await third.line(({ type }) => type === "started")).toMatchObject({ height: 1 });
      third.stop();
      expect(await third.ended).toBe(0);
    },
    TIMEOUT_MS,
  );
});

it(
  "a damaged database is set aside, the card held back, and both are told",
  async () => {
    const first = start();
    await first.line(isBlock(1));
    first.say({ id: 1, submit: ROOF });
    await first.line(isBlock(2));
    first.stop();
    expect(await first.ended).toBe(0);
    const file = join(dir, "data", "ledger.db");
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0xa5, 4 * 512, 8 * 512));
    const second = start();
    const kept = await second.line(({ type }) => type === "ledgerSetAside");
    expect(kept).toMatchObject({ keptAs: expect.stringMatching(/ledger\.db\.damaged-1$/) });
    expect(await second.line(({ type }) => type === "quarantined")).toMatchObject({
      ...{ reason: "databaseBehind", isForGood: false },
    });
    second.stop();
    expect(await second.ended).toBe(0);
    expect(second.errors()).toMatch(/set aside/);
  },
  TIMEOUT_MS,
);
