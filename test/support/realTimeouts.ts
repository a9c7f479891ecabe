// The laboratory agrees faster than a neighbourhood: its time-outs are for one machine. Where it is measured or
// perturbed, the community's own time-outs hold; clock bounds stay, for they are market time.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommunityFileInput } from "../../agent/config/communityFile.ts";

const TIMEOUTS = [
  "proposeSeconds",
  "prevoteSeconds",
  "precommitSeconds",
  "perRoundSeconds",
  "pauseSeconds",
] as const;

/** To be called once `makeWorld` has written the community's file, before any home starts. */
export function useRealTimeouts(dir: string): void {
  const file = join(dir, "community.json");
  const community = JSON.parse(readFileSync(file, "utf8")) as CommunityFileInput;
  const agreement = Object.fromEntries(
    Object.entries(community.agreement ?? {}).filter(
      ([name]) => !TIMEOUTS.some((one) => one === name),
    ),
  );
  writeFileSync(file, JSON.stringify({ ...community, agreement }));
}
