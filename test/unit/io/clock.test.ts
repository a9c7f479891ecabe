// The agent's clocks, on fake timers: nothing here sleeps.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { DurationMs, UnixMs } from "../../../agent/core/units/time.ts";
import { openClock } from "../../../agent/io/clock.ts";
import type { Log } from "../../../agent/ports.ts";

const START = Date.parse("2026-01-01T00:00:30Z");
const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const at = (text: string) => Date.parse(text) as UnixMs;
const ms = (n: number) => n as DurationMs;

beforeEach(() => {
  vi.useFakeTimers({
    now: START,
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"],
  });
});
afterEach(() => vi.useRealTimers());

const realClock = () => openClock({ trust: "always", simulation: null }, silent);

function fast(speed: number) {
  const marketStart = at("2018-03-21T13:00:00Z");
  return openClock(
    { trust: "ntp", simulation: { realStart: START as UnixMs, marketStart, speed } },
    silent,
  );
}

test("real time is this machine's; a laboratory's runs `speed` times faster", () => {
  const [real, lab] = [realClock(), fast(60)];
  expect(real.now()).toBe(START);
  expect(lab.now()).toBe(at("2018-03-21T13:00:00Z"));
  vi.advanceTimersByTime(90_000);
  expect(real.now()).toBe(START + 90_000);
  // 90 s x 60 = 90 min
  expect(lab.now()).toBe(at("2018-03-21T14:30:00Z"));
});

test("before its real start a laboratory's clock shows market time before its start", () => {
  const realStart = (START + 1000) as UnixMs;
  const marketStart = at("2018-03-21T13:00:00Z");
  const clock = openClock(
    { trust: "ntp", simulation: { realStart, marketStart, speed: 60 } },
    silent,
  );
  expect(clock.now()).toBe(at("2018-03-21T12:59:00Z"));
});

test("the monotonic clock and `after` are real time, whatever the speed, and do not step", () => {
  const clock = fast(60);
  const from = clock.monotonic();
  const run = vi.fn();
  clock.after(ms(1000), run);
  vi.setSystemTime(START + 3_600_000);
  vi.advanceTimersByTime(999);
  expect(clock.monotonic() - from).toBe(999);
  expect(run).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(run).toHaveBeenCalledTimes(1);
});

test("`after` holds more than a timer can: 30 days", () => {
  const clock = realClock();
  const run = vi.fn();
  const days = 24 * 3_600_000;
  clock.after(ms(30 * days), run);
  vi.advanceTimersByTime(30 * days - 1);
  expect(run).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(run).toHaveBeenCalledTimes(1);
});

test("`at` waits for market time: 10 min at speed 60 are 10 s", () => {
  const clock = fast(60);
  const run = vi.fn();
  clock.at(at("2018-03-21T13:10:00Z"), run);
  vi.advanceTimersByTime(9_999);
  expect(run).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(run).toHaveBeenCalledTimes(1);
});

test("a time that has passed comes at once, but never before `at` returns", () => {
  const run = vi.fn();
  realClock().at((START - 1) as UnixMs, run);
  expect(run).not.toHaveBeenCalled();
  vi.advanceTimersByTime(0);
  expect(run).toHaveBeenCalledTimes(1);
});

test("`at` notices within 10 s that NTP set the clock forward, and waits longer when it was set back", () => {
  const clock = realClock();
  const [forward, back] = [vi.fn(), vi.fn()];
  clock.at((START + 3_600_000) as UnixMs, forward);
  vi.setSystemTime(START + 3_600_000);
  vi.advanceTimersByTime(10_000);
  expect(forward).toHaveBeenCalledTimes(1);

  const now = clock.now();
  clock.at((now + 5000) as UnixMs, back);
  vi.setSystemTime(now - 60_000);
  // Set back by 60 s: 65 s remain.
  vi.advanceTimersByTime(64_999);
  expect(back).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(back).toHaveBeenCalledTimes(1);
});

test("cancelled timers never call, also between two pieces of a long wait", () => {
  const clock = realClock();
  const run = vi.fn();
  const cancels = [
    clock.after(ms(100), run),
    clock.at((START + 60_000) as UnixMs, run),
    clock.everyMinute(run),
  ];
  vi.advanceTimersByTime(50);
  cancels[0]?.();
  vi.advanceTimersByTime(25_000);
  for (const cancel of cancels) cancel();
  vi.advanceTimersByTime(300_000);
  expect(run).not.toHaveBeenCalled();
});

test("every minute of the real clock, by node-cron", async () => {
  const clock = realClock();
  const seen: string[] = [];
  const cancel = clock.everyMinute(() => {
    seen.push(new Date(Date.now()).toISOString().slice(14, 19));
  });
  // From 00:00:30 on, three minutes hold three full ones.
  await vi.advanceTimersByTimeAsync(180_000);
  cancel();
  await vi.advanceTimersByTimeAsync(120_000);
  expect(seen).toEqual(["01:00", "02:00", "03:00"]);
});

test("every minute of a laboratory's clock; those that pass during the work are skipped", () => {
  const clock = fast(60);
  const seen: string[] = [];
  const cancel = clock.everyMinute(() => {
    seen.push(new Date(clock.now()).toISOString().slice(11, 19));
    // The second beat's work takes 2.5 market minutes.
    if (seen.length === 2) vi.setSystemTime(Date.now() + 2500);
  });
  vi.advanceTimersByTime(4000);
  cancel();
  vi.advanceTimersByTime(4000);
  // Two beats, then 13:04:30 after the work: the third is at 13:05, and one a real second from then on.
  // Real time left after 2 s: 2 s, of which half a second until 13:05:00.
  expect(seen).toEqual(["13:01:00", "13:02:00", "13:05:00", "13:06:00"]);
});

test("a minute's work may end the minutes", () => {
  const clock = fast(60);
  const run = vi.fn(() => cancel());
  const cancel = clock.everyMinute(run);
  vi.advanceTimersByTime(10_000);
  expect(run).toHaveBeenCalledTimes(1);
});

test("a laboratory's clock is always right; so is a trusted one", () => {
  expect(fast(60).isSynchronised()).toBe(true);
  expect(realClock().isSynchronised()).toBe(true);
});
