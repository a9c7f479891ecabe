// The simulator must find each planted bug within 200 seeds: one that misses them proves nothing about the
// sources without them. Each hunt is a process of its own on a changed copy, two at a time.

import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Hunt, hunt } from "./planted.ts";
import { PLANTED_BUGS } from "./plantedBugs.ts";

const ROOT = join(import.meta.dirname, "../..");
const SEEDS_MAX = 200;
const AT_ONCE = 2;
/** All together; nearly all are found within 5 seeds, in seconds. */
const TIMEOUT_MS = 300_000;

describe("the simulator finds", { timeout: TIMEOUT_MS }, () => {
  const hunts = new Map<string, PromiseWithResolvers<Hunt>>(
    PLANTED_BUGS.map(({ name }) => [name, Promise.withResolvers()]),
  );
  beforeAll(() => {
    const waiting = [...PLANTED_BUGS];
    const work = async (): Promise<void> => {
      for (let bug = waiting.shift(); bug !== undefined; bug = waiting.shift()) {
        const found = hunts.get(bug.name);
        await hunt(bug, ROOT, { seeds: SEEDS_MAX, withinMs: TIMEOUT_MS }).then(
          found?.resolve,
          found?.reject,
        );
      }
    };
    for (let i = 0; i < AT_ONCE; i += 1) void work();
  });

  it.each(PLANTED_BUGS)("$name", async ({ name }) => {
    const found = await hunts.get(name)?.promise;
    expect(found?.seed, found?.output).toBeTypeOf("number");
  });
});
