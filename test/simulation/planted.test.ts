// The simulator must find each planted bug: one that misses them proves nothing about the sources without them.
// Each hunt is a process of its own on a changed copy, two at a time; the seed that found a bug last is tried
// first.

import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type Hunt, huntAll } from "./planted.ts";
import { PLANTED_BUGS } from "./plantedBugs.ts";

const ROOT = join(import.meta.dirname, "../..");
const SEEDS_MAX = 200;
const AT_ONCE = 2;
/** All together; each is found by its seed in seconds, unless something has changed. */
const TIMEOUT_MS = 600_000;

describe("the simulator finds", { timeout: TIMEOUT_MS }, () => {
  const hunts = new Map<string, PromiseWithResolvers<Hunt>>(
    PLANTED_BUGS.map(({ name }) => [name, Promise.withResolvers()]),
  );
  beforeAll(() => {
    const limits = { seeds: SEEDS_MAX, withinMs: TIMEOUT_MS, jobs: AT_ONCE };
    huntAll(PLANTED_BUGS, ROOT, limits, (found) => hunts.get(found.name)?.resolve(found)).catch(
      (error: unknown) => {
        for (const { reject } of hunts.values()) reject(error);
      },
    );
  });

  it.each(PLANTED_BUGS)("$name", async ({ name }) => {
    const found = await hunts.get(name)?.promise;
    expect(found?.seed, found?.output).toBeTypeOf("number");
  });
});
