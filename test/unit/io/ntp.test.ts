// Whether NTP agrees: who is asked, and what follows from what they say.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Probe, watchSynchronisation } from "../../../agent/io/ntp.ts";
import type { Log } from "../../../agent/ports.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

function watch(...answers: readonly (boolean | null)[][]) {
  const warnings: string[] = [];
  const log: Log = {
    debug: () => {},
    info: () => {},
    warn: (message) => warnings.push(message),
    error: () => {},
  };
  // Each probe gives its answers one by one and then its last for ever.
  const probes: Probe[] = answers.map((given) => {
    const left = [...given];
    return async () => (left.length > 1 ? left.shift() : left[0]) ?? null;
  });
  return { ...watchSynchronisation(log, probes, []), warnings };
}

test("not synchronised until the first answer", async () => {
  const { isSynchronised, stop } = watch([true]);
  expect(isSynchronised()).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(isSynchronised()).toBe(true);
  stop();
});

test("the first probe that can say decides", async () => {
  const { isSynchronised, stop } = watch([null], [false], [true]);
  await vi.advanceTimersByTimeAsync(1);
  expect(isSynchronised()).toBe(false);
  stop();
});

test("asked again each minute; lost and found are both noticed", async () => {
  const { isSynchronised, stop, warnings } = watch([true, false, true]);
  await vi.advanceTimersByTimeAsync(1);
  expect(isSynchronised()).toBe(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(isSynchronised()).toBe(false);
  expect(warnings).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(isSynchronised()).toBe(true);
  stop();
});

test("where nobody can say, the clock is taken to be right, with one warning", async () => {
  const { isSynchronised, stop, warnings } = watch([null], [null]);
  await vi.advanceTimersByTimeAsync(180_000);
  expect(isSynchronised()).toBe(true);
  expect(warnings).toHaveLength(1);
  stop();
});

test("stopped, it asks nobody", async () => {
  let asked = 0;
  const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const probe = async () => {
    asked += 1;
    return true;
  };
  const { stop } = watchSynchronisation(log, [probe], []);
  await vi.advanceTimersByTimeAsync(1);
  stop();
  await vi.advanceTimersByTimeAsync(600_000);
  expect(asked).toBe(1);
});

test("by how much the clock is off is asked each fifth minute, and not known where nobody says", async () => {
  const log: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const answers = [1.5, -250, null];
  const asked: number[] = [];
  const { offsetMs, stop } = watchSynchronisation(
    log,
    [async () => true],
    [
      async () => null,
      async () => {
        asked.push(Date.now());
        return answers.shift() ?? null;
      },
    ],
  );
  expect(offsetMs()).toBeNull();
  await vi.advanceTimersByTimeAsync(1);
  expect(offsetMs()).toBe(1.5);
  await vi.advanceTimersByTimeAsync(299_000);
  expect(offsetMs()).toBe(1.5);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(offsetMs()).toBe(-250);
  await vi.advanceTimersByTimeAsync(300_000);
  expect([offsetMs(), asked.length]).toEqual([null, 3]);
  stop();
});
