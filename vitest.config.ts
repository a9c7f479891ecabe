import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const SLOW = ["test/simulation/**/*.test.ts", "test/e2e/**/*.test.ts"];

/** Vitest leaves one processor idle, which is half of a machine with two. */
const WORKERS = Math.max(2, availableParallelism() - 1);

// Three groups, one after the other: what waits for real processes and what fills all processors do not
// starve each other.
export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // What comes over a socket comes late on a busy machine.
    expect: { poll: { timeout: 10_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: "quick",
          include: ["test/**/*.test.ts"],
          exclude: SLOW,
          maxWorkers: WORKERS,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "simulation",
          include: ["test/simulation/**/*.test.ts"],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          // Streets of real agents mostly wait for their clocks.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
    coverage: {
      provider: "v8",
      include: ["agent/core/**/*.ts"],
      reporter: ["text-summary", "text"],
      thresholds: { lines: 90 },
    },
  },
});
