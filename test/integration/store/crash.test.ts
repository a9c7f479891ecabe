// Processes that are killed, and disks that lose power: what was acknowledged is there afterwards.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openReader } from "../../../agent/io/store/reader.ts";
import { openStore } from "../../../agent/io/store/store.ts";
import {
  chainBlock,
  codeOf,
  committed,
  durable,
  options,
  type Scratch,
  scratch,
  value,
  vote,
} from "./fixtures.ts";

let place: Scratch;
const children: ChildProcess[] = [];

beforeEach(() => {
  place = scratch();
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  place.remove();
});

/** Starts child.ts and calls `line` with each line that it writes. */
function start(task: "hold" | "commit", dir: string, line: (text: string) => void): ChildProcess {
  const script = join(import.meta.dirname, "child.ts");
  const child = spawn(process.execPath, ["--expose-gc", script, task, dir], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  createInterface({ input: child.stdout }).on("line", line);
  return child;
}

/** Whether another process could take the directory's lock. */
function lockFromOutside(dir: string): string {
  const sqlite = fileURLToPath(import.meta.resolve("better-sqlite3"));
  const program = `
    const Database = require(${JSON.stringify(sqlite)});
    try {
      new Database(process.argv[1], {timeout: 0}).exec("BEGIN EXCLUSIVE");
      console.log("free");
    } catch (error) {
      console.log(error.code);
    }`;
  const path = join(dir, "agent.lock");
  return execFileSync(process.execPath, ["-e", program, path], { encoding: "utf8" }).trim();
}

async function killed(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "close");
}

describe("the data directory", () => {
  it("is refused to a second agent in this process", () => {
    const dir = place.fresh("home");
    const first = openStore(dir, options);
    expect(codeOf(() => openStore(dir, options))).toBe("locked");
    expect(() => openStore(dir, options)).toThrow(/Another agent is running on/);
    // A refused opening in this process must not have let go of the kernel's lock.
    expect(lockFromOutside(dir)).toBe("SQLITE_BUSY");
    first.commit(committed(1));
    first.close();
    expect(lockFromOutside(dir)).toBe("free");
    const second = openStore(dir, options);
    expect(second.status().height).toBe(1);
    second.close();
  });

  it("is refused while another process has it, and free at once when that is killed", async () => {
    const dir = place.fresh("home");
    const held = Promise.withResolvers<string>();
    const child = start("hold", dir, held.resolve);
    expect(await held.promise).toBe("held");
    const before = performance.now();
    expect(codeOf(() => openStore(dir, options))).toBe("locked");
    // At once: not after the busy timeout of 5 s.
    expect(performance.now() - before).toBeLessThan(4000);
    await killed(child);
    openStore(dir, options).close();
  });
});

describe("kill -9 while committing", () => {
  it("loses nothing that was acknowledged, in 6 rounds on one directory", async () => {
    const dir = place.fresh("home");
    let acknowledged = 0;
    for (let round = 0; round < 6; round += 1) {
      // Different moments of the loop: the child dies after 1, 8, 15... acknowledgements.
      const enough = acknowledged + 1 + 7 * round;
      const reached = Promise.withResolvers<void>();
      const child = start("commit", dir, (text) => {
        acknowledged = Number(text);
        if (acknowledged >= enough) reached.resolve();
      });
      await reached.promise;
      await killed(child);
      const store = openStore(dir, options);
      const { height } = store.status();
      // What was signed is there for the next height at most, and for every height below.
      expect(height).toBeGreaterThanOrEqual(acknowledged);
      expect(height).toBeLessThanOrEqual(acknowledged + 1);
      expect(store.signed(acknowledged)).toEqual([vote(acknowledged, `block ${acknowledged}`)]);
      expect(store.durable()?.height).toBeGreaterThanOrEqual(height);
      expect(store.blocks(height, 2).map(({ block }) => block)).toEqual([chainBlock(height).block]);
      store.close();
      expectWhole(dir, height);
    }
  }, 120_000);
});

function heights(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}

/** The tables say what the chain of `height` blocks says. */
function expectWhole(dir: string, height: number): void {
  const reader = openReader(dir);
  expect(reader.discrepancies()).toEqual([]);
  expect(reader.head()?.height ?? 0).toBe(height);
  // Each block after the first moved one micro-token.
  const moved = BigInt(height - 1);
  const balances = height === 0 ? [] : [200_000_000n - moved, 200_000_000n + moved];
  expect(reader.members().map(({ balance }) => balance)).toEqual(balances);
  reader.close();
}

/** The files as they are on the disk now, in a directory of their own. */
function snapshot(dir: string, name: string): string {
  const copy = place.fresh(name);
  for (const file of ["ledger.db", "ledger.db-wal"])
    copyFileSync(join(dir, file), join(copy, file));
  return copy;
}

describe("power loss", () => {
  it("right after saveSigned or commit has returned keeps its data", () => {
    const dir = place.fresh("home");
    const store = openStore(dir, options);
    store.commit(committed(1));
    const locked = value("locked", 30_000);
    const state = durable(2, { lockedRound: 0, locked });
    store.saveSigned(state, vote(2, "locked", "precommit"));
    const signed = snapshot(dir, "signed");
    store.commit(committed(2));
    const decided = snapshot(dir, "decided");
    store.close();

    const afterSigning = openStore(signed, options);
    expect(afterSigning.status().height).toBe(1);
    expect(afterSigning.signed(2)).toEqual([vote(2, "locked", "precommit")]);
    expect(afterSigning.durable()).toEqual(state);
    const other = vote(2, "other", "precommit");
    expect(codeOf(() => afterSigning.saveSigned(state, other))).toBe("doubleSign");
    afterSigning.close();

    const afterDeciding = openStore(decided, options);
    expect(afterDeciding.status().height).toBe(2);
    afterDeciding.close();
  });

  /** Five blocks in the WAL, with the WAL's length after each. */
  function fiveBlocks(): { readonly copy: string; readonly lengths: readonly number[] } {
    const dir = place.fresh("home");
    const store = openStore(dir, options);
    const lengths = [1, 2, 3, 4, 5].map((height) => {
      store.saveSigned(durable(height), vote(height, "a"));
      store.commit(chainBlock(height));
      return readFileSync(join(dir, "ledger.db-wal")).length;
    });
    const copy = snapshot(dir, "five");
    store.close();
    return { copy, lengths };
  }

  /** Opens what is left and says how many blocks are; they must be whole. */
  function recovered(dir: string): number {
    const store = openStore(dir, options);
    const { height } = store.status();
    const blocks = store.blocks(1, 10).map(({ block }) => block);
    expect(blocks).toEqual(heights(height).map((each) => chainBlock(each).block));
    store.close();
    expectWhole(dir, height);
    return height;
  }

  it("in the middle of a write leaves exactly the blocks that were whole", () => {
    const { copy, lengths } = fiveBlocks();
    const wal = join(copy, "ledger.db-wal");
    const whole = readFileSync(wal);
    const [first = 0] = lengths;
    const last = lengths.at(-1) ?? 0;
    // Cuts just before, at and after the end of each block, and 20 in between.
    const step = Math.floor((last - first) / 20);
    const cuts = [
      ...lengths.flatMap((length) => [length - 1, length, length + 1]),
      ...Array.from({ length: 20 }, (_, i) => first + i * step + 13),
    ].filter((cut) => cut <= whole.length);
    for (const [i, cut] of cuts.entries()) {
      const torn = snapshot(copy, `torn ${i}`);
      truncateSync(join(torn, "ledger.db-wal"), cut);
      expect(recovered(torn)).toBe(lengths.filter((length) => length <= cut).length);
    }
  });

  it("with garbage in the WAL leaves a prefix of whole blocks", () => {
    const { copy, lengths } = fiveBlocks();
    const [first = 0] = lengths;
    const last = lengths.at(-1) ?? 0;
    const found = Array.from({ length: 20 }, (_, i) => {
      const at = first + Math.floor(((last - first - 16) * i) / 20);
      const garbled = snapshot(copy, `garbled ${i}`);
      const wal = join(garbled, "ledger.db-wal");
      const bytes = readFileSync(wal);
      bytes.fill(0xa5, at, at + 16);
      writeFileSync(wal, bytes);
      const height = recovered(garbled);
      // Never beyond the block that the garbage is in.
      expect(height).toBe(lengths.filter((length) => length <= at).length);
      return height;
    });
    expect(Math.min(...found)).toBe(1);
    expect(Math.max(...found)).toBe(4);
  });
});
