// Reads one device again and again, and waits for nobody else.
//
// The poll interval is market time. A device that refuses is asked less and less often, up to
// BACKOFF_FACTOR_MAX intervals; each change of its state is said once. A read without an answer is given up.

import type { Result } from "../core/result.ts";
import { addTime, type DurationMs, type UnixMs, unixMs } from "../core/units/time.ts";
import type {
  Cancel,
  Clock,
  Device,
  DeviceReading,
  DeviceRefusal,
  Log,
  Publisher,
} from "../ports.ts";

/** A device that refuses is still asked once in this many poll intervals. */
export const BACKOFF_FACTOR_MAX = 30;
/** A read without an answer after this long, monotonic time, is given up; drivers give up long before. */
export const READ_ABANDONED_AFTER: DurationMs = 60_000 as DurationMs;

export type PollContext = {
  readonly clock: Clock;
  readonly publisher: Publisher;
  readonly log: Log;
  /** Market time between two reads. */
  readonly pollInterval: DurationMs;
  readonly received: (device: Device, reading: DeviceReading) => void;
};

export type Poll = {
  readonly start: () => void;
  readonly stop: () => void;
  /** Asks at once if the wall clock was set back so far that the next poll would be long in coming. */
  readonly check: () => void;
};

export function createPoll(device: Device, context: PollContext): Poll {
  const { clock, publisher, log, pollInterval, received } = context;
  /** Which read is under way; an answer to any other comes too late. */
  let attempt = 0;
  let isReading = false;
  let isStopped = true;
  let failures = 0;
  /** null: it answers; undefined: not asked yet. */
  let known: DeviceRefusal["code"] | null | undefined;
  let due: UnixMs = unixMs(0);
  let cancelAlarm: Cancel | null = null;
  let cancelAbandon: Cancel | null = null;

  function read(): void {
    cancelAlarm = null;
    attempt += 1;
    isReading = true;
    const own = attempt;
    cancelAbandon = clock.after(READ_ABANDONED_AFTER, () => {
      finished({ ok: false, refusal: { code: "unreachable", afterMs: READ_ABANDONED_AFTER } });
    });
    device.read((outcome) => {
      if (own === attempt && isReading) finished(outcome);
    });
  }

  function finished(outcome: Result<DeviceReading, DeviceRefusal>): void {
    isReading = false;
    cancelAbandon?.();
    cancelAbandon = null;
    failures = outcome.ok ? 0 : failures + 1;
    say(outcome.ok ? null : outcome.refusal);
    if (outcome.ok) received(device, outcome.value);
    if (!isStopped) schedule();
  }

  /** 1, 2, 4 … intervals after the first, second, third … refusal in a row. */
  function schedule(): void {
    const factor = Math.min(BACKOFF_FACTOR_MAX, 2 ** Math.max(0, Math.min(failures, 16) - 1));
    due = addTime(clock.now(), factor * pollInterval);
    cancelAlarm = clock.at(due, read);
  }

  function say(refusal: DeviceRefusal | null): void {
    const code = refusal?.code ?? null;
    if (code === known) return;
    known = code;
    publisher.publish({ type: "device", device: device.name, refusal });
    if (refusal === null) log.info("device answers", { device: device.name });
    else log.warn("device refuses", { device: device.name, ...refusal });
  }

  return {
    start: () => {
      isStopped = false;
      read();
    },
    stop: () => {
      isStopped = true;
      isReading = false;
      cancelAlarm?.();
      cancelAbandon?.();
    },
    check: () => {
      if (isReading || due - clock.now() <= BACKOFF_FACTOR_MAX * pollInterval) return;
      cancelAlarm?.();
      read();
    },
  };
}
