// node-cron as the agent's alarm clock, on fake timers.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { everyMinute } from "../../../agent/io/cron.ts";
import type { Log } from "../../../agent/ports.ts";

beforeEach(() => {
  vi.useFakeTimers({
    now: Date.parse("2026-01-01T00:00:30Z"),
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "Date"],
  });
});
afterEach(() => vi.useRealTimers());

function recording() {
  const warnings: string[] = [];
  const warn = (message: string) => void warnings.push(message);
  const log: Log = { debug: () => {}, info: () => {}, warn, error: () => {} };
  return { log, warnings };
}

test("a machine that slept is woken as soon as it is awake, and told that it missed something", async () => {
  const { log, warnings } = recording();
  const run = vi.fn();
  const cancel = everyMinute(run, log);
  await vi.advanceTimersByTimeAsync(31_000);
  expect(run).toHaveBeenCalledTimes(1);
  // The lid closes for ten minutes: the wall clock goes on, timers do not.
  vi.setSystemTime(Date.now() + 600_000);
  await vi.advanceTimersByTimeAsync(59_500);
  // 00:01; then the timer for 00:02 goes off at 00:12: one beat for now, one look for the ten missed.
  expect(run).toHaveBeenCalledTimes(3);
  expect(warnings).toEqual(["minutes missed"]);
  cancel();
});

test("cancelled, it is silent, also when cancelled twice", async () => {
  const { log } = recording();
  const run = vi.fn();
  const cancel = everyMinute(run, log);
  cancel();
  cancel();
  await vi.advanceTimersByTimeAsync(300_000);
  expect(run).not.toHaveBeenCalled();
});
