// The power goes: the agent starts from exactly what the disk had, and loses nothing that it had acknowledged.
// And the disk that lied, or was restored from an old copy: the agent starts, and does not sign again.

import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Scratch, scratch } from "../store/fixtures.ts";
import { type Acknowledged, copyDisk, openHome } from "./home.ts";

let place: Scratch;
beforeEach(() => {
  place = scratch();
});
afterEach(() => place.remove());

const BLOCKS = 5;

/** Our own registration and then one of another home in each block. */
function live(dir: string, written?: (what: Acknowledged) => void) {
  const home = openHome(dir, written);
  home.clock.advance(2000);
  for (let n = 2; n <= BLOCKS; n += 1) home.grow(`home${n}@vt.edu`);
  expect(home.agent.head().height).toBe(BLOCKS);
  return home;
}

it("after every write that has returned: what was acknowledged is there, and the home goes on", () => {
  const dir = place.fresh("home");
  const copies: { readonly copy: string; readonly known: Acknowledged }[] = [];
  const home = live(dir, (known) => {
    const copy = copyDisk(dir, place.fresh(`copy ${copies.length}`));
    copies.push({ copy, known });
  });
  home.close();
  // A proposal, a prevote, a precommit and a commit for each block, and our registration, twice.
  expect(copies).toHaveLength(4 * BLOCKS + 2);
  for (const { copy, known } of copies) {
    const again = openHome(copy);
    const { height, stateRoot } = again.agent.head();
    expect(height).toBeGreaterThanOrEqual(known.height);
    if (height === known.height && height > 0) expect(stateRoot).toBe(known.stateRoot);
    expect(again.publisher.of("quarantined")).toEqual([]);
    expect(again.keptAs).toBeNull();
    // What was signed for a height that is not decided is said again, the same.
    const [signedAt] = (known.signed ?? "0").split("/").map(Number);
    again.clock.advance(2000);
    if (signedAt === known.height + 1) expect(again.agent.head().height).toBe(signedAt);
    again.grow("later@vt.edu");
    expect(again.agent.head().height).toBeGreaterThan(known.height);
    again.close();
  }
});

it("in the middle of any write: a prefix of the blocks, and no height is signed twice", () => {
  const dir = place.fresh("home");
  const roots = new Map<number, string>([[0, ""]]);
  const home = live(dir, ({ height, stateRoot }) => roots.set(height, stateRoot));
  const whole = copyDisk(dir, place.fresh("whole"));
  home.close();
  const wal = readFileSync(join(whole, "data/ledger.db-wal"));
  const heights = new Set<number>();
  for (let i = 0; i <= 30; i += 1) {
    const cut = Math.floor((wal.length * i) / 30);
    const torn = copyDisk(whole, place.fresh(`torn ${cut}`));
    truncateSync(join(torn, "data/ledger.db-wal"), cut);
    heights.add(expectFollows(torn, { roots, said: home.said() }));
  }
  // From nothing to all of them.
  expect([...heights].sort()).toEqual([0, 1, 2, 3, 4, 5]);
});

it("and garbage of 16 bytes anywhere in what was written last is no more than a torn end", () => {
  const dir = place.fresh("home");
  const roots = new Map<number, string>([[0, ""]]);
  const home = live(dir, ({ height, stateRoot }) => roots.set(height, stateRoot));
  const whole = copyDisk(dir, place.fresh("whole"));
  home.close();
  const wal = readFileSync(join(whole, "data/ledger.db-wal"));
  const heights = new Set<number>();
  for (let i = 0; i < 14; i += 1) {
    const garbled = copyDisk(whole, place.fresh(`garbled ${i}`));
    const bytes = Buffer.from(wal);
    const at = Math.floor(((wal.length - 16) * i) / 13);
    bytes.fill(0xa5, at, at + 16);
    writeFileSync(join(garbled, "data/ledger.db-wal"), bytes);
    heights.add(expectFollows(garbled, { roots, said: home.said() }));
  }
  expect(heights.size).toBeGreaterThan(3);
});

/** What the home said and had before. */
type Life = { readonly roots: ReadonlyMap<number, string>; readonly said: readonly string[] };

/** It starts on a prefix; with a block of its own lost its card is held back, or else it may sign. */
function expectFollows(dir: string, { roots, said }: Life): number {
  const home = openHome(dir);
  const { height, stateRoot } = home.agent.head();
  if (height > 0) expect(stateRoot).toBe(roots.get(height));
  expect(home.mark).toMatchObject({ height: BLOCKS });
  const isHeld = home.publisher.of("quarantined").length > 0;
  // The mark is at 5: a ledger at 4 may have been there when the power went, one at 3 was not.
  expect(isHeld).toBe(home.heightFound < BLOCKS - 1);
  home.clock.advance(70_000);
  home.grow("later@vt.edu");
  // What is left of the sign log may be said again, as it was.
  if (isHeld) for (const line of home.said()) expect(said).toContain(line);
  home.close();
  return home.heightFound;
}

it("an old copy of the data directory is held back, and so is an empty one", () => {
  const dir = place.fresh("home");
  const first = openHome(dir);
  first.clock.advance(2000);
  const backup = copyDisk(dir, place.fresh("backup"));
  for (let n = 2; n <= BLOCKS; n += 1) first.grow(`home${n}@vt.edu`);
  first.close();
  const restored = place.fresh("restored");
  copyDisk(dir, restored);
  for (const file of ["data/ledger.db", "data/ledger.db-wal"]) {
    writeFileSync(join(restored, file), readFileSync(join(backup, file)));
  }
  const lost = place.fresh("lost");
  copyDisk(dir, lost);
  writeFileSync(join(lost, "data/ledger.db"), "");
  writeFileSync(join(lost, "data/ledger.db-wal"), "");
  for (const [copy, height] of [
    [restored, 1],
    [lost, 0],
  ] as const) {
    const home = openHome(copy);
    expect(home.agent.head().height).toBe(height);
    expect(home.publisher.of("quarantined")).toMatchObject([
      { reason: "databaseBehind", isForGood: false, text: expect.stringContaining("height 7") },
    ]);
    home.clock.advance(70_000);
    home.grow("later@vt.edu");
    expect(home.said()).toEqual([]);
    home.close();
  }
});
