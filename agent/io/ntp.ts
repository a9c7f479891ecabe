// Whether NTP agrees with this machine's clock. JavaScript cannot call adjtimex, so the machine's own tools
// are asked, once a minute and never in anyone's way.

import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import type { Cancel, Log } from "../ports.ts";

const POLL_MS = 60_000;
const TOOL_TIMEOUT_MS = 5000;

/** systemd-timesyncd touches it once the clock is set. */
const TIMESYNC_FILE = "/run/systemd/timesync/synchronized";

/** null: this tool cannot say. */
export type Probe = () => Promise<boolean | null>;

/** Asked in this order; the first that can say decides. */
export const PROBES: readonly Probe[] = [timesyncFile, timedatectl, chronyc];

export type SyncWatch = { readonly isSynchronised: () => boolean; readonly stop: Cancel };

/**
 * Polls the probes each minute; false until the first answer.
 * Where no tool can say, the clock is taken to be right, with one warning.
 */
export function watchSynchronisation(log: Log, probes: readonly Probe[] = PROBES): SyncWatch {
  let synchronised = false;
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
  };
  void poll();
  const timer = setInterval(() => void poll(), POLL_MS);
  return {
    isSynchronised: () => synchronised,
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}

async function firstAnswer(probes: readonly Probe[]): Promise<boolean | null> {
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
  const answer = await output("timedatectl", ["show", "-p", "NTPSynchronized", "--value"]);
  return answer === "yes" ? true : answer === "no" ? false : null;
}

/** The last field of `chronyc -c tracking` is the leap status; "Not synchronised" while it is not. */
async function chronyc(): Promise<boolean | null> {
  const answer = await output("chronyc", ["-c", "tracking"]);
  const fields = answer?.split(",") ?? [];
  return fields.length < 10 ? null : fields.at(-1) !== "Not synchronised";
}

/** What a tool prints, null if it is not there, fails or hangs. */
function output(tool: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(tool, args, { timeout: TOOL_TIMEOUT_MS }, (error, stdout) => {
      resolve(error === null ? stdout.trim() : null);
    });
  });
}
