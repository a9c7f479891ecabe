// Wakes the agent at each full minute of this machine's clock, with node-cron. Only a wake-up: what is due
// follows from block time, so a missed or late beat loses nothing.

import { createTask } from "node-cron";
import type { Cancel, Log } from "../ports.ts";

/** A laptop's lid, a busy SD card: later than this, node-cron calls the beat missed. */
const TOLERANCE_MS = 5000;

/** Calls `run` at each full minute, UTC, never while an earlier call is under way. */
export function everyMinute(run: () => void, log: Log): Cancel {
  const task = createTask("* * * * *", run, {
    timezone: "Etc/UTC",
    noOverlap: true,
    missedExecutionTolerance: TOLERANCE_MS,
    suppressMissedWarning: true,
    logger: { info: log.info, debug: tell(log.debug), warn: log.warn, error: tell(log.error) },
  });
  let isCancelled = false;
  let isCatchingUp = false;
  task.on("execution:missed", ({ date }) => {
    // After a sleep it tells every minute of it, one by one; one look does for all.
    if (isCatchingUp) return;
    isCatchingUp = true;
    log.warn("minutes missed", { first: date.toISOString() });
    setImmediate(() => {
      isCatchingUp = false;
      if (!isCancelled) run();
    });
  });
  task.on("execution:failed", ({ execution }) => {
    // node-cron keeps errors to itself; ours are bugs, and those stop the process.
    queueMicrotask(() => {
      throw execution?.error ?? new Error("the minute's work failed");
    });
  });
  void task.start();
  return () => {
    isCancelled = true;
    void task.destroy();
  };
}

function tell(log: Log["error"]): (message: string | Error) => void {
  return (message) => log(message instanceof Error ? message.message : message);
}
