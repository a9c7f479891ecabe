// Whether NTP agrees with this machine's clock, and by how much not. JavaScript cannot call adjtimex, so the machine's own tools
// are asked, once a minute and never in anyone's way.

import { access } from "node:fs/promises";
import type { Cancel, Log } from "../ports.ts";
import { OFFSET_PROBES, type OffsetProbe } from "./ntpOffset.ts";
import { toolOutput } from "./toolOutput.ts";

const POLL_MS = 60_000;
/** Polls from one question for the offset to the next: it is for people to look at. */
const OFFSET_EVERY = 5;

/** systemd-timesyncd touches it once the clock is set. */
const TIMESYNC_FILE = "/run/systemd/timesync/synchronized";

/** null: this tool cannot say. */
export type Probe = () => Promise<boolean | null>;

/** Asked in this order; the first that can say decides. */
export const PROBES: readonly Probe[] = [timesyncFile, timedatectl, chronyc];

export type SyncWatch = {
  readonly isSynchronised: () => boolean;
  /** ms by which this clock is ahead of NTP's time; null: nobody says. */
  readonly offsetMs: () => number | null;
  readonly stop: Cancel;
};

/**
 * Polls the probes each minute; false until the first answer.
 * Where no tool can say, the clock is taken to be right, with one warning.
 */
export function watchSynchronisation(
  log: Log,
  probes: readonly Probe[] = PROBES,
  offsetProbes: readonly OffsetProbe[] = OFFSET_PROBES,
): SyncWatch {
  let synchronised = false;
  let offset: number | null = null;
  let polls = 0;
  let warned = false;
  let stopped = false;
  const poll = async (): Promise<void> => {
    const answer = await firstAnswer(probes);
    if (stopped) return;
    if (answer === null && !warned) {
      warned = true;
      log.warn("no tool says whether NTP set the clock; it is taken to be right", {
        tried: "systemd-timesyncd, timedatectl, chronyc",
      });
    }
    const now = answer ?? true;
    if (!now) log.warn("clock not synchronised: following, neither voting nor offering");
    else if (!synchronised && answer !== null) log.info("clock synchronised");
    synchronised = now;
    polls += 1;
    if (polls % OFFSET_EVERY === 1) offset = await firstAnswer(offsetProbes);
  };
  void poll();
  const timer = setInterval(() => void poll(), POLL_MS);
  return {
    isSynchronised: () => synchronised,
    offsetMs: () => offset,
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}

async function firstAnswer<T>(probes: readonly (() => Promise<T | null>)[]): Promise<T | null> {
  for (const probe of probes) {
    const answer = await probe();
    if (answer !== null) return answer;
  }
  return null;
}

async function timesyncFile(): Promise<boolean | null> {
  // Its absence says nothing: another time service may be at work.
  return access(TIMESYNC_FILE).then(
    () => true,
    () => null,
  );
}

async function timedatectl(): Promise<boolean | null> {
  const answer = await toolOutput("timedatectl", ["show", "-p", "NTPSynchronized", "--value"]);
  return answer === "yes" ? true : answer === "no" ? false : null;
}

/** The last field of `chronyc -c tracking` is the leap status; "Not synchronised" while it is not. */
async function chronyc(): Promise<boolean | null> {
  const answer = await toolOutput("chronyc", ["-c", "tracking"]);
  const fields = answer?.split(",") ?? [];
  return fields.length < 10 ? null : fields.at(-1) !== "Not synchronised";
}
