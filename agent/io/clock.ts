// The agent's two clocks: the market's wall clock, which a laboratory may run faster, and a monotonic one.
// Timers are real time always; only what is asked for by market time is scaled.

import { type DurationMs, durationMs, MINUTE_MS, type UnixMs, unixMs } from "../core/units/time.ts";
import type { Cancel, Clock, Log } from "../ports.ts";
import { everyMinute } from "./cron.ts";
import { watchSynchronisation } from "./ntp.ts";

/**
 * Waits for a wall-clock time are cut into pieces of at most this, real time: when NTP steps the clock
 * they notice, and no piece is beyond the 24.8 days that a timer can hold.
 */
const WAIT_MAX_MS = 10_000;
/** setTimeout's limit: 2^31 - 1 ms. */
const TIMER_MAX_MS = 2_147_483_647;

export type ClockSettings = {
  readonly trust: "ntp" | "always";
  readonly simulation: {
    readonly realStart: UnixMs;
    readonly marketStart: UnixMs;
    readonly speed: number;
  } | null;
};

/** A clock and what ends its watch over NTP; timers are ended by their own Cancel. */
export type RealClock = Clock & {
  /** ms by which the machine's clock is ahead of NTP's time; null: not known, or nobody asks. */
  readonly offsetMs: () => number | null;
  readonly close: () => void;
};

export function openClock(settings: ClockSettings, log: Log): RealClock {
  const { simulation } = settings;
  const speed = simulation?.speed ?? 1;
  const watch = simulation === null && settings.trust === "ntp" ? watchSynchronisation(log) : null;
  const now = (): UnixMs =>
    simulation === null
      ? unixMs(Date.now())
      : unixMs(simulation.marketStart + Math.floor((Date.now() - simulation.realStart) * speed));
  const at: Clock["at"] = (time, run) =>
    waitFor({ remaining: () => (time - now()) / speed, waitMax: WAIT_MAX_MS }, run);
  return {
    now,
    isSynchronised: watch?.isSynchronised ?? (() => true),
    offsetMs: watch?.offsetMs ?? (() => null),
    monotonic,
    after: (delay, run) => {
      const end = monotonic() + delay;
      return waitFor({ remaining: () => end - monotonic(), waitMax: TIMER_MAX_MS }, run);
    },
    at,
    everyMinute: (run) =>
      simulation === null ? everyMinute(run, log) : everyMarketMinute({ now, at }, run),
    close: () => watch?.stop(),
  };
}

/** Whole milliseconds since the process began. */
function monotonic(): DurationMs {
  return durationMs(Math.floor(performance.now()));
}

type Wait = {
  /** Real milliseconds still to wait; not positive when it is time. */
  readonly remaining: () => number;
  readonly waitMax: number;
};

/** Never calls before it returns, so that the caller always holds the Cancel first. */
function waitFor({ remaining, waitMax }: Wait, run: () => void): Cancel {
  const delay = () => Math.min(Math.max(Math.ceil(remaining()), 0), waitMax);
  const wake = (): void => {
    if (remaining() <= 0) run();
    else timer = setTimeout(wake, delay());
  };
  let timer = setTimeout(wake, delay());
  return () => clearTimeout(timer);
}

/** Minutes of a scaled clock; those that pass while `run` is at work are skipped. */
function everyMarketMinute({ now, at }: Pick<Clock, "now" | "at">, run: () => void): Cancel {
  const nextMinute = (): UnixMs => unixMs((Math.floor(now() / MINUTE_MS) + 1) * MINUTE_MS);
  let isStopped = false;
  const beat = (): void => {
    run();
    if (!isStopped) cancel = at(nextMinute(), beat);
  };
  let cancel = at(nextMinute(), beat);
  return () => {
    isStopped = true;
    cancel();
  };
}
